//! Parameters in Python: `torch.nn.Parameter`s over the same memory, and dictionaries of tensors.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tch::Tensor;

use crate::bindings::door::{enter_attached, from_numpy, from_torch, raise, to_torch};
use crate::error::Error;

/// Return names and `torch.nn.Parameter`s: the parameters themselves. Imports torch.
pub(crate) fn named(py: Python<'_>, parameters: Vec<(String, Tensor)>) -> PyResult<Vec<(String, Bound<'_, PyAny>)>> {
    parameters.into_iter().map(|(name, tensor)| Ok((name, parameter(py, &tensor)?))).collect()
}

/// Return the `torch.nn.Parameter` of a tensor of a variable store. Imports torch.
pub(crate) fn parameter<'py>(py: Python<'py>, tensor: &Tensor) -> PyResult<Bound<'py, PyAny>> {
    py.import("oxbert.torch")?.call_method1("as_parameter", (to_torch(py, tensor)?,))
}

/// Read tensors by name from a dictionary of torch tensors or numpy arrays.
pub(crate) fn named_tensors(values: &Bound<'_, PyDict>) -> PyResult<Vec<(String, Tensor)>> {
    let read = |(name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        name.py().check_signals()?;
        let Ok(name) = name.extract::<String>() else {
            let got = name.get_type().name().map_or_else(|_| "something else".into(), |name| name.to_string());
            let (what, expected) = ("names of tensors".to_string(), "str".to_string());
            return Err(raise(value.py(), Error::Dtype { what, expected, got }));
        };
        let tensor = values_of(&name, &value)?;
        Ok((name, tensor))
    };
    values.iter().map(read).collect()
}

/// Read the values of a torch tensor, or of anything that numpy understands, without a graph.
pub(crate) fn values_of(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    match from_torch(what, value)? {
        Some(tensor) => enter_attached(value.py(), || Ok(tensor.f_detach()?)),
        None => from_numpy(what, value),
    }
}
