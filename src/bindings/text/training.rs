//! `oxbert.Tokenizer`: a new vocabulary from texts.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::added::added_tokens;
use super::texts::{strings, unicode};
use super::tokenizer::PyTokenizer;
use crate::bindings::door::{answer_signals, argument_readers, enter, integer, optional_count, raise, wrong_type};
use crate::error::Error;

/// The largest vocabulary, in tokens: ids have 32 bits.
const LARGEST: usize = u32::MAX as usize - 1;

argument_readers! {
    vocab_size: usize = |what, value| integer(what, value, 0..=LARGEST);
    length: Option<usize> = optional_count;
}

#[pymethods]
impl PyTokenizer {
    /// Learn a vocabulary from texts, and return a tokenizer with it that is like this one in all else.
    ///
    /// Args:
    ///     text_iterator: Texts, or lists of texts. All of them are held in memory.
    ///     vocab_size: The largest number of tokens, including special tokens.
    ///     length: The number of texts, for a progress bar in transformers. Has no effect.
    ///     new_special_tokens: Special tokens beside those of this tokenizer.
    ///     special_tokens_map: None: special tokens keep their spelling.
    ///
    /// Raises:
    ///     DtypeError: if a text is not a `str`.
    ///     InputError: if the special tokens need more than `vocab_size` tokens, or a `special_tokens_map` is given.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    ///     >>> tokenizer.train_new_from_iterator(["a cab", "a cabin"], 20).tokenize("cabin cab")
    ///     ['cabin', 'cab']
    #[pyo3(signature = (
        text_iterator, vocab_size, length = None, new_special_tokens = None, special_tokens_map = None
    ))]
    fn train_new_from_iterator<'py>(
        slf: &Bound<'py, Self>,
        text_iterator: &Bound<'py, PyAny>,
        #[pyo3(from_py_with = vocab_size)] vocab_size: usize,
        #[pyo3(from_py_with = length)] length: Option<usize>,
        new_special_tokens: Option<&Bound<'py, PyAny>>,
        special_tokens_map: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, _) = (slf.py(), length);
        if special_tokens_map.is_some_and(|map| !map.is_empty()) {
            let reason = "expected None: special tokens keep their spelling; add others with new_special_tokens";
            return Err(raise(py, Error::input("special_tokens_map", reason)));
        }
        let special = new_special_tokens.map(|tokens| added_tokens("new_special_tokens", tokens, true)).transpose()?;
        let mut texts = Vec::new();
        let items = text_iterator.try_iter().map_err(|_| wrong_type("text_iterator", "texts", text_iterator))?;
        for item in items {
            answer_signals(py, texts.len() + 1)?;
            let item = item?;
            if item.is_instance_of::<PyString>() {
                texts.push(unicode("text_iterator", &item)?);
            } else {
                texts.extend(strings("text_iterator", &item)?);
            }
        }
        let tokenizer = slf.get().get();
        let state = enter(py, || tokenizer.train_new(texts, vocab_size, &special.unwrap_or_default())?.to_bytes())?;
        slf.get_type().call_method1("_restore", (PyBytes::new(py, &state),))
    }
}
