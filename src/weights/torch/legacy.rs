//! The format of `torch.save` before version 1.6: five pickles, then the bytes of the storages.
//!
//! The pickles are a magic number, the version of the format, the sizes of numbers on the writer's machine, the state
//! dict, and the keys of the storages. The storages follow in the order of the keys, each as the number of its elements
//! and its bytes.

use std::collections::HashMap;
use std::ops::Range;

use super::cursor::Cursor;
use super::state_dict;
use super::values::{Pickle, Storage, Value};
use crate::error::excerpt;
use crate::weights::index::{Checked, Index};

/// The pickle of the magic number 0x1950a86a20f9469cfc6c.
pub(super) const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// The version in every file of this format.
const VERSION: i64 = 1001;

/// Index the tensors of a file that begins with [`MAGIC`].
pub(super) fn read(file: &[u8]) -> Checked<Index> {
    let rest = file.get(MAGIC.len()..).unwrap_or_default();
    let (version, rest) = Pickle::load_first(rest)?;
    match version.root {
        Value::Int(VERSION) => {}
        Value::Int(other) => return Err(format!("the version of the format is {other}, expected {VERSION}")),
        other => return Err(format!("the version of the format is {}, expected {VERSION}", other.kind())),
    }
    let (system, rest) = Pickle::load_first(rest)?;
    if !is_little_endian(&system) {
        return Err("the file is not marked as little-endian, expected little_endian: True".into());
    }
    let (state, rest) = Pickle::load_first(rest)?;
    let (keys, rest) = Pickle::load_first(rest)?;
    let storages = storages(&state, &keys, rest, file.len() - rest.len())?;
    let place = |storage: &Storage| {
        storages.get(storage.key).cloned().ok_or_else(|| format!("the file lacks the storage {}", excerpt(storage.key)))
    };
    state_dict::read(file, &state, place)
}

fn is_little_endian(system: &Pickle) -> bool {
    let Value::Dict(position) = system.root else { return false };
    let entries = system.dicts.get(position).map(Vec::as_slice).unwrap_or_default();
    entries.iter().any(|entry| matches!(entry, (Value::Str("little_endian"), Value::Bool(true))))
}

/// Return the place of each storage's bytes: `rest`, which begins at `position` of the file, split in the order of
/// `keys`.
fn storages<'a>(
    state: &Pickle<'a>,
    keys: &Pickle<'a>,
    rest: &[u8],
    mut position: usize,
) -> Checked<HashMap<&'a str, Range<usize>>> {
    let mut sizes = HashMap::new();
    for storage in &state.storages {
        let size = storage.dtype.size();
        if let Some(other) = sizes.insert(storage.key, size).filter(|&other| other != size) {
            let key = excerpt(storage.key);
            return Err(format!("storage {key} has elements of two sizes, {other} and {size} bytes"));
        }
    }
    let Value::List(list) = keys.root else {
        return Err(format!("the keys of the storages are {}, expected a list", keys.root.kind()));
    };
    let mut bytes = Cursor::new(rest, "the data of the storages");
    let mut places = HashMap::new();
    for key in keys.lists.get(list).map(Vec::as_slice).unwrap_or_default() {
        let Value::Str(key) = *key else {
            return Err(format!("the key of a storage is {}, expected a text", key.kind()));
        };
        let size = *sizes.get(key).ok_or_else(|| format!("no tensor uses the storage {}", excerpt(key)))?;
        let count = bytes.u64()?;
        let length = usize::try_from(count).ok().and_then(|count| count.checked_mul(size));
        let length =
            length.ok_or_else(|| format!("storage {} claims {count} elements, expected fewer", excerpt(key)))?;
        bytes.take(length)?;
        let start = position + 8;
        position = start + length;
        if places.insert(key, start..position).is_some() {
            return Err(format!("two storages have the key {}", excerpt(key)));
        }
    }
    let end = position + bytes.rest().len();
    if position == end {
        Ok(places)
    } else {
        Err(format!("the last storage ends at byte {position}, expected byte {end}, the end of the file"))
    }
}
