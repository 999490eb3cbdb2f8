//! Warnings of `oxbert.errors`.

use pyo3::prelude::*;
use pyo3::types::PyString;

/// Show a warning of a class in `oxbert.errors`.
pub(crate) fn warn(py: Python<'_>, category: &str, message: &str) -> PyResult<()> {
    let category = py.import("oxbert.errors")?.getattr(category)?;
    py.import("warnings")?.call_method1("warn", (PyString::new(py, message), category))?;
    Ok(())
}
