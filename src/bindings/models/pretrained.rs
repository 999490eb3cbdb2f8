//! `from_pretrained`: a folder, a bundled model, a repository of the hub or named tensors -> a model.

use std::path::PathBuf;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySet, PyTuple};
use tch::Device;

use super::held::Held;
use super::outputs::Answer;
use super::parameters::named_tensors;
use crate::bindings::config::PyConfig;
use crate::bindings::door::{Bar, device, enter, enter_attached, frozen_options, raise, warn};
use crate::bindings::weights::{open_weights, parse_component, warn_of_heads};
use crate::config::AnyConfig;
use crate::engine::Precision;
use crate::error::Error;
use crate::heads::Shareable;
use crate::models::Model;
use crate::pretrained::{Frozen, Pretrained, config_by_shapes, parts_of};
use crate::resources::ModelFolder;
use crate::weights::{LoadReport, OpenOptions, Strictness, Tolerance, WeightSource};

/// The options of `from_pretrained` that are oxbert's own, and those of transformers.
pub(crate) struct LoadOptions<'a, 'py> {
    /// A folder; None if the tensors of `more` are loaded.
    pub(crate) folder: Option<&'a Bound<'py, PyAny>>,
    pub(crate) config: Option<&'a Bound<'py, PyConfig>>,
    pub(crate) precision: &'a str,
    /// Whether a precision is taken that the processor has no arithmetic for.
    pub(crate) emulate: bool,
    pub(crate) strict: Option<bool>,
    /// The network of a pre-training checkpoint.
    pub(crate) component: Option<&'a str>,
    /// Whether the model has parameters, or is frozen.
    pub(crate) trainable: bool,
    pub(crate) more: Given<'py>,
}

/// The keyword arguments of transformers: `oxbert._load_options.LoadOptions`.
#[derive(FromPyObject)]
#[expect(clippy::struct_excessive_bools, reason = "they are keyword arguments of transformers")]
pub(crate) struct Given<'py> {
    fields: Bound<'py, PyDict>,
    weights: Vec<String>,
    checkpoint: bool,
    device: Option<Bound<'py, PyAny>>,
    state_dict: Option<Bound<'py, PyDict>>,
    keep_dtype: bool,
    ignore_sizes: bool,
    pub(crate) return_info: bool,
    trust_code: bool,
    find: Bound<'py, PyAny>,
}

