//! `oxbert.Tokenizer`, `oxbert.ElectraTokenizer`, `oxbert.DistilBertTokenizer`.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};

use super::added::{PyAddedToken, added_tokens};
use super::encodings::{Columns, Form, PyEncodings};
use super::texts::{Choice, Padding, Rows, Text, parse_padding, parse_truncation};
use crate::bindings::door::{FolderOptions, check_signals, enter, raise};
use crate::error::{Error, Result};
use crate::text::{ElectraTokenizer, EncodeOptions, Encoding, Pair, Side, TokenizerOptions, Truncation};

/// Convert text to ids and back over a BERT word-piece vocabulary: the base class of both families' tokenizers.
///
/// Ids, types, masks and offsets are those of transformers' fast tokenizers. Offsets are in characters of the original
/// text. The result of a call goes straight into a model: `model(**tokenizer(texts))`; rows without padding stay
/// ragged. Construct `ElectraTokenizer` or `DistilBertTokenizer`, not this class. Tokenizers can be pickled, copied,
/// and used by several threads at once.
///
/// Example:
///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
///     >>> isinstance(tokenizer, oxbert.Tokenizer), tokenizer.vocab_size, tokenizer.model_max_length
///     (True, 8192, 128)
#[pyclass(name = "Tokenizer", module = "oxbert", subclass, frozen)]
pub(crate) struct PyTokenizer {
    /// Held for the moment of a copy only, which is cheap.
    inner: RwLock<ElectraTokenizer>,
    /// Whether rows have types where nobody says.
    has_types: bool,
}

/// The longest row that padding may make: far more than any model takes, and little enough memory.
const LONGEST_ROW: usize = 1 << 20;

impl PyTokenizer {
    fn new(tokenizer: ElectraTokenizer, has_types: bool) -> Self {
        Self { inner: RwLock::new(tokenizer), has_types }
    }

    pub(crate) fn get(&self) -> ElectraTokenizer {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut TokenizerOptions)) {
        self.inner.write().unwrap_or_else(PoisonError::into_inner).set_options(change);
    }

    fn encode_options(&self, py: Python<'_>, asked: &Asked, truncation: Option<Choice>) -> PyResult<EncodeOptions> {
        let truncation = match truncation {
            // As transformers does: a length alone asks for it to be kept to.
            None if asked.max_length.is_some() && !asked.is_padded => Truncation::LongestFirst,
            given => parse_truncation(given).map_err(|error| raise(py, error))?,
        };
        Ok(EncodeOptions {
            add_special_tokens: asked.add_special_tokens,
            truncation,
            max_length: asked.max_length,
            overflow: asked.return_overflowing_tokens,
            stride: asked.stride,
            truncation_side: None,
        })
    }
}

/// What a call asks for beside its texts.
#[derive(Default)]
struct Asked {
    add_special_tokens: bool,
    max_length: Option<usize>,
    stride: usize,
    return_overflowing_tokens: bool,
    /// Whether padding was spoken of: even `do_not_pad` is another thing than nothing.
    is_padded: bool,
}

