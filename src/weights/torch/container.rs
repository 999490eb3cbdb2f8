//! The zip archive of torch: named records, checked against their checksums.
//!
//! The `zip` crate does not fit, for three reasons. It takes the last of two equal names and accepts overlapping
//! entries and bytes around the archive, whereas such a weight file must be refused. It gives no checked range from
//! which tensors could be borrowed. It supports all of zip, whereas only stored entries are needed.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::ops::Range;

use super::cursor::Cursor;
use super::values::Storage;
use crate::checksum::{FETCH_AGAIN, crc32, damaged, is_intact};
use crate::error::{Result, excerpt};
use crate::weights::index::Checked;

pub(super) const LOCAL_SIGNATURE: u32 = 0x0403_4b50;
pub(super) const CENTRAL_SIGNATURE: u32 = 0x0201_4b50;
pub(super) const END_SIGNATURE: u32 = 0x0605_4b50;
pub(super) const END64_SIGNATURE: u32 = 0x0606_4b50;
pub(super) const LOCATOR64_SIGNATURE: u32 = 0x0706_4b50;
/// The extra field for sizes and offsets of more than 32 bits.
pub(super) const ZIP64_EXTRA: u16 = 1;
/// The value of a 32-bit field whose number is in the zip64 record.
pub(super) const SEE_ZIP64: u32 = u32::MAX;

const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
const END_BYTES: usize = 22;
const END64_BYTES: usize = 56;
const LOCATOR64_BYTES: usize = 20;
const ENCRYPTED: u16 = 1;
const STORED: u16 = 0;

/// The records of an archive. Only stored (uncompressed) records can be read.
pub(super) struct Container<'a> {
    file: &'a [u8],
    /// The folder of all records, e.g. `archive/`.
    prefix: &'a str,
    records: HashMap<&'a str, Record>,
}

struct Record {
    range: Range<usize>,
    checksum: u32,
    stored: bool,
}

/// The place and the length of the list of entries.
struct Directory {
    range: Range<usize>,
    entries: usize,
}

impl<'a> Container<'a> {
    /// Read the list of records. Their content is not verified: see [`Self::find_damage`].
    pub(super) fn open(file: &'a [u8]) -> Checked<Self> {
        let directory = find_directory(file)?;
        let bytes = file.get(directory.range.clone()).ok_or("the zip directory lies outside the file")?;
        let mut cursor = Cursor::new(bytes, "the zip directory");
        let mut records = HashMap::new();
        let mut spans = Vec::new();
        let mut first = None;
        while !cursor.is_empty() {
            let (name, header, record) = read_entry(&mut cursor, file, directory.range.start)?;
            first.get_or_insert(name);
            spans.push((header, record.range.end));
            match records.entry(name) {
                Slot::Occupied(_) => return Err(format!("two zip entries have the name {name:?}")),
                Slot::Vacant(slot) => slot.insert(record),
            };
        }
        if records.len() != directory.entries {
            return Err(format!("the zip directory has {} entries, expected {}", records.len(), directory.entries));
        }
        // Entries that share bytes would let a small file claim a large content and a long time to check it.
        spans.sort_unstable();
        if let Some((left, right)) = spans.iter().zip(spans.iter().skip(1)).find(|(left, right)| left.1 > right.0) {
            return Err(format!(
                "two zip entries overlap: one ends at byte {}, the next begins at {}",
                left.1, right.0
            ));
        }
        // libtorch takes the folder from the first entry too.
        let prefix = first.and_then(|name| name.find('/').and_then(|slash| name.get(..=slash))).unwrap_or_default();
        Ok(Self { file, prefix, records })
    }

    /// Verify every stored record. `Some` is the reason to refuse one. No two records overlap, so that every byte is read
    /// at most once.
    ///
    /// # Errors
    /// The errors of [`interrupt::go_on`](crate::interrupt::go_on).
    pub(super) fn find_damage(&self) -> Result<Option<String>> {
        for (name, record) in &self.records {
            let Some(content) = self.file.get(record.range.clone()) else {
                return Ok(Some("a zip entry lies outside the archive".into()));
            };
            if record.stored {
                let checksum = crc32(content)?;
                if !is_intact(checksum, record.checksum) {
                    return Ok(Some(damaged(&format!("zip entry {name:?}"), checksum, record.checksum)));
                }
            }
        }
        Ok(None)
    }

