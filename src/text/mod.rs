//! Text to token ids.
//!
//! Input: a text or a pair of texts, as `&str`. Output: one [`Encoding`] (ids, types, character offsets) per text, and
//! a [`Batch`] of ragged rows made of encodings, which `inputs` turns into tensors. Nothing in this room knows a model.
//!
//! The flow inside the room, by file:
//!
//! ```text
//! pretrained: a model folder -> vocabulary (with its trie) + added + template = tokens -> tokenizer
//! encode: text -> added (cut out [MASK] and the like) -> words (normalize, marks; wordpiece) or pipeline
//!              -> encoding (truncate, template: add [CLS] and [SEP]) -> batch
//! texts: all of this in one call, Batch::from_texts
//! decode: ids -> text
//! ```
//!
//! `words` is BERT's own pipeline, which nearly every model has; it reads a text once. `pipeline` runs any other that a
//! `tokenizer.json` describes, with the crate `tokenizers`. Both give the same pieces, and all that follows is shared.
//!
//! Ids, types and offsets equal those of transformers' `BertTokenizer` (which is also `ElectraTokenizer` and
//! `DistilBertTokenizer`) for every Unicode string; `tests/data/make_tokenizer_cases.py` makes the test cases.

mod added;
mod added_files;
mod batch;
pub(crate) mod characters;
mod decode;
mod encode;
mod encoding;
mod joiner;
mod marks;
mod normalize;
mod normalized;
mod options;
mod padding;
mod pipeline;
mod pretrained;
mod progress;
mod settings;
mod special;
mod spelling;
mod template;
mod texts;
mod tokenizer;
mod tokens;
mod train;
mod trie;
mod vocabulary;
mod whole;
mod windows;
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
pub use encode::{Pair, Source};
pub use encoding::Encoding;
pub use options::{EncodeOptions, Side, TokenizerOptions, Truncation};
pub use padding::{Padding, Width};
#[cfg(feature = "python")]
pub(crate) use pretrained::Given;
pub use texts::TextRow;
pub use tokenizer::WordPieceTokenizer;

/// The tokenizer of ELECTRA.
pub type ElectraTokenizer = WordPieceTokenizer;

/// The tokenizer of `DistilBERT`.
pub type DistilBertTokenizer = WordPieceTokenizer;