#[pymethods]
impl PyTokenizer {
    /// Tokenise one text or several, on all cores.
    ///
    /// Args:
    ///     text: A text, or a list of texts or of pairs of texts.
    ///     text_pair: The second text, or one for each text.
    ///     add_special_tokens: Add `[CLS]` before the first text and `[SEP]` after each text.
    ///     padding: True or `longest` pads to the longest row; `max_length` pads to that many tokens.
    ///     truncation: True or `longest_first` shortens the longer text first; `only_first` or `only_second` shortens
    ///         that text. If neither `truncation` nor `padding` is given, `max_length` implies True.
    ///     max_length: The length of the longest row in tokens, including special tokens; None means
    ///         `model_max_length`.
    ///     stride: The number of tokens of a text that a row shares with the row before, with
    ///         `return_overflowing_tokens`.
    ///     is_split_into_words: Whether each text is a list of words.
    ///     pad_to_multiple_of: Round the length of padded rows up to a multiple of this.
    ///     padding_side: `left` or `right`; None means the tokenizer's own.
    ///     return_tensors: `np`, `pt` or `tf`: int64 arrays [B, S] instead of lists.
    ///     return_token_type_ids: Whether to return `token_type_ids`; None returns them if the family has them.
    ///     return_attention_mask: Whether to return an `attention_mask`; None means True.
    ///     return_overflowing_tokens: Return the tokens that truncation cuts off in rows of their own, and
    ///         `overflow_to_sample_mapping`, the text of each row.
    ///     return_special_tokens_mask: Return `special_tokens_mask`, 1 for added tokens.
    ///     return_offsets_mapping: Return `offset_mapping`, (start, end) of each token in characters.
    ///     return_length: Return `length`, the number of tokens of each row.
    ///
    /// Returns:
    ///     A `BatchEncoding`, a dictionary of the columns `input_ids`, `token_type_ids`, `attention_mask` and any
    ///     others that are asked for: flat lists for one text, lists of rows for several. The methods of the result map
    ///     tokens back to the text.
    ///
    /// Raises:
    ///     InputError: if an option is unknown or impossible, the texts and their pairs differ in number, a text holds
    ///         half of a surrogate pair, or `return_tensors` meets rows of different lengths.
    ///     DtypeError: if a text is not a `str`.
    ///     TokenizerError: if truncation cannot reach `max_length`.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    ///     >>> rows = tokenizer(["Return a copy.", "Return."], padding=True, return_tensors="np")
    ///     >>> rows["attention_mask"]
    ///     array([[1, 1, 1, 1, 1, 1],
    ///            [1, 1, 1, 1, 0, 0]])
    ///     >>> windows = tokenizer("a b c d", max_length=5, stride=1, truncation=True, return_overflowing_tokens=True)
    ///     >>> [windows.tokens(row)[1:-1] for row in range(2)]
    ///     [['a', 'b', 'c'], ['c', 'd']]
    #[pyo3(signature = (
        text,
        text_pair = None,
        *,
        add_special_tokens = true,
        padding = None,
        truncation = None,
        max_length = None,
        stride = 0,
        is_split_into_words = false,
        pad_to_multiple_of = None,
        padding_side = None,
        return_tensors = None,
        return_token_type_ids = None,
        return_attention_mask = None,
        return_overflowing_tokens = false,
        return_special_tokens_mask = false,
        return_offsets_mapping = false,
        return_length = false,
    ))]
    #[expect(clippy::too_many_arguments, clippy::fn_params_excessive_bools, reason = "the arguments of transformers")]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyAny>,
        text_pair: Option<&Bound<'py, PyAny>>,
        add_special_tokens: bool,
        padding: Option<Choice>,
        truncation: Option<Choice>,
        max_length: Option<i64>,
        stride: i64,
        is_split_into_words: bool,
        pad_to_multiple_of: Option<i64>,
        padding_side: Option<&str>,
        return_tensors: Option<&str>,
        return_token_type_ids: Option<bool>,
        return_attention_mask: Option<bool>,
        return_overflowing_tokens: bool,
        return_special_tokens_mask: bool,
        return_offsets_mapping: bool,
        return_length: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let is_padded = !matches!(padding, None | Some(Choice::Flag(false)));
        let padding = parse_padding(padding).map_err(|error| raise(py, error))?;
        let count = |what: &str, number: i64| {
            let refused = || raise(py, Error::input(what, format!("expected at least 0, got {number}")));
            usize::try_from(number).map_err(|_| refused())
        };
        let max_length = max_length.map(|length| count("max_length", length)).transpose()?;
        let stride = count("stride", stride)?;
        let pad_to_multiple_of = pad_to_multiple_of.map(|number| count("pad_to_multiple_of", number)).transpose()?;
        let asked = Asked { add_special_tokens, max_length, stride, return_overflowing_tokens, is_padded };
        let options = self.encode_options(py, &asked, truncation)?;
        let held = Rows::read(text, text_pair, is_split_into_words)?;
        let single = held.single && !return_overflowing_tokens;
        let form = Form::parse(py, return_tensors, single)?;
        let tokenizer = self.get();
        let side = match padding_side {
            None => tokenizer.options().padding_side,
            Some(name) => parse_side(py, "padding_side", name)?,
        };
        let width = Width { padding, max_length: max_length.or(tokenizer.model_max_length()), pad_to_multiple_of };
        width.check(&options).map_err(|error| raise(py, error))?;
        let (rows, samples) = enter(py, || {
            let pairs: Vec<Pair> = held
                .pairs
                .iter()
                .map(|(text, pair)| (text.source(), pair.as_ref().map(|pair| pair.source())))
                .collect();
            let encoded = tokenizer.encode_pairs(&pairs, &options, &check_signals)?;
            let samples = |(sample, rows): (usize, &Vec<Encoding>)| vec![sample as i64; rows.len()];
            let samples: Vec<i64> = encoded.iter().enumerate().flat_map(samples).collect();
            let mut rows: Vec<Encoding> = encoded.into_iter().flatten().collect();
            if let Some(width) = width.of(&rows)? {
                for row in &mut rows {
                    row.pad(width, side);
                }
            }
            Ok((Arc::new(rows), samples))
        })?;
        let columns = Columns {
            token_type_ids: return_token_type_ids.unwrap_or(self.has_types),
            attention_mask: return_attention_mask.unwrap_or(true),
            special_tokens_mask: return_special_tokens_mask,
            offsets_mapping: return_offsets_mapping,
            length: return_length,
            samples: return_overflowing_tokens.then_some(samples),
        };
        let data = without_collector(py, rows.len(), || columns.read(py, &rows, form))?;
        py.import("oxbert.encoding")?.getattr("BatchEncoding")?.call1((data, PyEncodings { rows }))
    }

    /// Return the ids of one text or pair: a list, or int64 [1, S] with `return_tensors`.
    ///
    /// The options are those of a call. A list of texts gives a list of rows.
    ///
    /// Raises:
    ///     InputError: if an option is unknown or impossible.
    ///     TokenizerError: if truncation cannot reach `max_length`.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    ///     >>> tokenizer.encode("Return a copy.", max_length=3)
    ///     [2, 188, 3]
    #[pyo3(signature = (text, text_pair = None, **options))]
    fn encode<'py>(
        slf: &Bound<'py, Self>,
        text: &Bound<'py, PyAny>,
        text_pair: Option<&Bound<'py, PyAny>>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.call((text, text_pair), options)?.get_item("input_ids")
    }

    /// Return the tokens of a text or a pair, without special tokens unless `add_special_tokens` is true.
    ///
    /// Raises:
    ///     DtypeError: if a text is not a `str`.
    ///
    /// Example:
    ///     >>> oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator").tokenize("A tokenizer")
    ///     ['a', 'token', '##izer']
    #[pyo3(signature = (text, pair = None, *, add_special_tokens = false))]
    fn tokenize(
        &self,
        py: Python<'_>,
        text: Text,
        pair: Option<Text>,
        add_special_tokens: bool,
    ) -> PyResult<Vec<String>> {
        let tokenizer = self.get();
        enter(py, || {
            let options = EncodeOptions { add_special_tokens, ..EncodeOptions::default() };
            let row = tokenizer.encode(&text.0, pair.as_ref().map(|pair| pair.0.as_str()), &options)?;
            Ok(row.tokens().into_iter().map(str::to_string).collect())
        })
    }

    /// Return the text of a row of ids, or a list of texts for several rows.
    ///
    /// Args:
    ///     token_ids: An id, a list of ids, an array; or rows: a list of lists, an array [B, S].
    ///     skip_special_tokens: Omit special tokens.
    ///     clean_up_tokenization_spaces: Remove the spaces before punctuation and contractions once more; None means
    ///         False.
    ///
    /// Raises:
    ///     DtypeError: if the ids are neither integers nor rows of integers.
    ///     IdRangeError: if an id is not in the vocabulary.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    ///     >>> tokenizer.decode(tokenizer.encode("A test."), skip_special_tokens=True)
    ///     'a test.'
    #[pyo3(signature = (token_ids, skip_special_tokens = false, clean_up_tokenization_spaces = None))]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        token_ids: &Bound<'py, PyAny>,
        skip_special_tokens: bool,
        clean_up_tokenization_spaces: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (ids, tokenizer) = (Ids::read(token_ids)?, self.get());
        let clean_up = clean_up_tokenization_spaces.unwrap_or(false);
        let decode = |row: &Vec<i64>| tokenizer.decode(row, skip_special_tokens, clean_up);
        match ids {
            Ids::Row(row) => Ok(enter(py, || decode(&row))?.into_pyobject(py)?.into_any()),
            Ids::Rows(rows) => enter(py, || rows.iter().map(decode).collect::<Result<Vec<_>>>())?.into_pyobject(py),
        }
    }

    /// Return the texts of rows of ids as a list; a single row gives a list of one text.
    ///
    /// Raises:
    ///     DtypeError: if a row does not hold integers.
    ///     IdRangeError: if an id is not in the vocabulary.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    ///     >>> tokenizer.batch_decode(tokenizer(["A test", "A copy"])["input_ids"], skip_special_tokens=True)
    ///     ['a test', 'a copy']
    #[pyo3(signature = (sequences, skip_special_tokens = false, clean_up_tokenization_spaces = None))]
    fn batch_decode<'py>(
        &self,
        sequences: &Bound<'py, PyAny>,
        skip_special_tokens: bool,
        clean_up_tokenization_spaces: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = sequences.py();
        let texts = self.decode(py, sequences, skip_special_tokens, clean_up_tokenization_spaces)?;
        if texts.is_instance_of::<PyString>() { Ok(PyList::new(py, [texts])?.into_any()) } else { Ok(texts) }
    }

    /// Return the tokens of ids, or the token of one id.
    ///
    /// Raises:
    ///     DtypeError: if the ids are not a flat row of integers.
    ///     IdRangeError: if an id is not in the vocabulary.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    ///     >>> tokenizer.convert_ids_to_tokens([2, 41, 3]), tokenizer.convert_ids_to_tokens(41)
    ///     (['[CLS]', 'a', '[SEP]'], 'a')
    #[pyo3(signature = (ids, skip_special_tokens = false))]
    fn convert_ids_to_tokens<'py>(
        &self,
        ids: &Bound<'py, PyAny>,
        skip_special_tokens: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, tokenizer) = (ids.py(), self.get());
        let one = ids.extract::<i64>().is_ok();
        let ids = flat_ids(ids)?;
        let mut tokens = enter(py, || tokenizer.convert_ids_to_tokens(&ids, skip_special_tokens && !one))?;
        match tokens.pop() {
            Some(token) if one => Ok(token.into_pyobject(py)?.into_any()),
            last => Ok(tokens.into_iter().chain(last).collect::<Vec<_>>().into_pyobject(py)?),
        }
    }

    /// Return the ids of tokens, or the id of one token. A token that is not in the vocabulary has the id of `[UNK]`.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    ///     >>> tokenizer.convert_tokens_to_ids(["a", "no such token"]), tokenizer.convert_tokens_to_ids("a")
    ///     ([41, 1], 41)
    fn convert_tokens_to_ids<'py>(&self, tokens: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, tokenizer) = (tokens.py(), self.get());
        if let Ok(token) = tokens.extract::<String>() {
            return Ok(tokenizer.convert_tokens_to_ids(&[token])[0].into_pyobject(py)?.into_any());
        }
        let tokens: Vec<String> = tokens.extract()?;
        enter(py, || Ok(tokenizer.convert_tokens_to_ids(&tokens)))?.into_pyobject(py)
    }

    /// Return the text of tokens.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    ///     >>> tokenizer.convert_tokens_to_string(["a", "token", "##izer"])
    ///     'a tokenizer'
    fn convert_tokens_to_string(&self, py: Python<'_>, tokens: Vec<String>) -> PyResult<String> {
        let tokenizer = self.get();
        enter(py, || Ok(tokenizer.convert_tokens_to_string(&tokens)))
    }

    /// Return a row of ids with `[CLS]` before the first text and `[SEP]` after each text.
    #[pyo3(signature = (token_ids_0, token_ids_1 = None))]
    fn build_inputs_with_special_tokens(&self, token_ids_0: Vec<i64>, token_ids_1: Option<Vec<i64>>) -> Vec<i64> {
        let tokenizer = self.get();
        let separator = tokenizer.sep_token_id();
        let second = token_ids_1.map(|ids| ids.into_iter().chain([separator]));
        let first = std::iter::once(tokenizer.cls_token_id()).chain(token_ids_0).chain([separator]);
        first.chain(second.into_iter().flatten()).collect()
    }

    /// Return the token types of the row that `build_inputs_with_special_tokens` returns.
    #[pyo3(signature = (token_ids_0, token_ids_1 = None))]
    fn create_token_type_ids_from_sequences(&self, token_ids_0: Vec<i64>, token_ids_1: Option<Vec<i64>>) -> Vec<i64> {
        let mut types = vec![0; token_ids_0.len() + 2];
        if let Some(second) = token_ids_1 {
            types.resize(types.len() + second.len() + 1, 1);
        }
        types
    }

    /// Return 1 for each special token of the row that `build_inputs_with_special_tokens` returns, or of the row itself
    /// if `already_has_special_tokens` is true; 0 for all other tokens.
    #[pyo3(signature = (token_ids_0, token_ids_1 = None, already_has_special_tokens = false))]
    fn get_special_tokens_mask(
        &self,
        token_ids_0: Vec<i64>,
        token_ids_1: Option<Vec<i64>>,
        already_has_special_tokens: bool,
    ) -> Vec<i64> {
        if already_has_special_tokens {
            let special = self.get().special_ids();
            return token_ids_0.iter().map(|id| i64::from(special.contains(id))).collect();
        }
        let inner = |count: usize| std::iter::repeat_n(0, count).chain([1]);
        let second = token_ids_1.map(|ids| inner(ids.len()));
        std::iter::once(1).chain(inner(token_ids_0.len())).chain(second.into_iter().flatten()).collect()
    }

    /// Return the number of special tokens that are added to a row.
    #[pyo3(signature = (pair = false))]
    fn num_special_tokens_to_add(&self, pair: bool) -> usize {
        self.get().num_special_tokens_to_add(pair)
    }

    /// Pad rows of ids that are already tokenised: a dictionary of rows, or a list of dictionaries.
    ///
    /// See `oxbert.encoding.pad` for the arguments. Collators of transformers call this method.
    ///
    /// Raises:
    ///     InputError: if there is no `input_ids`, or an option is unknown or impossible.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    ///     >>> tokenizer.pad([tokenizer("a b"), tokenizer("a")], return_tensors="np")["input_ids"]
    ///     array([[ 2, 41, 42,  3],
    ///            [ 2, 41,  3,  0]])
    #[pyo3(signature = (encoded_inputs, **options))]
    fn pad<'py>(
        slf: &Bound<'py, Self>,
        encoded_inputs: &Bound<'py, PyAny>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("oxbert.encoding")?.getattr("pad")?.call((slf, encoded_inputs), options)
    }

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
        let tokens = added_tokens(new_tokens, special_tokens)?;
        let py = new_tokens.py();
        enter(py, || {
            loop {
                let before = self.get();
                let mut changed = before.clone();
                let new = changed.add_tokens(&tokens)?;
                // The lock is held for the moment of the change only: a fork must not find it held.
                let mut own = self.inner.write().unwrap_or_else(PoisonError::into_inner);
                if own.take_tokens(&before, &changed) {
                    return Ok(new);
                }
            }
        })
    }

    /// Add special tokens: `{"additional_special_tokens": [...]}`, or `extra_special_tokens`.
    ///
    /// Returns:
    ///     The number of tokens that are new.
    ///
    /// Raises:
    ///     InputError: if a key is `pad_token`, `unk_token`, `cls_token`, `sep_token` or `mask_token` and the value
    ///         differs from the tokenizer's own.
    fn add_special_tokens(slf: &Bound<'_, Self>, special_tokens_dict: &Bound<'_, PyDict>) -> PyResult<usize> {
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

    /// Return the added tokens by id.
    #[getter]
    fn added_tokens_decoder<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let tokens = PyDict::new(py);
        for (id, token) in self.get().added_tokens() {
            tokens.set_item(id, PyAddedToken::from(token.clone()))?;
        }
        Ok(tokens)
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
        tokens.sort_unstable();
        for (id, token) in tokens {
            vocabulary.set_item(token, id)?;
        }
        Ok(vocabulary)
    }

    /// Return the ids of all tokens by token, as `get_vocab`.
    #[getter(vocab)]
    fn all_tokens<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.get_vocab(py)
    }

    /// Write `vocab.txt`, `tokenizer_config.json` and `special_tokens_map.json`.
    ///
    /// Args:
    ///     folder: The folder, which is created if it does not exist.
    ///
    /// Returns:
    ///     The paths of the three files.
    ///
    /// Raises:
    ///     FileError: if a file cannot be written.
    ///     TokenizerError: if a token cannot be written as a line of `vocab.txt`.
    ///
    /// Example:
    ///     >>> paths = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator").save_pretrained("mine")
    ///     >>> oxbert.ElectraTokenizer.from_pretrained("mine").tokenize("Text")
    ///     ['text']
    fn save_pretrained<'py>(&self, py: Python<'py>, folder: PathBuf) -> PyResult<Bound<'py, PyTuple>> {
        let tokenizer = self.get();
        let paths = enter(py, move || tokenizer.save_pretrained(folder))?;
        PyTuple::new(py, paths.iter().map(|path| path.display().to_string()))
    }

    /// Return the number of tokens in the vocabulary, without added tokens; `len(tokenizer)` includes them.
    #[getter]
    fn vocab_size(&self) -> usize {
        self.get().vocab_size()
    }

    /// Return the length of the longest row that the model accepts, in tokens; None if it is unknown.
    #[getter]
    fn model_max_length(&self) -> Option<usize> {
        self.get().model_max_length()
    }

    #[setter]
    fn set_model_max_length(&self, length: Option<usize>) {
        self.change(|options| options.model_max_length = length);
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

    /// Return the special tokens by name: `pad_token` and the four others, and `additional_special_tokens` if there are
    /// any.
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

    /// Return the special tokens other than the five of the vocabulary.
    #[getter]
    fn additional_special_tokens(&self) -> Vec<String> {
        self.all_special_tokens().into_iter().skip(5).collect()
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

/// A family's class of tokenizers.
macro_rules! tokenizer_class {
    ($(#[$doc:meta])* $class:ident, $name:literal, $has_types:literal) => {
        $(#[$doc])*
        #[pyclass(name = $name, module = "oxbert", extends = PyTokenizer, frozen)]
        pub(crate) struct $class;

        #[pymethods]
        impl $class {
            #[new]
            #[pyo3(signature = (
                vocab_file,
                *,
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
                vocab_file: PathBuf,
                do_lower_case: bool,
                strip_accents: Option<bool>,
                tokenize_chinese_chars: bool,
                model_max_length: Option<usize>,
                padding_side: &str,
                truncation_side: &str,
            ) -> PyResult<PyClassInitializer<Self>> {
                let options = TokenizerOptions {
                    do_lower_case,
                    strip_accents,
                    tokenize_chinese_chars,
                    model_max_length,
                    padding_side: parse_side(py, "padding_side", padding_side)?,
                    truncation_side: parse_side(py, "truncation_side", truncation_side)?,
                };
                let tokenizer = enter(py, || ElectraTokenizer::from_vocab_file(vocab_file, &options))?;
                Ok(Self::of(tokenizer))
            }

            /// Load from a model folder, a bundled model or a repository of the hub.
            ///
            /// Arguments override the folder's settings; None keeps the folder's.
            ///
            /// Args:
            ///     folder: A path or a name. The folder holds `vocab.txt` or `tokenizer.json` and, optionally, settings
            ///         and added tokens (`tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json`).
            ///     do_lower_case: Whether to lower-case texts.
            ///     strip_accents: Whether to remove accents.
            ///     tokenize_chinese_chars: Whether to make every Chinese character a word of its own.
            ///     model_max_length: The length of the longest row that the model accepts, in tokens.
            ///     padding_side: The side on which rows are padded: `left` or `right`.
            ///     truncation_side: The side on which truncation removes tokens: `left` or `right`.
            ///     hub: Options of the hub, as for `Config.from_pretrained`.
            ///
            /// Raises:
            ///     MissingFileError: if there is no such folder or model, or the folder has no vocabulary.
            ///     HubError: if the repository cannot be downloaded.
            ///     VocabularyError: if the vocabulary is bad; `line` names the line.
            ///     ConfigError: if a setting is bad, or is one that this tokenizer does not support.
            ///     InputError: if a side is neither `left` nor `right`.
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
                model_max_length: Option<usize>,
                padding_side: Option<&str>,
                truncation_side: Option<&str>,
                hub: Option<&Bound<'py, PyDict>>,
            ) -> PyResult<Py<Self>> {
                let py = class.py();
                let padding_side = padding_side.map(|side| parse_side(py, "padding_side", side)).transpose()?;
                let truncation_side = truncation_side.map(|side| parse_side(py, "truncation_side", side)).transpose()?;
                let folder = FolderOptions::only(py, hub)?.find(folder, &["tokenizer"])?;
                let change = |options: &mut TokenizerOptions| {
                    *options = TokenizerOptions {
                        do_lower_case: do_lower_case.unwrap_or(options.do_lower_case),
                        strip_accents: strip_accents.or(options.strip_accents),
                        tokenize_chinese_chars: tokenize_chinese_chars.unwrap_or(options.tokenize_chinese_chars),
                        model_max_length: model_max_length.or(options.model_max_length),
                        padding_side: padding_side.unwrap_or(options.padding_side),
                        truncation_side: truncation_side.unwrap_or(options.truncation_side),
                    };
                };
                Py::new(py, Self::of(enter(py, || ElectraTokenizer::from_pretrained_with(folder, change))?))
            }

            fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Vec<u8>,))> {
                let (py, tokenizer) = (slf.py(), slf.as_super().get().get());
                let state = enter(py, move || tokenizer.to_bytes())?;
                Ok((slf.get_type().getattr("_restore")?, (state,)))
            }

            #[classmethod]
            fn _restore(_class: &Bound<'_, PyType>, py: Python<'_>, state: Vec<u8>) -> PyResult<Py<Self>> {
                Py::new(py, Self::of(enter(py, || ElectraTokenizer::from_bytes(&state))?))
            }
        }

        impl $class {
            fn of(tokenizer: ElectraTokenizer) -> PyClassInitializer<Self> {
                PyClassInitializer::from(PyTokenizer::new(tokenizer, $has_types)).add_subclass(Self)
            }
        }
    };
}

