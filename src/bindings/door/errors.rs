//! Errors of the crate -> exceptions of `oxbert.errors`, in one exhaustive match.

use std::cell::RefCell;
use std::io::ErrorKind;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::error::Error;

thread_local! {
    /// The exception of a signal's handler, such as `KeyboardInterrupt`, on its way out of interrupted work.
    static SIGNALLED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Return the error that ends work with an exception of a signal's handler.
pub(super) fn interrupted(exception: PyErr) -> Error {
    SIGNALLED.set(Some(exception));
    Error::Interrupted
}

/// Return the exception for an error, with the parts of its message as attributes.
pub(crate) fn raise(py: Python<'_>, error: Error) -> PyErr {
    if matches!(error, Error::Interrupted)
        && let Some(exception) = SIGNALLED.take()
    {
        return exception;
    }
    // An exception of Python code that libtorch called is more precise.
    PyErr::take(py).unwrap_or_else(|| build(py, &error).unwrap_or_else(|failure| failure))
}

/// Return the error for an argument of another type than `expected`.
pub(crate) fn wrong_type(what: &str, expected: &str, object: &Bound<'_, PyAny>) -> PyErr {
    let got = object.get_type().name().map_or_else(|_| "something else".into(), |name| name.to_string());
    raise(object.py(), Error::Dtype { what: what.into(), expected: expected.into(), got })
}

fn build(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let details = PyDict::new(py);
    /// Record fields under their own names, and return the name of the class.
    macro_rules! class {
        ($class:expr, $($field:ident),+) => {{
            $(details.set_item(stringify!($field), $field)?;)+
            $class
        }};
    }
    let class = match error {
        Error::Io { action, path, source } => {
            let errno = source.raw_os_error();
            let missing = source.kind() == ErrorKind::NotFound;
            class!(if missing { "MissingFileError" } else { "FileError" }, action, path, errno)
        }
        Error::MissingFile { folder, wanted, found } => class!("MissingFileError", folder, wanted, found),
        Error::Download { url, reason } => class!("DownloadError", url, reason),
        Error::Config { path, field, reason } => class!("ConfigError", path, field, reason),
        Error::WeightsFormat { path, reason } => class!("WeightsFormatError", path, reason),
        Error::Data { path, record, byte, reason } => {
            // Text, as in the DataErrors that Python raises.
            let path = path.as_os_str();
            class!("DataError", path, record, byte, reason)
        }
        Error::WeightsMismatch { path, missing, unexpected, mismatched } => {
            let mismatched: Vec<_> = mismatched.iter().map(|one| (&one.name, &one.expected, &one.got)).collect();
            class!("WeightsMismatchError", path, missing, unexpected, mismatched)
        }
        Error::Shape { what, expected, got } => class!("ShapeError", what, expected, got),
        Error::Dtype { what, expected, got } => class!("DtypeError", what, expected, got),
        Error::Input { what, reason } => class!("InputError", what, reason),
        Error::OutOfRange { what, value, position, limit } => class!("IdRangeError", what, value, position, limit),
        Error::TooLong { what, row, length, maximum } => class!("TooLongError", what, row, length, maximum),
        Error::Vocabulary { path, line, reason } => class!("VocabularyError", path, line, reason),
        Error::Tokenizer { reason } => class!("TokenizerError", reason),
        Error::Memory { what, .. } => {
            let reason = error.to_string();
            class!("OutOfMemory", what, reason)
        }
        Error::Device { requested, reason } => class!("DeviceError", requested, reason),
        Error::UntrainedHead { task, parameters } => class!("UntrainedHeadError", task, parameters),
        Error::Torch { message: reason } => {
            let exhausted =
                ["can't allocate memory", "not enough memory", "out of memory", "size calculation overflowed"];
            let memory = exhausted.iter().any(|sign| reason.contains(sign));
            class!(if memory { "OutOfMemory" } else { "TorchError" }, reason)
        }
        Error::Interrupted => "InternalError",
        Error::Internal { message: reason } => class!("InternalError", reason),
    };
    let class = py.import("oxbert.errors")?.getattr(class)?.cast_into::<PyType>()?;
    Ok(PyErr::from_value(class.call((error.to_string(),), Some(&details))?))
}
