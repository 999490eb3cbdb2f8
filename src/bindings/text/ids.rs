//! Token ids as Python gives them: one id, a row, or rows.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::bindings::door::{is_sequence, raise, read_items, wrong_type};
use crate::error::Error;

const EXPECTED: &str = "integers, or rows of them";

/// Ids to decode.
pub(super) enum Ids {
    Row(Vec<i64>),
    Rows(Vec<Vec<i64>>),
}

impl Ids {
    /// Read an id, a list or an array, of one or two dimensions.
    pub(super) fn read(ids: &Bound<'_, PyAny>) -> PyResult<Self> {
        let lists = as_lists(ids)?;
        // An empty list is a row, as in transformers.
        let is_row =
            |object: &Bound<'_, PyAny>| object.is_instance_of::<PyList>() || object.hasattr("__len__").unwrap_or(false);
        let has_rows = lists.get_item(0).is_ok_and(|first| is_row(&first));
        if !has_rows {
            return flat_ids(&lists).map(Self::Row);
        }
        read_items("token_ids", &lists, |row| flat_ids(&row)).map(Self::Rows)
    }
}

/// Read ids from one id, a list or a one-dimensional array.
pub(super) fn flat_ids(ids: &Bound<'_, PyAny>) -> PyResult<Vec<i64>> {
    if let Ok(id) = ids.extract::<i64>() {
        return Ok(vec![id]);
    }
    let lists = as_lists(ids)?;
    if !is_sequence(&lists) {
        return Err(wrong_type("token_ids", EXPECTED, ids));
    }
    read_items("token_ids", &lists, |id| id.extract().map_err(|error| refused(ids, &error)))
}

/// Read ids as [`flat_ids`] does, or None.
pub(super) fn optional_ids(ids: &Bound<'_, PyAny>) -> PyResult<Option<Vec<i64>>> {
    if ids.is_none() { Ok(None) } else { flat_ids(ids).map(Some) }
}

/// Turn arrays into lists; return other objects unchanged.
fn as_lists<'py>(ids: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    // A tensor without data, or one that a compiler traces, refuses.
    if ids.hasattr("tolist")? {
        ids.call_method0("tolist").map_err(|error| refused(ids, &error))
    } else {
        Ok(ids.clone())
    }
}

/// Refuse what is no ids, but let an interrupt pass.
fn refused(ids: &Bound<'_, PyAny>, error: &PyErr) -> PyErr {
    let py = ids.py();
    if !error.is_instance_of::<PyException>(py) {
        return error.clone_ref(py);
    }
    let got = if ids.hasattr("tolist").unwrap_or(false) {
        format!("{}: {}", ids.get_type(), error.value(py))
    } else {
        ids.get_type().to_string()
    };
    raise(py, Error::Dtype { what: "token_ids".into(), expected: EXPECTED.into(), got })
}
