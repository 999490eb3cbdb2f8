//! Errors of the crate -> exceptions of `oxbert.errors`, in one exhaustive match.

use std::io::ErrorKind;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::error::Error;

/// The exception for an error, with the parts of its message as attributes.
pub(super) fn raise(py: Python<'_>, error: Error) -> PyErr {
    build(py, &error).unwrap_or_else(|failure| failure)
}

fn build(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let details = PyDict::new(py);
    let class = match error {
        Error::Io { action, path, source } => {
            details.set_item("action", action)?;
            details.set_item("path", path)?;
            details.set_item("errno", source.raw_os_error())?;
            if source.kind() == ErrorKind::NotFound { "MissingFileError" } else { "FileError" }
        }
        Error::MissingFile { folder, wanted, found } => {
            details.set_item("folder", folder)?;
            details.set_item("wanted", wanted)?;
            details.set_item("found", found)?;
            "MissingFileError"
        }
        Error::Config { path, field, reason } => {
            details.set_item("path", path)?;
            details.set_item("field", field)?;
            details.set_item("reason", reason)?;
            "ConfigError"
        }
        Error::WeightsFormat { path, reason } => {
            details.set_item("path", path)?;
            details.set_item("reason", reason)?;
            "WeightsFormatError"
        }
        Error::WeightsMismatch { path, missing, unexpected, mismatched } => {
            details.set_item("path", path)?;
            details.set_item("missing", missing)?;
            details.set_item("unexpected", unexpected)?;
            let mismatched: Vec<_> = mismatched.iter().map(|one| (&one.name, &one.expected, &one.got)).collect();
            details.set_item("mismatched", mismatched)?;
            "WeightsMismatchError"
        }
        Error::Shape { what, expected, got } => {
            details.set_item("what", what)?;
            details.set_item("expected", expected)?;
            details.set_item("got", got)?;
            "ShapeError"
        }
        Error::Dtype { what, expected, got } => {
            details.set_item("what", what)?;
            details.set_item("expected", expected)?;
            details.set_item("got", got)?;
            "DtypeError"
        }
        Error::Input { what, reason } => {
            details.set_item("what", what)?;
            details.set_item("reason", reason)?;
            "InputError"
        }
        Error::OutOfRange { what, value, position, limit } => {
            details.set_item("what", what)?;
            details.set_item("value", value)?;
            details.set_item("position", position)?;
            details.set_item("limit", limit)?;
            "IdRangeError"
        }
        Error::TooLong { what, row, length, maximum } => {
            details.set_item("what", what)?;
            details.set_item("row", row)?;
            details.set_item("length", length)?;
            details.set_item("maximum", maximum)?;
            "TooLongError"
        }
        Error::Vocabulary { path, line, reason } => {
            details.set_item("path", path)?;
            details.set_item("line", line)?;
            details.set_item("reason", reason)?;
            "VocabularyError"
        }
        Error::Tokenizer { reason } => {
            details.set_item("reason", reason)?;
            "TokenizerError"
        }
        Error::Device { requested, reason } => {
            details.set_item("requested", requested)?;
            details.set_item("reason", reason)?;
            "DeviceError"
        }
        Error::UntrainedHead { task, parameters } => {
            details.set_item("task", task)?;
            details.set_item("parameters", parameters)?;
            "UntrainedHeadError"
        }
        Error::Torch { message } => {
            details.set_item("reason", message)?;
            let exhausted = ["can't allocate memory", "not enough memory", "out of memory"];
            if exhausted.iter().any(|sign| message.contains(sign)) { "OutOfMemory" } else { "TorchError" }
        }
        Error::Internal { message } => {
            details.set_item("reason", message)?;
            "InternalError"
        }
    };
    let class = py.import("oxbert.errors")?.getattr(class)?.cast_into::<PyType>()?;
    Ok(PyErr::from_value(class.call((error.to_string(),), Some(&details))?))
}
