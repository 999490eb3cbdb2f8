//! Arguments of the tokenizer and the pipelines: texts, and how to pad and cut them.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBool, PyList, PyString, PyTuple};

use crate::bindings::door::{is_sequence, raise, read_items, wrong_type};
use crate::error::{Error, Result};
use crate::text::{Padding, Pair, Side, Source, Truncation};

/// One text.
pub(crate) struct Text(pub(crate) String);

impl<'py> FromPyObject<'_, 'py> for Text {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        unicode("text", &object).map(Self)
    }
}

/// A list of texts.
pub(crate) struct Several(Vec<String>);

impl Several {
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

impl<'py> FromPyObject<'_, 'py> for Several {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        strings("texts", &object).map(Self)
    }
}

/// The source of a row, held without a copy.
pub(crate) enum Held {
    Text(PyBackedStr),
    Words(Vec<PyBackedStr>),
}

impl Held {
    pub(crate) fn source(&self) -> Source<'_> {
        match self {
            Self::Text(text) => Source::Text(text),
            Self::Words(words) => Source::Words(words.iter().map(|word| &**word).collect()),
        }
    }
}

/// The rows of a call of a tokenizer, each a text or a pair, and whether the call had one text alone.
pub(crate) struct Rows {
    pub(crate) pairs: Vec<(Held, Option<Held>)>,
    pub(crate) single: bool,
}

impl Rows {
    /// Return the texts and pairs.
    pub(crate) fn sources(&self) -> Vec<Pair<'_>> {
        self.pairs.iter().map(|(text, pair)| (text.source(), pair.as_ref().map(Held::source))).collect()
    }

    /// Read `text` and `text_pair`, each a text or a list of texts. A list may hold pairs. With `is_split_into_words`,
    /// a text is a list of words.
    pub(crate) fn read(
        text: &Bound<'_, PyAny>,
        text_pair: Option<&Bound<'_, PyAny>>,
        is_split_into_words: bool,
    ) -> PyResult<Self> {
        let one = |object: &Bound<'_, PyAny>| -> PyResult<Held> {
            if is_split_into_words {
                let words = items(object)?.ok_or_else(|| wrong_type("text", "a list of words", object))?;
                words.iter().map(backed).collect::<PyResult<_>>().map(Held::Words)
            } else {
                backed(object).map(Held::Text)
            }
        };
        let is_one = |object: &Bound<'_, PyAny>| -> PyResult<bool> {
            if !is_split_into_words {
                return Ok(object.is_instance_of::<PyString>());
            }
            let words = items(object)?.ok_or_else(|| wrong_type("text", "a list of words", object))?;
            Ok(words.first().is_some_and(PyAnyMethods::is_instance_of::<PyString>))
        };
        if is_one(text)? {
            return Ok(Self { pairs: vec![(one(text)?, text_pair.map(one).transpose()?)], single: true });
        }
        let texts = items(text)?.ok_or_else(|| not_text(text))?;
        let pairs = match text_pair {
            Some(pairs) => {
                let pairs = items(pairs)?.ok_or_else(|| wrong_type("text_pair", "a list of str, as text is", pairs))?;
                if pairs.len() != texts.len() {
                    let reason = format!("expected {} texts, as in text, got {}", texts.len(), pairs.len());
                    return Err(raise(text.py(), Error::input("text_pair", reason)));
                }
                texts
                    .iter()
                    .zip(&pairs)
                    .map(|(text, pair)| Ok((one(text)?, Some(one(pair)?))))
                    .collect::<PyResult<_>>()?
            }
            None => texts
                .iter()
                .map(|text| match (is_one(text).unwrap_or(true), items(text)?.as_deref()) {
                    // A text without words.
                    (false, Some([])) if is_split_into_words => Ok((one(text)?, None)),
                    (false, Some([first, second])) => Ok((one(first)?, Some(one(second)?))),
                    _ => Ok((one(text)?, None)),
                })
                .collect::<PyResult<_>>()?,
        };
        Ok(Self { pairs, single: false })
    }
}

