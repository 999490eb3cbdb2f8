//! `oxbert.AddedToken`.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::bindings::door::{read_items, wrong_type};
use crate::text::AddedToken;

/// Describe a token that is cut out of a text before any other processing.
///
/// Args:
///     content: The text of the token.
///     single_word: Whether to match only whole words.
///     lstrip: Whether the match includes the white space on its left.
///     rstrip: Whether the match includes the white space on its right.
///     normalized: Whether to match the normalised token in the normalised text; None means yes unless the token is
///         special.
///     special: Whether decoding may omit the token.
///
/// Example:
///     >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
///     >>> tokenizer.add_tokens([oxbert.AddedToken("<table>", lstrip=True)])
///     1
///     >>> tokenizer("A <table>.")[0].offsets[1:-1]
///     [(0, 1), (1, 9), (9, 10)]
#[pyclass(name = "AddedToken", module = "oxbert", frozen, eq, hash, weakref)]
#[derive(PartialEq, Hash)]
pub(crate) struct PyAddedToken {
    inner: AddedToken,
}

impl From<AddedToken> for PyAddedToken {
    fn from(inner: AddedToken) -> Self {
        Self { inner }
    }
}

#[pymethods]
impl PyAddedToken {
    #[new]
    #[pyo3(signature = (
        content, *, single_word = false, lstrip = false, rstrip = false, normalized = None, special = false
    ))]
    #[expect(clippy::fn_params_excessive_bools, reason = "the arguments of transformers")]
    fn new(
        content: String,
        single_word: bool,
        lstrip: bool,
        rstrip: bool,
        normalized: Option<bool>,
        special: bool,
    ) -> Self {
        let normalized = normalized.unwrap_or(!special);
        AddedToken { content, single_word, lstrip, rstrip, normalized, special }.into()
    }

    /// Return the text of the token.
    #[getter]
    fn content(&self) -> &str {
        &self.inner.content
    }

    /// Return whether only whole words match.
    #[getter]
    fn single_word(&self) -> bool {
        self.inner.single_word
    }

    /// Return whether a match includes the white space on its left.
    #[getter]
    fn lstrip(&self) -> bool {
        self.inner.lstrip
    }

    /// Return whether a match includes the white space on its right.
    #[getter]
    fn rstrip(&self) -> bool {
        self.inner.rstrip
    }

    /// Return whether the token is matched in the normalised text.
    #[getter]
    fn normalized(&self) -> bool {
        self.inner.normalized
    }

    /// Return whether decoding may omit the token.
    #[getter]
    fn special(&self) -> bool {
        self.inner.special
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let AddedToken { content, single_word, lstrip, rstrip, normalized, special } = slf.get().inner.clone();
        let state = (single_word, lstrip, rstrip, normalized, special, content);
        Ok((slf.get_type().getattr("_restore")?, state.into_pyobject(slf.py())?))
    }

    #[staticmethod]
    #[expect(clippy::fn_params_excessive_bools, reason = "they are its attributes")]
    fn _restore(
        single_word: bool,
        lstrip: bool,
        rstrip: bool,
        normalized: bool,
        special: bool,
        content: String,
    ) -> Self {
        AddedToken { content, single_word, lstrip, rstrip, normalized, special }.into()
    }

    fn __str__(&self) -> &str {
        &self.inner.content
    }

    fn __repr__(&self) -> String {
        let AddedToken { content, single_word, lstrip, rstrip, normalized, special } = &self.inner;
        let flags = [
            ("single_word", single_word),
            ("lstrip", lstrip),
            ("rstrip", rstrip),
            ("normalized", normalized),
            ("special", special),
        ];
        let flags = flags.map(|(name, &flag)| format!("{name}={}", if flag { "True" } else { "False" }));
        format!("AddedToken({content:?}, {})", flags.join(", "))
    }
}

/// Read the argument `what`: one token or a list of them, as [`one`].
pub(crate) fn added_tokens(what: &str, object: &Bound<'_, PyAny>, special: bool) -> PyResult<Vec<AddedToken>> {
    if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        return read_items(what, object, |token| one(what, &token, special));
    }
    Ok(vec![one(what, object, special)?])
}

/// Read the argument `what`: a `str`, or an object with the attributes of an `AddedToken`.
pub(super) fn one(what: &str, object: &Bound<'_, PyAny>, special: bool) -> PyResult<AddedToken> {
    if object.is_instance_of::<PyString>() {
        let content: String = object.extract()?;
        return Ok(if special { AddedToken::special(content) } else { AddedToken::ordinary(content) });
    }
    let flag = |name: &str| -> PyResult<bool> { object.getattr(name)?.is_truthy() };
    let read = || -> PyResult<AddedToken> {
        Ok(AddedToken {
            content: object.getattr("content")?.extract()?,
            single_word: flag("single_word")?,
            lstrip: flag("lstrip")?,
            rstrip: flag("rstrip")?,
            normalized: flag("normalized")?,
            special: special || flag("special")?,
        })
    };
    read().map_err(|_| wrong_type(what, "str or AddedToken", object))
}
