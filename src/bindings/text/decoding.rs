//! `oxbert.Tokenizer`: ids and tokens back to text, and special tokens around rows of ids.

use std::iter;

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use super::ids::{Ids, flat_ids, optional_ids};
use super::lists::{self, numbers};
use super::texts::{each_string, unicode};
use super::tokenizer::PyTokenizer;
use crate::bindings::door::enter;
use crate::error::Result;

#[pymethods]
impl PyTokenizer {
    /// Return the text of a row of ids, or a list of texts for several rows.
    ///
    /// Args:
    ///     token_ids: An id, a list of ids, an array; or rows: a list of lists, an array [B, S].
    ///     skip_special_tokens: Omit special tokens.
    ///     clean_up_tokenization_spaces: Remove the spaces before punctuation and contractions once more; None follows
    ///         the tokenizer's setting, usually False.
    ///     spaces_between_special_tokens: Has no effect: special tokens always have spaces around them.
    ///
    /// Raises:
    ///     DtypeError: if the ids are neither integers nor rows of integers.
    ///     IdRangeError: if an id is not in the vocabulary.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    ///     >>> tokenizer.decode(tokenizer.encode("A test."), skip_special_tokens=True)
    ///     'a test.'
    #[pyo3(signature = (
        token_ids,
        skip_special_tokens = false,
        clean_up_tokenization_spaces = None,
        *,
        spaces_between_special_tokens = true,
    ))]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        token_ids: &Bound<'py, PyAny>,
        skip_special_tokens: bool,
        clean_up_tokenization_spaces: Option<bool>,
        spaces_between_special_tokens: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        // As in transformers' fast tokenizers.
        let _ = spaces_between_special_tokens;
        let (ids, tokenizer) = (Ids::read(token_ids)?, self.get());
        let clean_up = clean_up_tokenization_spaces.unwrap_or(tokenizer.options().clean_up_tokenization_spaces);
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
    #[pyo3(signature = (
        sequences,
        skip_special_tokens = false,
        clean_up_tokenization_spaces = None,
        *,
        spaces_between_special_tokens = true,
    ))]
    fn batch_decode<'py>(
        &self,
        sequences: &Bound<'py, PyAny>,
        skip_special_tokens: bool,
        clean_up_tokenization_spaces: Option<bool>,
        spaces_between_special_tokens: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, spaces) = (sequences.py(), spaces_between_special_tokens);
        let texts = self.decode(py, sequences, skip_special_tokens, clean_up_tokenization_spaces, spaces)?;
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
        let tokens = enter(py, || tokenizer.spell(&ids, skip_special_tokens && !one))?;
        match tokens[..] {
            [token] if one => Ok(PyString::new(py, token).into_any()),
            _ => lists::texts(py, &tokens),
        }
    }

    /// Return the ids of tokens, or the id of one token.
    ///
    /// A token that is not in the vocabulary has the id of `[UNK]`.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    ///     >>> tokenizer.convert_tokens_to_ids(["a", "no such token"]), tokenizer.convert_tokens_to_ids("a")
    ///     ([41, 1], 41)
    fn convert_tokens_to_ids<'py>(&self, tokens: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, tokenizer) = (tokens.py(), self.get());
        if tokens.is_instance_of::<PyString>() {
            let token = unicode("tokens", tokens)?;
            return Ok(tokenizer.convert_tokens_to_ids(&[token])[0].into_pyobject(py)?.into_any());
        }
        let id = |token: &str| tokenizer.token_to_id(token).unwrap_or(tokenizer.unk_token_id());
        let ids = each_string("tokens", tokens, |token| Ok(id(token)))?;
        numbers(py, ids.into_iter())
    }

    /// Return the text of tokens.
    ///
    /// Example:
    ///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    ///     >>> tokenizer.convert_tokens_to_string(["a", "token", "##izer"])
    ///     'a tokenizer'
    fn convert_tokens_to_string(&self, py: Python<'_>, tokens: &Bound<'_, PyAny>) -> PyResult<String> {
        // One allocation for all tokens: millions of small ones take as long to free as to make.
        let (mut text, tokenizer) = (String::new(), self.get());
        let ends = each_string("tokens", tokens, |token| {
            text.push_str(token);
            Ok(text.len())
        })?;
        let starts = iter::once(&0).chain(&ends);
        enter(py, || tokenizer.join(starts.zip(&ends).map(|(&start, &end)| &text[start..end])))
    }

    /// Return a row of ids with `[CLS]` before the first text and `[SEP]` after each text.
    #[pyo3(signature = (token_ids_0, token_ids_1 = None))]
    fn build_inputs_with_special_tokens(
        &self,
        #[pyo3(from_py_with = flat_ids)] token_ids_0: Vec<i64>,
        #[pyo3(from_py_with = optional_ids)] token_ids_1: Option<Vec<i64>>,
    ) -> Vec<i64> {
        let row = self.get().with_special_tokens(&token_ids_0, token_ids_1.as_deref());
        row.into_iter().map(|(id, _, _)| id).collect()
    }

    /// Return the token types of the row that `build_inputs_with_special_tokens` returns.
    #[pyo3(signature = (token_ids_0, token_ids_1 = None))]
    fn create_token_type_ids_from_sequences(
        &self,
        #[pyo3(from_py_with = flat_ids)] token_ids_0: Vec<i64>,
        #[pyo3(from_py_with = optional_ids)] token_ids_1: Option<Vec<i64>>,
    ) -> Vec<i64> {
        let row = self.get().with_special_tokens(&token_ids_0, token_ids_1.as_deref());
        row.into_iter().map(|(_, kind, _)| kind).collect()
    }

    /// Return 1 for each special token of a row, and 0 for all other tokens.
    ///
    /// The row is the one that `build_inputs_with_special_tokens` returns, or, if `already_has_special_tokens` is true,
    /// `token_ids_0` itself.
    #[pyo3(signature = (token_ids_0, token_ids_1 = None, already_has_special_tokens = false))]
    fn get_special_tokens_mask(
        &self,
        #[pyo3(from_py_with = flat_ids)] token_ids_0: Vec<i64>,
        #[pyo3(from_py_with = optional_ids)] token_ids_1: Option<Vec<i64>>,
        already_has_special_tokens: bool,
    ) -> Vec<i64> {
        if already_has_special_tokens {
            let special = self.get().special_ids();
            return token_ids_0.iter().map(|id| i64::from(special.contains(id))).collect();
        }
        let row = self.get().with_special_tokens(&token_ids_0, token_ids_1.as_deref());
        row.into_iter().map(|(_, _, is_added)| is_added.into()).collect()
    }

    /// Return the number of special tokens that are added to a row.
    #[pyo3(signature = (pair = false))]
    fn num_special_tokens_to_add(&self, pair: bool) -> usize {
        self.get().num_special_tokens_to_add(pair)
    }
}
