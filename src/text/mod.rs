//! Text to token ids.
//!
//! Comes in: a text or a pair of texts, as `&str`. Goes out: an [`Encoding`] (ids, types, character offsets) per text, and
//! a [`Batch`] of ragged rows made of encodings, which `inputs` turns into tensors. Nothing in this room knows a model.
//!
//! The flow inside the room, one file each:
//!
//! ```text
//! vocab.txt -> vocabulary ----------------------------------+
//! text -> special (cut out [MASK] and its like) -> normalize -> wordpiece -> encoding (truncate, [CLS] [SEP]) -> batch
//! ids  -> decode -> text
//! ```
//!
//! Ids, types and offsets are those of transformers' `BertTokenizer` (which is also `ElectraTokenizer` and
//! `DistilBertTokenizer`) for every string of Unicode; `tests/data/make_tokenizer_cases.py` holds the cases.

mod batch;
mod decode;
mod encoding;
mod normalize;
mod options;
mod pretrained;
mod special;
mod tokenizer;
mod vocabulary;
mod wordpiece;

#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use encoding::Encoding;
pub use options::{EncodeOptions, TokenizerOptions, Truncation};
pub use tokenizer::ElectraTokenizer;
