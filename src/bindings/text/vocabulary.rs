//! `oxbert.Tokenizer`: the vocabulary, added tokens and special tokens.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::added::{PyAddedToken, added_tokens};
use super::tokenizer::PyTokenizer;
use crate::bindings::door::{answer_signals, enter, is_to_write, raise};
use crate::error::Error;

#[pymethods]
impl PyTokenizer {
    /// Add tokens, which are cut out of a text before any other processing.
    ///
    /// A model's embeddings need a row for each token: call `model.resize_token_embeddings(len(tokenizer))`.
    ///
    /// Args:
    ///     new_tokens: One token or a list of tokens. A token that the vocabulary has keeps its id; all others get the
    ///         next free ids.
    ///     special_tokens: Whether decoding may omit the tokens.
    ///
    /// Returns:
    ///     The number of tokens that are new.
    ///
    /// Raises:
    ///     DtypeError: if a token is neither a `str` nor an `AddedToken`.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    ///     >>> tokenizer.add_tokens(["<table>", "<row>"]), len(tokenizer), tokenizer.vocab_size
    ///     (2, 8194, 8192)
    ///     >>> tokenizer.tokenize("a<row>")
    ///     ['a', '<row>']
    #[pyo3(signature = (new_tokens, special_tokens = false))]
    fn add_tokens(&self, new_tokens: &Bound<'_, PyAny>, special_tokens: bool) -> PyResult<usize> {
        let tokens = added_tokens("new_tokens", new_tokens, special_tokens)?;
        let py = new_tokens.py();
        enter(py, || {
            loop {
                let before = self.get();
                let mut changed = before.clone();
                let new = changed.add_tokens(&tokens)?;
                // The lock is not held while tokens are added: a fork must not find it held.
                if self.replace(&before, &changed) {
                    return Ok(new);
                }
            }
        })
    }

    /// Add special tokens: `{"additional_special_tokens": [...]}`, or `extra_special_tokens`.
    ///
    /// Args:
    ///     special_tokens_dict: The tokens by key.
    ///     replace_extra_special_tokens: No effect: earlier special tokens stay special.
    ///
    /// Returns:
    ///     The number of tokens that are new.
    ///
    /// Raises:
    ///     InputError: if a key is `pad_token`, `unk_token`, `cls_token`, `sep_token` or `mask_token` and the value
    ///         differs from the tokenizer's own.
    #[pyo3(signature = (special_tokens_dict, replace_extra_special_tokens = true))]
    fn add_special_tokens(
        slf: &Bound<'_, Self>,
        special_tokens_dict: &Bound<'_, PyDict>,
        replace_extra_special_tokens: bool,
    ) -> PyResult<usize> {
        let _ = replace_extra_special_tokens;
        let py = slf.py();
        let mut new = 0;
        for (name, value) in special_tokens_dict {
            let name: String = name.extract()?;
            if matches!(name.as_str(), "additional_special_tokens" | "extra_special_tokens") {
                new += slf.get().add_tokens(&value, true)?;
                continue;
            }
            let own = slf.getattr(name.as_str()).ok().filter(|_| name.ends_with("_token"));
            if !own.is_some_and(|own| own.eq(value.str().map_or(value, Bound::into_any)).unwrap_or(false)) {
                let reason = "expected additional_special_tokens; the other special tokens are those of the vocabulary";
                return Err(raise(py, Error::input(&name, reason)));
            }
        }
        Ok(new)
    }

