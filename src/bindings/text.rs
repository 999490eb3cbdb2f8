//! `oxbert.ElectraTokenizer`.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::config::find_folder;
use super::enter::enter;
use super::errors::raise;
use super::tensors::int_array;
use super::texts::{Choice, Padding, Text, Texts, parse_padding, parse_truncation};
use crate::error::Error;
use crate::text::{ElectraTokenizer, EncodeOptions, Encoding, TokenizerOptions, Truncation};

/// Text to ids and back, over a BERT word-piece vocabulary.
///
/// Ids, types, masks and offsets are those of transformers' fast tokenizer. Offsets are in characters of the original
/// text. What a call returns goes straight into a model: `model(**tokenizer(texts))`; without padding it stays ragged.
#[pyclass(name = "ElectraTokenizer", module = "oxbert", frozen)]
pub(super) struct PyElectraTokenizer {
    pub(super) inner: ElectraTokenizer,
}

/// The longest row that padding may make: far more than any model takes, and little enough memory.
const LONGEST_ROW: usize = 1 << 20;

#[pymethods]
impl PyElectraTokenizer {
    #[new]
    #[pyo3(signature = (
        vocab_file,
        *,
        do_lower_case = true,
        strip_accents = None,
        tokenize_chinese_chars = true,
        model_max_length = None,
    ))]
    fn new(
        py: Python<'_>,
        vocab_file: PathBuf,
        do_lower_case: bool,
        strip_accents: Option<bool>,
        tokenize_chinese_chars: bool,
        model_max_length: Option<usize>,
    ) -> PyResult<Self> {
        let options = TokenizerOptions { do_lower_case, strip_accents, tokenize_chinese_chars, model_max_length };
        Ok(Self { inner: enter(py, || ElectraTokenizer::from_vocab_file(vocab_file, &options))? })
    }

    /// From a model folder, or a bundled model by its name.
    #[staticmethod]
    fn from_pretrained(py: Python<'_>, folder: PathBuf) -> PyResult<Self> {
        let folder = find_folder(py, folder)?;
        Ok(Self { inner: enter(py, || ElectraTokenizer::from_pretrained(folder))? })
    }

    /// Tokenises a text or several, on all cores.
    ///
    /// Returns a dictionary with `input_ids`, `token_type_ids` and `attention_mask`, and `offset_mapping` and
    /// `special_tokens_mask` where asked for: flat lists for one text, lists of rows for several, arrays [B, S] with
    /// `return_tensors="np"` or `"pt"`.
    #[pyo3(signature = (
        text,
        text_pair = None,
        *,
        add_special_tokens = true,
        padding = None,
        truncation = None,
        max_length = None,
        return_tensors = None,
        return_offsets_mapping = false,
        return_special_tokens_mask = false,
    ))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of transformers")]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        text: Texts,
        text_pair: Option<Texts>,
        add_special_tokens: bool,
        padding: Option<Choice>,
        truncation: Option<Choice>,
        max_length: Option<usize>,
        return_tensors: Option<&str>,
        return_offsets_mapping: bool,
        return_special_tokens_mask: bool,
    ) -> PyResult<Bound<'py, PyDict>> {
        let padding = parse_padding(padding).map_err(|error| raise(py, error))?;
        let options = self.options(py, add_special_tokens, truncation, max_length, padding)?;
        let (rows, single) = text.into_rows();
        let mut encodings = self.encode_rows(py, rows, text_pair.map(|pair| pair.into_rows().0), &options)?;
        let lengths: Vec<usize> = encodings.iter().map(Encoding::len).collect();
        let width = match padding {
            Padding::None => None,
            Padding::Longest => lengths.iter().max().copied(),
            Padding::MaxLength => max_length.or(self.inner.model_max_length()),
        };
        if padding == Padding::MaxLength && width.is_none() {
            return Err(raise(py, Error::input("padding", "expected max_length beside padding=\"max_length\"")));
        }
        if let Some(width) = width.filter(|&width| width > LONGEST_ROW) {
            let reason = format!("expected at most {LONGEST_ROW} tokens to pad to, got {width}");
            return Err(raise(py, Error::input("max_length", reason)));
        }
        let pad = self.inner.pad_token_id();
        for encoding in &mut encodings {
            let width = width.unwrap_or(0).max(encoding.len());
            encoding.ids.resize(width, pad);
            encoding.type_ids.resize(width, 0);
            encoding.special_tokens_mask.resize(width, true);
            encoding.offsets.resize(width, (0, 0));
        }
        let kept = |(encoding, &length): (&Encoding, &usize)| {
            (0..encoding.ids.len()).map(|column| i64::from(column < length)).collect::<Vec<_>>()
        };
        let mut fields = vec![
            ("input_ids", encodings.iter().map(|encoding| encoding.ids.clone()).collect::<Vec<_>>()),
            ("token_type_ids", encodings.iter().map(|encoding| encoding.type_ids.clone()).collect()),
            ("attention_mask", encodings.iter().zip(&lengths).map(kept).collect()),
        ];
        if return_special_tokens_mask {
            let special = |encoding: &Encoding| encoding.special_tokens_mask.iter().copied().map(i64::from).collect();
            fields.push(("special_tokens_mask", encodings.iter().map(special).collect()));
        }
        let result = PyDict::new(py);
        for (name, rows) in fields {
            result.set_item(name, arrange(py, &rows, return_tensors, single)?)?;
        }
        if return_offsets_mapping {
            let offsets: Vec<_> = encodings.iter().map(|encoding| encoding.offsets.clone()).collect();
            if single && return_tensors.is_none() {
                result.set_item("offset_mapping", offsets.into_iter().next())?;
            } else {
                result.set_item("offset_mapping", offsets)?;
            }
        }
        Ok(result)
    }

    /// The ids of one text or pair; [1, S] with `return_tensors`.
    #[pyo3(signature = (
        text,
        text_pair = None,
        *,
        add_special_tokens = true,
        truncation = None,
        max_length = None,
        return_tensors = None,
    ))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of transformers")]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        text: Text,
        text_pair: Option<Text>,
        add_special_tokens: bool,
        truncation: Option<Choice>,
        max_length: Option<usize>,
        return_tensors: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = self.options(py, add_special_tokens, truncation, max_length, Padding::None)?;
        let pair = text_pair.map(|pair| vec![pair.0]);
        let rows: Vec<_> = self.encode_rows(py, vec![text.0], pair, &options)?.into_iter().map(|one| one.ids).collect();
        arrange(py, &rows, return_tensors, true)
    }

    /// The tokens of a text, without special tokens.
    fn tokenize(&self, py: Python<'_>, text: Text) -> PyResult<Vec<String>> {
        enter(py, || Ok(self.inner.tokenize(&text.0)))
    }

    /// The text of ids.
    #[pyo3(signature = (token_ids, *, skip_special_tokens = false, clean_up_tokenization_spaces = false))]
    fn decode(
        &self,
        py: Python<'_>,
        token_ids: &Bound<'_, PyAny>,
        skip_special_tokens: bool,
        clean_up_tokenization_spaces: bool,
    ) -> PyResult<String> {
        let ids = flat_ids(token_ids)?;
        enter(py, || self.inner.decode(&ids, skip_special_tokens, clean_up_tokenization_spaces))
    }

    /// The texts of rows of ids.
    #[pyo3(signature = (sequences, *, skip_special_tokens = false, clean_up_tokenization_spaces = false))]
    fn batch_decode(
        &self,
        sequences: &Bound<'_, PyAny>,
        skip_special_tokens: bool,
        clean_up_tokenization_spaces: bool,
    ) -> PyResult<Vec<String>> {
        let decode = |row: PyResult<Bound<'_, PyAny>>| {
            let row = row?;
            self.decode(row.py(), &row, skip_special_tokens, clean_up_tokenization_spaces)
        };
        sequences.try_iter()?.map(decode).collect()
    }

    /// The tokens of ids.
    fn convert_ids_to_tokens(&self, py: Python<'_>, ids: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
        let ids = flat_ids(ids)?;
        enter(py, || self.inner.convert_ids_to_tokens(&ids))
    }

    /// The ids of tokens, that of `[UNK]` for one that the vocabulary lacks.
    fn convert_tokens_to_ids(&self, py: Python<'_>, tokens: Vec<String>) -> PyResult<Vec<i64>> {
        enter(py, || Ok(self.inner.convert_tokens_to_ids(&tokens)))
    }

    /// How many tokens the vocabulary has.
    #[getter]
    fn vocab_size(&self) -> usize {
        self.inner.vocab_size()
    }

    /// The longest row that the model takes, in tokens; None where it is not known.
    #[getter]
    fn model_max_length(&self) -> Option<usize> {
        self.inner.model_max_length()
    }

    /// The id of `[PAD]`.
    #[getter]
    fn pad_token_id(&self) -> i64 {
        self.inner.pad_token_id()
    }

    /// The id of `[UNK]`.
    #[getter]
    fn unk_token_id(&self) -> i64 {
        self.inner.unk_token_id()
    }

    /// The id of `[CLS]`.
    #[getter]
    fn cls_token_id(&self) -> i64 {
        self.inner.cls_token_id()
    }

    /// The id of `[SEP]`.
    #[getter]
    fn sep_token_id(&self) -> i64 {
        self.inner.sep_token_id()
    }

    /// The id of `[MASK]`.
    #[getter]
    fn mask_token_id(&self) -> i64 {
        self.inner.mask_token_id()
    }

    fn __len__(&self) -> usize {
        self.inner.vocab_size()
    }

    fn __repr__(&self) -> String {
        format!("ElectraTokenizer(vocab_size={}, {:?})", self.inner.vocab_size(), self.inner.options())
    }
}

