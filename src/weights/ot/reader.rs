//! From a module's pickle to the index of its tensors.

use super::container::Container;
use super::values::{Pickle, State, Tensor, Value};
use crate::weights::index::{Checked, Entry, Index, check_name, excerpt};
use crate::weights::raw::byte_count;

/// Deeper than any model; modules nest in recursion here.
const MAX_DEPTH: usize = 64;

/// Attributes that are looked at. Modules that share submodules can describe exponentially many in few bytes.
const MAX_ATTRIBUTES: usize = 1 << 20;

/// Indexes the tensors of an `.ot` file: parameters and buffers, in the order of the pickle.
pub(in crate::weights) fn read(file: &[u8]) -> Checked<Index> {
    let archive = Container::open(file)?;
    let pickle = Pickle::load(archive.module_pickle()?)?;
    let mut reader = Reader { file, archive: &archive, pickle: &pickle, index: Index::default(), attributes: 0 };
    match pickle.root {
        Value::Object(module) => reader.module(module, "", 0)?,
        _ => return Err("its pickle holds no module".into()),
    }
    Ok(reader.index)
}

struct Reader<'a> {
    file: &'a [u8],
    archive: &'a Container<'a>,
    pickle: &'a Pickle<'a>,
    index: Index,
    attributes: usize,
}

impl Reader<'_> {
    /// Adds the tensors of a module and its submodules; `prefix` ends with a dot unless it is empty.
    fn module(&mut self, module: usize, prefix: &str, depth: usize) -> Checked<()> {
        if depth > MAX_DEPTH {
            return Err(format!("its modules are nested more than {MAX_DEPTH} deep"));
        }
        let pickle = self.pickle;
        let attributes = match pickle.objects.get(module) {
            Some(State::Attributes(dict)) => pickle.dicts.get(*dict).map(Vec::as_slice).unwrap_or_default(),
            Some(State::Custom) => {
                let place = if prefix.is_empty() { "the module" } else { prefix.trim_end_matches('.') };
                return Err(format!("{place} can only be restored by code in the file, which is never run"));
            }
            Some(State::Empty) | None => &[],
        };
        for (key, value) in attributes {
            self.attributes += 1;
            if self.attributes > MAX_ATTRIBUTES {
                return Err(format!("its modules have more than {MAX_ATTRIBUTES} attributes"));
            }
            let Value::Str(key) = key else { return Err("an attribute of a module has no name".into()) };
            // Flags, numbers, lists and the like are attributes too, but no weights.
            if !matches!(value, Value::Tensor(_) | Value::Object(_)) {
                continue;
            }
            if key.is_empty() {
                return Err("an attribute of a module has an empty name".into());
            }
            // `TorchScript` allows no dot in a name; tch writes `|` for it.
            let name = format!("{prefix}{}", key.replace('|', "."));
            check_name(&name)?;
            match *value {
                Value::Tensor(tensor) => self.tensor(tensor, name)?,
                Value::Object(module) => self.module(module, &format!("{name}."), depth + 1)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn tensor(&mut self, tensor: usize, name: String) -> Checked<()> {
        let entry = self.locate(tensor, &name).map_err(|reason| format!("tensor {name:?}: {reason}"))?;
        self.index.push(Entry { name, ..entry }, self.file)
    }

    /// Finds a tensor's bytes and proves that every element lies inside its storage.
    fn locate(&self, tensor: usize, name: &str) -> Checked<Entry> {
        let tensor = self.pickle.tensors.get(tensor).ok_or("it is nowhere")?;
        let storage = self.pickle.storages.get(tensor.storage).ok_or("it has no storage")?;
        let record = format!("data/{}", storage.key);
        let (range, _) = self
            .archive
            .record(&record)?
            .ok_or_else(|| format!("the archive lacks its record {}", excerpt(&record)))?;
        let dtype = storage.dtype;
        let count = to_usize(storage.count, "number of elements")?;
        if byte_count(dtype, &[count]).is_none_or(|bytes| bytes > range.len()) {
            return Err(format!("its storage has {count} {dtype} elements, but the record has {} bytes", range.len()));
        }
        let (shape, strides) = shape_and_strides(tensor)?;
        let offset = to_usize(tensor.offset, "offset")?;
        if span(&shape, &strides).and_then(|span| span.checked_add(offset)).is_none_or(|end| end > count) {
            let sizes = format!("shape {shape:?}, strides {strides:?} and offset {offset}");
            return Err(format!("{sizes} reach past its storage of {count} elements"));
        }
        let contiguous = is_contiguous(&shape, &strides);
        if !contiguous && overlaps(&shape, &strides) {
            return Err(format!("shape {shape:?} with strides {strides:?} uses elements twice"));
        }
        // No overflow: the offset is at most `count`, whose bytes fit the record.
        let start = range.start + offset * dtype.size();
        Ok(Entry { name: name.to_string(), dtype, shape, start, strides: (!contiguous).then_some(strides) })
    }
}

fn shape_and_strides(tensor: &Tensor) -> Checked<(Vec<usize>, Vec<usize>)> {
    if tensor.sizes.len() != tensor.strides.len() {
        return Err(format!("it has {} dimensions but {} strides", tensor.sizes.len(), tensor.strides.len()));
    }
    let shape = tensor.sizes.iter().map(|&size| to_usize(size, "size")).collect::<Checked<_>>()?;
    let strides = tensor.strides.iter().map(|&stride| to_usize(stride, "stride")).collect::<Checked<_>>()?;
    Ok((shape, strides))
}

fn to_usize(number: i64, what: &str) -> Checked<usize> {
    usize::try_from(number).map_err(|_| format!("its {what} is {number}"))
}

/// Elements from the first to the last, both included; none where they are too many to count.
fn span(shape: &[usize], strides: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape
        .iter()
        .zip(strides)
        .try_fold(1_usize, |span, (size, stride)| span.checked_add((size - 1).checked_mul(*stride)?))
}

/// Whether the elements lie in row-major order without gaps. Strides of dimensions of one element mean nothing.
fn is_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1_usize;
    shape.contains(&0)
        || shape.iter().zip(strides).rev().filter(|(size, _)| **size > 1).all(|(size, stride)| {
            let fits = *stride == expected;
            expected = expected.saturating_mul(*size);
            fits
        })
}

/// Whether two indices may mean the same element, as in expanded tensors, which would make a copy larger than the
/// file. Layouts that weights have (transposed, sliced) are those where each stride steps over all smaller ones.
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
