//! `oxbert.Tokenizer`: its settings, and the five special tokens of the vocabulary.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::classes::longest_row;
use super::texts::parse_side;
use super::tokenizer::PyTokenizer;
use crate::bindings::door::argument_readers;
use crate::text::TokenizerOptions;

argument_readers! { model_max_length: Option<usize> = longest_row; }

/// Define two attributes for each of the five special tokens: how it is spelled, and its id.
macro_rules! special_tokens {
    ($($place:literal $usual:literal: $token:ident, $id:ident;)+) => {
        #[pymethods]
        impl PyTokenizer {
            $(
                #[doc = concat!("Return how `", $usual, "` is spelled.")]
                #[getter]
                fn $token(&self) -> String {
                    self.get().special_tokens()[$place].to_string()
                }

                #[doc = concat!("Return the id of `", $usual, "`.")]
                #[getter]
                fn $id(&self) -> i64 {
                    self.get().special_token_ids()[$place]
                }
            )+
        }
    };
}

special_tokens! {
    0 "[PAD]": pad_token, pad_token_id;
    1 "[UNK]": unk_token, unk_token_id;
    2 "[CLS]": cls_token, cls_token_id;
    3 "[SEP]": sep_token, sep_token_id;
    4 "[MASK]": mask_token, mask_token_id;
}

#[pymethods]
impl PyTokenizer {
    /// Return the length of the longest row that the model accepts, in tokens; None if it is unknown.
    #[getter]
    fn model_max_length(&self) -> Option<usize> {
        self.get().model_max_length()
    }

    /// Return the length of the longest text, without special tokens; None if it is unknown.
    #[getter]
    fn max_len_single_sentence(&self) -> Option<usize> {
        self.room(false)
    }

    /// Return the length of the longest pair, without special tokens; None if it is unknown.
    #[getter]
    fn max_len_sentences_pair(&self) -> Option<usize> {
        self.room(true)
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
        TokenizerOptions::input_names(self.has_types).to_vec()
    }

    /// Return whether `decode` removes the spaces before punctuation and contractions once more.
    #[getter]
    fn clean_up_tokenization_spaces(&self) -> bool {
        self.get().options().clean_up_tokenization_spaces
    }

    /// Return whether texts are lower-cased.
    #[getter]
    fn do_lower_case(&self) -> bool {
        self.get().options().do_lower_case
    }

    /// Return the token type of padding: 0.
    #[getter]
    fn pad_token_type_id(&self) -> i64 {
        0
    }

    /// Return None: BERT's vocabularies have no token for the start of a text.
    #[getter]
    fn bos_token(&self) -> Option<String> {
        None
    }

    /// Return None: BERT's vocabularies have no token for the end of a text.
    #[getter]
    fn eos_token(&self) -> Option<String> {
        None
    }

    /// Return None, as for `bos_token`.
    #[getter]
    fn bos_token_id(&self) -> Option<i64> {
        None
    }

    /// Return None, as for `eos_token`.
    #[getter]
    fn eos_token_id(&self) -> Option<i64> {
        None
    }

    /// Return the folder or name that the tokenizer was loaded from; empty for a copy, and for one from a file.
    #[getter]
    fn name_or_path(&self) -> &str {
        &self.name
    }

    /// Return the settings by the names of the arguments that set them.
    #[getter]
    fn init_kwargs<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let settings = PyDict::new(slf.py());
        let tokenizer = slf.get().get();
        let options = tokenizer.options();
        settings.set_item("do_lower_case", options.do_lower_case)?;
        settings.set_item("strip_accents", options.strip_accents)?;
        settings.set_item("tokenize_chinese_chars", options.tokenize_chinese_chars)?;
        for name in ["model_max_length", "padding_side", "truncation_side", "name_or_path", "extra_special_tokens"] {
            settings.set_item(name, slf.getattr(name)?)?;
        }
        for name in ["unk_token", "sep_token", "pad_token", "cls_token", "mask_token"] {
            settings.set_item(name, slf.getattr(name)?)?;
        }
        Ok(settings)
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

impl PyTokenizer {
    /// Return the number of tokens of a longest row that are not special ones.
    fn room(&self, pair: bool) -> Option<usize> {
        let tokenizer = self.get();
        let added = tokenizer.num_special_tokens_to_add(pair);
        tokenizer.model_max_length().map(|length| length.saturating_sub(added))
    }
}
