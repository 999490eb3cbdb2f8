//! oxbert
#![allow(missing_docs)]
pub mod error;
pub use error::{Error, Result};
