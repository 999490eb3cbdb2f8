//! Arguments of the tokenizer and the pipelines: texts, and how to pad and cut them.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList, PyString, PyTuple};

use super::errors::raise;
use crate::error::{Error, Result};
use crate::text::Truncation;

/// One text.
pub(super) struct Text(pub(super) String);

impl<'py> FromPyObject<'_, 'py> for Text {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        unicode(&object).map(Self)
    }
}

/// A list of texts.
pub(super) struct Several(pub(super) Vec<String>);

impl<'py> FromPyObject<'_, 'py> for Several {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if !(object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>()) {
            return Err(wrong("texts", "a list of str", &object));
        }
        object.try_iter()?.map(|text| unicode(&text?)).collect::<PyResult<_>>().map(Self)
    }
}

/// One text or several, and whether it was one.
pub(super) enum Texts {
    One(String),
    Several(Vec<String>),
}

impl<'py> FromPyObject<'_, 'py> for Texts {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if object.is_instance_of::<PyString>() {
            return Ok(Self::One(unicode(&object)?));
        }
        if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
            return object.extract::<Several>().map(|texts| Self::Several(texts.0));
        }
        Err(not_text(&object))
    }
}

/// A text in UTF-8.
fn unicode(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = object.cast::<PyString>().map_err(|_| not_text(object))?;
    // A Python string may hold half of a surrogate pair, which is no character.
    text.to_str().map(ToString::to_string).map_err(|error| {
        raise(object.py(), Error::input("text", format!("expected Unicode characters: {}", error.value(object.py()))))
    })
}

fn not_text(object: &Bound<'_, PyAny>) -> PyErr {
    wrong("text", "a str or a list of str", object)
}

fn wrong(what: &str, expected: &str, object: &Bound<'_, PyAny>) -> PyErr {
    let got = object.get_type().name().map_or_else(|_| "something else".into(), |name| name.to_string());
    raise(object.py(), Error::Dtype { what: what.into(), expected: expected.into(), got })
}

impl Texts {
    pub(super) fn into_rows(self) -> (Vec<String>, bool) {
        match self {
            Self::One(text) => (vec![text], true),
            Self::Several(texts) => (texts, false),
        }
    }
}

/// `padding` or `truncation`: a truth value or a name.
pub(super) enum Choice {
    Flag(bool),
    Name(String),
}

impl<'py> FromPyObject<'_, 'py> for Choice {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(flag) = object.cast::<PyBool>() {
            return Ok(Self::Flag(flag.is_true()));
        }
        object.extract().map(Self::Name).map_err(|_| wrong("padding or truncation", "a bool or a str", &object))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    None,
    Longest,
    MaxLength,
}

pub(super) fn parse_padding(padding: Option<Choice>) -> Result<Padding> {
    match padding {
        None | Some(Choice::Flag(false)) => Ok(Padding::None),
        Some(Choice::Flag(true)) => Ok(Padding::Longest),
        Some(Choice::Name(name)) => match name.as_str() {
            "longest" => Ok(Padding::Longest),
            "max_length" => Ok(Padding::MaxLength),
            "do_not_pad" => Ok(Padding::None),
            _ => Err(Error::input(
                "padding",
                format!("expected a bool, longest, max_length or do_not_pad, got {name:?}"),
            )),
        },
    }
}

pub(super) fn parse_truncation(truncation: Option<Choice>) -> Result<Truncation> {
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
