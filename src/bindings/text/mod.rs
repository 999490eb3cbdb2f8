//! Text: tokenizers, what they take, and what they return.

pub(crate) mod added;
pub(crate) mod encodings;
pub(crate) mod texts;
pub(crate) mod tokenizer;
