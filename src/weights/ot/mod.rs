//! `.ot` files: zip archives in the `TorchScript` format, as tch, `rust_bert` and `torch.jit.save` write them.
//!
//! libtorch's own reader trusts what it reads: an archive whose record is shorter than its tensor crashes the process
//! long after loading, and code inside an archive is run. So the format is read and written here, in the order
//! bytes -> [`container`] (records) -> [`pickle`] ([`values`]) -> [`reader`] (tensors).

mod container;
mod cursor;
mod pickle;
mod reader;
mod values;
mod writer;

#[cfg(test)]
mod tests;

pub(super) use reader::read;
pub use writer::write_ot;

/// What to do with a file that only Python reads.
pub(super) const CONVERT: &str = "which oxbert's Python package or convert/convert_model.py converts";
