//! `from_pretrained`: a folder, or the name of a bundled model -> a model.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::config::{FolderOptions, PyConfig};
use super::enter::{check_signals, enter};
use super::errors::raise;
use super::tensors::device;
use super::weights::{open_weights, parse_component};
use crate::config::AnyConfig;
use crate::error::{Error, Result};
use crate::models::Model;
use crate::pretrained::{Pretrained, config_by_shapes, parts_of};
use crate::resources::ModelFolder;
use crate::weights::{OpenOptions, Strictness};

/// The options of `from_pretrained`.
pub(super) struct LoadOptions<'a, 'py> {
    pub(super) folder: &'a Bound<'py, PyAny>,
    pub(super) config: Option<&'a Bound<'py, PyConfig>>,
    pub(super) device: &'a Bound<'py, PyAny>,
    pub(super) precision: &'a str,
    pub(super) strict: Option<bool>,
    /// Which network of a pre-training checkpoint.
    pub(super) component: Option<&'a str>,
    /// Options of the hub, and fields of the configuration that count instead of the folder's.
    pub(super) more: FolderOptions<'py>,
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
    let component = options.component.map(|name| parse_component(py, name)).transpose()?;
    let folder = options.more.find(options.folder, &["config", "weights"])?;
    let given = options.config.map(|config| config.get().get());
    let opening = OpenOptions { component, preferred: Some(M::COMPONENT) };
    let path = folder.clone();
    let (config, weights) = enter(py, move || {
        let folder = ModelFolder::open(path)?;
        match given {
            Some(config) => Ok((Some(config.try_into()?), folder.weights()?)),
            None => parts_of::<M::Config>(&folder),
        }
    })?;
    let source = open_weights(py, weights, opening)?;
    let path = folder.clone();
    let (config, source) = enter(py, move || {
        let config = config.map_or_else(|| config_by_shapes(&ModelFolder::open(path)?, &source), Ok)?;
        Ok((config, source))
    })?;
    let config = with_fields(config, &options.more.rest)?;
    let bar = Bar::new(py, &folder)?;
    let shown = &bar;
    let loaded = enter(py, move || {
        let watch = |done: usize, total: usize| shown.show(done, total);
        Pretrained::<M>::from_source_watched(&source, &config, device, strictness, &watch)
    });
    bar.close(py)?;
    let model = loaded?;
    let folder = folder.display();
    if !model.untrained().is_empty() {
        let names = model.untrained().join(", ");
        let message = format!(
            "{folder} has no weights for {names}: {name} starts with fresh ones there, which must be trained before they are used",
        );
        warn(py, "UntrainedHeadWarning", &message)?;
    }
    if !model.report.not_finite.is_empty() {
        let names = model.report.not_finite.join(", ");
        let message = format!(
            "{folder} has numbers that are infinite or not a number (NaN) in {names}: so will be what {name} computes"
        );
        warn(py, "NotFiniteWarning", &message)?;
    }
    Ok(model)
}

fn warn(py: Python<'_>, category: &str, message: &str) -> PyResult<()> {
    let category = py.import("oxbert.errors")?.getattr(category)?;
    py.import("warnings")?.call_method1("warn", (PyString::new(py, message), category))?;
    Ok(())
}

/// A progress bar over the bytes of parameters, on a terminal and for large models only.
struct Bar {
    /// tqdm's, from when the size is known.
    bar: Mutex<Option<Py<PyAny>>>,
    title: String,
    is_wanted: bool,
}

impl Bar {
    /// Bytes of parameters that take long enough to be watched.
    const LARGE: usize = 200 << 20;

    fn new(py: Python<'_>, folder: &Path) -> PyResult<Self> {
        let stderr = py.import("sys")?.getattr("stderr")?;
        let is_wanted = !stderr.is_none() && stderr.call_method0("isatty")?.is_truthy()?;
        let title = folder.file_name().map_or_else(|| "weights".into(), |name| name.to_string_lossy().into_owned());
        Ok(Self { bar: Mutex::new(None), title, is_wanted })
    }

    /// Also what Ctrl-C arrives through.
    fn show(&self, done: usize, total: usize) -> Result<()> {
        check_signals()?;
        if !self.is_wanted || total < Self::LARGE {
            return Ok(());
        }
        let draw = |py: Python<'_>| -> PyResult<()> {
            let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
            let bar = match &mut *bar {
                Some(bar) => bar,
                none => none.insert(self.begin(py, total)?),
            };
            bar.setattr(py, "n", done)?;
            bar.call_method0(py, "refresh").map(drop)
        };
        // A bar that cannot be drawn is no reason to stop.
        let _ = Python::attach(draw);
        Ok(())
    }

    fn begin(&self, py: Python<'_>, total: usize) -> PyResult<Py<PyAny>> {
        let options = PyDict::new(py);
        options.set_item("total", total)?;
        options.set_item("desc", &self.title)?;
        options.set_item("unit", "B")?;
        options.set_item("unit_scale", true)?;
        options.set_item("leave", false)?;
        Ok(py.import("tqdm")?.getattr("tqdm")?.call((), Some(&options))?.unbind())
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(bar) => bar.call_method0(py, "close").map(drop),
            None => Ok(()),
        }
    }
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
