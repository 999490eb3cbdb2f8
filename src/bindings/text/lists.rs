//! Lists of numbers and of texts for Python. pyo3's own panic when there is no memory for a list or a number.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::bindings::door::{answer_signals, raise};
use crate::error::Error;

/// Make a list.
pub(super) fn list<'py>(
    py: Python<'py>,
    items: impl ExactSizeIterator<Item = PyResult<Bound<'py, PyAny>>>,
) -> PyResult<Bound<'py, PyAny>> {
    let length = items.len();
    // SAFETY: the list is new, and `PyList_SET_ITEM` takes a reference over at a place that is empty and inside it. A
    // list may be dropped while places are empty.
    unsafe {
        let list = Bound::from_owned_ptr_or_err(py, ffi::PyList_New(length as ffi::Py_ssize_t))?;
        for (place, item) in items.take(length).enumerate() {
            answer_signals(py, place + 1)?;
            ffi::PyList_SET_ITEM(list.as_ptr(), place as ffi::Py_ssize_t, item?.into_ptr());
        }
        Ok(list)
    }
}

/// Make a list of numbers. A run of equal numbers, as in a mask, is one object.
pub(super) fn numbers(py: Python<'_>, numbers: impl ExactSizeIterator<Item = i64>) -> PyResult<Bound<'_, PyAny>> {
    let mut last: Option<(i64, Bound<'_, PyAny>)> = None;
    let object = |number| match &last {
        Some((value, object)) if *value == number => Ok(object.clone()),
        _ => {
            let object = integer(py, number)?;
            last = Some((number, object.clone()));
            Ok(object)
        }
    };
    list(py, numbers.map(object))
}

/// Make a list of pairs of numbers.
pub(super) fn pairs(
    py: Python<'_>,
    pairs: impl ExactSizeIterator<Item = (usize, usize)>,
) -> PyResult<Bound<'_, PyAny>> {
    let pair = |(first, second)| {
        let (first, second) = (integer(py, first as i64)?, integer(py, second as i64)?);
        // SAFETY: the tuple is new, and takes the references over at its two places.
        unsafe {
            let pair = Bound::from_owned_ptr_or_err(py, ffi::PyTuple_New(2))?;
            ffi::PyTuple_SET_ITEM(pair.as_ptr(), 0, first.into_ptr());
            ffi::PyTuple_SET_ITEM(pair.as_ptr(), 1, second.into_ptr());
            Ok(pair)
        }
    };
    list(py, pairs.map(pair))
}

/// Make a list of texts. Equal texts are one object, as in a list of tokens, of which there are few.
pub(super) fn texts<'py, 'text>(py: Python<'py>, texts: &'text [&'text str]) -> PyResult<Bound<'py, PyAny>> {
    let mut known = HashMap::new();
    let object = |&text: &&'text str| {
        let object = match known.entry(text) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(PyString::new(py, text).into_any()),
        };
        Ok(object.clone())
    };
    list(py, texts.iter().map(object))
}

fn integer(py: Python<'_>, number: i64) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: the function returns a new reference, or null with an exception.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyLong_FromLongLong(number)) }
}

/// Turn Python's error for an exhausted memory into ours; return other errors unchanged.
pub(super) fn typed(py: Python<'_>, error: PyErr, what: &str, bytes: usize) -> PyErr {
    if error.is_instance_of::<PyMemoryError>(py) { raise(py, Error::memory(what, bytes)) } else { error }
}