    /// Return the content of a stored record, named without the archive's folder, or None if there is no such record.
    pub(super) fn record(&self, name: &str) -> Checked<Option<(Range<usize>, &'a [u8])>> {
        let Some(record) = self.records.get(format!("{}{name}", self.prefix).as_str()) else { return Ok(None) };
        if !record.stored {
            return Err(format!("record {} is compressed, expected it uncompressed, as torch writes", excerpt(name)));
        }
        let bytes = self.file.get(record.range.clone()).ok_or("a record lies outside the file")?;
        Ok(Some((record.range.clone(), bytes)))
    }

    /// Return the place of a storage's bytes.
    pub(super) fn storage(&self, storage: &Storage) -> Checked<Range<usize>> {
        let name = format!("data/{}", storage.key);
        let record = self.record(&name)?.ok_or_else(|| format!("the archive lacks the record {}", excerpt(&name)))?;
        Ok(record.0)
    }

    /// Return whether `torch.jit` wrote the archive: only `torch.jit` puts code beside the data.
    pub(super) fn is_module(&self) -> Checked<bool> {
        let code = format!("{}code/", self.prefix);
        Ok(self.record("constants.pkl")?.is_some() || self.records.keys().any(|name| name.starts_with(&code)))
    }

    /// Return the pickle, after checking that torch wrote the archive.
    pub(super) fn pickle(&self) -> Checked<&'a [u8]> {
        let Some((_, pickle)) = self.record("data.pkl")? else {
            let numpy = self.records.keys().any(|name| name.strip_suffix(".npy").is_some());
            let what = if numpy { "a NumPy archive (.npz)" } else { "a zip archive without a data.pkl" };
            return Err(format!("got {what}, expected a checkpoint of torch"));
        };
        match self.record("byteorder")? {
            None | Some((_, b"little")) => Ok(pickle),
            Some((_, other)) => {
                let other = String::from_utf8_lossy(other.get(..other.len().min(16)).unwrap_or_default());
                Err(format!("the byte order is {other:?}, expected \"little\""))
            }
        }
    }
}

/// Find the list of entries through the end record. The end record must be the file's last bytes, with the list right
/// before it.
fn find_directory(file: &[u8]) -> Checked<Directory> {
    let incomplete = || {
        let cause = "the file is truncated, or other bytes follow the archive";
        format!("the zip archive does not end with the file: {cause}; {FETCH_AGAIN}")
    };
    let end_start = file.len().checked_sub(END_BYTES).ok_or_else(incomplete)?;
    let mut end = Cursor::new(file.get(end_start..).ok_or_else(incomplete)?, "the zip end record");
    if end.u32()? != END_SIGNATURE {
        return Err(incomplete());
    }
    let disks = (end.u16()?, end.u16()?);
    let (here, entries) = (end.u16()?, end.u16()?);
    let (size, start) = (end.u32()?, end.u32()?);
    if disks != (0, 0) || here != entries || end.u16()? != 0 {
        return Err("the zip archive is split or has a comment, which libtorch never writes".into());
    }
    let (directory_end, entries, size, start) = match find_zip64(file, end_start)? {
        Some((end64, entries64, size64, start64)) => {
            let agrees = |small: u32, large: u64| small == SEE_ZIP64 || u64::from(small) == large;
            if (entries != u16::MAX && u64::from(entries) != entries64)
                || !agrees(size, size64)
                || !agrees(start, start64)
            {
                return Err("the zip and the zip64 end record have different numbers".into());
            }
            (end64, entries64, size64, start64)
        }
        None => (end_start, u64::from(entries), u64::from(size), u64::from(start)),
    };
    let (start, size) = (to_usize(start)?, to_usize(size)?);
    if start.checked_add(size) != Some(directory_end) {
        return Err(format!(
            "the zip directory of {size} bytes from byte {start} does not end at byte {directory_end}"
        ));
    }
    Ok(Directory { range: start..directory_end, entries: to_usize(entries)? })
}

