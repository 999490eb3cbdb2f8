//! ELECTRA and DistilBERT on libtorch.
//!
//! ```text
//! folder ──> config ──────────────┐
//!        └─> weights ───────────┐ │      (brought together in pretrained)
//!                               v v
//! text ──> Batch ──> Inputs ──> encoder ──> head ──> output ──> answer
//! text/              inputs/    encoder/    heads/   outputs    pipelines/
//!                               engine/
//! ```
//!
//! The modules are declared from the ground floor up: each one imports only those above it. Paths and names of models are
//! rust_bert's, numbers are transformers' to 1e-5. Letters in shapes: B batch, S sequence, T packed tokens, H hidden,
//! E embedding, A heads, D head size, F feed-forward, V vocabulary, L labels.
//!
//! From a text to an answer, on a model that threads share without a lock ([`pretrained`] says what is `Send` and `Sync`):
//!
//! ```
//! use oxbert::electra::ElectraDiscriminator;
//! use oxbert::text::{Batch, ElectraTokenizer};
//! use oxbert::{Frozen, weights::Strictness};
//!
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/python/oxbert/bundled/electra-tiny-discriminator");
//! # if !std::path::Path::new(folder).is_dir() { return Ok(()); }
//! let tokenizer = ElectraTokenizer::from_pretrained(folder)?;
//! let model = Frozen::<ElectraDiscriminator>::from_folder(folder, tch::Device::Cpu, Strictness::Everything)?;
//! let batch = Batch::from_texts(&tokenizer, &["Returns the number of elements.", "Return a copy."])?;
//! assert_eq!(model.predict(&batch)?.probabilities.size(), [2, 8]);
//! # Ok::<(), oxbert::Error>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

// The ground floor: what every room may use. Blank lines keep the order of the declarations.
pub mod error;

pub mod interrupt;

mod memory;

mod checksum;

pub mod files;

pub mod names;

mod kernels;

pub mod nn;

// A folder -> a configuration and named tensors.
pub mod config;

pub mod resources;

pub mod weights;

// Text -> the inputs of a model.
pub mod text;

pub mod inputs;

// Inputs -> hidden states -> outputs.
pub mod encoder;

pub mod engine;

pub mod outputs;

pub mod heads;

pub mod models;

// Everything together: models with their weights, pre-training, and answers.
pub mod pretrained;

pub mod any_model;

pub mod records;

pub mod pretraining;

pub mod pipelines;

#[cfg(feature = "python")]
mod bindings;

/// The guide, whose blocks are compiled as tests.
#[cfg(all(doctest, feature = "remote"))]
#[doc = include_str!("../docs/rust.md")]
struct Guide;

pub use config::{Config, DistilBertConfig, ElectraConfig};
pub use error::{Error, Result, RustBertError};
pub use models::{distilbert, electra};
pub use nn::Activation;
pub use pretrained::{Frozen, Pretrained, load, load_with};
