//! Where the model and the tokenizer of a pipeline come from.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict};
use tch::Device;

use super::loaded::Loaded;
use crate::bindings::door::{FolderOptions, device, device_name, enter, frozen_options, raise, wrong_type};
use crate::bindings::models::base::PyModel;
use crate::bindings::models::held::Held;
use crate::bindings::text::tokenizer::PyTokenizer;
use crate::error::{Error, Result};
use crate::pretrained::FrozenOptions;
use crate::text::ElectraTokenizer;

/// Heads, and other heads whose outputs say the same.
const ALIKE: [(&str, &str); 2] =
    [("ForQuestionAnswering", "ForJointQuestionAnswering"), ("ForSequenceClassification", "ForLinearClassification")];

/// The arguments of every pipeline's `from_pretrained`, as Python gives them.
pub(super) struct Asked<'a, 'py> {
    /// A folder, a name, or a model.
    pub(super) folder: &'a Bound<'py, PyAny>,
    /// A folder, a name, or a tokenizer; None for that of the folder.
    pub(super) tokenizer: Option<&'a Bound<'py, PyAny>>,
    pub(super) device: Option<&'a Bound<'py, PyAny>>,
    pub(super) precision: Option<&'a str>,
    pub(super) emulate: bool,
    pub(super) batch_tokens: Option<usize>,
    pub(super) hub: Option<&'a Bound<'py, PyDict>>,
}

/// The model and the tokenizer of a pipeline, found: a pickle has the places and not the weights.
pub(super) struct Source {
    pub(super) model: ModelSource,
    pub(super) tokenizer: TokenizerSource,
    pub(super) batch_tokens: Option<usize>,
}

pub(super) enum ModelSource {
    Folder { path: PathBuf, device: Device, options: FrozenOptions },
    Loaded(Py<PyModel>),
}

pub(super) enum TokenizerSource {
    Folder(PathBuf),
    Loaded(Py<PyTokenizer>),
}

/// What a pipeline is built of, with the GIL released.
pub(super) struct Parts {
    pub(super) model: ModelPart,
    tokenizer: TokenizerPart,
}

pub(super) enum ModelPart {
    Folder { path: PathBuf, device: Device, options: FrozenOptions },
    Loaded(Arc<Held>),
}

enum TokenizerPart {
    Folder(PathBuf),
    Loaded(ElectraTokenizer),
}

impl Source {
    /// Find the folders that `from_pretrained` names. A model in memory must be one whose class's name ends with `head`.
    pub(super) fn find(asked: &Asked<'_, '_>, head: &str) -> PyResult<Self> {
        let py = asked.folder.py();
        let hub = FolderOptions::only(py, asked.hub)?;
        let tokenizer = asked.tokenizer.map(|tokenizer| given_tokenizer(tokenizer, &hub)).transpose()?;
        let batch_tokens = asked.batch_tokens;
        if let Ok(model) = asked.folder.cast::<PyModel>() {
            let model = given_model(model, asked, head)?;
            let tokenizer = tokenizer.ok_or_else(|| {
                raise(py, Error::input("tokenizer", "expected a tokenizer beside a loaded model, got None"))
            })?;
            return Ok(Self { model, tokenizer, batch_tokens });
        }
        let needs: &[&str] =
            if tokenizer.is_some() { &["config", "weights"] } else { &["config", "tokenizer", "weights"] };
        Self::folder(asked, &hub, needs, tokenizer)
    }

    /// Find the folder of a sentence encoder, which says itself where its model and its tokenizer are.
    pub(super) fn sentences(asked: &Asked<'_, '_>) -> PyResult<Self> {
        let py = asked.folder.py();
        let hub = FolderOptions::only(py, asked.hub)?;
        if asked.tokenizer.is_some() {
            return Err(raise(py, Error::input("tokenizer", "expected None: the folder has its own")));
        }
        Self::folder(asked, &hub, &["sentences"], None)
    }

    fn folder(
        asked: &Asked<'_, '_>,
        hub: &FolderOptions<'_>,
        needs: &[&str],
        tokenizer: Option<TokenizerSource>,
    ) -> PyResult<Self> {
        let py = asked.folder.py();
        // The process that reads a pickle may run in another folder.
        let path = std::path::absolute(hub.find(asked.folder, needs, &[])?)?;
        let device = asked.device.map_or(Ok(Device::Cpu), |name| device(py, name))?;
        let options = frozen_options(py, asked.precision.unwrap_or("float32"), asked.emulate, device)?;
        let tokenizer = tokenizer.unwrap_or_else(|| TokenizerSource::Folder(path.clone()));
        let batch_tokens = asked.batch_tokens;
        Ok(Self { model: ModelSource::Folder { path, device, options }, tokenizer, batch_tokens })
    }

