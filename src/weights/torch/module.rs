//! The pickle of a `TorchScript` module -> the index of its tensors.

use super::container::Container;
use super::values::{Pickle, State, Value};
use crate::weights::index::{Checked, Index, check_name};

/// Deeper than any model. The reader calls itself once per level.
const MAX_DEPTH: usize = 64;

/// The most attributes that are read. A few bytes can describe exponentially many, in modules that share submodules.
const MAX_ATTRIBUTES: usize = 1 << 20;

/// Index the tensors of a module: parameters and buffers, in the order of the pickle.
pub(super) fn read(file: &[u8], archive: &Container, pickle: &Pickle) -> Checked<Index> {
    let mut reader = Reader { file, archive, pickle, index: Index::new(file.len()), attributes: 0 };
    match pickle.root {
        Value::Object(module) => reader.module(module, "", 0)?,
        other => return Err(format!("the pickle holds {}, expected a module", other.kind())),
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
    /// Add the tensors of a module and its submodules; `prefix` ends with a dot unless it is empty.
    fn module(&mut self, module: usize, prefix: &str, depth: usize) -> Checked<()> {
        if depth > MAX_DEPTH {
            return Err(format!("modules are nested more than {MAX_DEPTH} levels deep"));
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
                return Err(format!("the modules have more than {MAX_ATTRIBUTES} attributes"));
            }
            let Value::Str(key) = key else {
                return Err(format!("the name of a module's attribute is {}, expected a text", key.kind()));
            };
            // Other attributes, such as flags, numbers and lists, are not weights.
            if !matches!(value, Value::Tensor(_) | Value::Object(_)) {
                continue;
            }
            if key.is_empty() {
                return Err("an attribute of a module has an empty name".into());
            }
            // `TorchScript` allows no dot in a name, so tch writes `|` instead.
            let name = format!("{prefix}{}", key.replace('|', "."));
            check_name(&name)?;
            match *value {
                Value::Tensor(tensor) => self.tensor(tensor, &name)?,
                Value::Object(module) => self.module(module, &format!("{name}."), depth + 1)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn tensor(&mut self, tensor: usize, name: &str) -> Checked<()> {
        let entry = self.pickle.locate(tensor, name, |storage| self.archive.storage(storage))?;
        self.index.push(entry, self.file)
    }
}
