//! `oxbert.Activation`'s half in Rust.

use pyo3::prelude::*;

use crate::bindings::door::{enter, floats, raise, to_python};
use crate::error::{Error, Result};
use crate::nn::Activation;

/// An activation function, by the name that `config.json` gives it.
///
/// Example:
///     >>> oxbert.Activation("relu")([-1.0, 2.0])
///     array([0., 2.], dtype=float32)
#[pyclass(name = "Activation", module = "oxbert", frozen, eq, hash)]
#[derive(PartialEq, Hash)]
pub(crate) struct PyActivation {
    inner: Activation,
}

/// An activation by its name.
pub(crate) fn parse(what: &str, name: &str) -> Result<Activation> {
    let known = Activation::NAMES.join(", ");
    Activation::from_name(name).ok_or_else(|| Error::input(what, format!("expected one of {known}, got {name:?}")))
}

#[pymethods]
impl PyActivation {
    #[new]
    fn new(py: Python<'_>, name: &str) -> PyResult<Self> {
        Ok(Self { inner: parse("name", name).map_err(|error| raise(py, error))? })
    }

    /// Every name that is understood.
    #[staticmethod]
    fn names() -> Vec<&'static str> {
        Activation::NAMES.to_vec()
    }

    /// The name in `config.json`.
    #[getter]
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    /// Any shape, number by number.
    fn __call__<'py>(&self, py: Python<'py>, input: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (input, arrays) = floats("input", input)?;
        let activation = self.inner;
        let output = enter(py, move || {
            let _no_grad = (!arrays.has_graph()).then(tch::no_grad_guard);
            activation.forward(&input)
        })?;
        to_python(py, &output, arrays)
    }

    fn __repr__(&self) -> String {
        format!("Activation({:?})", self.inner.name())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, pyo3::types::PyType>, (&'static str,)) {
        (slf.get_type(), (slf.get().inner.name(),))
    }
}
