//! Names of transformers' Flax classes.

use super::leaf;
use crate::weights::index::{Checked, Index};

/// Translate the names of a `flax_model.msgpack`, whose paths have been joined with dots.
pub(in crate::weights) fn translate(index: Index) -> Checked<Index> {
    index.renamed(|entry| {
        // The state of a trainer has the parameters under this key.
        let path = entry.name.strip_prefix("params.").unwrap_or(&entry.name);
        let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
        let (last, is_transposed) = leaf(last);
        let name = if parents.is_empty() { last.to_string() } else { format!("{parents}.{last}") };
        Ok(Some((name, is_transposed)))
    })
}
