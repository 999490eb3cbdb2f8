//! ELECTRA and DistilBERT on libtorch.
//!
//! ```text
//! folder ──> config ──────────────┐
//!        └─> weights ───────────┐ │
//!                               v v
//! text ──> Batch ──> Inputs ──> encoder ──> head ──> output ──> answer
//! text/              inputs/    encoder/    heads/   outputs    pipelines/
//!                               (layers: nn/; wiring of a family: models/)
//! ```
//!
//! The modules below stand in the order of that flow. Paths and names of models are rust_bert's, numbers are
//! transformers' to 1e-5. Letters in shapes: B batch, S sequence, T packed tokens, H hidden, E embedding, A heads, D head
//! size, F feed-forward, V vocabulary, L labels.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod error;
pub mod files;
pub mod names;

pub mod config;
pub mod resources;
pub mod weights;

pub mod inputs;
pub mod text;

pub mod encoder;
pub mod engine;
pub mod heads;
pub mod nn;

pub mod models;
pub mod outputs;
pub mod pretrained;

pub mod any_model;

pub mod pretraining;

pub mod pipelines;

#[cfg(feature = "python")]
mod bindings;

pub use config::{Config, DistilBertConfig, ElectraConfig};
pub use error::{Error, Result};
pub use models::{distilbert, electra};
pub use nn::Activation;
pub use pretrained::{Pretrained, load};
