//! Checkpoints of TensorFlow: `model.ckpt-N.index`, a sorted table of places in `model.ckpt-N.data-*`.
//!
//! An installation of TensorFlow takes 600 MB, so the format is read here: bytes -> [`table`] (keys and values) ->
//! [`bundle`] (tensors).

mod bundle;
mod table;

#[cfg(test)]
mod tests;

pub(super) use bundle::Bundle;
pub(super) use table::is_table as is_index;
