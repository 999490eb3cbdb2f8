//! Integer arguments of any size and sign, real numbers, and truth values.

use std::fmt::Display;
use std::ops::RangeInclusive;

use pyo3::exceptions::{PyException, PyOverflowError};
use pyo3::prelude::*;

use super::errors::{raise, wrong_type};
use crate::error::Error;

/// Read the integer argument `what`, which must lie in `allowed`. Every object with `__index__` is an integer.
///
/// pyo3's own conversion raises an `OverflowError` that names no argument; see [`argument_readers`] for a replacement.
pub(crate) fn integer<N>(what: &str, value: &Bound<'_, PyAny>, allowed: RangeInclusive<N>) -> PyResult<N>
where
    N: Copy + Display + PartialOrd + TryFrom<i128>,
{
    let refused = |expected: String| {
        let reason = format!("expected {expected}, got {}", written(value));
        raise(value.py(), Error::input(what, reason))
    };
    let number = widest(what, value)?;
    match N::try_from(number) {
        Ok(number) if allowed.contains(&number) => Ok(number),
        Ok(number) if number > *allowed.end() => Err(refused(format!("at most {}", allowed.end()))),
        Err(_) if number > 0 => Err(refused(format!("at most {}", allowed.end()))),
        _ => Err(refused(format!("at least {}", allowed.start()))),
    }
}

/// Read a count without an upper limit: `usize::MAX` stands for all larger numbers, such as the 10^30 with which
/// transformers says that there is no longest row.
pub(crate) fn count(what: &str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    integer(what, value, 0..=i128::MAX).map(|number| usize::try_from(number).unwrap_or(usize::MAX))
}

/// Read a count as [`count`] does, or None.
pub(crate) fn optional_count(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    if value.is_none() { Ok(None) } else { count(what, value).map(Some) }
}

/// Read the real number `what`. Every object with `__float__` is one, and so is an integer.
pub(crate) fn real(what: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    value.extract::<f64>().map_err(|error| {
        let py = value.py();
        if error.is_instance_of::<PyOverflowError>(py) {
            raise(py, Error::input(what, "expected a number that fits float64, got a larger one"))
        } else if error.is_instance_of::<PyException>(py) {
            wrong_type(what, "a number", value)
        } else {
            error
        }
    })
}

/// Read the argument `what` as a condition of Python reads it. An array of several elements is neither true nor false.
pub(crate) fn truth(what: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.is_truthy().map_err(|error| {
        if error.is_instance_of::<PyException>(value.py()) { wrong_type(what, "True or False", value) } else { error }
    })
}

/// Define functions that read the arguments of their names, for `#[pyo3(from_py_with = stride)] stride: usize`:
/// `argument_readers! { stride: usize = count; seed: i64 = |what, value| integer(what, value, 0..=i64::MAX); }`.
macro_rules! argument_readers {
    ($($name:ident: $type:ty = $read:expr;)+) => {$(
        fn $name(value: &pyo3::Bound<'_, pyo3::PyAny>) -> pyo3::PyResult<$type> {
            $read(stringify!($name), value)
        }
    )+};
}
pub(crate) use argument_readers;

/// Return the integer, or the end of the range of `i128` that it exceeds.
fn widest(what: &str, value: &Bound<'_, PyAny>) -> PyResult<i128> {
    let py = value.py();
    match value.extract::<i128>() {
        Ok(number) => Ok(number),
        Err(error) if error.is_instance_of::<PyOverflowError>(py) => {
            let index = py.import("operator")?.call_method1("index", (value,))?;
            Ok(if index.lt(0)? { i128::MIN } else { i128::MAX })
        }
        Err(_) => Err(wrong_type(what, "an integer", value)),
    }
}

/// Return an integer in decimal. Python refuses to write numbers of several thousand digits.
fn written(value: &Bound<'_, PyAny>) -> String {
    value.str().map_or_else(|_| "a number of thousands of digits".into(), |text| text.to_string())
}
