//! A sorted table of keys and values, in the format of `LevelDB`.
//!
//! Source: `tensorflow/core/lib/io/format.h`, `block.cc` and `table_format.txt` (TensorFlow 2.21).

use crate::checksum::{damaged, is_intact, masked_crc32c};
use crate::weights::index::{Checked, truncated};

/// The last bytes of a table.
const MAGIC: [u8; 8] = 0xdb47_7524_8b80_fb57_u64.to_le_bytes();

/// The length of the places of the meta index and of the index, and of the magic number.
const FOOTER_BYTES: usize = 48;

/// The length of the compression type and the checksum after each block.
const TRAILER_BYTES: usize = 5;

/// Longer than the name of any variable. A prefix shared with the previous key takes no bytes of the file, so the
/// length needs a bound.
const MAX_KEY: usize = 4096;

/// Return whether a file ends with the magic number of a table.
pub(in crate::weights) fn is_table(file: &[u8]) -> bool {
    file.len() >= FOOTER_BYTES && file.ends_with(&MAGIC)
}

/// Call `each` with all keys and values in their order.
pub(super) fn read<'a>(file: &'a [u8], mut each: impl FnMut(&[u8], &'a [u8]) -> Checked<()>) -> Checked<()> {
    let footer = file.len().checked_sub(FOOTER_BYTES).and_then(|start| file.get(start..));
    let mut handles = footer.ok_or_else(|| truncated("the table", FOOTER_BYTES, file.len()))?;
    // The first handle points to the meta index, which is empty.
    handle(&mut handles)?;
    let blocks = block(file, handle(&mut handles)?)?;
    let mut end = 0;
    entries(blocks, |_, mut value| {
        let (start, size) = handle(&mut value)?;
        // Blocks that share bytes would let a small file claim a large content.
        if start < end {
            return Err(format!("two blocks overlap: one begins at byte {start}, the previous one ends at byte {end}"));
        }
        end = start.saturating_add(size);
        entries(block(file, (start, size))?, &mut each)
    })
}

/// Read the start and the size of a block, in bytes.
fn handle(bytes: &mut &[u8]) -> Checked<(usize, usize)> {
    Ok((varint(bytes)?, varint(bytes)?))
}

/// Return the content of a block after a check of its checksum.
fn block(file: &[u8], (start, size): (usize, usize)) -> Checked<&[u8]> {
    let end = start.checked_add(size).and_then(|end| Some(end..end.checked_add(TRAILER_BYTES)?));
    let outside = || format!("a block of {size} bytes from byte {start} lies outside the file of {} bytes", file.len());
    let end = end.ok_or_else(outside)?;
    let (Some(content), Some(&[compression, a, b, c, d])) = (file.get(start..end.start), file.get(end.clone())) else {
        return Err(outside());
    };
    let (computed, stored) = (masked_crc32c(&[content, &[compression]]), u32::from_le_bytes([a, b, c, d]));
    if !is_intact(computed, stored) {
        return Err(damaged(&format!("the block at byte {start}"), computed, stored));
    }
    if compression != 0 {
        return Err(format!("the block at byte {start} is compressed (type {compression}), expected type 0"));
    }
    Ok(content)
}

/// Call `each` with the entries of a block. An entry has the length of the prefix that its key shares with the previous
/// key, the rest of the key, and the value.
fn entries<'a>(block: &'a [u8], mut each: impl FnMut(&[u8], &'a [u8]) -> Checked<()>) -> Checked<()> {
    // A block ends with the places of whole keys (restarts) and their number.
    let short = || format!("a block of {} bytes is too short for its list of restarts", block.len());
    let (rest, count) = block.split_last_chunk().ok_or_else(short)?;
    let restarts = (u32::from_le_bytes(*count) as usize).checked_mul(4).ok_or_else(short)?;
    let mut rest = rest.get(..rest.len().checked_sub(restarts).ok_or_else(short)?).ok_or_else(short)?;
    let mut key = Vec::new();
    let mut is_first = true;
    while !rest.is_empty() {
        let (shared, more, length) = (varint(&mut rest)?, varint(&mut rest)?, varint(&mut rest)?);
        if shared > key.len() {
            return Err(format!("a key shares {shared} bytes with the previous key, which has {}", key.len()));
        }
        if shared.saturating_add(more) > MAX_KEY {
            return Err(format!("a key has {} bytes, expected at most {MAX_KEY}", shared.saturating_add(more)));
        }
        let own = take(&mut rest, more)?;
        // A repeated key would take no bytes of the file either, so each must be larger than the previous one.
        if !is_first && key.get(shared..).is_none_or(|before| own <= before) {
            return Err("the keys are not in ascending order, or one is repeated".into());
        }
        is_first = false;
        key.truncate(shared);
        key.extend_from_slice(own);
        each(&key, take(&mut rest, length)?)?;
    }
    Ok(())
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Checked<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or_else(|| truncated("a block", count, bytes.len()))?;
    *bytes = rest;
    Ok(taken)
}

/// Read a number in groups of seven bits, the lowest first.
fn varint(bytes: &mut &[u8]) -> Checked<usize> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or("a block ends within a number")?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return usize::try_from(number).map_err(|error| error.to_string());
        }
    }
    Err("a number has more than 64 bits".into())
}
