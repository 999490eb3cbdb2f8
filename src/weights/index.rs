//! The tensors of an open checkpoint: name, dtype, shape and the place of the bytes.

use std::borrow::Cow;
use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::raw::{Dtype, RawTensor, byte_count, described, invalid_boolean};
use crate::checksum::FETCH_AGAIN;
use crate::error::{Error, Result};
use crate::memory::room;

/// The result of a reader. The error is a reason, to which [`WeightFile`](super::WeightFile) adds the path.
pub(super) type Checked<T> = Result<T, String>;

/// libtorch supports 64 dimensions at most; the bound also keeps the index no larger than the file.
pub(super) const MAX_DIMENSIONS: usize = 64;

/// Tensors may share bytes (tied weights), so a checkpoint can describe more bytes than it has. A file that describes
/// more than this multiple of its length is refused.
const MAX_SHARING: usize = 64;

/// Longer than any parameter's name. This bound and [`MAX_NAME_BYTES`] limit the memory for names, which nested modules
/// could otherwise multiply.
const MAX_NAME: usize = 4096;

/// For all names of a file together.
pub(super) const MAX_NAME_BYTES: usize = 16 << 20;

/// One tensor of a checkpoint.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    /// The file of the checkpoint with the tensor.
    pub(super) part: usize,
    /// The offset of the first element in that file, in bytes.
    pub(super) start: usize,
    /// Steps between neighbours along each dimension, in elements; None for a contiguous tensor.
    pub(super) strides: Option<Vec<usize>>,
    /// The checkpoint's own name and layout, if they differ from torch's.
    pub(super) origin: Option<Origin>,
}

/// The name and the layout of a tensor in the checkpoint of another program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The name in the checkpoint.
    pub name: String,
    /// Whether its two dimensions are stored transposed.
    pub is_transposed: bool,
}

impl Entry {
    pub(super) fn new(name: String, dtype: Dtype, shape: Vec<usize>, start: usize) -> Self {
        Self { name, dtype, shape, part: 0, start, strides: None, origin: None }
    }

    /// Return the same bytes under another name and, if `is_transposed`, with the two dimensions swapped.
    pub(super) fn translated(mut self, name: String, is_transposed: bool) -> Self {
        if is_transposed && let [rows, columns] = self.shape[..] {
            let strides = self.strides.unwrap_or_else(|| vec![columns, 1]);
            self.strides = Some(strides.into_iter().rev().collect());
            self.shape = vec![columns, rows];
        }
        if name != self.name || is_transposed {
            self.origin = Some(Origin { name: std::mem::replace(&mut self.name, name), is_transposed });
        }
        self
    }

    /// Return the range of bytes from the first element to the last, or None if its end overflows.
    pub(super) fn extent(&self) -> Option<Range<usize>> {
        let count = match &self.strides {
            _ if self.shape.contains(&0) => 0,
            None => self.shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size))?,
            Some(strides) => self
                .shape
                .iter()
                .zip(strides)
                .try_fold(1_usize, |span, (size, stride)| span.checked_add((size - 1).checked_mul(*stride)?))?,
        };
        Some(self.start..self.start.checked_add(count.checked_mul(self.dtype.size())?)?)
    }

    /// Return the tensor's bytes, contiguous: borrowed from the file if they are contiguous there, otherwise copied.
    /// None if the bytes lie outside the file, which [`Index::push`] has ruled out.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is no memory for a copy, which may be much larger than the file.
    pub(super) fn read<'a>(&self, file: &'a [u8]) -> Result<Option<RawTensor<'a>>> {
        let bytes = byte_count(self.dtype, &self.shape).and_then(|length| Some((file.get(self.start..)?, length)));
        let Some((bytes, length)) = bytes else { return Ok(None) };
        let data = match &self.strides {
            None => bytes.get(..length).map(Cow::Borrowed),
            Some(strides) => {
                let copy = room(&format!("the tensor {:?}", self.name), length)?;
                gather(bytes, self.dtype.size(), &self.shape, strides, copy, length).map(Cow::Owned)
            }
        };
        Ok(data.map(|data| RawTensor::trusted(self.dtype, self.shape.clone(), data)))
    }
}