/// Return the items of a list or tuple; `None` for any other object.
fn items<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
    if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        return read_items("text", object, Ok).map(Some);
    }
    Ok(None)
}

/// Borrow a text in UTF-8.
fn backed(object: &Bound<'_, PyAny>) -> PyResult<PyBackedStr> {
    let text = object.cast::<PyString>().map_err(|_| not_text(object))?;
    PyBackedStr::try_from(text.clone()).map_err(|error| not_unicode(object.py(), "text", &error))
}

/// Read the strings of the sequence `what`.
pub(crate) fn strings(what: &str, object: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    each_string(what, object, |text| Ok(text.to_string()))
}

/// Read a value of each string of the sequence `what`.
pub(super) fn each_string<T>(
    what: &str,
    object: &Bound<'_, PyAny>,
    mut read: impl FnMut(&str) -> PyResult<T>,
) -> PyResult<Vec<T>> {
    if !is_sequence(object) {
        return Err(wrong_type(what, "a list of str", object));
    }
    read_items(what, object, |text| {
        let text = text.cast::<PyString>().map_err(|_| wrong_type(what, "a str or a list of str", &text))?;
        read(text.to_str().map_err(|error| not_unicode(text.py(), what, &error))?)
    })
}

/// Copy the string `what` in UTF-8.
pub(super) fn unicode(what: &str, object: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = object.cast::<PyString>().map_err(|_| wrong_type(what, "a str or a list of str", object))?;
    text.to_str().map(ToString::to_string).map_err(|error| not_unicode(object.py(), what, &error))
}

/// Refuse half of a surrogate pair, which a Python string may hold and which is not a character.
fn not_unicode(py: Python<'_>, what: &str, error: &PyErr) -> PyErr {
    raise(py, Error::input(what, format!("expected Unicode characters: {}", error.value(py))))
}

fn not_text(object: &Bound<'_, PyAny>) -> PyErr {
    wrong_type("text", "a str or a list of str", object)
}

/// `padding` or `truncation`: a boolean or a name.
pub(crate) enum Choice {
    Flag(bool),
    Name(String),
}

impl<'py> FromPyObject<'_, 'py> for Choice {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(flag) = object.cast::<PyBool>() {
            return Ok(Self::Flag(flag.is_true()));
        }
        object.extract().map(Self::Name).map_err(|_| wrong_type("padding or truncation", "a bool or a str", &object))
    }
}

/// Read `padding`.
pub(crate) fn parse_padding(padding: Option<Choice>) -> Result<Padding> {
    match padding {
        None | Some(Choice::Flag(false)) => Ok(Padding::None),
        Some(Choice::Flag(true)) => Ok(Padding::Longest),
        Some(Choice::Name(name)) => Padding::from_name(&name).ok_or_else(|| {
            Error::input("padding", format!("expected a bool, longest, max_length or do_not_pad, got {name:?}"))
        }),
    }
}

/// Read `truncation`.
pub(crate) fn parse_truncation(truncation: Option<Choice>) -> Result<Truncation> {
    match truncation {
        None | Some(Choice::Flag(false)) => Ok(Truncation::None),
        Some(Choice::Flag(true)) => Ok(Truncation::LongestFirst),
        Some(Choice::Name(name)) => match name.as_str() {
            "longest_first" => Ok(Truncation::LongestFirst),
            "only_first" => Ok(Truncation::OnlyFirst),
            "only_second" => Ok(Truncation::OnlySecond),
            "do_not_truncate" => Ok(Truncation::None),
            _ => {
                let expected = "a bool, longest_first, only_first, only_second or do_not_truncate";
                Err(Error::input("truncation", format!("expected {expected}, got {name:?}")))
            }
        },
    }
}

/// Read `padding_side` or `truncation_side`.
pub(super) fn parse_side(py: Python<'_>, what: &str, name: &str) -> PyResult<Side> {
    Side::from_name(name)
        .ok_or_else(|| raise(py, Error::input(what, format!("expected \"left\" or \"right\", got {name:?}"))))
}
