//! Integration tests of the public Rust API. One binary, because linking libtorch takes longer than running all tests;
//! the modules mirror `src/`.

// A test fails by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
// Promised zeros are exact.
#![allow(clippy::float_cmp)]

mod common;

mod config;
mod distilbert_weights;
mod dropout;
mod examples;
mod frozen;
mod heads;
mod inputs;
mod interrupt;
mod joint;
mod loading;
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
mod rust_bert;
#[cfg(feature = "remote")]
mod server;
mod spans;
mod targets;
mod text;
mod text_pipelines;
mod training;
mod weights;
