//! A file -> named tensors -> parameters, and back.
//!
//! In: `.ot` (rust_bert's, libtorch's, ours) and `.safetensors` files, read by bounds-checked readers of our own
//! ([`WeightFile`]): libtorch's reader of `.ot` is memory-unsafe on bad files. Out: the parameters of a model, with a
//! [`LoadReport`]. Foreign names become ours in [`names`], shared parameters are known to [`ties`].

mod atomic;
mod file;
mod index;
mod load;
pub mod names;
mod ot;
mod raw;
mod safetensors_file;
mod save;
mod source;
pub mod ties;

#[cfg(feature = "remote")]
pub(crate) use atomic::settle;
pub use atomic::write_atomically;
pub use file::WeightFile;
pub use load::{LoadReport, Strictness};
pub use ot::write_ot;
pub use raw::{Dtype, RawTensor};
pub use safetensors_file::write_safetensors;
pub use save::{WeightFormat, save_tensors, save_variables};
pub use source::{WeightSource, to_raw, to_tensor};
