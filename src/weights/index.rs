//! What an opened weight file holds: for each tensor its name, dtype, shape and where its bytes lie.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use super::raw::{Dtype, RawTensor, byte_count, invalid_boolean};

/// What the readers return: the reason of a refusal is text, to which [`WeightFile`](super::WeightFile) adds the path.
pub(super) type Checked<T> = Result<T, String>;

/// libtorch keeps 64 dimensions at most; the bound also keeps the index as small as the file.
pub(super) const MAX_DIMENSIONS: usize = 64;

/// Tensors may share bytes (tied weights), so that a file can describe more bytes than it has. Past this multiple of
/// its own length it is a bomb.
const MAX_SHARING: usize = 64;

/// Longer than any parameter's name. Together with [`MAX_NAME_BYTES`] it bounds the memory that names can take, which
/// nested modules could otherwise multiply.
const MAX_NAME: usize = 4096;

/// For all names of a file together.
const MAX_NAME_BYTES: usize = 16 << 20;

/// One tensor of a file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    /// Where the first element lies, in bytes from the beginning of the file.
    pub(super) start: usize,
    /// Steps between neighbours along each dimension, in elements; none for a contiguous tensor.
    pub(super) strides: Option<Vec<usize>>,
}

impl Entry {
    /// The tensor's bytes, contiguous: borrowed from the file where they lie so, else copied. None where they lie
    /// outside the file, which [`Index::push`] has ruled out.
    pub(super) fn read<'a>(&self, file: &'a [u8]) -> Option<RawTensor<'a>> {
        let length = byte_count(self.dtype, &self.shape)?;
        let data = match &self.strides {
            None => Cow::Borrowed(file.get(self.start..self.start.checked_add(length)?)?),
            Some(strides) => {
                Cow::Owned(gather(file.get(self.start..)?, self.dtype.size(), &self.shape, strides, length)?)
            }
        };
        Some(RawTensor::trusted(self.dtype, self.shape.clone(), data))
    }
}

/// Copies a strided tensor of `length` bytes in row-major order.
fn gather(data: &[u8], item: usize, shape: &[usize], strides: &[usize], length: usize) -> Option<Vec<u8>> {
    let mut copy = Vec::with_capacity(length);
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

/// The tensors of a file in its order, found by name.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
    bytes: usize,
    name_bytes: usize,
}

impl Index {
    /// Adds a tensor after every check that both formats share. `file` is the whole file.
    pub(super) fn push(&mut self, entry: Entry, file: &[u8]) -> Checked<()> {
        check_name(&entry.name)?;
        let name = entry.name.as_str();
        if entry.shape.len() > MAX_DIMENSIONS {
            let count = entry.shape.len();
            return Err(format!("tensor {name:?} has {count} dimensions, expected at most {MAX_DIMENSIONS}"));
        }
        let length = byte_count(entry.dtype, &entry.shape)
            .ok_or_else(|| format!("tensor {name:?} with shape {:?} is larger than memory can be", entry.shape))?;
        self.bytes = self
            .bytes
            .checked_add(length)
            .filter(|&bytes| bytes <= file.len().saturating_mul(MAX_SHARING))
            .ok_or_else(|| format!("its tensors claim over {MAX_SHARING} times the bytes of the file"))?;
        self.name_bytes += name.len();
        if self.name_bytes > MAX_NAME_BYTES {
            return Err(format!("its tensors' names take over {MAX_NAME_BYTES} bytes"));
        }
        if entry.strides.is_none() || entry.dtype == Dtype::Bool {
            let tensor = entry.read(file).ok_or_else(|| format!("tensor {name:?} lies outside the file"))?;
            if let Some(bad) = invalid_boolean(entry.dtype, tensor.data()) {
                return Err(format!("tensor {name:?}: a bool is stored as {bad}, expected 0 or 1"));
            }
        }
        match self.by_name.entry(entry.name.clone()) {
            Slot::Occupied(_) => return Err(format!("two tensors have the name {name:?}")),
            Slot::Vacant(slot) => slot.insert(self.entries.len()),
        };
        self.entries.push(entry);
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name).and_then(|&position| self.entries.get(position))
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }
}

/// The beginning of a foreign text, for messages: a file may hold one of any length.
pub(super) fn excerpt(text: &str) -> String {
    const LENGTH: usize = 80;
    match text.char_indices().nth(LENGTH) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}...", text.get(..end).unwrap_or_default()),
    }
}

/// What both formats ask of a tensor's name; the writers use it too.
pub(super) fn check_name(name: &str) -> Checked<()> {
    if name.is_empty() {
        return Err("a tensor has an empty name".into());
    }
    if name.len() > MAX_NAME {
        return Err(format!("a tensor's name has {} bytes, expected at most {MAX_NAME}", name.len()));
    }
    // libtorch takes names as C strings.
    if name.contains('\0') {
        return Err(format!("the tensor name {name:?} holds a NUL"));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn entry(name: &str, shape: &[usize], start: usize, strides: Option<Vec<usize>>) -> Entry {
        Entry { name: name.into(), dtype: Dtype::Int8, shape: shape.to_vec(), start, strides }
    }

    #[test]
    fn strided_tensors_are_gathered() {
        let file: Vec<u8> = (0..12).collect();
        let transposed = entry("t", &[3, 2], 1, Some(vec![1, 3]));
        assert_eq!(transposed.read(&file).unwrap().data(), [1, 4, 2, 5, 3, 6]);
        let stepped = entry("s", &[2, 1, 3], 0, Some(vec![6, 99, 2]));
        assert_eq!(stepped.read(&file).unwrap().data(), [0, 2, 4, 6, 8, 10]);
        assert!(entry("empty", &[0, 2], 0, Some(vec![1, 1])).read(&file).unwrap().data().is_empty());
    }

    #[test]
    fn nothing_outside_the_file_is_indexed() {
        let file = [0; 12];
        let mut index = Index::default();
        index.push(entry("a", &[12], 0, None), &file).unwrap();
        for (bad, reason) in [
            (entry("a", &[1], 0, None), "two tensors"),
            (entry("", &[1], 0, None), "empty name"),
            (entry("a\0", &[1], 0, None), "NUL"),
            (entry("b", &[12], 1, None), "outside"),
            (entry("b", &[1], usize::MAX, None), "outside"),
            (entry("b", &[usize::MAX, 2], 0, None), "larger than memory"),
            (entry("b", &[1; 65], 0, None), "dimensions"),
            (entry("b", &[12 * 64], 0, None), "times the bytes"),
        ] {
            let error = index.push(bad, &file).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