tokenizer_class!(
    /// Tokenise for ELECTRA. See `Tokenizer` for the methods.
    ///
    /// Args:
    ///     vocab_file: The path of a `vocab.txt`, one token per line.
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
    ///     InputError: if a side is neither `left` nor `right`.
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
    ///     vocab_file: The path of a `vocab.txt`, one token per line.
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
    ///     InputError: if a side is neither `left` nor `right`.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.DistilBertTokenizer.from_pretrained("electra-tiny-generator")
    ///     >>> list(tokenizer("Its vocabulary is that of another family."))
    ///     ['input_ids', 'attention_mask']
    PyDistilBertTokenizer,
    "DistilBertTokenizer",
    false
);

/// Runs what makes many lists without Python's collector of cycles: new lists hold none, and looking for some takes longer
/// than making them.
fn without_collector<T>(py: Python<'_>, rows: usize, make: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    /// Fewer rows than this do not wake it.
    const FEW: usize = 256;
    let collector = py.import("gc")?;
    if rows < FEW || !collector.call_method0("isenabled")?.is_truthy()? {
        return make();
    }
    collector.call_method0("disable")?;
    let made = make();
    collector.call_method0("enable")?;
    made
}

/// How wide rows are padded.
struct Width {
    padding: Padding,
    max_length: Option<usize>,
    pad_to_multiple_of: Option<usize>,
}

