//! A checkpoint -> named tensors -> parameters, and back.
//!
//! [`WeightFile`] reads `.safetensors`, `.ot` (as rust_bert, libtorch and oxbert write it), `.bin` and `.pt` of torch,
//! checkpoints of TensorFlow and Flax's `.msgpack`, in one file or in several. The readers are oxbert's own and check
//! every bound, since libtorch's readers are memory-unsafe on bad files. [`WeightSource`] fills the parameters of a
//! model and returns a [`LoadReport`].
//!
//! ```text
//! path -> part (a mapped file) -> format -> safetensors_file, torch, tensorflow, flax -> index (names and places)
//!      -> foreign (other programs' names) -> WeightFile -> names (whose parameter it is), ties -> load -> parameters
//! ```

mod file;
mod flax;
mod foreign;
mod format;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod index;
mod load;
pub mod names;
mod part;
mod raw;
mod safetensors_file;
mod save;
mod shards;
mod source;
mod tensorflow;
pub mod ties;
mod torch;

pub use file::{OpenOptions, WeightFile};
pub use format::FileFormat;
pub use index::Origin;
pub(crate) use load::Fit;
pub use load::{LoadReport, Strictness, Tolerance, Watch};
pub use raw::{Dtype, RawTensor};
pub use safetensors_file::write_safetensors;
pub(crate) use save::stage_variables;
pub use save::{WeightFormat, save_tensors, save_variables};
pub use source::{WeightSource, to_raw, to_tensor};
pub use torch::{write_bin, write_ot};

pub use crate::files::write_atomically;
pub use crate::names::Component;
