//! `oxbert.Encoding` and what a call of a tokenizer returns: rows of tokens as lists or arrays.

use std::sync::Arc;

use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::lists::{list, numbers, pairs, typed};
use crate::bindings::door::{argument_readers, count, enter, integer, raise};
use crate::error::Error;
use crate::memory::room;
use crate::text::Encoding;

argument_readers! {
    token_index: usize = count;
    word_index: usize = count;
    char_pos: usize = count;
    sequence_index: usize = count;
}

/// The rows of one call.
pub(crate) type Rows = Arc<Vec<Encoding>>;

/// Hold one row of tokens and map it back to its text.
///
/// Every list has one entry per token. Positions of characters refer to the original text and count from 0; `end` is
/// one past the last character. Added tokens (`[CLS]`, `[SEP]`, padding) belong to no text, word or character. An index
/// outside the row, or a character of no token, gives None.
///
/// Example:
///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
///     >>> text = "Return a tokenizer."
///     >>> row = tokenizer(text)[0]
///     >>> [text[start:end] for start, end in row.offsets]
///     ['', 'Return', 'a', 'token', 'izer', '.', '']
///     >>> row.word_to_tokens(2), row.word_to_chars(2), row.char_to_token(16)
///     ((3, 5), (9, 18), 4)
#[pyclass(name = "Encoding", module = "oxbert", frozen, weakref)]
pub(crate) struct PyEncoding {
    rows: Rows,
    row: usize,
}

impl PyEncoding {
    fn row(&self) -> &Encoding {
        // The index was checked when the object was made, and rows never change.
        &self.rows[self.row]
    }

    /// Return the index of the only token that covers a character.
    fn token_at(&self, character: usize, sequence: usize) -> Option<usize> {
        let covers = |place: &usize| {
            let (begin, end) = self.row().offset(*place);
            (begin..end).contains(&character)
        };
        self.row().text(sequence).find(covers)
    }

    fn word(&self, place: usize) -> Option<usize> {
        self.row().word_ids().nth(place).flatten()
    }

    /// Return the first token of a word, and one past its last.
    fn tokens_of(&self, word: usize, sequence: usize) -> Option<(usize, usize)> {
        let mut places = self.row().text(sequence).filter(|&place| self.word(place) == Some(word));
        let first = places.next()?;
        Some((first, places.next_back().unwrap_or(first) + 1))
    }
}

#[pymethods]
impl PyEncoding {
    /// Return the token ids.
    #[getter]
    fn ids(&self) -> Vec<i64> {
        self.row().ids().to_vec()
    }

    /// Return the token types: 0 for the first text and padding, 1 for the second text.
    #[getter]
    fn type_ids(&self) -> Vec<i64> {
        self.row().type_ids().collect()
    }

    /// Return 1 for each token and 0 for padding.
    #[getter]
    fn attention_mask(&self) -> Vec<i64> {
        self.row().attention_mask().collect()
    }

    /// Return 1 for each added token (`[CLS]`, `[SEP]`, padding), 0 for all others.
    #[getter]
    fn special_tokens_mask(&self) -> Vec<i64> {
        self.row().special_tokens_mask().map(i64::from).collect()
    }

    /// Return (start, end) of each token in its text; (0, 0) for added tokens.
    #[getter]
    fn offsets(&self) -> Vec<(usize, usize)> {
        self.row().offsets().collect()
    }

    /// Return the tokens as the vocabulary spells them.
    #[getter]
    fn tokens(&self) -> Vec<&str> {
        self.row().tokens()
    }

    /// Return the word of each token, counted from 0 in its text.
    #[getter]
    fn word_ids(&self) -> Vec<Option<usize>> {
        self.row().word_ids().collect()
    }

    /// Return the text of each token: 0, or 1 for the second text of a pair.
    #[getter]
    fn sequence_ids(&self) -> Vec<Option<usize>> {
        self.row().sequence_ids().collect()
    }

    /// Return the number of texts in the row.
    #[getter]
    fn n_sequences(&self) -> usize {
        self.row().n_sequences()
    }

    /// Return the text of a token: 0 or 1.
    fn token_to_sequence(&self, #[pyo3(from_py_with = token_index)] token_index: usize) -> Option<usize> {
        self.row().sequence_ids().nth(token_index).flatten()
    }

    /// Return (start, end) of a token's characters.
    fn token_to_chars(&self, #[pyo3(from_py_with = token_index)] token_index: usize) -> Option<(usize, usize)> {
        self.token_to_sequence(token_index).map(|_| self.row().offset(token_index))
    }

    /// Return the word of a token.
    fn token_to_word(&self, #[pyo3(from_py_with = token_index)] token_index: usize) -> Option<usize> {
        self.word(token_index)
    }

