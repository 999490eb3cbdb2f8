//! Text to token ids.
//!
//! Input: a text or a pair of texts, as `&str`. Output: one [`Encoding`] (ids, types, character offsets) per text, and
//! a [`Batch`] of ragged rows made of encodings, which `inputs` turns into tensors. Nothing in this room knows a model.
//!
//! The flow inside the room, by file:
//!
//! ```text
//! pretrained: a model folder -> vocabulary (with its trie) + added = tokens -> tokenizer
//! encode: text -> added (cut out [MASK] and the like) -> words (normalize, marks; wordpiece)
//!              -> encoding (truncate, add [CLS] and [SEP]) -> batch
//! decode: ids -> text
//! ```
//!
//! Ids, types and offsets equal those of transformers' `BertTokenizer` (which is also `ElectraTokenizer` and
//! `DistilBertTokenizer`) for every Unicode string; `tests/data/make_tokenizer_cases.py` makes the test cases.

mod added;
mod batch;
mod characters;
mod decode;
mod encode;
mod encoding;
mod marks;
mod normalize;
mod normalized;
mod options;
mod padding;
mod pretrained;
mod progress;
mod special;
mod spelling;
mod tokenizer;
mod tokens;
mod trie;
mod vocabulary;
mod wordpiece;
mod words;

#[cfg(test)]
mod added_tests;
#[cfg(test)]
mod pretrained_tests;
#[cfg(test)]
mod rows_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod words_tests;

pub use added::AddedToken;
pub use batch::Batch;
pub use encode::{Check, Pair, Source};
pub use encoding::Encoding;
pub use options::{EncodeOptions, Side, TokenizerOptions, Truncation};
pub use padding::{Padding, Width};
pub use tokenizer::WordPieceTokenizer;

/// The tokenizer of ELECTRA.
pub type ElectraTokenizer = WordPieceTokenizer;

/// The tokenizer of `DistilBERT`.
pub type DistilBertTokenizer = WordPieceTokenizer;
