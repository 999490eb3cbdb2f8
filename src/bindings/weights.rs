//! `oxbert.load_weights`, `oxbert.save_weights`, `oxbert.canonical_name`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::bindings::door::{enter, enter_attached, raise, to_numpy, to_torch};
use crate::bindings::models::parameters::named_tensors;
use crate::config::{Config, ElectraConfig, Labels};
use crate::error::Error;
use crate::resources::ModelFolder;
use crate::weights::{Component, OpenOptions, WeightFile, WeightFormat, WeightSource, names, save_tensors};

/// A checkpoint of any format.
pub(crate) fn open_weights(py: Python<'_>, path: PathBuf, options: OpenOptions) -> PyResult<WeightSource> {
    /// How HDF5 files begin.
    const HDF5: &[u8] = b"\x89HDF";
    let is_hdf5 = enter(py, || {
        let mut start = [0; HDF5.len()];
        // Anything else that is wrong with the file is told by who opens it next.
        let read = std::fs::metadata(&path).is_ok_and(|kind| kind.is_file())
            && File::open(&path).is_ok_and(|mut file| file.read_exact(&mut start).is_ok());
        Ok(read && start == HDF5)
    })?;
    if !is_hdf5 {
        return enter(py, || WeightSource::open_with(path, options));
    }
    let folder = enter(py, || tempfile::tempdir().map_err(Error::io("make", std::env::temp_dir())))?;
    let parts = folder.path().join("parts.safetensors");
    py.import("oxbert._hdf5")?.call_method1("take_apart", (&path, &parts))?;
    // Mapped files stay readable when their names are gone.
    enter(py, || Ok(WeightSource::File(WeightFile::from_hdf5_parts(&parts, path)?)))
}

pub(crate) fn parse_component(py: Python<'_>, name: &str) -> PyResult<Component> {
    let refused = || Error::input("component", format!("expected \"generator\" or \"discriminator\", got {name:?}"));
    Component::from_name(name).ok_or_else(|| raise(py, refused()))
}

/// The tensors of a checkpoint by name, whatever its format (nothing in a file is executed).
///
/// Args:
///     path: The file, or the index of several.
///     arrays: `"numpy"` or `"torch"`. bfloat16 has no numpy dtype and comes as float32 there.
///     component: `"generator"` or `"discriminator"`, of a checkpoint of google-research/electra that has both.
///
/// Raises:
///     oxbert.errors.WeightsFormatError: The file is truncated, corrupt or of another format.
#[pyfunction]
#[pyo3(signature = (path, arrays = "numpy", *, component = None))]
pub(crate) fn load_weights<'py>(
    py: Python<'py>,
    path: PathBuf,
    arrays: &str,
    component: Option<&str>,
) -> PyResult<Bound<'py, PyDict>> {
    if !matches!(arrays, "numpy" | "torch") {
        let reason = format!("expected \"numpy\" or \"torch\", got {arrays:?}");
        return Err(raise(py, Error::input("arrays", reason)));
    }
    let component = component.map(|name| parse_component(py, name)).transpose()?;
    let source = open_weights(py, path, OpenOptions { component, preferred: None })?;
    let tensors = PyDict::new(py);
    let names: Vec<String> = source.names().into_iter().map(ToString::to_string).collect();
    for name in names {
        let source = &source;
        let tensor = enter_attached(py, || source.tensor(&name))?;
        tensors.set_item(&name, if arrays == "torch" { to_torch(py, &tensor)? } else { to_numpy(py, &tensor)? })?;
    }
    Ok(tensors)
}

/// How a checkpoint itself names and stores its tensors, where that is not as torch does: by the names that
/// `load_weights` gives them, (the name there, whether it is transposed there).
#[pyfunction]
#[pyo3(signature = (path, *, component = None))]
pub(crate) fn weight_origins(
    py: Python<'_>,
    path: PathBuf,
    component: Option<&str>,
) -> PyResult<BTreeMap<String, (String, bool)>> {
    let component = component.map(|name| parse_component(py, name)).transpose()?;
    let source = open_weights(py, path, OpenOptions { component, preferred: None })?;
    let WeightSource::File(file) = &source else { return Ok(BTreeMap::new()) };
    let origin = |name: &str| {
        let origin = file.origin(name)?;
        Some((name.to_string(), (origin.name.clone(), origin.is_transposed)))
    };
    Ok(file.names().filter_map(origin).collect())
}

/// The `config.json` that the shapes of a checkpoint of google-research/electra tell; None for another checkpoint.
#[pyfunction]
#[pyo3(signature = (path, *, component = None))]
pub(crate) fn describe_weights(py: Python<'_>, path: PathBuf, component: Option<&str>) -> PyResult<Option<String>> {
    let component = component.map(|name| parse_component(py, name)).transpose()?;
    let source = open_weights(py, path, OpenOptions { component, preferred: None })?;
    let described = ElectraConfig::from_shapes(|name| source.shape(name)).filter(|_| source.is_googles());
    Ok(described.map(|mut config| {
        let has = |name: &str| source.shape(name).is_some();
        let heads = [
            ("generator_predictions.dense.weight", "ElectraForMaskedLM"),
            ("discriminator_predictions.dense.weight", "ElectraForPreTraining"),
            ("classifier.weight", "ElectraForTokenClassification"),
        ];
        let found = heads.into_iter().find(|(tensor, _)| has(tensor));
        config.note_architecture(found.map_or("ElectraModel", |(_, name)| name));
        if let Some(labels) = source.shape("classifier.bias") {
            config.labels = Labels::numbered(labels.iter().product::<i64>() as usize);
        }
        config.to_json()
    }))
}

/// The weight file of a model folder that is read: the first of a list that is there.
#[pyfunction]
pub(crate) fn find_weights(py: Python<'_>, folder: PathBuf) -> PyResult<PathBuf> {
    enter(py, || ModelFolder::open(folder)?.weights())
}

/// Writes tensors by name: `.ot`, `.safetensors` or `.bin`, by the ending of the path. A crash leaves the old file or the new
/// one.
///
/// Args:
///     tensors: Names and torch tensors or numpy arrays.
///     path: The file.
///
/// Raises:
///     oxbert.errors.FileError: The file cannot be written.
///     oxbert.errors.InputError: The ending is none of these.
#[pyfunction]
pub(crate) fn save_weights(py: Python<'_>, tensors: &Bound<'_, PyDict>, path: PathBuf) -> PyResult<()> {
    let tensors = named_tensors(tensors)?;
    enter(py, move || save_tensors(&path, &tensors, WeightFormat::of(&path)?))
}

/// A tensor's name without a wrapper's prefix (`module.`) and with `LayerNorm.gamma` and `.beta` as `.weight` and
/// `.bias`; None for the buffers `position_ids` and `token_type_ids`, which no model needs.
#[pyfunction]
pub(crate) fn canonical_name(name: &str) -> Option<String> {
    names::canonical(name)
}