    /// Return a `tokenizers.Tokenizer` with the same vocabulary and pipeline.
    ///
    /// It shows the parts of the pipeline, and is made anew each time: changes of it change nothing here.
    ///
    /// Raises:
    ///     MissingDependencyError: if `tokenizers` is not installed.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    ///     >>> tokenizer.backend_tokenizer.normalizer.normalize_str("CAFE")
    ///     'cafe'
    #[getter]
    fn backend_tokenizer<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("oxbert._backend")?.call_method1("build", (slf,))
    }

    /// Return the added tokens by id.
    #[getter]
    fn added_tokens_decoder<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let tokens = PyDict::new(py);
        for (id, token) in self.get().added_tokens() {
            tokens.set_item(id, PyAddedToken::from(token.clone()))?;
        }
        Ok(tokens)
    }

    /// Return the ids of the added tokens by token, as `get_added_vocab`.
    #[getter]
    fn added_tokens_encoder<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.get_added_vocab(py)
    }

    /// Return the ids of the added tokens by token.
    fn get_added_vocab<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let tokens = PyDict::new(py);
        for (id, token) in self.get().added_tokens() {
            tokens.set_item(&token.content, id)?;
        }
        Ok(tokens)
    }

    /// Return the ids of all tokens by token, including added tokens.
    fn get_vocab<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (vocabulary, tokenizer) = (PyDict::new(py), self.get());
        let mut tokens: Vec<_> = tokenizer.vocab().values.iter().map(|(token, &id)| (id, token.as_str())).collect();
        // As they were added, not as they are found in a normalised text.
        tokens.extend(tokenizer.added_tokens().map(|(id, token)| (id, token.content.as_str())));
        tokens.sort_unstable_by_key(|&(id, _)| id);
        for (step, (id, token)) in tokens.into_iter().enumerate() {
            answer_signals(py, step + 1)?;
            vocabulary.set_item(token, id)?;
        }
        Ok(vocabulary)
    }

    /// Return the ids of all tokens by token, as `get_vocab`.
    #[getter(vocab)]
    fn all_tokens<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.get_vocab(py)
    }

    /// Write `vocab.txt`, `tokenizer.json`, `tokenizer_config.json` and `special_tokens_map.json`.
    ///
    /// transformers and `tokenizers` read them to the same ids. A pipeline other than BERT's has no `vocab.txt`.
    ///
    /// Args:
    ///     folder: The folder, which is created if it does not exist.
    ///     options: The options of transformers, accepted if they change nothing.
    ///
    /// Returns:
    ///     The paths of the files.
    ///
    /// Raises:
    ///     FileError: if a file cannot be written.
    ///     InputError: if an option asks for something else.
    ///     TokenizerError: if a token cannot be written as a line of `vocab.txt`.
    ///
    /// Example:
    ///     >>> paths = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator").save_pretrained("mine")
    ///     >>> oxbert.ElectraTokenizer.from_pretrained("mine").tokenize("Text")
    ///     ['text']
    #[pyo3(signature = (folder, **options))]
    fn save_pretrained<'py>(
        &self,
        py: Python<'py>,
        folder: PathBuf,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        if !is_to_write(py, options)? {
            return Ok(PyTuple::empty(py));
        }
        let tokenizer = self.get();
        let paths = enter(py, move || tokenizer.save_pretrained(folder))?;
        PyTuple::new(py, paths.iter().map(|path| path.display().to_string()))
    }

    /// Return the number of tokens in the vocabulary, without added tokens; `len(tokenizer)` includes them.
    #[getter]
    fn vocab_size(&self) -> usize {
        self.get().vocab_size()
    }

    /// Return the special tokens, those of the vocabulary first.
    #[getter]
    fn all_special_tokens(&self) -> Vec<String> {
        let tokenizer = self.get();
        let spelled = |id| tokenizer.id_to_token(id).unwrap_or_default().to_string();
        tokenizer.special_ids().into_iter().map(spelled).collect()
    }

    /// Return the ids of the special tokens, those of the vocabulary first.
    #[getter]
    fn all_special_ids(&self) -> Vec<i64> {
        self.get().special_ids()
    }

    /// Return the special tokens by name: `pad_token` and the four others, and any `additional_special_tokens`.
    #[getter]
    fn special_tokens_map<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let map = PyDict::new(slf.py());
        for name in ["unk_token", "sep_token", "pad_token", "cls_token", "mask_token"] {
            map.set_item(name, slf.getattr(name)?)?;
        }
        let extra = slf.get().additional_special_tokens();
        if !extra.is_empty() {
            map.set_item("additional_special_tokens", extra)?;
        }
        Ok(map)
    }

    /// Return the special tokens other than the five of the vocabulary: the name of transformers 5.
    #[getter]
    fn extra_special_tokens(&self) -> Vec<String> {
        self.additional_special_tokens()
    }

    /// Return the ids of `extra_special_tokens`.
    #[getter]
    fn extra_special_tokens_ids(&self) -> Vec<i64> {
        self.all_special_ids().into_iter().skip(5).collect()
    }

    /// Return the special tokens other than the five of the vocabulary.
    #[getter]
    fn additional_special_tokens(&self) -> Vec<String> {
        self.all_special_tokens().into_iter().skip(5).collect()
    }
}
