//! `from_pretrained`: a folder, or the name of a bundled model -> a model.

use std::path::PathBuf;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::config::{PyConfig, find_folder};
use super::enter::enter;
use super::errors::raise;
use super::parameters::named_tensors;
use super::tensors::device;
use crate::config::{AnyConfig, Config};
use crate::error::Error;
use crate::models::Model;
use crate::pretrained::Pretrained;
use crate::resources::ModelFolder;
use crate::weights::{Strictness, WeightSource};

/// The options of `from_pretrained`.
pub(super) struct LoadOptions<'a, 'py> {
    pub(super) folder: PathBuf,
    pub(super) config: Option<&'a Bound<'py, PyConfig>>,
    pub(super) device: &'a Bound<'py, PyAny>,
    pub(super) precision: &'a str,
    pub(super) strict: Option<bool>,
    /// Fields of the configuration that count instead of the folder's.
    pub(super) fields: Option<&'a Bound<'py, PyDict>>,
}

/// A model from a folder, with one warning where its head was not there.
pub(super) fn from_pretrained<M>(py: Python<'_>, name: &str, options: LoadOptions<'_, '_>) -> PyResult<Pretrained<M>>
where
    M: Model + Send,
    M::Config: Into<AnyConfig> + TryFrom<AnyConfig, Error = Error> + Send,
{
    let device = device(py, options.device)?;
    if options.precision != "float32" {
        let reason = format!("expected \"float32\", got {:?}", options.precision);
        return Err(raise(py, Error::input("precision", reason)));
    }
    let strictness = match options.strict {
        None => Strictness::Backbone,
        Some(true) => Strictness::Everything,
        Some(false) => Strictness::Nothing,
    };
    let folder = find_folder(py, options.folder)?;
    let given = options.config.map(|config| config.get().get());
    let (config, weights) = enter(py, || {
        let folder = ModelFolder::open(&folder)?;
        let config = given.map_or_else(|| M::Config::from_file(folder.config()?), TryInto::try_into)?;
        Ok((config, folder.weights_or_pickle()?))
    })?;
    let config = match options.fields {
        Some(fields) => with_fields(config, fields)?,
        None => config,
    };
    let source = if weights.extension().is_some_and(|ending| ending == "bin") {
        read_pickle(py, weights)?
    } else {
        enter(py, || WeightSource::open(weights))?
    };
    let model = enter(py, move || Pretrained::<M>::from_source(&source, &config, device, strictness))?;
    if !model.untrained().is_empty() {
        let message = format!(
            "{} has no weights for {}: {name} starts with fresh ones there, which must be trained before they are used",
            folder.display(),
            model.untrained().join(", "),
        );
        let category = py.import("oxbert.errors")?.getattr("UntrainedHeadWarning")?;
        py.import("warnings")?.call_method1("warn", (PyString::new(py, &message), category))?;
    }
    Ok(model)
}

/// A configuration with other values of some of its fields.
fn with_fields<C>(config: C, fields: &Bound<'_, PyDict>) -> PyResult<C>
where
    C: Into<AnyConfig> + TryFrom<AnyConfig, Error = Error>,
{
    let py = fields.py();
    let config = PyConfig::from(config.into());
    for (name, value) in fields {
        let name: String = name.extract()?;
        if !config.has(&name) {
            let message = format!("from_pretrained() got an unexpected keyword argument {name:?}: no such field");
            return Err(PyTypeError::new_err(message));
        }
        config.assign(py, &name, &value)?;
    }
    config.get().try_into().map_err(|error| raise(py, error))
}

/// A `.bin` file, read by torch's restricted unpickler.
pub(super) fn read_pickle(py: Python<'_>, path: PathBuf) -> PyResult<WeightSource> {
    let tensors = py.import("oxbert._pickles")?.call_method1("read", (&path,))?;
    Ok(WeightSource::Tensors { path: Some(path), tensors: named_tensors(tensors.cast::<PyDict>()?)? })
}