impl PyElectraTokenizer {
    fn options(
        &self,
        py: Python<'_>,
        add_special_tokens: bool,
        truncation: Option<Choice>,
        max_length: Option<usize>,
        padding: Padding,
    ) -> PyResult<EncodeOptions> {
        let truncation = match truncation {
            // As transformers does: a length alone asks for it to be kept to.
            None if max_length.is_some() && padding == Padding::None => Truncation::LongestFirst,
            given => parse_truncation(given).map_err(|error| raise(py, error))?,
        };
        let max_length = match truncation {
            Truncation::None => None,
            _ => max_length.or(self.inner.model_max_length()),
        };
        Ok(EncodeOptions { add_special_tokens, truncation, max_length })
    }

    fn encode_rows(
        &self,
        py: Python<'_>,
        texts: Vec<String>,
        pairs: Option<Vec<String>>,
        options: &EncodeOptions,
    ) -> PyResult<Vec<Encoding>> {
        enter(py, || {
            if let Some(pairs) = pairs.as_ref().filter(|pairs| pairs.len() != texts.len()) {
                let reason = format!("expected {} texts, as in text, got {}", texts.len(), pairs.len());
                return Err(Error::input("text_pair", reason));
            }
            let pair = |row: usize| pairs.as_ref().and_then(|pairs| pairs.get(row)).map(String::as_str);
            let rows: Vec<_> = texts.iter().enumerate().map(|(row, text)| (text.as_str(), pair(row))).collect();
            self.inner.encode_batch(&rows, options)
        })
    }
}

