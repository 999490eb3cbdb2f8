//! `oxbert.AddedToken`.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::bindings::door::raise;
use crate::error::Error;
use crate::text::AddedToken;

/// A token that is cut out of a text before all else.
///
/// Args:
///     content: What is looked for.
///     single_word: Whether it must not stand inside a word.
///     lstrip: Whether it takes the white space on its left along.
///     rstrip: Whether it takes the white space on its right along.
///     normalized: Whether it is looked for in the normalised text, normalised itself; None: unless it is special.
///     special: Whether decoding may leave it out.
#[pyclass(name = "AddedToken", module = "oxbert", frozen, eq, hash)]
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

    /// What is looked for.
    #[getter]
    fn content(&self) -> &str {
        &self.inner.content
    }

    /// Whether it must not stand inside a word.
    #[getter]
    fn single_word(&self) -> bool {
        self.inner.single_word
    }

    /// Whether it takes the white space on its left along.
    #[getter]
    fn lstrip(&self) -> bool {
        self.inner.lstrip
    }

    /// Whether it takes the white space on its right along.
    #[getter]
    fn rstrip(&self) -> bool {
        self.inner.rstrip
    }

    /// Whether it is looked for in the normalised text.
    #[getter]
    fn normalized(&self) -> bool {
        self.inner.normalized
    }

    /// Whether decoding may leave it out.
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

/// One token or a list of them: each a `str`, or an object with the attributes of an `AddedToken`.
pub(crate) fn added_tokens(object: &Bound<'_, PyAny>, special: bool) -> PyResult<Vec<AddedToken>> {
    if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        return object.try_iter()?.map(|token| one(&token?, special)).collect();
    }
    Ok(vec![one(object, special)?])
}

fn one(object: &Bound<'_, PyAny>, special: bool) -> PyResult<AddedToken> {
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
    read().map_err(|_| {
        let got = object.get_type().name().map_or_else(|_| "something else".into(), |name| name.to_string());
        raise(object.py(), Error::Dtype { what: "new_tokens".into(), expected: "str or AddedToken".into(), got })
    })
}
