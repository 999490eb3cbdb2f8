//! `TFRecord` files of pre-training examples, as google-research/electra writes and reads them.
//!
//! ```text
//! file ──> frame: records and their checksums ──> message: tf.train.Example ──> ElectraExample
//! ```
//!
//! Files are not trusted: a length is used only after its checksum and the size of the file have been checked, and a
//! list is never longer than the record that holds it. TensorFlow is not needed.

mod electra;
mod file;
mod frame;
mod message;

#[cfg(test)]
mod tests;

#[cfg(fuzzing)]
pub mod fuzzing;

pub use electra::ElectraExample;
pub use file::TFRecordFile;
pub use frame::write_record;
