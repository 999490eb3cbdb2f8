//! Other programs' names of ELECTRA's and `DistilBERT`'s tensors -> transformers' names, and which tensors are
//! transposed.
//!
//! A layer of TensorFlow or Flax keeps its matrix `[in, out]` and calls it `kernel`; torch keeps `[out, in]` and calls
//! it `weight`. The index records the order in which to read the numbers, so nothing is copied.

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
