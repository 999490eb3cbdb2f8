//! Safetensors files. The `safetensors` crate validates the header; this file adds the checks that the crate leaves
//! out.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::io::Write;
use std::path::Path;

use safetensors::tensor::{Dtype as FileDtype, Metadata, TensorInfo};
use safetensors::{SafeTensorError, SafeTensors};
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::index::{Checked, Entry, Index, check_names};
use super::raw::{Dtype, RawTensor};
use crate::checksum::FETCH_AGAIN;
use crate::error::{Error, Result};
use crate::files::Staged;

/// The bytes of the header's length (u64), with which a file begins.
const LENGTH_BYTES: usize = 8;

/// The same bound as in the `safetensors` crate, which every reader enforces.
const MAX_HEADER: usize = 100_000_000;

/// Index the tensors of a file and return its free metadata.
pub(super) fn read(file: &[u8]) -> Checked<(Index, BTreeMap<String, String>)> {
    let (header_length, metadata) = SafeTensors::read_metadata(file).map_err(|error| refusal(&error, file.len()))?;
    let data_start = LENGTH_BYTES + header_length;
    let header = file.get(LENGTH_BYTES..data_start).ok_or("the header lies outside the file")?;
    let mut index = Index::new(file.len());
    let mut tensors = Vec::new();
    for name in header_keys(header)? {
        let info = metadata.info(&name).ok_or_else(|| format!("tensor {name:?} has no dtype and shape"))?;
        tensors.push((name, info));
    }
    // Tensors without elements share an offset, so only a stable sort keeps the header's order.
    tensors.sort_by_key(|(_, info)| info.data_offsets.0);
    for (name, info) in tensors {
        let dtype = from_file(info.dtype).ok_or_else(|| {
            let known = Dtype::ALL.map(Dtype::name).join(", ");
            format!("tensor {name:?} has the dtype {}, expected one of {known}", info.dtype)
        })?;
        let start = data_start
            .checked_add(info.data_offsets.0)
            .ok_or_else(|| format!("tensor {name:?} lies outside the file"))?;
        index.push(Entry::new(name, dtype, info.shape.clone(), start), file)?;
    }
    let metadata = metadata.metadata().clone().unwrap_or_default().into_iter().collect();
    Ok((index, metadata))
}

/// Return the reason of an error of the `safetensors` crate, whose message lacks the numbers.
fn refusal(error: &SafeTensorError, length: usize) -> String {
    match error {
        SafeTensorError::HeaderTooSmall | SafeTensorError::InvalidHeaderLength => {
            format!("the file of {length} bytes ends within its header; {FETCH_AGAIN}")
        }
        SafeTensorError::HeaderTooLarge => format!("the header has more than {MAX_HEADER} bytes"),
        SafeTensorError::MetadataIncompleteBuffer => {
            format!("the tensors in the header do not end at byte {length}, where the file ends; {FETCH_AGAIN}")
        }
        other => other.to_string(),
    }
}

/// Return the names of the tensors in the header's order. Two equal names are an error, whereas the crate takes the
/// last one.
fn header_keys(header: &[u8]) -> Checked<Vec<String>> {
    struct Keys;

    impl<'de> Visitor<'de> for Keys {
        type Value = Vec<String>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut seen = HashSet::new();
            let mut keys = Vec::new();
            while let Some((key, _)) = map.next_entry::<String, IgnoredAny>()? {
                if !seen.insert(key.clone()) {
                    return Err(A::Error::custom(format!("two tensors have the name {key:?}")));
                }
                if key != "__metadata__" {
                    keys.push(key);
                }
            }
            Ok(keys)
        }
    }

    serde_json::Deserializer::from_slice(header).deserialize_map(Keys).map_err(|error| error.to_string())
}

