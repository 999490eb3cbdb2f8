//! `flax_model.msgpack`: nested maps of arrays, as `flax.serialization` writes them.

use rmp::Marker;
use rmp::decode::{self, ValueReadError};

use super::index::{Checked, Entry, Index, check_dimensions, check_name, truncated};
use super::raw::{Dtype, byte_count, described};
use crate::checksum::FETCH_AGAIN;
use crate::error::excerpt;

/// Deeper than the maps of any model. The reader calls itself once per level.
const MAX_DEPTH: usize = 64;

/// Flax's number of the array extension.
const ARRAY: i8 = 1;

/// Index the arrays of a file; their names are the keys on the way to them, joined with dots.
pub(super) fn read(file: &[u8]) -> Checked<Index> {
    let mut reader = Reader { file, rest: file, index: Index::new(file.len()) };
    reader.map("", 0)?;
    let end = file.len() - reader.rest.len();
    if end == file.len() {
        Ok(reader.index)
    } else {
        Err(format!("the last array ends at byte {end}, expected byte {}, the end of the file", file.len()))
    }
}

struct Reader<'a> {
    file: &'a [u8],
    rest: &'a [u8],
    index: Index,
}

impl Reader<'_> {
    fn map(&mut self, prefix: &str, depth: usize) -> Checked<()> {
        if depth > MAX_DEPTH {
            return Err(format!("maps are nested more than {MAX_DEPTH} levels deep"));
        }
        for _ in 0..decode::read_map_len(&mut self.rest).map_err(corrupt)? {
            let key = text(&mut self.rest)?;
            if key.is_empty() {
                return Err(format!("a key of the map {} is empty", excerpt(prefix)));
            }
            if key == "__msgpack_chunked_array__" {
                return Err(format!(
                    "the array {} is stored in chunks; save the model as safetensors",
                    excerpt(prefix)
                ));
            }
            let name = format!("{prefix}{key}");
            check_name(&name)?;
            match self.rest.first().map(|&byte| Marker::from_u8(byte)) {
                Some(Marker::FixMap(_) | Marker::Map16 | Marker::Map32) => {
                    self.map(&format!("{name}."), depth + 1)?;
                }
                _ => self.array(name)?,
            }
        }
        Ok(())
    }

    /// Index an array: an extension of `MessagePack` with the shape, the name of the dtype and the bytes.
    fn array(&mut self, name: String) -> Checked<()> {
        let refuse = |reason: String| format!("array {}: {reason}", excerpt(&name));
        let header = decode::read_ext_meta(&mut self.rest).map_err(|_| refuse("expected an array or a map".into()))?;
        if header.typeid != ARRAY {
            return Err(refuse(format!("expected an array, got an extension of type {}", header.typeid)));
        }
        let mut content = take(&mut self.rest, header.size as usize)?;
        let parts = decode::read_array_len(&mut content).map_err(corrupt)?;
        if parts != 3 {
            return Err(refuse(format!("got {parts} parts, expected 3: shape, dtype and data")));
        }
        let dimensions = decode::read_array_len(&mut content).map_err(corrupt)?;
        check_dimensions(dimensions as usize).map_err(refuse)?;
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            let invalid = |error: String| refuse(format!("a size of the shape is invalid: {error}"));
            let size: u64 = decode::read_int(&mut content).map_err(|error| invalid(error.to_string()))?;
            shape.push(usize::try_from(size).map_err(|error| invalid(error.to_string()))?);
        }
        let kind = text(&mut content)?;
        let dtype = Dtype::ALL.into_iter().find(|dtype| dtype.name() == kind);
        let dtype = dtype.ok_or_else(|| {
            let known = Dtype::ALL.map(Dtype::name).join(", ");
            refuse(format!("got dtype {}, expected one of {known}", excerpt(kind)))
        })?;
        let length = decode::read_bin_len(&mut content).map_err(corrupt)? as usize;
        if content.len() != length {
            return Err(refuse(format!("got {} bytes of data, expected {length}", content.len())));
        }
        if byte_count(dtype, &shape) != Some(length) {
            return Err(refuse(format!("got {length} bytes of data, expected {}", described(dtype, &shape))));
        }
        let start = self.file.len() - self.rest.len() - length;
        self.index.push(Entry::new(name, dtype, shape, start), self.file)
    }
}

fn text<'a>(bytes: &mut &'a [u8]) -> Checked<&'a str> {
    let length = decode::read_str_len(bytes).map_err(corrupt)?;
    std::str::from_utf8(take(bytes, length as usize)?).map_err(|_| "a key or a dtype is not UTF-8".into())
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Checked<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or_else(|| truncated("a map or array", count, bytes.len()))?;
    *bytes = rest;
    Ok(taken)
}