    /// Return (start, end) of a word's tokens.
    #[pyo3(signature = (word_index, sequence_index = 0))]
    fn word_to_tokens(
        &self,
        #[pyo3(from_py_with = word_index)] word_index: usize,
        #[pyo3(from_py_with = sequence_index)] sequence_index: usize,
    ) -> Option<(usize, usize)> {
        self.tokens_of(word_index, sequence_index)
    }

    /// Return (start, end) of a word's characters.
    #[pyo3(signature = (word_index, sequence_index = 0))]
    fn word_to_chars(
        &self,
        #[pyo3(from_py_with = word_index)] word_index: usize,
        #[pyo3(from_py_with = sequence_index)] sequence_index: usize,
    ) -> Option<(usize, usize)> {
        let (first, end) = self.tokens_of(word_index, sequence_index)?;
        Some((self.row().offset(first).0, self.row().offset(end - 1).1))
    }

    /// Return the token that contains a character.
    #[pyo3(signature = (char_pos, sequence_index = 0))]
    fn char_to_token(
        &self,
        #[pyo3(from_py_with = char_pos)] char_pos: usize,
        #[pyo3(from_py_with = sequence_index)] sequence_index: usize,
    ) -> Option<usize> {
        self.token_at(char_pos, sequence_index)
    }

    /// Return the word that contains a character.
    #[pyo3(signature = (char_pos, sequence_index = 0))]
    fn char_to_word(
        &self,
        #[pyo3(from_py_with = char_pos)] char_pos: usize,
        #[pyo3(from_py_with = sequence_index)] sequence_index: usize,
    ) -> Option<usize> {
        self.token_at(char_pos, sequence_index).and_then(|token| self.word(token))
    }

    fn __len__(&self) -> usize {
        self.row().len()
    }

    fn __repr__(&self) -> String {
        format!("Encoding({})", self.row().tokens().join(" "))
    }
}

/// Hold the rows of one call; index it to get an `Encoding`.
///
/// Example:
///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
///     >>> rows = tokenizer(["Return a copy.", "Raise an error."]).encodings
///     >>> len(rows), rows[-1].tokens
///     (2, ['[CLS]', 'raise', 'an', 'error', '.', '[SEP]'])
#[pyclass(name = "Encodings", module = "oxbert", frozen, sequence, weakref)]
pub(crate) struct PyEncodings {
    pub(crate) rows: Rows,
}

#[pymethods]
impl PyEncodings {
    fn __len__(&self) -> usize {
        self.rows.len()
    }

    fn __getitem__(&self, row: &Bound<'_, PyAny>) -> PyResult<PyEncoding> {
        // A list too raises an IndexError for every integer that is no index.
        let number = integer("row", row, i128::MIN..=i128::MAX)?;
        let number = number.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        let count = self.rows.len() as i64;
        let place = if number < 0 { number + count } else { number };
        if !(0..count).contains(&place) {
            let error = Error::OutOfRange { what: "row".into(), value: number, position: vec![], limit: count };
            return Err(raise(row.py(), error));
        }
        Ok(PyEncoding { rows: Arc::clone(&self.rows), row: place as usize })
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let py = slf.py();
        let rows = Arc::clone(&slf.get().rows);
        let state = enter(py, move || Encoding::rows_to_bytes(&rows))?;
        Ok((slf.get_type().getattr("_restore")?, (PyBytes::new(py, &state),)))
    }

    #[staticmethod]
    fn _restore(py: Python<'_>, state: &[u8]) -> PyResult<Self> {
        Ok(Self { rows: Arc::new(enter(py, || Encoding::rows_from_bytes(state))?) })
    }
}

/// The form of the columns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Lists: of numbers for one text, of rows for several texts.
    Lists {
        single: bool,
    },
    /// Arrays of numpy, of torch (`pt`), of TensorFlow.
    Numpy,
    Torch,
    Tensorflow,
}

impl Form {
    /// Read `return_tensors`. `single` says whether the call had one text alone.
    pub(crate) fn parse(py: Python<'_>, return_tensors: Option<&str>, single: bool) -> PyResult<Self> {
        match return_tensors {
            None => Ok(Self::Lists { single }),
            Some("np") => Ok(Self::Numpy),
            Some("pt") => Ok(Self::Torch),
            Some("tf") => Ok(Self::Tensorflow),
            Some(other) => {
                let reason = format!("expected \"np\", \"pt\", \"tf\" or None, got {other:?}");
                Err(raise(py, Error::input("return_tensors", reason)))
            }
        }
    }