/// Rows as the caller wants them: lists, or an array of a library.
fn arrange<'py>(
    py: Python<'py>,
    rows: &[Vec<i64>],
    return_tensors: Option<&str>,
    single: bool,
) -> PyResult<Bound<'py, PyAny>> {
    match return_tensors {
        None if single => Ok(rows.first().cloned().unwrap_or_default().into_pyobject(py)?),
        None => Ok(rows.to_vec().into_pyobject(py)?),
        Some(library @ ("np" | "pt")) => {
            if rows.iter().any(|row| row.len() != rows[0].len()) {
                let reason = "the texts have different numbers of tokens: give padding=True, or no return_tensors";
                return Err(raise(py, Error::input("return_tensors", reason)));
            }
            let array = int_array(py, rows)?;
            if library == "np" { Ok(array) } else { py.import("torch")?.call_method1("from_numpy", (array,)) }
        }
        Some(other) => {
            Err(raise(py, Error::input("return_tensors", format!("expected \"np\", \"pt\" or None, got {other:?}"))))
        }
    }
}

/// Ids from one id, a list or a one-dimensional array.
fn flat_ids(ids: &Bound<'_, PyAny>) -> PyResult<Vec<i64>> {
    if let Ok(id) = ids.extract::<i64>() {
        return Ok(vec![id]);
    }
    let py = ids.py();
    let ids = if ids.hasattr("tolist")? { ids.call_method0("tolist")? } else { ids.clone() };
    ids.extract().map_err(|_| {
        let got = ids.get_type().to_string();
        raise(py, Error::Dtype { what: "token_ids".into(), expected: "a flat list of integers".into(), got })
    })
}
