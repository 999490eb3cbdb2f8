//! Names of ELECTRA's and `DistilBERT`'s tensors in other programs -> names in transformers, and which tensors are
//! transposed.
//!
//! A layer of TensorFlow or Flax has the matrix `[in, out]` under the name `kernel`; torch has `[out, in]` under the
//! name `weight`. The index records the order in which to read the elements, so nothing is copied.

pub mod google;

pub(super) mod flax;
pub(super) mod keras;

/// Return torch's name for the last component of a name, and whether the matrix is stored transposed.
fn leaf(name: &str) -> (&str, bool) {
    match name {
        "kernel" => ("weight", true),
        "gamma" | "scale" | "embedding" | "embeddings" => ("weight", false),
        "beta" => ("bias", false),
        other => (other, false),
    }
}