impl Width {
    fn check(&self, options: &EncodeOptions) -> Result<()> {
        let multiple = self.pad_to_multiple_of.unwrap_or(1);
        if multiple == 0 {
            return Err(Error::input("pad_to_multiple_of", "expected at least 1, got 0"));
        }
        let cut = self.max_length.filter(|_| options.truncation != Truncation::None && self.padding != Padding::None);
        if let Some(length) = cut.filter(|length| length % multiple != 0) {
            let reason = format!("expected a multiple of pad_to_multiple_of = {multiple}, got {length}");
            return Err(Error::input("max_length", reason));
        }
        if self.padding == Padding::MaxLength && self.max_length.is_none() {
            return Err(Error::input("padding", "expected max_length beside padding=\"max_length\""));
        }
        Ok(())
    }

    /// In tokens; none where nothing is padded.
    fn of(&self, rows: &[Encoding]) -> Result<Option<usize>> {
        let width = match self.padding {
            Padding::None => return Ok(None),
            Padding::Longest => rows.iter().map(Encoding::len).max().unwrap_or(0),
            Padding::MaxLength => self.max_length.unwrap_or(0),
        };
        let width = width.checked_next_multiple_of(self.pad_to_multiple_of.unwrap_or(1)).unwrap_or(usize::MAX);
        if width > LONGEST_ROW && self.padding == Padding::MaxLength {
            let reason = format!("expected at most {LONGEST_ROW} tokens to pad to, got {width}");
            return Err(Error::input("max_length", reason));
        }
        Ok(Some(width))
    }
}