/// Write tensors as safetensors, with the metadata `{"format": "pt"}` that transformers requires.
///
/// Tensors with larger elements come first, so that each is aligned; the others keep the given order. An existing file
/// is replaced atomically.
///
/// # Errors
/// [`Error::Input`] for an empty, repeated or reserved name; [`Error::Io`] if the file cannot be written.
pub fn write_safetensors(path: impl AsRef<Path>, tensors: &[(&str, RawTensor<'_>)]) -> Result<()> {
    let mut files = Staged::default();
    stage(&mut files, path.as_ref(), tensors)?;
    files.commit()
}

pub(super) fn stage(files: &mut Staged, path: &Path, tensors: &[(&str, RawTensor<'_>)]) -> Result<()> {
    check_names(tensors)?;
    if tensors.iter().any(|(name, _)| *name == "__metadata__") {
        return Err(Error::input("tensors", "the name \"__metadata__\" is reserved in safetensors files"));
    }
    let mut tensors: Vec<_> = tensors.iter().collect();
    tensors.sort_by_key(|(_, tensor)| std::cmp::Reverse(tensor.dtype().size()));
    let mut end = 0;
    let infos = tensors.iter().map(|(name, tensor)| {
        let start = end;
        end += tensor.data().len();
        let dtype = to_file(tensor.dtype());
        ((*name).to_string(), TensorInfo { dtype, shape: tensor.shape().to_vec(), data_offsets: (start, end) })
    });
    let format = HashMap::from([("format".to_string(), "pt".to_string())]);
    let internal = |message: String| Error::Internal { message: format!("safetensors header: {message}") };
    let metadata = Metadata::new(Some(format), infos.collect()).map_err(|error| internal(error.to_string()))?;
    let mut header = serde_json::to_vec(&metadata).map_err(|error| internal(error.to_string()))?;
    // The format allows spaces at the end of the header. The data are aligned to 8 bytes, the size of the largest
    // element.
    header.resize(header.len().next_multiple_of(LENGTH_BYTES), b' ');
    if header.len() > MAX_HEADER {
        let reason = format!("the names and shapes take {} bytes, expected at most {MAX_HEADER}", header.len());
        return Err(Error::input("tensors", reason));
    }
    files.write(path, |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        tensors.iter().try_for_each(|(_, tensor)| file.write_all(tensor.data()))
    })
}

const fn from_file(dtype: FileDtype) -> Option<Dtype> {
    Some(match dtype {
        FileDtype::F32 => Dtype::Float32,
        FileDtype::F64 => Dtype::Float64,
        FileDtype::F16 => Dtype::Float16,
        FileDtype::BF16 => Dtype::BFloat16,
        FileDtype::I64 => Dtype::Int64,
        FileDtype::I32 => Dtype::Int32,
        FileDtype::I16 => Dtype::Int16,
        FileDtype::I8 => Dtype::Int8,
        FileDtype::U8 => Dtype::UInt8,
        FileDtype::BOOL => Dtype::Bool,
        _ => return None,
    })
}

const fn to_file(dtype: Dtype) -> FileDtype {
    match dtype {
        Dtype::Float32 => FileDtype::F32,
        Dtype::Float64 => FileDtype::F64,
        Dtype::Float16 => FileDtype::F16,
        Dtype::BFloat16 => FileDtype::BF16,
        Dtype::Int64 => FileDtype::I64,
        Dtype::Int32 => FileDtype::I32,
        Dtype::Int16 => FileDtype::I16,
        Dtype::Int8 => FileDtype::I8,
        Dtype::UInt8 => FileDtype::U8,
        Dtype::Bool => FileDtype::BOOL,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;
    use crate::weights::{FileFormat, WeightFile};

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    fn small() -> Vec<u8> {
        let header = r#"{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"BOOL","shape":[1],"data_offsets":[8,9]}}"#;
        file(header, &[0, 1, 2, 3, 4, 5, 6, 7, 1])
    }

    #[test]
    fn every_dtype_round_trips() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any name");
        let mut tensors: Vec<_> = Dtype::ALL
            .into_iter()
            .map(|dtype| (dtype.name(), RawTensor::new(dtype, vec![2, 3], vec![1; 6 * dtype.size()]).unwrap()))
            .collect();
        tensors.push(("ü.\"scalar\"", RawTensor::new(Dtype::Float16, vec![], vec![7; 2]).unwrap()));
        tensors.push(("empty", RawTensor::new(Dtype::Int64, vec![3, 0], vec![]).unwrap()));
        write_safetensors(&path, &tensors).unwrap();
        let file = WeightFile::open(&path).unwrap();
        assert_eq!(file.format(), FileFormat::Safetensors);
        assert_eq!(file.metadata().get("format").map(String::as_str), Some("pt"));
        assert_eq!(file.names().len(), tensors.len());
        for (name, tensor) in &tensors {
            assert_eq!(file.get(name).unwrap().as_ref(), Some(tensor));
        }
        for entry in read(&std::fs::read(&path).unwrap()).unwrap().0.iter() {
            assert_eq!(entry.start % entry.dtype.size(), 0, "{}", entry.name);
        }
    }

    #[test]
    fn impossible_names_are_not_written() {
        let one = RawTensor::new(Dtype::Int8, vec![1], vec![1]).unwrap();
        for names in [["", "a"], ["a", "a"], ["__metadata__", "c"]] {
            let tensors = names.map(|name| (name, one.clone()));
            assert!(write_safetensors(std::env::temp_dir().join("never-written"), &tensors).is_err(), "{names:?}");
        }
    }

    #[test]
    fn names_keep_the_order_of_the_data() {
        let (index, metadata) = read(&small()).unwrap();
        assert!(index.iter().map(|entry| entry.name.as_str()).eq(["b", "a"]));
        assert_eq!(metadata.len(), 1);
    }

    #[test]
    fn truncated_files_are_errors_and_damage_never_panics() {
        let mut file = small();
        for length in 0..file.len() {
            assert!(read(&file[..length]).is_err(), "the first {length} bytes were read");
        }
        assert!(read(&[&*file, b"\0"].concat()).is_err());
        for position in 0..file.len() {
            for bit in 0..8 {
                file[position] ^= 1 << bit;
                // Safetensors has no checksum: a flip in the data or in a name is another valid file.
                let _ = catch_unwind(|| read(&file)).expect("a panic");
                file[position] ^= 1 << bit;
            }
        }
    }

    #[test]
    fn hostile_headers_are_refused() {
        let one = |name: &str, rest: &str| format!(r#""{name}":{{{rest},"data_offsets":[0,4]}}"#);
        let plain = r#""dtype":"F32","shape":[1]"#;
        for (header, expected) in [
            (format!("{{{},{}}}", one("a", plain), one("a", plain)), "two tensors have the name"),
            (format!("{{{}}}", one("", plain)), "empty name"),
            (format!("{{{}}}", one("a", r#""dtype":"F8_E4M3","shape":[4]"#)), "expected one of float32"),
            (format!("{{{}}}", one("a", r#""dtype":"BOOL","shape":[4]"#)), "a bool is stored as 9"),
            (format!("{{{}}}", one("a", r#""dtype":"F32","shape":[4294967296,4294967296]"#)), ""),
            (format!("{{{}}}", one("a", r#""dtype":"F32","shape":[2]"#)), ""),
            ("[".repeat(100_000), ""),
        ] {
            let error = read(&file(&header, &[9; 4])).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let huge = [&(MAX_HEADER as u64 + 1).to_le_bytes()[..], b"{}"].concat();
        assert!(read(&huge).is_err());
    }
}