#[expect(clippy::needless_pass_by_value, reason = "map_err passes the error by value")]
fn corrupt(error: ValueReadError) -> String {
    match error {
        ValueReadError::TypeMismatch(marker) => format!("got the marker {marker:?}, which flax does not write here"),
        _ => format!("a map or array is truncated; {FETCH_AGAIN}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::panic::catch_unwind;

    use rmp::encode;

    use super::*;

    fn array(shape: &[u64], dtype: &str, bytes: &[u8]) -> Vec<u8> {
        let mut inner = vec![];
        encode::write_array_len(&mut inner, 3).unwrap();
        encode::write_array_len(&mut inner, shape.len() as u32).unwrap();
        for &size in shape {
            encode::write_uint(&mut inner, size).unwrap();
        }
        encode::write_str(&mut inner, dtype).unwrap();
        encode::write_bin(&mut inner, bytes).unwrap();
        let mut outer = vec![];
        encode::write_ext_meta(&mut outer, inner.len() as u32, ARRAY).unwrap();
        [outer, inner].concat()
    }

    fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut out = vec![];
        encode::write_map_len(&mut out, entries.len() as u32).unwrap();
        for (key, value) in entries {
            encode::write_str(&mut out, key).unwrap();
            out.extend(value);
        }
        out
    }

    fn small() -> Vec<u8> {
        let dense = map(&[("kernel", array(&[2, 1], "float16", &[1, 2, 3, 4])), ("bias", array(&[], "uint8", &[5]))]);
        map(&[("electra", map(&[("dense", dense)])), ("scale", array(&[3], "int8", &[6, 7, 8]))])
    }

    #[test]
    fn nested_keys_are_joined_with_dots() {
        let file = small();
        let index = read(&file).unwrap();
        let found: Vec<_> =
            index.iter().map(|entry| (entry.name.as_str(), entry.read(&file).unwrap().unwrap().into_data())).collect();
        assert_eq!(found[0], ("electra.dense.kernel", (&[1, 2, 3, 4][..]).into()));
        assert_eq!(found[1], ("electra.dense.bias", (&[5][..]).into()));
        assert_eq!(found[2], ("scale", (&[6, 7, 8][..]).into()));
    }

    #[test]
    fn damaged_files_never_panic() {
        let mut file = small();
        for length in 0..file.len() {
            assert!(read(&file[..length]).is_err(), "the first {length} bytes were read");
        }
        assert!(read(&[&*file, b"\0"].concat()).unwrap_err().contains("the end of the file"));
        for position in 0..file.len() {
            for bit in 0..8 {
                file[position] ^= 1 << bit;
                let _ = catch_unwind(|| read(&file)).expect("a panic");
                file[position] ^= 1 << bit;
            }
        }
    }

    #[test]
    fn hostile_files_are_refused() {
        let deep = (0..100).fold(array(&[1], "int8", &[0]), |inner, _| map(&[("a", inner)]));
        for (file, expected) in [
            (deep, "nested more than"),
            (map(&[("a", array(&[2], "int8", &[0]))]), "got 1 bytes of data, expected [2] of int8 (2 bytes)"),
            (map(&[("a", array(&[u64::MAX, 2], "int8", &[0]))]), "more bytes than memory can address"),
            (map(&[("a", array(&[1], "object", &[0]))]), "got dtype \"object\""),
            (map(&[("a", array(&[1], "complex64", &[0; 8]))]), "got dtype \"complex64\""),
            (map(&[("", array(&[1], "int8", &[0]))]), "is empty"),
            (map(&[("a", array(&[1], "bool", &[9]))]), "a bool is stored as 9"),
            (map(&[("a", array(&[1], "int8", &[0])), ("a", array(&[1], "int8", &[0]))]), "two tensors"),
            (
                map(&[("a.b", array(&[1], "int8", &[0])), ("a", map(&[("b", array(&[1], "int8", &[0]))]))]),
                "two tensors",
            ),
            (map(&[("a", b"\x05".to_vec())]), "expected an array"),
            (map(&[("__msgpack_chunked_array__", b"\xc3".to_vec())]), "chunks"),
            (b"\xdf\xff\xff\xff\xff\xa1a".to_vec(), "expected an array"),
        ] {
            let got = read(&file).unwrap_err();
            assert!(got.contains(expected), "expected {expected:?}, got {got:?}");
        }
    }
}
