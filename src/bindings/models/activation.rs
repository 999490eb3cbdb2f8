//! `oxbert.Activation`.

use pyo3::prelude::*;

use crate::bindings::door::{enter, floats, raise, to_python};
use crate::error::{Error, Result};
use crate::nn::Activation;

/// Apply an activation function, chosen by its name in `config.json`.
///
/// A call takes floats of any shape and returns the same shape: torch tensors give torch tensors with their graph and
/// in their own floating dtype, float32 arrays and lists of numbers give float32 arrays. Two activations are equal if
/// they are the same function, even under different names. Activations can be pickled and copied.
///
/// Args:
///     name: One of `names()`: the names of transformers, except the few activations that have parameters of their own.
///
/// Raises:
///     InputError: if no activation has that name; the message lists all names.
///     DtypeError: if a call gets an array that is not float32.
///     TorchError: if libtorch does not implement the function for the dtype of a torch tensor.
///
/// Example:
///     >>> relu = oxbert.Activation("relu")
///     >>> relu([-1.0, 2.0])
///     array([0., 2.], dtype=float32)
///     >>> oxbert.Activation("swish") == oxbert.Activation("silu"), oxbert.Activation("swish").name
///     (True, 'silu')
#[pyclass(name = "Activation", module = "oxbert", frozen, eq, hash, weakref)]
#[derive(PartialEq, Hash)]
pub(crate) struct PyActivation {
    inner: Activation,
}

/// Read an activation from its name.
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

    /// Return every name that is understood.
    #[staticmethod]
    fn names() -> Vec<&'static str> {
        Activation::NAMES.to_vec()
    }

    /// Return the name that is written to `config.json`, if the function has several.
    #[getter]
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    /// Apply the function to each number.
    ///
    /// Args:
    ///     input: Floats of any shape: a torch tensor, a float32 array, or lists of numbers.
    ///
    /// Returns:
    ///     The same shape: a torch tensor with its graph for a torch tensor, otherwise a float32 array.
    ///
    /// Raises:
    ///     DtypeError: if an array is not float32.
    ///     TorchError: if libtorch does not implement the function for the dtype of a torch tensor.
    fn _call<'py>(&self, py: Python<'py>, input: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
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