    /// Return a column with one number per token.
    pub(crate) fn column<'py, 'row, I: ExactSizeIterator<Item = i64>>(
        self,
        py: Python<'py>,
        rows: &'row Rows,
        column: impl Fn(&'row Encoding) -> I,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Lists { single: true } => match rows.first() {
                Some(row) => numbers(py, column(row)),
                None => numbers(py, [].into_iter()),
            },
            Self::Lists { single: false } => list(py, rows.iter().map(|row| numbers(py, column(row)))),
            _ => {
                let width = self.width(py, rows)?;
                self.array(py, rows.iter().flat_map(column), &[rows.len(), width])
            }
        }
    }

    /// Return (start, end) of each token.
    pub(crate) fn offsets<'py>(self, py: Python<'py>, rows: &Rows) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Lists { single: true } => match rows.first() {
                Some(row) => pairs(py, row.offsets()),
                None => pairs(py, [].into_iter()),
            },
            Self::Lists { single: false } => list(py, rows.iter().map(|row| pairs(py, row.offsets()))),
            _ => {
                let width = self.width(py, rows)?;
                let places = rows.iter().flat_map(Encoding::offsets).flat_map(|(start, end)| [start, end]);
                self.array(py, places.map(|place| place as i64), &[rows.len(), width, 2])
            }
        }
    }

    /// Return a column with one number per row: a list even for one text.
    pub(crate) fn numbers(self, py: Python<'_>, values: Vec<i64>) -> PyResult<Bound<'_, PyAny>> {
        if matches!(self, Self::Lists { .. }) {
            return numbers(py, values.into_iter());
        }
        let shape = [values.len()];
        self.array(py, values.into_iter(), &shape)
    }

    fn width(self, py: Python<'_>, rows: &Rows) -> PyResult<usize> {
        let width = rows.first().map_or(0, Encoding::len);
        if rows.iter().any(|row| row.len() != width) {
            let reason = "the texts have different numbers of tokens: give padding=True, or no return_tensors";
            return Err(raise(py, Error::input("return_tensors", reason)));
        }
        Ok(width)
    }

    fn array<'py>(
        self,
        py: Python<'py>,
        values: impl Iterator<Item = i64>,
        shape: &[usize],
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut numbers = room("an array", shape.iter().product()).map_err(|error| raise(py, error))?;
        numbers.extend(values);
        let array = PyArray1::from_vec(py, numbers).reshape(shape.to_vec())?.into_any();
        match self {
            Self::Torch => py.import("torch")?.call_method1("from_numpy", (array,)),
            Self::Tensorflow => py.import("tensorflow")?.call_method1("constant", (array,)),
            _ => Ok(array),
        }
    }
}

/// The columns of a call of a tokenizer.
#[expect(clippy::struct_excessive_bools, reason = "they are the arguments of transformers")]
pub(crate) struct Columns {
    pub(crate) token_type_ids: bool,
    pub(crate) attention_mask: bool,
    pub(crate) special_tokens_mask: bool,
    pub(crate) offsets_mapping: bool,
    pub(crate) length: bool,
    /// The text of each row.
    pub(crate) samples: Option<Vec<i64>>,
}

impl Columns {
    /// Return the memory that a token takes in the columns, in bytes, beside its numbers.
    pub(crate) fn token(&self) -> usize {
        let flags = [self.token_type_ids, self.attention_mask, self.special_tokens_mask, self.offsets_mapping];
        (1 + flags.into_iter().filter(|&flag| flag).count()) * size_of::<i64>()
    }

    /// Make the columns.
    pub(crate) fn read<'py>(self, py: Python<'py>, rows: &Rows, form: Form) -> PyResult<Bound<'py, PyDict>> {
        let bytes = rows.iter().map(|row| row.len() * self.token()).sum();
        self.columns(py, rows, form).map_err(|error| typed(py, error, "the columns", bytes))
    }

    fn columns<'py>(self, py: Python<'py>, rows: &Rows, form: Form) -> PyResult<Bound<'py, PyDict>> {
        let data = PyDict::new(py);
        data.set_item("input_ids", form.column(py, rows, |row| row.ids().iter().copied())?)?;
        if self.token_type_ids {
            data.set_item("token_type_ids", form.column(py, rows, Encoding::type_ids)?)?;
        }
        if self.attention_mask {
            data.set_item("attention_mask", form.column(py, rows, Encoding::attention_mask)?)?;
        }
        if self.special_tokens_mask {
            let mask = form.column(py, rows, |row| row.special_tokens_mask().map(i64::from))?;
            data.set_item("special_tokens_mask", mask)?;
        }
        if self.offsets_mapping {
            data.set_item("offset_mapping", form.offsets(py, rows)?)?;
        }
        if self.length {
            data.set_item("length", form.numbers(py, rows.iter().map(|row| row.len() as i64).collect())?)?;
        }
        if let Some(samples) = self.samples {
            data.set_item("overflow_to_sample_mapping", form.numbers(py, samples)?)?;
        }
        Ok(data)
    }
}
