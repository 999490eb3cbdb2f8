//! Layers: tensors in, tensors out. Nothing here knows a configuration, a file or a text.
//!
//! In: parameters under a path ([`Parameters`]) and packed hidden states `[T, H]`. Out: the same with other numbers.
//! [`crate::encoder`] puts them together.

mod activation;
mod attention;
mod dropout;
mod embedding;
mod layer_norm;
mod layout;
mod linear;
mod noise;
mod options;
mod parameters;
mod projections;

pub use activation::Activation;
pub use attention::{Attended, Attention, AttentionNames};
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use layer_norm::LayerNorm;
pub use layout::{Group, Layout, Pooling};
pub use linear::Linear;
pub use noise::{Key, Noise, Segment};
pub use options::{Direction, ForwardOptions};
pub use parameters::{Initial, Parameters, Values};
pub use projections::Projections;
