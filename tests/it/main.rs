//! Integration tests: what a Rust user sees. One binary, because linking libtorch takes longer than running all of it; the
//! submodules mirror `src/`.

// A test says what it expects by failing where it is not so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
// Where zeros are promised, they are exact.
#![allow(clippy::float_cmp)]

mod common;

mod config;
mod distilbert_weights;
mod dropout;
mod frozen;
mod heads;
mod inputs;
mod interrupt;
mod models;
mod pipelines;
mod pretrained;
mod pretraining;
#[cfg(feature = "remote")]
mod remote;
#[cfg(feature = "remote")]
mod remote_shared;
mod resizing;
mod resources;
#[cfg(feature = "remote")]
mod server;
mod targets;
mod text;
mod training;
mod weights;
