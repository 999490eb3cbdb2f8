//! Other programs' names of ELECTRA's and `DistilBERT`'s tensors -> transformers' names, and what is transposed.
//!
//! A layer of TensorFlow or Flax keeps its matrix `[in, out]` and calls it `kernel`; torch keeps `[out, in]` and calls it
//! `weight`. Nothing is copied for that: the index says in which order the numbers are to be read.

pub mod google;

pub(super) mod flax;
pub(super) mod keras;

/// The last component of a name: what it is in torch, and whether it is stored the other way round.
fn leaf(name: &str) -> (&str, bool) {
    match name {
        "kernel" => ("weight", true),
        "gamma" | "scale" | "embedding" | "embeddings" => ("weight", false),
        "beta" => ("bias", false),
        other => (other, false),
    }
}
