//! `oxbert.load_weights`, `oxbert.save_weights`, `oxbert.canonical_name`.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::enter::enter;
use super::errors::raise;
use super::parameters::named_tensors;
use super::pretrained::read_pickle;
use super::tensors::{to_numpy, to_torch};
use crate::error::Error;
use crate::weights::{WeightFormat, WeightSource, names, save_tensors};

/// The tensors of a file by name: `.ot`, `.safetensors`, or torch's `.bin` and `.pt` (nothing in a file is executed).
///
/// Args:
///     path: The file.
///     arrays: `"numpy"` or `"torch"`. bfloat16 has no numpy dtype and comes as float32 there.
///
/// Raises:
///     oxbert.errors.WeightsFormatError: The file is truncated, corrupt or of another format.
#[pyfunction]
#[pyo3(signature = (path, arrays = "numpy"))]
pub(super) fn load_weights<'py>(py: Python<'py>, path: PathBuf, arrays: &str) -> PyResult<Bound<'py, PyDict>> {
    if !matches!(arrays, "numpy" | "torch") {
        let reason = format!("expected \"numpy\" or \"torch\", got {arrays:?}");
        return Err(raise(py, Error::input("arrays", reason)));
    }
    let pickle = path.extension().is_some_and(|ending| ending == "bin" || ending == "pt" || ending == "pth");
    let source = if pickle { read_pickle(py, path)? } else { enter(py, || WeightSource::open(path))? };
    let tensors = PyDict::new(py);
    let names: Vec<String> = source.names().into_iter().map(ToString::to_string).collect();
    for name in names {
        let source = &source;
        let tensor = super::enter::enter_attached(py, || source.tensor(&name))?;
        tensors.set_item(&name, if arrays == "torch" { to_torch(py, &tensor)? } else { to_numpy(py, &tensor)? })?;
    }
    Ok(tensors)
}

/// Writes tensors by name: `.ot` or `.safetensors`, by the ending of the path. A crash leaves the old file or the new
/// one.
///
/// Args:
///     tensors: Names and torch tensors or numpy arrays.
///     path: The file.
///
/// Raises:
///     oxbert.errors.FileError: The file cannot be written.
///     oxbert.errors.InputError: The ending is none of the two.
#[pyfunction]
pub(super) fn save_weights(py: Python<'_>, tensors: &Bound<'_, PyDict>, path: PathBuf) -> PyResult<()> {
    let tensors = named_tensors(tensors)?;
    enter(py, move || save_tensors(&path, &tensors, WeightFormat::of(&path)?))
}

/// A tensor's name without a wrapper's prefix (`module.`) and with `LayerNorm.gamma` and `.beta` as `.weight` and
/// `.bias`; None for the buffers `position_ids` and `token_type_ids`, which no model needs.
#[pyfunction]
pub(super) fn canonical_name(name: &str) -> Option<String> {
    names::canonical(name)
}
