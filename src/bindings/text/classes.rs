//! `oxbert.ElectraTokenizer`, `oxbert.DistilBertTokenizer`.

use std::collections::HashMap;
use std::path::PathBuf;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyType};

use super::given;
use super::texts::parse_side;
use super::tokenizer::PyTokenizer;
use crate::bindings::door::{
    FolderOptions, answer_signals, argument_readers, enter, integer, optional_count, raise, wrong_type,
};
use crate::error::Error;
use crate::text::{ElectraTokenizer, TokenizerOptions};

argument_readers! { model_max_length: Option<usize> = longest_row; }

/// Read the length of the longest row, which has at least one token, or None.
pub(super) fn longest_row(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    if value.is_instance_of::<PyBool>() {
        return Err(wrong_type(what, "an integer", value));
    }
    match optional_count(what, value)? {
        Some(0) => Err(raise(value.py(), Error::input(what, "expected at least 1, got 0"))),
        length => Ok(length),
    }
}

/// What a tokenizer is made of.
enum GivenVocabulary {
    File(PathBuf),
    Tokens(HashMap<String, i64>),
}

/// Read the vocabulary, which is an argument of either name.
fn given_vocabulary(
    py: Python<'_>,
    vocab_file: Option<&Bound<'_, PyAny>>,
    vocab: Option<&Bound<'_, PyAny>>,
) -> PyResult<GivenVocabulary> {
    let (what, given) = match (vocab_file, vocab) {
        (Some(file), None) => ("vocab_file", file),
        (None, Some(vocab)) => ("vocab", vocab),
        (None, None) => {
            return Err(raise(py, Error::input("vocab_file", "expected a path, or a dictionary of tokens and ids")));
        }
        (Some(_), Some(_)) => return Err(raise(py, Error::input("vocab", "expected None beside vocab_file"))),
    };
    let Ok(tokens) = given.cast::<PyDict>() else {
        let path = given.extract();
        return path.map(GivenVocabulary::File).map_err(|error| {
            if error.is_instance_of::<PyTypeError>(py) {
                wrong_type(what, "a path, or a dictionary of tokens and ids", given)
            } else {
                error
            }
        });
    };
    let ids = 0..=i64::from(u32::MAX) - 1;
    let mut read = HashMap::new();
    for (step, (token, id)) in tokens.iter().enumerate() {
        answer_signals(py, step + 1)?;
        let token = token.extract().map_err(|_| wrong_type(what, "str as a token", &token))?;
        read.insert(token, integer(what, &id, ids.clone())?);
    }
    Ok(GivenVocabulary::Tokens(read))
}