/// Copy the `length` bytes of a strided tensor in row-major order into `copy`, which has room for them.
fn gather(
    data: &[u8],
    item: usize,
    shape: &[usize],
    strides: &[usize],
    mut copy: Vec<u8>,
    length: usize,
) -> Option<Vec<u8>> {
    let mut position = vec![0; shape.len()];
    let mut element = 0_usize;
    while copy.len() < length {
        let start = element.checked_mul(item)?;
        copy.extend_from_slice(data.get(start..start.checked_add(item)?)?);
        for dimension in (0..shape.len()).rev() {
            position[dimension] += 1;
            if position[dimension] < shape[dimension] {
                element += strides[dimension];
                break;
            }
            position[dimension] = 0;
            element -= strides[dimension] * (shape[dimension] - 1);
        }
    }
    Some(copy)
}

/// The tensors of a checkpoint in its order, found by name.
#[derive(Debug)]
pub(super) struct Index {
    entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
    /// The number of bytes that further tensors may claim.
    bytes_left: usize,
    name_bytes: usize,
}

impl Index {
    /// Return an empty index of a checkpoint of `length` bytes.
    pub(super) fn new(length: usize) -> Self {
        let bytes_left = length.saturating_mul(MAX_SHARING);
        Self { entries: vec![], by_name: HashMap::new(), bytes_left, name_bytes: 0 }
    }

    /// Add a tensor after the checks that all formats share. `file` is the whole content of the tensor's file.
    pub(super) fn push(&mut self, entry: Entry, file: &[u8]) -> Checked<()> {
        check_name(&entry.name)?;
        let name = entry.name.as_str();
        check_dimensions(entry.shape.len()).map_err(|reason| format!("tensor {name:?}: {reason}"))?;
        let length = byte_count(entry.dtype, &entry.shape)
            .ok_or_else(|| format!("tensor {name:?}: got {}", described(entry.dtype, &entry.shape)))?;
        self.bytes_left = self
            .bytes_left
            .checked_sub(length)
            .ok_or_else(|| format!("the tensors up to {name:?} need over {MAX_SHARING} times the bytes of the file"))?;
        self.name_bytes += name.len();
        if self.name_bytes > MAX_NAME_BYTES {
            return Err(format!("the tensor names take {} bytes, expected at most {MAX_NAME_BYTES}", self.name_bytes));
        }
        let outside = || {
            let (start, length) = (entry.start, file.len());
            format!("tensor {name:?} from byte {start} ends outside the file of {length} bytes; {FETCH_AGAIN}")
        };
        if entry.extent().is_none_or(|extent| extent.end > file.len()) {
            return Err(outside());
        }
        if entry.dtype == Dtype::Bool {
            let tensor = entry.read(file).map_err(|error| error.to_string())?.ok_or_else(outside)?;
            if let Some(bad) = invalid_boolean(entry.dtype, tensor.data()) {
                return Err(format!("tensor {name:?}: a bool is stored as {bad}, expected 0 or 1"));
            }
        }
        self.insert(entry)
    }

    fn insert(&mut self, entry: Entry) -> Checked<()> {
        match self.by_name.entry(entry.name.clone()) {
            Slot::Occupied(_) => return Err(format!("two tensors have the name {:?}", entry.name)),
            Slot::Vacant(slot) => slot.insert(self.entries.len()),
        };
        self.entries.push(entry);
        Ok(())
    }

    /// Add the tensors of file number `part`.
    pub(super) fn absorb(&mut self, other: Self, part: usize) -> Checked<()> {
        other.entries.into_iter().try_for_each(|entry| self.insert(Entry { part, ..entry }))
    }

    /// Return the same tensors under other names, without those for which `rename` returns None.
    pub(super) fn renamed(self, rename: impl Fn(&Entry) -> Checked<Option<(String, bool)>>) -> Checked<Self> {
        let mut renamed = Self { entries: vec![], by_name: HashMap::new(), ..self };
        for entry in self.entries {
            if let Some((name, is_transposed)) = rename(&entry)? {
                check_name(&name)?;
                renamed.insert(entry.translated(name, is_transposed))?;
            }
        }
        Ok(renamed)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name).and_then(|&position| self.entries.get(position))
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }
}

/// Return the reason to refuse a file that ends within `what`, `got` bytes before its next `expected` bytes are
/// complete.
pub(super) fn truncated(what: &str, expected: usize, got: usize) -> String {
    format!("{what} is truncated: got {got} of the next {expected} bytes; {FETCH_AGAIN}")
}