/// Read the zip64 end record, which libtorch writes into small archives too. Return the place of the record, the number
/// of entries, and the size and the place of their list.
fn find_zip64(file: &[u8], end_start: usize) -> Checked<Option<(usize, u64, u64, u64)>> {
    let Some(locator_start) = end_start.checked_sub(LOCATOR64_BYTES) else { return Ok(None) };
    let mut locator = Cursor::new(file.get(locator_start..end_start).unwrap_or_default(), "the zip64 locator");
    if locator.u32()? != LOCATOR64_SIGNATURE {
        return Ok(None);
    }
    let disk = locator.u32()?;
    let start = to_usize(locator.u64()?)?;
    let absent = || format!("byte {start}, to which the zip64 locator points, is not the zip64 end record before it");
    if disk != 0 || locator.u32()? != 1 || start.checked_add(END64_BYTES) != Some(locator_start) {
        return Err(absent());
    }
    let mut end = Cursor::new(file.get(start..locator_start).unwrap_or_default(), "the zip64 end record");
    if end.u32()? != END64_SIGNATURE || end.u64()? != END64_BYTES as u64 - 12 {
        return Err(absent());
    }
    end.take(4)?;
    let disks = (end.u32()?, end.u32()?);
    let (here, entries) = (end.u64()?, end.u64()?);
    if disks != (0, 0) || here != entries {
        return Err("the zip archive is split, which libtorch never writes".into());
    }
    Ok(Some((start, entries, end.u64()?, end.u64()?)))
}

/// Read one entry of the list. Return the name, the place of the entry's own header, and the record.
fn read_entry<'a>(cursor: &mut Cursor<'a>, file: &[u8], limit: usize) -> Checked<(&'a str, usize, Record)> {
    let mut header = Cursor::new(cursor.take(CENTRAL_BYTES)?, "a zip entry");
    let signature = header.u32()?;
    if signature != CENTRAL_SIGNATURE {
        return Err(format!("a zip entry begins with {signature:#010x}, expected {CENTRAL_SIGNATURE:#010x}"));
    }
    header.take(4)?;
    let (flags, method) = (header.u16()?, header.u16()?);
    header.take(4)?;
    let checksum = header.u32()?;
    let (packed, size) = (header.u32()?, header.u32()?);
    let (name_length, extra_length, comment_length) = (header.u16()?, header.u16()?, header.u16()?);
    header.take(8)?;
    let start = header.u32()?;
    let name = cursor.string(usize::from(name_length))?;
    let extra = cursor.take(usize::from(extra_length))?;
    cursor.take(usize::from(comment_length))?;
    let [size, packed, start] = widen(extra, [size, packed, start])?;
    if flags & ENCRYPTED != 0 {
        return Err(format!("zip entry {name:?} is encrypted, expected no encryption"));
    }
    let stored = method == STORED;
    if stored && size != packed {
        return Err(format!("zip entry {name:?} is stored in {packed} bytes, expected {size}"));
    }
    let outside = || format!("zip entry {name:?} at byte {start} lies outside the archive, whose data end at {limit}");
    let mut local = Cursor::new(file.get(start..limit).ok_or_else(outside)?, "a zip entry's header");
    if local.u32()? != LOCAL_SIGNATURE {
        return Err(format!("zip entry {name:?} has no header at byte {start}, its place in the zip directory"));
    }
    local.take(4)?;
    let local_method = local.u16()?;
    local.take(16)?;
    let (local_name_length, local_extra_length) = (local.u16()?, local.u16()?);
    if local_method != method || local.take(usize::from(local_name_length))? != name.as_bytes() {
        return Err(format!("zip entry {name:?} has a different name or method in its own header"));
    }
    let data = start + LOCAL_BYTES + usize::from(local_name_length) + usize::from(local_extra_length);
    let end = data.checked_add(packed).filter(|&end| end <= limit).ok_or_else(outside)?;
    Ok((name, start, Record { range: data..end, checksum, stored }))
}

/// Replace the numbers that do not fit 32 bits by those of the zip64 extra field, which lists only these, in order.
fn widen(extra: &[u8], numbers: [u32; 3]) -> Checked<[usize; 3]> {
    let mut wide = Cursor::new(&[], "the zip64 extra field");
    let mut fields = Cursor::new(extra, "a zip entry's extra field");
    while !fields.is_empty() {
        let (kind, length) = (fields.u16()?, fields.u16()?);
        let content = fields.take(usize::from(length))?;
        if kind == ZIP64_EXTRA {
            wide = Cursor::new(content, "the zip64 extra field");
        }
    }
    let mut widened = [0; 3];
    for (number, widened) in numbers.into_iter().zip(&mut widened) {
        *widened = to_usize(if number == SEE_ZIP64 { wide.u64()? } else { u64::from(number) })?;
    }
    Ok(widened)
}

fn to_usize(number: u64) -> Checked<usize> {
    usize::try_from(number).map_err(|_| format!("a size or offset in the zip archive is {number}, expected less"))
}
