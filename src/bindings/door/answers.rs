//! Answers in Python: what serde can serialise, as dictionaries, lists, tuples and numbers.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyMapping, PyString};
use pythonize::{PythonizeNamedMappingType, PythonizeTypes};
use serde::Serialize;

use super::errors::raise;
use crate::error::Error;

/// Turn a value into Python objects: a structure becomes a dictionary with its fields in their order.
pub(crate) fn answer<'py>(py: Python<'py>, value: &(impl Serialize + ?Sized)) -> PyResult<Bound<'py, PyAny>> {
    pythonize::pythonize_custom::<Interruptible, _>(py, value).map_err(|error| {
        let error = PyErr::from(error);
        if !error.is_instance_of::<PyException>(py) {
            return error;
        }
        let message = format!("an answer cannot be turned into Python objects: {error}");
        raise(py, Error::Internal { message })
    })
}

/// The types of Python that an answer is made of. Signals are handled before each structure.
struct Interruptible;

impl PythonizeTypes for Interruptible {
    type Map = PyDict;
    type NamedMap = Self;
    type List = PyList;
}

impl PythonizeNamedMappingType for Interruptible {
    type Builder<'py> = Bound<'py, PyDict>;

    fn builder<'py>(py: Python<'py>, _len: usize, _name: &'static str) -> PyResult<Self::Builder<'py>> {
        py.check_signals()?;
        Ok(PyDict::new(py))
    }

    fn push_field<'py>(
        builder: &mut Self::Builder<'py>,
        name: Bound<'py, PyString>,
        value: Bound<'py, PyAny>,
    ) -> PyResult<()> {
        builder.set_item(name, value)
    }

    fn finish(builder: Self::Builder<'_>) -> PyResult<Bound<'_, PyMapping>> {
        Ok(builder.into_mapping())
    }
}
