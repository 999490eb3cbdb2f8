//! Parts of a forward pass that a module of torch takes over -> [`Intercept`].

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use tch::Tensor;

use crate::bindings::door::{enter, raise, tensor, to_torch};
use crate::error::{Error, Result};
use crate::nn::{Intercept, LayerCall, LayerOutput, LinearCall, PreparedLayer};

/// Call `parts` in place of the linear layers of these names, and run each layer of the encoder through
/// `torch.utils.checkpoint` if its arguments are given.
pub(super) fn intercept(
    py: Python<'_>,
    parts: HashMap<String, Py<PyAny>>,
    parameters: &[(String, Tensor)],
    checkpoint: Option<Py<PyDict>>,
) -> PyResult<Arc<Intercept>> {
    let mut linear = Vec::new();
    for (name, part) in parts {
        let weight = format!("{name}.weight");
        let Some((_, weight)) = parameters.iter().find(|(known, _)| *known == weight) else {
            return Err(raise(py, Error::Internal { message: format!("no linear layer has the name {name}") }));
        };
        linear.push((weight.shallow_clone(), in_place_of(name, weight.size(), part)));
    }
    Ok(Arc::new(Intercept::new(linear, checkpoint.map(recomputed))))
}

/// Call a module of torch for a linear layer with a weight of this shape.
fn in_place_of(name: String, weight: Vec<i64>, part: Py<PyAny>) -> LinearCall {
    Box::new(move |input| {
        let output = with_python(|py| tensor(&name, &part.bind(py).call1((to_torch(py, input)?,))?))?;
        let mut expected = input.size();
        if let (Some(last), Some(width)) = (expected.last_mut(), weight.first()) {
            *last = *width;
        }
        if output.size() != expected {
            let (expected, got) = (format!("{expected:?}"), format!("{:?}", output.size()));
            return Err(Error::Shape { what: format!("the output of {name}"), expected, got });
        }
        Ok(output)
    })
}

/// Run layers through `torch.utils.checkpoint.checkpoint`, which keeps their inputs only.
fn recomputed(options: Py<PyDict>) -> LayerCall {
    Box::new(move |layer, hidden| {
        with_python(|py| {
            let layer = Bound::new(py, PyPreparedLayer { run: layer })?;
            let module = py.import("torch.utils.checkpoint")?;
            let output = module.call_method("checkpoint", (layer, to_torch(py, hidden)?), Some(options.bind(py)))?;
            match output.cast::<PyTuple>() {
                Ok(both) => {
                    let read = |index| tensor("the output of a layer", &both.get_item(index)?);
                    Ok((read(0)?, Some(read(1)?)))
                }
                Err(_) => Ok((tensor("the output of a layer", &output)?, None)),
            }
        })
    })
}

/// A layer of an encoder as a function of its input.
#[pyclass(name = "_PreparedLayer", module = "oxbert._native", frozen, weakref)]
struct PyPreparedLayer {
    run: PreparedLayer,
}

#[pymethods]
impl PyPreparedLayer {
    fn __call__<'py>(&self, py: Python<'py>, hidden: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let hidden = tensor("hidden", hidden)?;
        let (hidden, attentions): LayerOutput = enter(py, move || (self.run)(&hidden))?;
        match attentions {
            None => to_torch(py, &hidden),
            Some(attentions) => Ok((to_torch(py, &hidden)?, to_torch(py, &attentions)?).into_pyobject(py)?.into_any()),
        }
    }
}

/// Run Python in the middle of a forward pass. Its exception goes through the crate unchanged.
fn with_python<T>(work: impl FnOnce(Python<'_>) -> PyResult<T>) -> Result<T> {
    Python::attach(|py| {
        work(py).map_err(|error| {
            // `raise` takes this exception in place of ours.
            error.restore(py);
            Error::Internal { message: "Python code in a forward pass failed".into() }
        })
    })
}