fn parse_side(py: Python<'_>, what: &str, name: &str) -> PyResult<Side> {
    Side::from_name(name)
        .ok_or_else(|| raise(py, Error::input(what, format!("expected \"left\" or \"right\", got {name:?}"))))
}

/// What `decode` takes.
enum Ids {
    Row(Vec<i64>),
    Rows(Vec<Vec<i64>>),
}

impl Ids {
    fn read(ids: &Bound<'_, PyAny>) -> PyResult<Self> {
        let lists = as_lists(ids)?;
        // An empty list is a row, as in transformers.
        let is_row =
            |object: &Bound<'_, PyAny>| object.is_instance_of::<PyList>() || object.hasattr("__len__").unwrap_or(false);
        let has_rows = lists.get_item(0).is_ok_and(|first| is_row(&first));
        if !has_rows {
            return flat_ids(&lists).map(Self::Row);
        }
        lists.try_iter()?.map(|row| flat_ids(&row?)).collect::<PyResult<_>>().map(Self::Rows)
    }
}

/// Ids from one id, a list or a one-dimensional array.
fn flat_ids(ids: &Bound<'_, PyAny>) -> PyResult<Vec<i64>> {
    if let Ok(id) = ids.extract::<i64>() {
        return Ok(vec![id]);
    }
    as_lists(ids)?.extract().map_err(|_| {
        let got = ids.get_type().to_string();
        raise(ids.py(), Error::Dtype { what: "token_ids".into(), expected: "integers, or rows of them".into(), got })
    })
}

/// Arrays as lists, all else as it is.
fn as_lists<'py>(ids: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if ids.hasattr("tolist")? { ids.call_method0("tolist") } else { Ok(ids.clone()) }
}
