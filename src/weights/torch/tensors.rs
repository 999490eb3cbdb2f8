//! A tensor of a pickle -> its place in the file.

use std::ops::Range;

use super::values::{Pickle, Storage, Tensor};
use crate::weights::index::{Checked, Entry};
use crate::weights::raw::byte_count;

impl Pickle<'_> {
    /// Find a tensor's bytes and check that every element lies inside its storage, whose place `storage` returns.
    pub(super) fn locate(
        &self,
        tensor: usize,
        name: &str,
        storage: impl Fn(&Storage) -> Checked<Range<usize>>,
    ) -> Checked<Entry> {
        let place = || -> Checked<Entry> {
            let tensor = self.tensors.get(tensor).ok_or("the pickle does not describe the tensor")?;
            let own = self.storages.get(tensor.storage).ok_or("the pickle does not describe the tensor's storage")?;
            within(tensor, own, storage(own)?, name)
        };
        place().map_err(|reason| format!("tensor {name:?}: {reason}"))
    }
}

fn within(tensor: &Tensor, storage: &Storage, range: Range<usize>, name: &str) -> Checked<Entry> {
    let dtype = storage.dtype;
    let count = to_usize(storage.count, "number of elements")?;
    if byte_count(dtype, &[count]).is_none_or(|bytes| bytes > range.len()) {
        return Err(format!("the storage has {count} {dtype} elements, but the record has {} bytes", range.len()));
    }
    let (shape, strides) = shape_and_strides(tensor)?;
    let offset = to_usize(tensor.offset, "offset")?;
    if span(&shape, &strides).and_then(|span| span.checked_add(offset)).is_none_or(|end| end > count) {
        let sizes = format!("shape {shape:?}, strides {strides:?} and offset {offset}");
        return Err(format!("{sizes} reach past the storage of {count} elements"));
    }
    let contiguous = is_contiguous(&shape, &strides);
    if !contiguous && overlaps(&shape, &strides) {
        return Err(format!("shape {shape:?} with strides {strides:?} uses elements twice"));
    }
    // No overflow: the offset is at most `count`, whose bytes fit the record.
    let start = range.start + offset * dtype.size();
    let entry = Entry::new(name.to_string(), dtype, shape, start);
    Ok(Entry { strides: (!contiguous).then_some(strides), ..entry })
}

fn shape_and_strides(tensor: &Tensor) -> Checked<(Vec<usize>, Vec<usize>)> {
    if tensor.sizes.len() != tensor.strides.len() {
        return Err(format!("got {} dimensions but {} strides", tensor.sizes.len(), tensor.strides.len()));
    }
    let shape = tensor.sizes.iter().map(|&size| to_usize(size, "size")).collect::<Checked<_>>()?;
    let strides = tensor.strides.iter().map(|&stride| to_usize(stride, "stride")).collect::<Checked<_>>()?;
    Ok((shape, strides))
}

fn to_usize(number: i64, what: &str) -> Checked<usize> {
    usize::try_from(number).map_err(|_| format!("the {what} is {number}, expected 0 or more"))
}

/// Return the number of elements from the first to the last, both included, or None if the number overflows.
fn span(shape: &[usize], strides: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape
        .iter()
        .zip(strides)
        .try_fold(1_usize, |span, (size, stride)| span.checked_add((size - 1).checked_mul(*stride)?))
}

/// Return whether the elements lie in row-major order without gaps. The stride of a dimension of size 1 has no effect.
fn is_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1_usize;
    shape.contains(&0)
        || shape.iter().zip(strides).rev().filter(|(size, _)| **size > 1).all(|(size, stride)| {
            let fits = *stride == expected;
            expected = expected.saturating_mul(*size);
            fits
        })
}

/// Return whether two indices may address the same element, as in an expanded tensor, whose copy would be larger than
/// the file. In a transposed or sliced weight, each stride steps over all elements that the smaller strides reach.
fn overlaps(shape: &[usize], strides: &[usize]) -> bool {
    let mut dimensions: Vec<_> =
        strides.iter().zip(shape).filter(|(_, size)| **size > 1).map(|(stride, size)| (*stride, *size)).collect();
    dimensions.sort_unstable();
    let mut span = 1_usize;
    dimensions.into_iter().any(|(stride, size)| {
        let collides = stride < span;
        span = span.saturating_add(stride.saturating_mul(size - 1));
        collides
    })
}