/// Define a family's class of tokenizers.
macro_rules! tokenizer_class {
    ($(#[$doc:meta])* $class:ident, $name:literal, $has_types:literal) => {
        $(#[$doc])*
        #[pyclass(name = $name, module = "oxbert", extends = PyTokenizer, frozen)]
        pub(crate) struct $class;

        #[pymethods]
        impl $class {
            #[new]
            #[pyo3(signature = (
                vocab_file = None,
                *,
                vocab = None,
                do_lower_case = true,
                strip_accents = None,
                tokenize_chinese_chars = true,
                model_max_length = None,
                padding_side = "right",
                truncation_side = "right",
            ))]
            #[expect(clippy::too_many_arguments, reason = "the arguments of transformers")]
            fn new(
                py: Python<'_>,
                vocab_file: Option<&Bound<'_, PyAny>>,
                vocab: Option<&Bound<'_, PyAny>>,
                do_lower_case: bool,
                strip_accents: Option<bool>,
                tokenize_chinese_chars: bool,
                #[pyo3(from_py_with = model_max_length)] model_max_length: Option<usize>,
                padding_side: &str,
                truncation_side: &str,
            ) -> PyResult<PyClassInitializer<Self>> {
                let options = TokenizerOptions {
                    do_lower_case,
                    strip_accents,
                    tokenize_chinese_chars,
                    model_max_length: model_max_length.and_then(TokenizerOptions::known_length),
                    padding_side: parse_side(py, "padding_side", padding_side)?,
                    truncation_side: parse_side(py, "truncation_side", truncation_side)?,
                    ..TokenizerOptions::default()
                };
                let tokenizer = match given_vocabulary(py, vocab_file, vocab)? {
                    GivenVocabulary::File(path) => enter(py, || ElectraTokenizer::from_vocab_file(path, &options)),
                    GivenVocabulary::Tokens(tokens) => enter(py, || ElectraTokenizer::from_vocab(tokens, &options)),
                }?;
                Ok(Self::of(tokenizer, String::new()))
            }

            /// Load from a model folder, a bundled model or a repository of the hub.
            ///
            /// Arguments override the folder's settings; None keeps the folder's.
            ///
            /// Args:
            ///     folder: A path or a name. The folder holds `tokenizer.json`, or else `vocab.txt`, and, optionally,
            ///         settings and added tokens (`tokenizer_config.json`, `special_tokens_map.json`,
            ///         `added_tokens.json`).
            ///     do_lower_case: Whether to lower-case texts.
            ///     strip_accents: Whether to remove accents.
            ///     tokenize_chinese_chars: Whether to make every Chinese character a word of its own.
            ///     model_max_length: The length of the longest row that the model accepts, in tokens.
            ///     padding_side: The side on which rows are padded: `left` or `right`.
            ///     truncation_side: The side on which truncation removes tokens: `left` or `right`.
            ///     hub: Options of the hub, as for `Config.from_pretrained`. `pad_token`, `unk_token`, `cls_token`,
            ///         `sep_token` and `mask_token` name tokens of the vocabulary, `extra_special_tokens` (or
            ///         `additional_special_tokens`) adds special tokens. `trust_remote_code=False` reads a tokenizer that
            ///         comes with code without that code; `use_fast` has no effect. `name_or_path` is the name to keep.
            ///         `clean_up_tokenization_spaces` is the default of `decode`, and `model_input_names` says whether
            ///         calls return `token_type_ids` by default.
            ///
            /// Raises:
            ///     MissingFileError: if there is no such folder or model, or the folder has no vocabulary.
            ///     HubError: if the repository cannot be downloaded.
            ///     VocabularyError: if the vocabulary is bad; `line` names the line.
            ///     ConfigError: if a setting is bad, or is one that this tokenizer does not support. `path` and `field` name
            ///         a part of `tokenizer.json`.
            ///     InputError: if a side is neither `left` nor `right`, or a special token is not in the vocabulary.
            #[classmethod]
            #[pyo3(signature = (
                folder,
                *,
                do_lower_case = None,
                strip_accents = None,
                tokenize_chinese_chars = None,
                model_max_length = None,
                padding_side = None,
                truncation_side = None,
                **hub,
            ))]
            #[expect(clippy::too_many_arguments, reason = "the arguments of transformers")]
            fn from_pretrained<'py>(
                class: &Bound<'py, PyType>,
                folder: &Bound<'py, PyAny>,
                do_lower_case: Option<bool>,
                strip_accents: Option<bool>,
                tokenize_chinese_chars: Option<bool>,
                #[pyo3(from_py_with = model_max_length)] model_max_length: Option<usize>,
                padding_side: Option<&str>,
                truncation_side: Option<&str>,
                hub: Option<&Bound<'py, PyDict>>,
            ) -> PyResult<Py<Self>> {
                let py = class.py();
                let padding_side = padding_side.map(|side| parse_side(py, "padding_side", side)).transpose()?;
                let truncation_side = truncation_side.map(|side| parse_side(py, "truncation_side", side)).transpose()?;
                let hub = hub.map_or_else(|| Ok(PyDict::new(py)), PyDictMethods::copy)?;
                let given = given::take(&hub)?;
                let (clean_up, token_types) = given::take_settings(&hub)?;
                let name = match hub.get_item("name_or_path")? {
                    Some(name) => {
                        hub.del_item("name_or_path")?;
                        name.str()?
                    }
                    None => folder.str()?,
                };
                let name = name.to_string();
                // As in transformers, `config.json` may say which class the tokenizer is of.
                let folder = FolderOptions::only(py, Some(&hub))?.find(folder, &["tokenizer"], &["config"])?;
                let change = |options: &mut TokenizerOptions| {
                    *options = TokenizerOptions {
                        do_lower_case: do_lower_case.unwrap_or(options.do_lower_case),
                        strip_accents: strip_accents.or(options.strip_accents),
                        tokenize_chinese_chars: tokenize_chinese_chars.unwrap_or(options.tokenize_chinese_chars),
                        model_max_length: model_max_length
                            .map_or(options.model_max_length, TokenizerOptions::known_length),
                        padding_side: padding_side.unwrap_or(options.padding_side),
                        truncation_side: truncation_side.unwrap_or(options.truncation_side),
                        clean_up_tokenization_spaces: clean_up.unwrap_or(options.clean_up_tokenization_spaces),
                        token_types: token_types.or(options.token_types),
                    };
                };
                let tokenizer = enter(py, || ElectraTokenizer::from_pretrained_given(folder, &given, change))?;
                Py::new(py, Self::of(tokenizer, name))
            }

            fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Vec<u8>,))> {
                let (py, tokenizer) = (slf.py(), slf.as_super().get().get());
                let state = enter(py, move || tokenizer.to_bytes())?;
                Ok((slf.get_type().getattr("_restore")?, (state,)))
            }

            #[classmethod]
            fn _restore(_class: &Bound<'_, PyType>, py: Python<'_>, state: Vec<u8>) -> PyResult<Py<Self>> {
                Py::new(py, Self::of(enter(py, || ElectraTokenizer::from_bytes(&state))?, String::new()))
            }
        }

        impl $class {
            fn of(tokenizer: ElectraTokenizer, name: String) -> PyClassInitializer<Self> {
                let has_types = tokenizer.options().token_types.unwrap_or($has_types);
                PyClassInitializer::from(PyTokenizer::new(tokenizer, has_types, name)).add_subclass(Self)
            }
        }
    };
}

