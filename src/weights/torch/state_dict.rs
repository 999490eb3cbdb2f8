//! The pickle of a state dict, as `torch.save` writes it -> the index of its tensors.

use std::ops::Range;

use super::values::{Pickle, Storage, Value};
use crate::error::excerpt;
use crate::weights::index::{Checked, Index, check_name};

/// The keys under which a training checkpoint has the weights, beside the state of its optimizer.
const INSIDE: [&str; 2] = ["state_dict", "model_state_dict"];

/// Index the tensors of a state dict, in the order of the pickle. `storage` returns the place of a storage's bytes.
pub(super) fn read(
    file: &[u8],
    pickle: &Pickle,
    storage: impl Fn(&Storage) -> Checked<Range<usize>>,
) -> Checked<Index> {
    let mut index = Index::new(file.len());
    for &(name, value) in weights(pickle)? {
        let (Value::Str(name), Value::Tensor(tensor)) = (name, value) else {
            let place =
                if let Value::Str(name) = name { excerpt(name) } else { format!("a key that is {}", name.kind()) };
            return Err(format!("expected tensors by name, got {} at {place}", value.kind()));
        };
        check_name(name)?;
        index.push(pickle.locate(tensor, name, &storage)?, file)?;
    }
    Ok(index)
}

/// Return the dictionary of the weights.
fn weights<'a>(pickle: &'a Pickle<'a>) -> Checked<&'a [(Value<'a>, Value<'a>)]> {
    let dict = |value: Value| match value {
        Value::Dict(position) => pickle.dicts.get(position).map(Vec::as_slice),
        _ => None,
    };
    let root =
        dict(pickle.root).ok_or_else(|| format!("expected a dictionary of tensors, got {}", pickle.root.kind()))?;
    let is_inside = |key: Value| matches!(key, Value::Str(name) if INSIDE.contains(&name));
    let inside = root.iter().filter(|(key, _)| is_inside(*key)).find_map(|(_, value)| dict(*value));
    Ok(inside.unwrap_or(root))
}
