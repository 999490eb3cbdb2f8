//! Answers in Python: what serde can serialise, as dictionaries, lists, tuples and numbers.

use pyo3::prelude::*;
use serde::Serialize;

use super::errors::raise;
use crate::error::Error;

/// Turn a value into Python objects: a structure becomes a dictionary with its fields in their order.
pub(crate) fn answer<'py>(py: Python<'py>, value: &(impl Serialize + ?Sized)) -> PyResult<Bound<'py, PyAny>> {
    pythonize::pythonize(py, value).map_err(|error| {
        let message = format!("an answer cannot be turned into Python objects: {error}");
        raise(py, Error::Internal { message })
    })
}
