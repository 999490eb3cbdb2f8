//! Memory for results whose size an argument or a file decides: an error in place of an abort.

use std::hint::black_box;
use std::io;

use crate::error::{Error, Result};

/// Return an empty vector with room for `count` values of the result `what`.
pub(crate) fn room<T>(what: &str, count: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    reserve(&mut values, what, count)?;
    Ok(values)
}

/// Make room for `count` more values.
pub(crate) fn reserve<T>(values: &mut Vec<T>, what: &str, count: usize) -> Result<()> {
    values.try_reserve_exact(count).map_err(|_| Error::memory(what, count.saturating_mul(size_of::<T>())))
}

/// Check that there is memory for `count` parts of `size` bytes each, before the first of them is made.
///
/// The system grants small parts one by one until there is no memory left for anything; it refuses all of them at once.
pub(crate) fn check_room(what: &str, count: usize, size: usize) -> Result<()> {
    let mut whole = room::<u8>(what, count.saturating_mul(size))?;
    // The compiler may leave out memory that is not used.
    black_box(&mut whole);
    Ok(())
}

/// Bytes that are written, as far as there is memory.
#[derive(Default)]
pub(crate) struct Bytes(pub Vec<u8>);

impl io::Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_reserve(bytes.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn more_than_there_is_is_refused_with_the_number_of_bytes() {
        for count in [1 << 60, usize::MAX / 16, usize::MAX] {
            let error = room::<u128>("rows", count).unwrap_err();
            assert!(matches!(error, Error::Memory { bytes, .. } if bytes == count.saturating_mul(16)), "{error}");
            assert!(check_room("rows", count, 20).is_err());
        }
        assert_eq!(room::<i64>("rows", 9).unwrap().capacity(), 9);
        check_room("rows", 1000, 1000).unwrap();
    }
}