/// Check the number of dimensions. A file may claim any number, so this comes before a message with the shape.
pub(super) fn check_dimensions(count: usize) -> Checked<()> {
    if count > MAX_DIMENSIONS {
        return Err(format!("got {count} dimensions, expected at most {MAX_DIMENSIONS}"));
    }
    Ok(())
}

/// Check a tensor's name against the rules of all formats, for readers and writers.
pub(super) fn check_name(name: &str) -> Checked<()> {
    if name.is_empty() {
        return Err("a tensor has an empty name".into());
    }
    if name.len() > MAX_NAME {
        return Err(format!("a tensor's name has {} bytes, expected at most {MAX_NAME}", name.len()));
    }
    // libtorch takes names as C strings.
    if name.contains('\0') {
        return Err(format!("the tensor name {name:?} contains a NUL character"));
    }
    Ok(())
}

/// Refuse names that a writer must not write: repeated ones, and those that break the rules of all formats.
pub(super) fn check_names(tensors: &[(&str, RawTensor<'_>)]) -> Result<()> {
    let mut seen = HashSet::new();
    for (name, _) in tensors {
        check_name(name).map_err(|reason| Error::input("tensors", reason))?;
        if !seen.insert(*name) {
            return Err(Error::input("tensors", format!("two tensors have the name {name:?}")));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn entry(name: &str, shape: &[usize], start: usize, strides: Option<Vec<usize>>) -> Entry {
        Entry { strides, ..Entry::new(name.into(), Dtype::Int8, shape.to_vec(), start) }
    }

    #[test]
    fn strided_tensors_are_gathered() {
        let file: Vec<u8> = (0..12).collect();
        let transposed = entry("t", &[3, 2], 1, Some(vec![1, 3]));
        assert_eq!(transposed.read(&file).unwrap().unwrap().data(), [1, 4, 2, 5, 3, 6]);
        let stepped = entry("s", &[2, 1, 3], 0, Some(vec![6, 99, 2]));
        assert_eq!(stepped.read(&file).unwrap().unwrap().data(), [0, 2, 4, 6, 8, 10]);
        assert!(entry("empty", &[0, 2], 0, Some(vec![1, 1])).read(&file).unwrap().unwrap().data().is_empty());
    }

    #[test]
    fn a_copy_that_takes_more_than_there_is_is_refused() {
        // A stride of 0 repeats an element any number of times.
        for shape in [vec![1 << 60], vec![1 << 45, 1 << 10], vec![3, 1 << 50]] {
            let bytes = shape.iter().product::<usize>();
            let error = entry("wide", &shape, 0, Some(vec![0; shape.len()])).read(&[7]).unwrap_err();
            let found = matches!(&error, Error::Memory { what, bytes: got } if what.contains("wide") && *got == bytes);
            assert!(found, "{error}");
        }
    }

    #[test]
    fn kernels_are_transposed_without_a_copy() {
        let file: Vec<u8> = (0..6).collect();
        let kernel = entry("kernel", &[2, 3], 0, None).translated("weight".into(), true);
        assert_eq!(
            (&*kernel.shape, kernel.read(&file).unwrap().unwrap().data()),
            (&[3, 2][..], &[0, 3, 1, 4, 2, 5][..])
        );
        assert_eq!(kernel.origin.clone().unwrap(), Origin { name: "kernel".into(), is_transposed: true });
        let back = kernel.translated("kernel".into(), true);
        assert_eq!(back.read(&file).unwrap().unwrap().data(), &*file);
        assert_eq!(entry("a", &[2], 0, None).translated("a".into(), false).origin, None);
    }

    #[test]
    fn entries_outside_the_file_are_refused() {
        let file = [0; 12];
        let mut index = Index::new(file.len());
        index.push(entry("a", &[12], 0, None), &file).unwrap();
        for (bad, reason) in [
            (entry("a", &[1], 0, None), "two tensors"),
            (entry("", &[1], 0, None), "empty name"),
            (entry("a\0", &[1], 0, None), "NUL"),
            (entry("b", &[12], 1, None), "from byte 1 ends outside the file of 12 bytes"),
            (entry("b", &[1], usize::MAX, None), "outside"),
            (entry("b", &[usize::MAX, 2], 0, None), "more bytes than memory can address"),
            (entry("b", &[1; 65], 0, None), "dimensions"),
            (entry("b", &[12 * 64], 0, None), "times the bytes"),
            (entry("b", &[3, 4], 1, Some(vec![1, 3])), "outside"),
        ] {
            let error = index.push(bad, &file).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
