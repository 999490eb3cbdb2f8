//! The tensors of a checkpoint.
//!
//! Source: `tensorflow/core/protobuf/tensor_bundle.proto`, `core/util/tensor_bundle/` (TensorFlow 2.21).

use prost::Message;

use super::table::read;
use crate::checksum::{is_intact, masked_crc32c};
use crate::weights::index::{Checked, Entry, Index, MAX_NAME_BYTES, check_dimensions, excerpt};
use crate::weights::raw::{Dtype, byte_count};

/// More than any checkpoint has; each is a file that is opened.
const MAX_SHARDS: i32 = 10_000;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Header {
    #[prost(int32, tag = "1")]
    pub(super) num_shards: i32,
    /// 0 is little.
    #[prost(int32, tag = "2")]
    pub(super) endianness: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Variable {
    #[prost(int32, tag = "1")]
    pub(super) dtype: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) shape: Option<Shape>,
    #[prost(int32, tag = "3")]
    pub(super) shard_id: i32,
    #[prost(int64, tag = "4")]
    pub(super) offset: i64,
    #[prost(int64, tag = "5")]
    pub(super) size: i64,
    #[prost(fixed32, tag = "6")]
    pub(super) crc32c: u32,
    /// Only checked for being empty.
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub(super) slices: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Shape {
    #[prost(message, repeated, tag = "2")]
    pub(super) dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Dimension {
    #[prost(int64, tag = "1")]
    pub(super) size: i64,
}

/// The index of a checkpoint, not yet checked against its data files.
pub(in crate::weights) struct Bundle {
    shards: usize,
    variables: Vec<(String, Variable)>,
}

impl Bundle {
    /// Read an `.index` file.
    pub(in crate::weights) fn read(file: &[u8]) -> Checked<Self> {
        let mut header = None;
        let mut variables = Vec::new();
        let mut name_bytes = 0;
        read(file, |key, value| {
            if key.is_empty() {
                header = Some(decode::<Header>(value)?);
                return Ok(());
            }
            // The keys of a variable's slices begin so; the variable itself is refused below.
            if !key.starts_with(b"\0") {
                let name = std::str::from_utf8(key).map_err(|_| "the name of a variable is not UTF-8")?;
                // A prefix shared with the name before takes no bytes of the file.
                name_bytes += name.len();
                if name_bytes > MAX_NAME_BYTES {
                    return Err(format!("its variables' names take over {MAX_NAME_BYTES} bytes"));
                }
                variables.push((name.to_string(), decode(value)?));
            }
            Ok(())
        })?;
        let header = header.ok_or("it has no header, so it is no checkpoint")?;
        if header.endianness != 0 {
            return Err("it was written on a machine whose byte order is not little-endian".into());
        }
        if !(1..=MAX_SHARDS).contains(&header.num_shards) {
            return Err(format!("it claims {} data files, expected 1 to {MAX_SHARDS}", header.num_shards));
        }
        Ok(Self { shards: header.num_shards as usize, variables })
    }

    /// Return the number of data files.
    pub(in crate::weights) fn shards(&self) -> usize {
        self.shards
    }

    /// Index the tensors and verify their checksums. Strings, TensorFlow's own metadata, are left out.
    pub(in crate::weights) fn index(&self, files: &[&[u8]]) -> Checked<Index> {
        let length = files.iter().fold(0_usize, |sum, file| sum.saturating_add(file.len()));
        let mut index = Index::new(length);
        for (name, variable) in &self.variables {
            let refuse = |reason: String| format!("variable {}: {reason}", excerpt(name));
            if variable.dtype != STRING {
                let (entry, file) = variable.locate(name, files).map_err(refuse)?;
                index.push(entry, file)?;
            }
        }
        Ok(index)
    }
}

/// TensorFlow's number of the string type.
const STRING: i32 = 7;

impl Variable {
    fn locate<'a>(&self, name: &str, files: &[&'a [u8]]) -> Checked<(Entry, &'a [u8])> {
        if !self.slices.is_empty() {
            return Err("it is stored in slices (a partitioned variable), expected it whole".into());
        }
        let dtype = dtype(self.dtype).ok_or_else(|| {
            let known = Dtype::ALL.map(Dtype::name).join(", ");
            format!("its type has TensorFlow's number {}, expected that of one of {known}", self.dtype)
        })?;
        let size = |size: i64| usize::try_from(size).map_err(|_| format!("a size or offset of it is {size}"));
        let dimensions = self.shape.as_ref().map(|shape| shape.dim.as_slice()).unwrap_or_default();
        check_dimensions(dimensions.len())?;
        let shape = dimensions.iter().map(|dimension| size(dimension.size)).collect::<Checked<Vec<_>>>()?;
        let (start, length) = (size(self.offset)?, size(self.size)?);
        if byte_count(dtype, &shape) != Some(length) {
            return Err(format!("it has {length} bytes, expected as many as {dtype} {shape:?} needs"));
        }
        let part = size(self.shard_id.into())?;
        let file = *files.get(part).ok_or_else(|| format!("it lies in data file {part} of {}", files.len()))?;
        let bytes = start.checked_add(length).and_then(|end| file.get(start..end));
        let bytes = bytes.ok_or_else(|| format!("its {length} bytes from {start} lie outside the data file"))?;
        if !is_intact(masked_crc32c(&[bytes]), self.crc32c) {
            return Err("it is damaged: it does not have the checksum stored with it".into());
        }
        Ok((Entry { part, ..Entry::new(name.to_string(), dtype, shape, start) }, file))
    }
}

fn decode<M: Message + Default>(bytes: &[u8]) -> Checked<M> {
    M::decode(bytes).map_err(|error| format!("a description of a variable is corrupt: {error}"))
}

/// By TensorFlow's numbers (`types.proto`).
const fn dtype(number: i32) -> Option<Dtype> {
    Some(match number {
        1 => Dtype::Float32,
        2 => Dtype::Float64,
        3 => Dtype::Int32,
        4 => Dtype::UInt8,
        5 => Dtype::Int16,
        6 => Dtype::Int8,
        9 => Dtype::Int64,
        10 => Dtype::Bool,
        14 => Dtype::BFloat16,
        19 => Dtype::Float16,
        _ => return None,
    })
}
