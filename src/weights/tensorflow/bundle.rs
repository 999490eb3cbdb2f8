//! The tensors of a checkpoint.
//!
//! Source: `tensorflow/core/protobuf/tensor_bundle.proto`, `core/util/tensor_bundle/` (TensorFlow 2.21).

use prost::Message;

use super::table::read;
use crate::checksum::{FETCH_AGAIN, damaged, is_intact, masked_crc32c};
use crate::error::{Result, excerpt};
use crate::interrupt;
use crate::weights::index::{Checked, Entry, Index, MAX_NAME_BYTES, check_dimensions};
use crate::weights::raw::{Dtype, byte_count, described};

/// More data files than any checkpoint has. Each is opened, so their number is bounded.
const MAX_SHARDS: i32 = 10_000;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Header {
    #[prost(int32, tag = "1")]
    pub(super) num_shards: i32,
    /// 0 means little-endian.
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
    /// A variable with slices is refused, so their content is not decoded.
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
            // These keys belong to the slices of a partitioned variable, which `Variable::locate` refuses.
            if !key.starts_with(b"\0") {
                let name = std::str::from_utf8(key).map_err(|_| "the name of a variable is not UTF-8")?;
                // A prefix shared with the previous name takes no bytes of the file, so the sum needs a bound.
                name_bytes += name.len();
                if name_bytes > MAX_NAME_BYTES {
                    return Err(format!("the names take {name_bytes} bytes, expected at most {MAX_NAME_BYTES}"));
                }
                variables.push((name.to_string(), decode(value)?));
            }
            Ok(())
        })?;
        let header = header.ok_or("the table has no header, expected the index of a checkpoint")?;
        if header.endianness != 0 {
            return Err(format!("got the byte order {}, expected 0 (little-endian)", header.endianness));
        }
        if !(1..=MAX_SHARDS).contains(&header.num_shards) {
            return Err(format!("the header claims {} data files, expected 1 to {MAX_SHARDS}", header.num_shards));
        }
        Ok(Self { shards: header.num_shards as usize, variables })
    }

    /// Return the number of data files.
    pub(in crate::weights) fn shards(&self) -> usize {
        self.shards
    }

    /// Index the tensors and verify their checksums. Strings are skipped, since they are TensorFlow's own metadata.
    ///
    /// # Errors
    /// The errors of [`interrupt::go_on`]. The inner error is the reason to refuse the checkpoint.
    pub(in crate::weights) fn index(&self, files: &[&[u8]]) -> Result<Checked<Index>> {
        let length = files.iter().fold(0_usize, |sum, file| sum.saturating_add(file.len()));
        let mut index = Index::new(length);
        for (name, variable) in self.variables.iter().filter(|(_, variable)| variable.dtype != STRING) {
            interrupt::go_on()?;
            let refuse = |reason: String| format!("variable {}: {reason}", excerpt(name));
            let added = variable.locate(name, files).map_err(refuse).and_then(|(entry, file)| index.push(entry, file));
            if let Err(reason) = added {
                return Ok(Err(reason));
            }
        }
        Ok(Ok(index))
    }
}

/// TensorFlow's number of the string dtype.
const STRING: i32 = 7;

impl Variable {
    fn locate<'a>(&self, name: &str, files: &[&'a [u8]]) -> Checked<(Entry, &'a [u8])> {
        if !self.slices.is_empty() {
            return Err("got a partitioned variable, which is stored in slices, expected one in one piece".into());
        }
        let dtype = dtype(self.dtype).ok_or_else(|| {
            let known = Dtype::ALL.map(Dtype::name).join(", ");
            format!("the dtype has TensorFlow's number {}, expected that of one of {known}", self.dtype)
        })?;
        let negative = |size: i64| format!("a size or offset is {size}, expected 0 or more");
        let size = |size: i64| usize::try_from(size).map_err(|_| negative(size));
        let dimensions = self.shape.as_ref().map(|shape| shape.dim.as_slice()).unwrap_or_default();
        check_dimensions(dimensions.len())?;
        let shape = dimensions.iter().map(|dimension| size(dimension.size)).collect::<Checked<Vec<_>>>()?;
        let (start, length) = (size(self.offset)?, size(self.size)?);
        if byte_count(dtype, &shape) != Some(length) {
            return Err(format!("got {length} bytes, expected {}", described(dtype, &shape)));
        }
        let part = size(self.shard_id.into())?;
        let file = files.get(part);
        let file =
            *file.ok_or_else(|| format!("the index names data file {part} of {}, counted from 0", files.len()))?;
        let bytes = start.checked_add(length).and_then(|end| file.get(start..end)).ok_or_else(|| {
            let place = format!("outside the data file {part}, which has {} bytes", file.len());
            format!("the {length} bytes from byte {start} lie {place}; {FETCH_AGAIN}")
        })?;
        let checksum = masked_crc32c(&[bytes]);
        if !is_intact(checksum, self.crc32c) {
            return Err(damaged("the data", checksum, self.crc32c));
        }
        Ok((Entry { part, ..Entry::new(name.to_string(), dtype, shape, start) }, file))
    }
}

fn decode<M: Message + Default>(bytes: &[u8]) -> Checked<M> {
    M::decode(bytes).map_err(|error| format!("the header or the entry of a variable is corrupt: {error}"))
}

/// Return the dtype of TensorFlow's number (`types.proto`).
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
