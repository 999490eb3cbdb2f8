//! Layers: tensors in, tensors out. Layers know no configuration, file or text.
//!
//! In: parameters under a path ([`Parameters`]) and packed hidden states `[T, H]`. Out: new hidden states `[T, H]`.
//! [`crate::encoder`] builds an encoder from the layers.

mod activation;
mod attention;
mod buckets;
mod dropout;
mod embedding;
mod intercept;
mod layer_norm;
mod layout;
mod linear;
mod noise;
mod options;
mod parameters;
pub(crate) mod precision;
mod projections;
mod ragged;
mod slices;

pub use activation::Activation;
pub use attention::{Attended, Attention, AttentionNames};
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use intercept::{Intercept, LayerCall, LayerOutput, LinearCall, PreparedLayer};
pub use layer_norm::LayerNorm;
pub(crate) use layer_norm::norms;
pub use layout::{Group, Layout, Pooling};
pub use linear::Linear;
pub use noise::{Key, Noise, Segment};
pub use options::{Direction, ForwardOptions};
pub(crate) use parameters::Arithmetic;
pub use parameters::{Initial, Parameters, Values};
pub use projections::Projections;
pub(crate) use slices::{integers, table, values, values_mut, zeros};
