//! The framing of records: a length and its checksum, the data and their checksum.
//!
//! Source: `tensorflow/core/lib/io/record_writer.h` (TensorFlow 2.21).

use std::io::{self, Write};

use crate::checksum::{FETCH_AGAIN, damaged, is_intact, masked_crc32c};

/// The result of a reader of bytes. The error is a reason, to which [`TFRecordFile`](super::TFRecordFile) adds the file
/// and the record.
pub(super) type Checked<T> = Result<T, String>;

/// The bytes before the data of a record: their length (uint64) and its checksum (uint32), little-endian.
pub(super) const HEADER_BYTES: usize = 12;

/// The bytes after the data of a record: their checksum (uint32), little-endian.
pub(super) const FOOTER_BYTES: usize = 4;

/// The beginning of the reason to refuse a truncated file.
const ENDS_WITHIN: &str = "the file ends within this record";

/// Write one record to `out`.
///
/// # Errors
/// The errors of `out`.
pub fn write_record(out: &mut impl Write, data: &[u8]) -> io::Result<()> {
    let length = (data.len() as u64).to_le_bytes();
    out.write_all(&length)?;
    out.write_all(&masked_crc32c(&[&length]).to_le_bytes())?;
    out.write_all(data)?;
    out.write_all(&masked_crc32c(&[data]).to_le_bytes())
}

/// Return the number of bytes of the first record of `rest`, header and footer included. The data are not read.
pub(super) fn first_record(rest: &[u8]) -> Checked<usize> {
    let Some((header, after)) = rest.split_at_checked(HEADER_BYTES) else {
        let got = rest.len();
        return Err(format!("{ENDS_WITHIN}: expected a header of {HEADER_BYTES} bytes, got {got}; {FETCH_AGAIN}"));
    };
    let (length, stored) = header.split_at(size_of::<u64>());
    // A damaged length would lead to wrong bytes, so its checksum comes first.
    let (checksum, stored) = (masked_crc32c(&[length]), little_endian(stored) as u32);
    if !is_intact(checksum, stored) {
        return Err(damaged("the record's length", checksum, stored));
    }
    let length = little_endian(length);
    let end = usize::try_from(length).ok().and_then(|length| length.checked_add(HEADER_BYTES + FOOTER_BYTES));
    end.filter(|&end| end <= rest.len()).ok_or_else(|| {
        let expected = format!("{length} bytes of data and {FOOTER_BYTES} of checksum");
        format!("{ENDS_WITHIN}: expected {expected}, got {}; {FETCH_AGAIN}", after.len())
    })
}

/// Return the data of a record that [`first_record`] has found, after checking their checksum.
pub(super) fn data(record: &[u8]) -> Checked<&[u8]> {
    let cut = || format!("{ENDS_WITHIN}: the file has become shorter since it was indexed");
    let (_, after) = record.split_at_checked(HEADER_BYTES).ok_or_else(cut)?;
    let (data, stored) =
        after.len().checked_sub(FOOTER_BYTES).and_then(|end| after.split_at_checked(end)).ok_or_else(cut)?;
    let (checksum, stored) = (masked_crc32c(&[data]), little_endian(stored) as u32);
    if is_intact(checksum, stored) { Ok(data) } else { Err(damaged("the record's data", checksum, stored)) }
}

/// Return the number in up to eight bytes.
fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}
