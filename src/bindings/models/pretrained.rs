//! `from_pretrained`: a folder, a bundled model or a repository of the hub -> a model.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::held::Held;
use super::outputs::Answer;
use crate::bindings::config::PyConfig;
use crate::bindings::door::{Bar, FolderOptions, device, enter, raise, warn};
use crate::bindings::weights::{open_weights, parse_component, warn_of_heads};
use crate::config::AnyConfig;
use crate::error::Error;
use crate::heads::Shareable;
use crate::models::Model;
use crate::pretrained::{Frozen, Pretrained, config_by_shapes, parts_of};
use crate::resources::ModelFolder;
use crate::weights::{OpenOptions, Strictness};

/// The options of `from_pretrained`.
pub(crate) struct LoadOptions<'a, 'py> {
    pub(crate) folder: &'a Bound<'py, PyAny>,
    pub(crate) config: Option<&'a Bound<'py, PyConfig>>,
    pub(crate) device: &'a Bound<'py, PyAny>,
    pub(crate) precision: &'a str,
    pub(crate) strict: Option<bool>,
    /// The network of a pre-training checkpoint.
    pub(crate) component: Option<&'a str>,
    /// Whether the model has parameters, or is frozen.
    pub(crate) trainable: bool,
    /// Options of the hub, and fields that override the folder's configuration.
    pub(crate) more: FolderOptions<'py>,
}

/// Load a model from a folder, with one warning if the folder lacks its head.
pub(crate) fn from_pretrained<M>(py: Python<'_>, name: &str, options: LoadOptions<'_, '_>) -> PyResult<Held>
where
    M: Model<Frozen: Send + Shareable, Output: Into<Answer>> + Send + 'static,
    M::Config: Into<AnyConfig> + TryFrom<AnyConfig, Error = Error> + Send + Sync,
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
    let is_described = config.is_some() || options.more.rest.contains("num_attention_heads")?;
    let (config, source): (M::Config, _) = enter(py, move || {
        let config = config.map_or_else(|| config_by_shapes(&ModelFolder::open(path)?, &source), Ok)?;
        Ok((config, source))
    })?;
    if !is_described && let AnyConfig::Electra(config) = config.clone().into() {
        warn_of_heads(py, &folder, &config)?;
    }
    let config = with_fields(config, &options.more.rest)?;
    let bar = Bar::new(py, &folder)?;
    let (shown, trainable) = (&bar, options.trainable);
    let loaded = enter(py, move || {
        let watch = |done: usize, total: usize| {
            shown.show(done, total);
            Ok(())
        };
        Ok(if trainable {
            Held::from(Pretrained::<M>::from_source_watched(&source, &config, device, strictness, &watch)?)
        } else {
            Held::from(Frozen::<M>::from_source_watched(&source, &config, device, strictness, &watch)?)
        })
    });
    bar.close(py)?;
    let model = loaded?;
    let lists = enter(py, || model.read(|model| (model.untrained().to_vec(), model.report().not_finite.clone())))?;
    let (untrained, not_finite) = lists;
    let folder = folder.display();
    if !untrained.is_empty() {
        let names = untrained.join(", ");
        let message = format!(
            "{folder} has no weights for {names}: {name} initialised them at random, so train the model before you use it",
        );
        warn(py, "UntrainedHeadWarning", &message)?;
    }
    if !not_finite.is_empty() {
        let names = not_finite.join(", ");
        let message = format!(
            "{folder} has numbers that are infinite or not a number (NaN) in {names}, and so will have the outputs of {name}"
        );
        warn(py, "NotFiniteWarning", &message)?;
    }
    Ok(model)
}

/// Return a configuration with other values of some of its fields.
fn with_fields<C>(config: C, fields: &Bound<'_, PyDict>) -> PyResult<C>
where
    C: Into<AnyConfig> + TryFrom<AnyConfig, Error = Error>,
{
    /// Keys that a file describes itself with. As arguments they would mean something else, or nothing.
    const NOT_OPTIONS: [&str; 9] = [
        "_commit_hash",
        "_name_or_path",
        "architectures",
        "auto_map",
        "dtype",
        "model_type",
        "quantization_config",
        "torch_dtype",
        "transformers_version",
    ];
    let py = fields.py();
    let config = PyConfig::from(config.into());
    for (name, value) in fields {
        let name: String = name.extract()?;
        if !config.has(&name) || NOT_OPTIONS.contains(&name.as_str()) {
            let message = format!("from_pretrained() got an unexpected keyword argument {name:?}: no such field");
            return Err(PyTypeError::new_err(message));
        }
        config.assign(py, &name, &value)?;
    }
    config.get().try_into().map_err(|error| raise(py, error))
}