    /// Return what the pipeline is built of.
    pub(super) fn parts(&self, py: Python<'_>) -> Parts {
        Parts {
            model: match &self.model {
                ModelSource::Loaded(model) => ModelPart::Loaded(model.get().held()),
                ModelSource::Folder { path, device, options } => {
                    ModelPart::Folder { path: path.clone(), device: *device, options: *options }
                }
            },
            tokenizer: match &self.tokenizer {
                TokenizerSource::Folder(path) => TokenizerPart::Folder(path.clone()),
                TokenizerSource::Loaded(tokenizer) => TokenizerPart::Loaded(tokenizer.bind(py).get().get()),
            },
        }
    }

    /// Return the arguments from which `_restore` builds the pipeline again.
    pub(super) fn arguments<'py>(&self, py: Python<'py>) -> PyResult<Restored<'py>> {
        let (model, device, precision, emulate) = match &self.model {
            ModelSource::Loaded(model) => (model.bind(py).clone().into_any(), None, None, false),
            ModelSource::Folder { path, device, options } => {
                let path = path.into_pyobject(py)?.into_any();
                (path, Some(device_name(*device)), Some(options.precision.name()), options.emulate)
            }
        };
        let tokenizer = match &self.tokenizer {
            TokenizerSource::Loaded(tokenizer) => Some(tokenizer.bind(py).clone().into_any()),
            TokenizerSource::Folder(path) => match &self.model {
                ModelSource::Folder { path: own, .. } if own == path => None,
                _ => Some(path.into_pyobject(py)?.into_any()),
            },
        };
        Ok((model, device, precision, emulate, tokenizer, self.batch_tokens))
    }
}

/// The arguments of `_restore`.
pub(super) type Restored<'py> =
    (Bound<'py, PyAny>, Option<String>, Option<&'static str>, bool, Option<Bound<'py, PyAny>>, Option<usize>);

impl Parts {
    /// Return the tokenizer.
    ///
    /// # Errors
    /// The errors of [`ElectraTokenizer::from_pretrained`].
    pub(super) fn tokenizer(&self) -> Result<ElectraTokenizer> {
        match &self.tokenizer {
            TokenizerPart::Folder(path) => ElectraTokenizer::from_pretrained(path),
            TokenizerPart::Loaded(tokenizer) => Ok(tokenizer.clone()),
        }
    }
}

impl ModelPart {
    /// Load the model of a folder with `load`, or take the loaded one with `wrap`.
    ///
    /// # Errors
    /// Those of `load`, and of the loaded model's lock.
    pub(super) fn build<M: ?Sized>(
        &self,
        load: impl FnOnce(&PathBuf, Device, FrozenOptions) -> Result<Box<M>>,
        wrap: impl FnOnce(Loaded) -> Box<M>,
    ) -> Result<Box<M>> {
        match self {
            Self::Folder { path, device, options } => load(path, *device, *options),
            Self::Loaded(held) => Loaded::new(Arc::clone(held)).map(wrap),
        }
    }
}

/// Check a loaded model, and the arguments beside it.
fn given_model(model: &Bound<'_, PyModel>, asked: &Asked<'_, '_>, head: &str) -> PyResult<ModelSource> {
    let py = model.py();
    let name = model.get_type().name()?.to_string();
    let is_alike = |(_, other): &(&str, &str)| name.ends_with(other);
    if !name.ends_with(head) && !ALIKE.iter().filter(|(one, _)| *one == head).any(is_alike) {
        let reason = format!("expected an Electra{head} or a DistilBert{head}, got {name}");
        return Err(raise(py, Error::input("model", reason)));
    }
    let held = model.get().held();
    let (own, precision) = enter(py, || held.read(|model| (model.limits().device, model.precision())))?;
    if let Some(asked) = asked.device
        && device(py, asked)? != own
    {
        let reason = format!("expected {}, the loaded model's, got {}: move the model", device_name(own), asked.str()?);
        return Err(raise(py, Error::input("device", reason)));
    }
    if let Some(asked) = asked.precision.filter(|&asked| asked != precision) {
        let reason = format!("expected {precision:?}, the loaded model's, got {asked:?}: load the model with it");
        return Err(raise(py, Error::input("precision", reason)));
    }
    if asked.emulate {
        return Err(raise(py, Error::input("emulate", "expected False for a loaded model: load the model with it")));
    }
    Ok(ModelSource::Loaded(model.clone().unbind()))
}

/// Read a tokenizer, or the folder of one.
fn given_tokenizer(tokenizer: &Bound<'_, PyAny>, hub: &FolderOptions<'_>) -> PyResult<TokenizerSource> {
    if let Ok(tokenizer) = tokenizer.cast::<PyTokenizer>() {
        return Ok(TokenizerSource::Loaded(tokenizer.clone().unbind()));
    }
    if tokenizer.extract::<PathBuf>().is_err() {
        return Err(wrong_type("tokenizer", "a tokenizer of oxbert, a path or a name", tokenizer));
    }
    Ok(TokenizerSource::Folder(std::path::absolute(hub.find(tokenizer, &["tokenizer"], &["config"])?)?))
}
