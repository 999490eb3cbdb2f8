//! Text: tokenizers, what they take, and what they return.

pub(crate) mod added;
pub(crate) mod classes;
mod decoding;
pub(crate) mod encodings;
mod given;
mod ids;
mod lists;
mod settings;
pub(crate) mod texts;
pub(crate) mod tokenizer;
mod training;
mod vocabulary;
