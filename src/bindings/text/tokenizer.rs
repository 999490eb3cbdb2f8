//! `oxbert.Tokenizer`: the class, and texts to ids.

use std::iter::repeat_n;
use std::sync::{Arc, PoisonError, RwLock};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};

use super::encodings::{Columns, Form, PyEncodings};
use super::texts::{Choice, Rows, Text, parse_padding, parse_side, parse_truncation};
use crate::bindings::door::{argument_readers, count, enter, optional_count, raise};
use crate::memory::check_room;
use crate::text::{ElectraTokenizer, EncodeOptions, Encoding, TokenizerOptions, Truncation, Width};

argument_readers! {
    max_length: Option<usize> = optional_count;
    stride: usize = count;
    pad_to_multiple_of: Option<usize> = optional_count;
}

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
#[pyclass(name = "Tokenizer", module = "oxbert", subclass, frozen, weakref)]
pub(crate) struct PyTokenizer {
    /// Locked for the moment of a copy only, which is cheap.
    inner: RwLock<ElectraTokenizer>,
    /// Whether a call returns token types by default.
    pub(super) has_types: bool,
    /// The folder or name that the tokenizer was loaded from; empty if from none.
    pub(super) name: String,
}

impl PyTokenizer {
    pub(super) fn new(tokenizer: ElectraTokenizer, has_types: bool, name: String) -> Self {
        Self { inner: RwLock::new(tokenizer), has_types, name }
    }

    pub(crate) fn get(&self) -> ElectraTokenizer {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replace the tokenizer by a changed copy of it. Return false if another thread changed the tokenizer meanwhile.
    pub(super) fn replace(&self, before: &ElectraTokenizer, changed: &ElectraTokenizer) -> bool {
        self.inner.write().unwrap_or_else(PoisonError::into_inner).take_tokens(before, changed)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut TokenizerOptions)) {
        self.inner.write().unwrap_or_else(PoisonError::into_inner).set_options(change);
    }

    fn encode_options(&self, py: Python<'_>, asked: &Asked, truncation: Option<Choice>) -> PyResult<EncodeOptions> {
        let truncation = match truncation {
            // As in transformers, a length alone asks for truncation.
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

/// The options of a call that decide about ids.
#[derive(Default)]
struct Asked {
    add_special_tokens: bool,
    max_length: Option<usize>,
    stride: usize,
    return_overflowing_tokens: bool,
    /// Whether `padding` was given, be it `do_not_pad`.
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
    fn _call<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyAny>,
        text_pair: Option<&Bound<'py, PyAny>>,
        add_special_tokens: bool,
        padding: Option<Choice>,
        truncation: Option<Choice>,
        #[pyo3(from_py_with = max_length)] max_length: Option<usize>,
        #[pyo3(from_py_with = stride)] stride: usize,
        is_split_into_words: bool,
        #[pyo3(from_py_with = pad_to_multiple_of)] pad_to_multiple_of: Option<usize>,
        padding_side: Option<&str>,
        return_tensors: Option<&str>,
        return_token_type_ids: Option<bool>,
        return_attention_mask: Option<bool>,
        return_overflowing_tokens: bool,
        return_special_tokens_mask: bool,
        return_offsets_mapping: bool,
        return_length: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        static BATCH_ENCODING: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let is_padded = !matches!(padding, None | Some(Choice::Flag(false)));
        let padding = parse_padding(padding).map_err(|error| raise(py, error))?;
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
        width.check_with(&options).map_err(|error| raise(py, error))?;
        let mut columns = Columns {
            token_type_ids: return_token_type_ids.unwrap_or(self.has_types),
            attention_mask: return_attention_mask.unwrap_or(true),
            special_tokens_mask: return_special_tokens_mask,
            offsets_mapping: return_offsets_mapping,
            length: return_length,
            samples: None,
        };
        let per_token = Encoding::TOKEN + columns.token();
        let (rows, samples) = enter(py, || {
            let encoded = tokenizer.encode_pairs(&held.sources(), &options)?;
            let samples = return_overflowing_tokens.then(|| {
                let samples = encoded.iter().enumerate();
                samples.flat_map(|(sample, rows)| repeat_n(sample as i64, rows.len())).collect()
            });
            let mut rows: Vec<Encoding> = encoded.into_iter().flatten().collect();
            if let Some(width) = width.of(rows.iter().map(Encoding::len))? {
                check_room("padding", rows.len(), width.saturating_mul(per_token))?;
                for row in &mut rows {
                    row.pad(width, side)?;
                }
            }
            Ok((Arc::new(rows), samples))
        })?;
        columns.samples = samples;
        let data = without_collector(py, rows.len(), || columns.read(py, &rows, form))?;
        BATCH_ENCODING.import(py, "oxbert.encoding", "BatchEncoding")?.call1((data, PyEncodings { rows }))
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

    /// Return the width that rows of these lengths are padded to; None if nothing is padded.
    fn _width(
        &self,
        py: Python<'_>,
        lengths: Vec<usize>,
        padding: Choice,
        #[pyo3(from_py_with = max_length)] max_length: Option<usize>,
        #[pyo3(from_py_with = pad_to_multiple_of)] pad_to_multiple_of: Option<usize>,
    ) -> PyResult<Option<usize>> {
        let width = Width {
            padding: parse_padding(Some(padding)).map_err(|error| raise(py, error))?,
            max_length: max_length.or(self.get().model_max_length()),
            pad_to_multiple_of,
        };
        width.of(lengths.into_iter()).map_err(|error| raise(py, error))
    }
}

/// Make many lists without Python's garbage collector: new lists hold no cycles, and looking for cycles takes
/// longer than making the lists.
fn without_collector<T>(py: Python<'_>, rows: usize, make: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    /// Fewer rows than this do not start a collection.
    const FEW: usize = 256;
    if rows < FEW {
        return make();
    }
    let collector = py.import("gc")?;
    if !collector.call_method0("isenabled")?.is_truthy()? {
        return make();
    }
    collector.call_method0("disable")?;
    let made = make();
    collector.call_method0("enable")?;
    made
}
