//! The framing of records: a length and its checksum, the data and their checksum.
//!
//! Source: `tensorflow/core/lib/io/record_writer.h` (TensorFlow 2.21).

use std::io::{self, Write};

use crate::checksum::{is_intact, masked_crc32c};

/// The result of a reader of bytes: the reason of a refusal is text, to which [`TFRecordFile`](super::TFRecordFile) adds
/// where it was found.
pub(super) type Checked<T> = Result<T, String>;

/// The bytes before the data of a record: their length (uint64) and its checksum (uint32), little-endian.
pub(super) const HEADER_BYTES: usize = 12;

/// The bytes after the data of a record: their checksum (uint32), little-endian.
pub(super) const FOOTER_BYTES: usize = 4;

/// Write one record to `out`.
///
/// # Errors
/// Those of `out`.
pub fn write_record(out: &mut impl Write, data: &[u8]) -> io::Result<()> {
    let length = (data.len() as u64).to_le_bytes();
    out.write_all(&length)?;
    out.write_all(&masked_crc32c(&[&length]).to_le_bytes())?;
    out.write_all(data)?;
    out.write_all(&masked_crc32c(&[data]).to_le_bytes())
}

/// Return how many bytes the first record of `rest` takes with its header and footer. The data are not looked at.
pub(super) fn first_record(rest: &[u8]) -> Checked<usize> {
    let Some((header, after)) = rest.split_at_checked(HEADER_BYTES) else {
        return Err(format!("is cut off: expected a header of {HEADER_BYTES} bytes, got {}", rest.len()));
    };
    let (length, stored) = header.split_at(size_of::<u64>());
    // After a damaged length nothing can be found, so its checksum comes first.
    if !is_intact(masked_crc32c(&[length]), little_endian(stored) as u32) {
        return Err("the checksum of its length is wrong: the file is damaged".into());
    }
    let length = little_endian(length);
    let end = usize::try_from(length).ok().and_then(|length| length.checked_add(HEADER_BYTES + FOOTER_BYTES));
    end.filter(|&end| end <= rest.len()).ok_or_else(|| {
        let left = after.len().saturating_sub(FOOTER_BYTES);
        format!("is cut off: {length} bytes are announced, and the file has room for {left}")
    })
}

/// Return the data of a record that [`first_record`] has found, after checking their checksum.
pub(super) fn data(record: &[u8]) -> Checked<&[u8]> {
    let cut = || "is cut off: the file has become shorter".to_string();
    let (_, after) = record.split_at_checked(HEADER_BYTES).ok_or_else(cut)?;
    let (data, stored) =
        after.len().checked_sub(FOOTER_BYTES).and_then(|end| after.split_at_checked(end)).ok_or_else(cut)?;
    if is_intact(masked_crc32c(&[data]), little_endian(stored) as u32) {
        Ok(data)
    } else {
        Err("the checksum of its data is wrong: the file is damaged".into())
    }
}

/// Return the number that up to eight bytes stand for.
fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}