/// Return a tokenizer as an object of the class of a family.
pub(crate) fn tokenizer_object<'py>(
    py: Python<'py>,
    model_type: &str,
    tokenizer: ElectraTokenizer,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(if model_type == crate::names::ELECTRA {
        Bound::new(py, PyElectraTokenizer::of(tokenizer, String::new()))?.into_any()
    } else {
        Bound::new(py, PyDistilBertTokenizer::of(tokenizer, String::new()))?.into_any()
    })
}

tokenizer_class!(
    /// Tokenise for ELECTRA. See `Tokenizer` for the methods.
    ///
    /// Args:
    ///     vocab_file: The path of a `vocab.txt`, one token per line, or a dictionary of tokens and ids.
    ///     vocab: The same, under its newer name.
    ///     do_lower_case: Whether to lower-case texts.
    ///     strip_accents: Whether to remove accents; None follows `do_lower_case`.
    ///     tokenize_chinese_chars: Whether to make every Chinese character a word of its own.
    ///     model_max_length: The length of the longest row that the model accepts, in tokens; the default length of
    ///         truncation.
    ///     padding_side: The side on which rows are padded: `left` or `right`.
    ///     truncation_side: The side on which truncation removes tokens: `left` or `right`.
    ///
    /// Raises:
    ///     MissingFileError: if there is no such file.
    ///     VocabularyError: if the file is not a vocabulary; `line` names the line.
    ///     InputError: if a side is neither `left` nor `right`, or there is no vocabulary or there are two.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-discriminator")
    ///     >>> rows = tokenizer(["one text", "and another one"])
    ///     >>> model = oxbert.ElectraForPreTraining.from_pretrained("electra-tiny-discriminator")
    ///     >>> model(**rows).logits.shape[0]
    ///     2
    PyElectraTokenizer,
    "ElectraTokenizer",
    true
);
tokenizer_class!(
    /// Tokenise for DistilBERT: as ELECTRA's tokenizer, but rows have no token types unless they are asked for.
    ///
    /// Args:
    ///     vocab_file: The path of a `vocab.txt`, one token per line, or a dictionary of tokens and ids.
    ///     vocab: The same, under its newer name.
    ///     do_lower_case: Whether to lower-case texts.
    ///     strip_accents: Whether to remove accents; None follows `do_lower_case`.
    ///     tokenize_chinese_chars: Whether to make every Chinese character a word of its own.
    ///     model_max_length: The length of the longest row that the model accepts, in tokens; the default length of
    ///         truncation.
    ///     padding_side: The side on which rows are padded: `left` or `right`.
    ///     truncation_side: The side on which truncation removes tokens: `left` or `right`.
    ///
    /// Raises:
    ///     MissingFileError: if there is no such file.
    ///     VocabularyError: if the file is not a vocabulary; `line` names the line.
    ///     InputError: if a side is neither `left` nor `right`, or there is no vocabulary or there are two.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.DistilBertTokenizer.from_pretrained("electra-tiny-generator")
    ///     >>> list(tokenizer("Its vocabulary is that of another family."))
    ///     ['input_ids', 'attention_mask']
    PyDistilBertTokenizer,
    "DistilBertTokenizer",
    false
);
