//! Python's sequences -> vectors.

use pyo3::prelude::*;
use pyo3::types::{PySequence, PyString};

use super::errors::raise;
use crate::error::Error;

/// The steps between two of which signals are handled: a few milliseconds.
const BETWEEN_CHECKS: usize = 1 << 14;

/// Read the items of the iterable `what`, as far as there is memory.
///
/// The length is what the object says, and `range(10**12)` has one without having memory. So room for all items is asked
/// for at once, and may be refused.
pub(crate) fn read_items<'py, T>(
    what: &str,
    object: &Bound<'py, PyAny>,
    mut read: impl FnMut(Bound<'py, PyAny>) -> PyResult<T>,
) -> PyResult<Vec<T>> {
    let py = object.py();
    let exhausted = |count: usize| raise(py, Error::memory(what, count.saturating_mul(size_of::<T>())));
    let count = object.len().unwrap_or(0);
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| exhausted(count))?;
    for item in object.try_iter()? {
        let count = values.len() + 1;
        values.try_reserve(1).map_err(|_| exhausted(count))?;
        values.push(read(item?)?);
        answer_signals(py, count)?;
    }
    Ok(values)
}

/// Let Python handle signals at each of many short steps under the GIL, which are counted from 1: loops in Rust run no
/// byte code, between whose instructions Python would do so.
pub(crate) fn answer_signals(py: Python<'_>, step: usize) -> PyResult<()> {
    if step.is_multiple_of(BETWEEN_CHECKS) { py.check_signals() } else { Ok(()) }
}

/// Return whether an object is a sequence of items, as a list is and a text is not.
pub(crate) fn is_sequence(object: &Bound<'_, PyAny>) -> bool {
    object.cast::<PySequence>().is_ok() && !object.is_instance_of::<PyString>()
}