impl<'py> Given<'py> {
    /// Read the keyword arguments, and the device from the argument of that name.
    pub(crate) fn read(
        py: Python<'py>,
        options: Option<&Bound<'py, PyDict>>,
        device: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Self> {
        let options = options.map_or_else(|| PyDict::new(py), Clone::clone);
        py.import("oxbert._load_options")?.call_method1("read_load_options", (options, device))?.extract()
    }
}

/// Load a model from a folder or from tensors, with one warning if they lack its head.
pub(crate) fn from_pretrained<M>(py: Python<'_>, name: &str, options: LoadOptions<'_, '_>) -> PyResult<Held>
where
    M: Model<Frozen: Send + Shareable, Output: Into<Answer>> + Send + 'static,
    M::Config: Into<AnyConfig> + TryFrom<AnyConfig, Error = Error> + Send + Sync,
{
    let more = &options.more;
    let device = more.device.as_ref().map_or(Ok(Device::Cpu), |name| self::device(py, name))?;
    let frozen = frozen_options(py, options.precision, options.emulate, device)?;
    if options.trainable && options.precision != Precision::Float32.name() {
        let got = options.precision;
        let reason = format!("expected \"float32\" for a model that can be trained, got {got:?}: add trainable=False");
        return Err(raise(py, Error::input("precision", reason)));
    }
    let strictness = match options.strict {
        None => Strictness::Backbone,
        Some(true) => Strictness::Everything,
        Some(false) => Strictness::Nothing,
    };
    if more.ignore_sizes && strictness == Strictness::Everything {
        let reason = "expected False together with strict=True, which refuses any difference";
        return Err(raise(py, Error::input("ignore_mismatched_sizes", reason)));
    }
    let tolerance = Tolerance { strictness, ignore_sizes: more.ignore_sizes };
    let (config, source, place) = match &more.state_dict {
        Some(tensors) => from_tensors::<M>(py, &options, tensors)?,
        None => from_folder::<M>(py, &options)?,
    };
    let config = PyConfig::from(config.into());
    config.refuse_code(py, more.trust_code)?;
    if more.keep_dtype {
        check_dtype(py, &config, &source)?;
    }
    let config = with_fields(py, config, &more.fields)?;
    let bar = Bar::new(py, &place)?;
    let (shown, trainable) = (&bar, options.trainable);
    let loaded = enter(py, move || {
        let watch = |done: usize, total: usize| {
            shown.show(done, total);
            Ok(())
        };
        Ok(if trainable {
            Held::from(Pretrained::<M>::from_source_watched(&source, &config, device, tolerance, &watch)?)
        } else {
            Held::from(Frozen::<M>::from_source_watched(&source, &config, device, tolerance, frozen, &watch)?)
        })
    });
    bar.close(py)?;
    let model = loaded?;
    let report = enter(py, || model.read(|model| model.report().clone()))?;
    tell(py, name, &place.display().to_string(), &report)?;
    Ok(model)
}

/// Warn of parameters that no tensor has filled, and of numbers that are none.
fn tell(py: Python<'_>, name: &str, place: &str, report: &LoadReport) -> PyResult<()> {
    let mismatched: Vec<_> = report.mismatched.iter().map(ToString::to_string).collect();
    let lists = [("no weights for", report.missing.join(", ")), ("weights of other sizes for", mismatched.join(", "))];
    for (lack, names) in lists.iter().filter(|(_, names)| !names.is_empty()) {
        let message = format!(
            "{place} has {lack} {names}: {name} initialised them at random, so train the model before you use it",
        );
        warn(py, "UntrainedHeadWarning", &message)?;
    }
    if !report.not_finite.is_empty() {
        let names = report.not_finite.join(", ");
        let message = format!(
            "{place} has numbers that are infinite or not a number (NaN) in {names}, and so will have the outputs of {name}"
        );
        warn(py, "NotFiniteWarning", &message)?;
    }
    Ok(())
}

/// A configuration, tensors, and the name of the place that they come from.
type Parts<M> = (<M as Model>::Config, WeightSource, PathBuf);

fn from_tensors<M>(py: Python<'_>, options: &LoadOptions<'_, '_>, tensors: &Bound<'_, PyDict>) -> PyResult<Parts<M>>
where
    M: Model<Config: TryFrom<AnyConfig, Error = Error>>,
{
    let refuse = |what: &str, reason: &str| Err(raise(py, Error::input(what, reason)));
    if options.folder.is_some() {
        return refuse("state_dict", "expected None beside a folder: pass None for the folder to load these tensors");
    }
    let Some(config) = options.config else {
        return refuse("config", "expected a configuration, because a state_dict has none");
    };
    let config = config.get().get().try_into().map_err(|error| raise(py, error))?;
    let source = WeightSource::Tensors { path: None, tensors: named_tensors(tensors)? };
    Ok((config, source, PathBuf::from("the state_dict")))
}

fn from_folder<M>(py: Python<'_>, options: &LoadOptions<'_, '_>) -> PyResult<Parts<M>>
where
    M: Model<Config: Into<AnyConfig> + TryFrom<AnyConfig, Error = Error> + Send>,
{
    let Some(folder) = options.folder else {
        let reason = "expected a path or a name, got None: None needs a config and a state_dict";
        return Err(raise(py, Error::input("folder", reason)));
    };
    let component = options.component.map(|name| parse_component(py, name)).transpose()?;
    let folder: PathBuf = options.more.find.call1((folder,))?.extract()?;
    let given = options.config.map(|config| config.get().get());
    let opening = OpenOptions { component, preferred: Some(M::COMPONENT) };
    let (path, names, checkpoint) = (folder.clone(), options.more.weights.clone(), options.more.checkpoint);
    let (config, weights) = enter(py, move || {
        let folder = ModelFolder::open(path)?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let weights = folder.weights_among(&names, checkpoint);
        match given {
            Some(config) => Ok((Some(config.try_into()?), weights?)),
            None => parts_of::<M::Config>(&folder, weights),
        }
    })?;
    let source = open_weights(py, weights, opening)?;
    let path = folder.clone();
    let is_described = config.is_some() || options.more.fields.contains("num_attention_heads")?;
    let (config, source): (M::Config, _) = enter(py, move || {
        let config = config.map_or_else(|| config_by_shapes(&ModelFolder::open(path)?, &source), Ok)?;
        Ok((config, source))
    })?;
    if !is_described && let AnyConfig::Electra(config) = config.clone().into() {
        warn_of_heads(py, &folder, &config)?;
    }
    Ok((config, source, folder))
}

/// Refuse weights that are not float32, which is what the parameters become.
fn check_dtype(py: Python<'_>, config: &PyConfig, source: &WeightSource) -> PyResult<()> {
    // As in transformers, the configuration counts first. Older files have the second name.
    let named = ["dtype", "torch_dtype"].iter().find_map(|name| {
        config.read(|config| config.value(name)).and_then(|value| value.as_str().map(ToString::to_string))
    });
    let found = match named {
        Some(name) => Some(name),
        None => enter_attached(py, || Ok(source.float_dtype().map(ToString::to_string)))?,
    };
    match found.filter(|name| name != "float32") {
        None => Ok(()),
        Some(name) => {
            let reason = format!(
                "expected \"float32\", since the weights are {name} and \"auto\" would keep that: load in float32, then \
                 convert the parameters with oxbert.torch.Module(model).to(torch.{name})"
            );
            Err(raise(py, Error::input("dtype", reason)))
        }
    }
}

/// Return what transformers returns beside a model for `output_loading_info`.
pub(crate) fn loading_info<'py>(py: Python<'py>, report: &LoadReport) -> PyResult<Bound<'py, PyDict>> {
    let info = PyDict::new(py);
    info.set_item("missing_keys", PySet::new(py, &report.missing)?)?;
    info.set_item("unexpected_keys", PySet::new(py, &report.unexpected)?)?;
    let mismatched = PySet::empty(py)?;
    for mismatch in &report.mismatched {
        if let Some((expected, got)) = &mismatch.shapes {
            mismatched.add((&mismatch.name, PyTuple::new(py, got)?, PyTuple::new(py, expected)?))?;
        }
    }
    info.set_item("mismatched_keys", mismatched)?;
    info.set_item("error_msgs", PyList::empty(py))?;
    Ok(info)
}

/// Return a configuration with other values of some of its fields.
fn with_fields<C>(py: Python<'_>, config: PyConfig, fields: &Bound<'_, PyDict>) -> PyResult<C>
where
    C: TryFrom<AnyConfig, Error = Error>,
{
    for name in fields.keys() {
        let name: String = name.extract()?;
        if !config.has_field(&name) {
            let message = format!("from_pretrained() got an unexpected keyword argument {name:?}: no such field");
            return Err(PyTypeError::new_err(message));
        }
    }
    config.assign(py, fields)?;
    config.get().try_into().map_err(|error| raise(py, error))
}
