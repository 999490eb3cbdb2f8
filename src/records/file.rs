//! A `TFRecord` file that is mapped into memory.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use memmap2::Mmap;

use super::electra::{ElectraExample, Padded};
use super::frame::{self, Checked, FOOTER_BYTES, HEADER_BYTES};
use crate::error::{Error, Result};
use crate::files::irregular;

/// A function that is called from time to time while a file is indexed. If it returns an error, indexing stops with
/// that error.
pub type Watch<'a> = &'a dyn Fn() -> Result<()>;

/// A `TFRecord` file of google-research/electra.
///
/// The file is mapped, so a file may be larger than the memory. Opening a file finds the end of each record; the data
/// of a record are checked when the record is read. The file must not be changed in place while it is open.
///
/// ```
/// use oxbert::records::{ElectraExample, TFRecordFile, write_record};
///
/// let path = std::env::temp_dir().join(format!("oxbert-{}.tfrecord", std::process::id()));
/// let example = ElectraExample { input_ids: vec![2, 41, 3, 42, 3], first_segment: 3 };
/// let mut content = vec![];
/// write_record(&mut content, &example.to_record(8)?)?;
/// std::fs::write(&path, content)?;
///
/// let file = TFRecordFile::open(&path, &|| Ok(()))?;
/// assert_eq!((file.len(), file.row_length(0)?), (1, 8));
/// assert_eq!(file.example(0, Some(100))?, example);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TFRecordFile {
    path: PathBuf,
    /// None if the file is empty, since no system maps an empty file.
    map: Option<Mmap>,
    /// The end of each record, in bytes from the beginning of the file.
    ends: Vec<u64>,
}

impl TFRecordFile {
    /// Open a file and find its records.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses or the file is not a regular one; [`Error::Data`] if the file is cut off or
    /// the checksum of a length is wrong; the error of `watch`.
    pub fn open(path: impl Into<PathBuf>, watch: Watch) -> Result<Self> {
        let mut file = Self::map(path.into())?;
        file.ends = index(file.bytes(), watch, |record, byte, reason| file.refusal(record, byte, reason))?;
        Ok(file)
    }

    /// Open a file whose records are known from [`TFRecordFile::ends`], without searching for them.
    ///
    /// # Errors
    /// [`Error::Io`] as [`TFRecordFile::open`]; [`Error::Input`] if records cannot end at these places.
    pub fn with_ends(path: impl Into<PathBuf>, ends: Vec<u64>) -> Result<Self> {
        let mut before = 0;
        for &end in &ends {
            if end.checked_sub(before).is_none_or(|bytes| bytes < (HEADER_BYTES + FOOTER_BYTES) as u64) {
                return Err(Error::input(
                    "ends",
                    format!(
                        "expected at least {}, got {end}",
                        before.saturating_add((HEADER_BYTES + FOOTER_BYTES) as u64)
                    ),
                ));
            }
            before = end;
        }
        Ok(Self { ends, ..Self::map(path.into())? })
    }

    fn map(path: PathBuf) -> Result<Self> {
        // This check comes before opening, since opening a pipe waits for its writer.
        let kind = std::fs::metadata(&path).map_err(Error::io("read", &path))?;
        if let Some(reason) = irregular(&kind) {
            let source = io::Error::new(io::ErrorKind::InvalidInput, reason);
            return Err(Error::Io { action: "read", path, source });
        }
        let file = File::open(&path).map_err(Error::io("read", &path))?;
        let is_empty = file.metadata().map_err(Error::io("read", &path))?.len() == 0;
        // The mapped file is closed, since a data set can have more files than a process may have open. SAFETY: the map
        // is private to this value and read-only. No reader that maps files can prevent another process from changing
        // or shortening the file; `TFRecordFile` documents this condition.
        let map = if is_empty { None } else { Some(unsafe { Mmap::map(&file) }.map_err(Error::io("read", &path))?) };
        Ok(Self { path, map, ends: vec![] })
    }

    /// Return the number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Return whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Return the path as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Return the end of each record, in bytes from the beginning of the file.
    #[must_use]
    pub fn ends(&self) -> &[u64] {
        &self.ends
    }

    /// Iterate over the place of each record's data in the file and their length, in bytes.
    pub fn places(&self) -> impl Iterator<Item = (u64, u64)> {
        let begins = std::iter::once(&0).chain(&self.ends);
        begins.zip(&self.ends).map(|(begin, end)| {
            (begin + HEADER_BYTES as u64, (end - begin).saturating_sub((HEADER_BYTES + FOOTER_BYTES) as u64))
        })
    }

    /// Return the data of a record, numbered from 0, after checking their checksum.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if there is no such record; [`Error::Data`] if the record is damaged.
    pub fn record(&self, number: usize) -> Result<&[u8]> {
        self.checked(number, Ok)
    }

    /// Return the length of the lists of a record, padding included, in tokens.
    ///
    /// # Errors
    /// The errors of [`TFRecordFile::record`]; [`Error::Data`] if the record is not an example.
    pub fn row_length(&self, number: usize) -> Result<usize> {
        self.checked(number, |data| Ok(Padded::decode(data)?.len()))
    }

    /// Return the example in a record.
    ///
    /// # Errors
    /// The errors of [`TFRecordFile::record`]; [`Error::Data`] if the record is not an example, if its lists contradict
    /// one another, or if an id is negative or not below `vocab_size` (None means only the limit of int32).
    pub fn example(&self, number: usize, vocab_size: Option<i64>) -> Result<ElectraExample> {
        self.checked(number, |data| Padded::decode(data)?.unpad(vocab_size))
    }

    fn checked<'a, T>(&'a self, number: usize, read: impl FnOnce(&'a [u8]) -> Checked<T>) -> Result<T> {
        let Some(&end) = self.ends.get(number) else {
            let (value, limit) = (number as i64, self.len() as i64);
            return Err(Error::OutOfRange { what: "record".into(), value, position: vec![], limit });
        };
        let begin = number.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        // A file that has become shorter since it was indexed does not have all of these bytes.
        let record = self.bytes().get(begin as usize..end as usize).unwrap_or_default();
        frame::data(record).and_then(read).map_err(|reason| self.refusal(number, begin, reason))
    }

    fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }

    fn refusal(&self, record: usize, byte: u64, reason: String) -> Error {
        Error::Data { path: self.path.clone(), record, byte, reason }
    }
}

/// Find the ends of the records of a file. `refusal` returns the error for a record, from its number, its first byte
/// and the reason.
pub(super) fn index(bytes: &[u8], watch: Watch, refusal: impl FnOnce(usize, u64, String) -> Error) -> Result<Vec<u64>> {
    /// The number of records between two looks at the clock.
    const STRIDE: usize = 1024;
    /// The time between two calls. More calls would cost time, since a call from Rust may have to wait for another
    /// thread of Python.
    const PAUSE: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_millis(100) };
    let mut asked = Instant::now();
    let (mut ends, mut place) = (vec![], 0);
    while let Some(rest) = bytes.get(place..).filter(|rest| !rest.is_empty()) {
        match frame::first_record(rest) {
            Ok(length) => place += length,
            Err(reason) => return Err(refusal(ends.len(), place as u64, reason)),
        }
        ends.push(place as u64);
        if ends.len() % STRIDE == 0 && asked.elapsed() >= PAUSE {
            watch()?;
            asked = Instant::now();
        }
    }
    Ok(ends)
}
