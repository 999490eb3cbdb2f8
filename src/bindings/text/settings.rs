//! `oxbert.Tokenizer`: its settings, and the five special tokens of the vocabulary.

use pyo3::prelude::*;

use super::texts::parse_side;
use super::tokenizer::PyTokenizer;
use crate::bindings::door::{argument_readers, optional_count};
use crate::text::TokenizerOptions;

argument_readers! { model_max_length: Option<usize> = optional_count; }

#[pymethods]
impl PyTokenizer {
    /// Return the length of the longest row that the model accepts, in tokens; None if it is unknown.
    #[getter]
    fn model_max_length(&self) -> Option<usize> {
        self.get().model_max_length()
    }

    #[setter]
    fn set_model_max_length(&self, #[pyo3(from_py_with = model_max_length)] length: Option<usize>) {
        self.change(|options| options.model_max_length = length.and_then(TokenizerOptions::known_length));
    }

    /// Return the side on which rows are padded: `left` or `right`.
    #[getter]
    fn padding_side(&self) -> &'static str {
        self.get().options().padding_side.name()
    }

    #[setter]
    fn set_padding_side(&self, py: Python<'_>, side: &str) -> PyResult<()> {
        let side = parse_side(py, "padding_side", side)?;
        self.change(|options| options.padding_side = side);
        Ok(())
    }

    /// Return the side on which truncation removes tokens: `left` or `right`.
    #[getter]
    fn truncation_side(&self) -> &'static str {
        self.get().options().truncation_side.name()
    }

    #[setter]
    fn set_truncation_side(&self, py: Python<'_>, side: &str) -> PyResult<()> {
        let side = parse_side(py, "truncation_side", side)?;
        self.change(|options| options.truncation_side = side);
        Ok(())
    }

    /// Return the names of the columns that a call returns by default.
    #[getter]
    fn model_input_names(&self) -> Vec<&'static str> {
        if self.has_types {
            vec!["input_ids", "token_type_ids", "attention_mask"]
        } else {
            vec!["input_ids", "attention_mask"]
        }
    }

    /// Return whether texts are lower-cased.
    #[getter]
    fn do_lower_case(&self) -> bool {
        self.get().options().do_lower_case
    }

    /// Return `[PAD]`.
    #[getter]
    fn pad_token(&self) -> &'static str {
        "[PAD]"
    }

    /// Return `[UNK]`.
    #[getter]
    fn unk_token(&self) -> &'static str {
        "[UNK]"
    }

    /// Return `[CLS]`.
    #[getter]
    fn cls_token(&self) -> &'static str {
        "[CLS]"
    }

    /// Return `[SEP]`.
    #[getter]
    fn sep_token(&self) -> &'static str {
        "[SEP]"
    }

    /// Return `[MASK]`.
    #[getter]
    fn mask_token(&self) -> &'static str {
        "[MASK]"
    }

    /// Return the id of `[PAD]`.
    #[getter]
    fn pad_token_id(&self) -> i64 {
        self.get().pad_token_id()
    }

    /// Return the token type of padding: 0.
    #[getter]
    fn pad_token_type_id(&self) -> i64 {
        0
    }

    /// Return the id of `[UNK]`.
    #[getter]
    fn unk_token_id(&self) -> i64 {
        self.get().unk_token_id()
    }

    /// Return the id of `[CLS]`.
    #[getter]
    fn cls_token_id(&self) -> i64 {
        self.get().cls_token_id()
    }

    /// Return the id of `[SEP]`.
    #[getter]
    fn sep_token_id(&self) -> i64 {
        self.get().sep_token_id()
    }

    /// Return the id of `[MASK]`.
    #[getter]
    fn mask_token_id(&self) -> i64 {
        self.get().mask_token_id()
    }

    /// Return True: the tokenizer is written in Rust.
    #[getter]
    fn is_fast(&self) -> bool {
        true
    }

    fn __len__(&self) -> usize {
        self.get().len()
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let tokenizer = slf.get().get();
        Ok(format!("{}(vocab_size={}, {:?})", slf.get_type().name()?, tokenizer.vocab_size(), tokenizer.options()))
    }
}
