//! Models in Python: one base class with everything that does not depend on the family, one thin class a model.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use tch::{Device, Tensor};

use super::arguments::PyArguments;
use super::config::PyElectraConfig;
use super::enter::{enter, enter_attached};
use super::errors::raise;
use super::guarded::Guarded;
use super::outputs::Answer;
use super::pretrained::{LoadOptions, from_pretrained};
use super::tensors::{Arrays, device, device_name, from_numpy, from_torch, to_torch};
use crate::config::ElectraConfig;
use crate::encoder::ForwardOptions;
use crate::error::{Error, Result};
use crate::inputs::{Arguments, Inputs};
use crate::models::Model;
use crate::pretrained::Pretrained;
use crate::weights::{LoadReport, Strictness, WeightFormat, WeightSource};

/// Any model, without its type.
trait AnyModel: Send {
    fn run(&self, arguments: Arguments, options: ForwardOptions) -> Result<Answer>;
    fn config(&self) -> ElectraConfig;
    fn parameters(&self) -> Vec<(String, Tensor)>;
    fn report(&self) -> &LoadReport;
    fn device(&self) -> Device;
    fn to_device(&mut self, device: Device) -> Result<()>;
    fn load(&mut self, source: &WeightSource, strictness: Strictness) -> Result<()>;
    fn save(&self, folder: PathBuf, format: WeightFormat) -> Result<()>;
}

impl<M> AnyModel for Pretrained<M>
where
    M: Model<Config = ElectraConfig> + Send,
    M::Output: Into<Answer>,
{
    fn run(&self, arguments: Arguments, options: ForwardOptions) -> Result<Answer> {
        let inputs = Inputs::new(arguments, &self.model.limits())?;
        Ok(self.model.forward(&inputs, options)?.into())
    }

    fn config(&self) -> ElectraConfig {
        self.config.clone()
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        Pretrained::parameters(self)
    }

    fn report(&self) -> &LoadReport {
        &self.report
    }

    fn device(&self) -> Device {
        Pretrained::device(self)
    }

    fn to_device(&mut self, device: Device) -> Result<()> {
        Pretrained::to_device(self, device)
    }

    fn load(&mut self, source: &WeightSource, strictness: Strictness) -> Result<()> {
        Pretrained::load(self, source, strictness)
    }

    fn save(&self, folder: PathBuf, format: WeightFormat) -> Result<()> {
        Pretrained::save(self, folder, format)
    }
}

/// The base of all models: what does not depend on the family or the head.
///
/// Arrays in, the same arrays out: numpy arrays and lists give numpy arrays and build no graph; torch tensors give torch
/// tensors with their graph, unless torch's grad mode is off.
#[pyclass(name = "Model", module = "oxbert", subclass, frozen)]
pub(super) struct PyModel {
    model: Guarded<Box<dyn AnyModel>>,
    training: AtomicBool,
}

impl PyModel {
    fn new<M>(model: Pretrained<M>) -> Self
    where
        M: Model<Config = ElectraConfig> + Send + 'static,
        M::Output: Into<Answer>,
    {
        Self { model: Guarded::new(Box::new(model)), training: AtomicBool::new(false) }
    }

    fn with<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&mut dyn AnyModel) -> Result<T> + Send) -> PyResult<T> {
        enter(py, || work(self.model.lock()?.as_mut()))
    }

    fn call<'py>(
        &self,
        py: Python<'py>,
        arguments: &PyArguments<'_, 'py>,
        output_hidden_states: Option<bool>,
        output_attentions: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (arguments, arrays) = arguments.read()?;
        let train = self.training.load(Ordering::Relaxed);
        let answer = self.with(py, move |model| {
            let config = model.config();
            let options = ForwardOptions {
                train,
                output_hidden_states: output_hidden_states.unwrap_or(config.output_hidden_states),
                output_attentions: output_attentions.unwrap_or(config.output_attentions),
            };
            let _no_grad = (arrays == Arrays::Numpy).then(tch::no_grad_guard);
            let mut arguments = arguments;
            if arrays == Arrays::Numpy
                && let Some(embeddings) = &mut arguments.inputs_embeds
            {
                // An array of numpy is on no device; a tensor of torch has to be on the right one.
                *embeddings = embeddings.f_to_device(model.device())?;
            }
            model.run(arguments, options)
        })?;
        answer.into_python(py, arrays)
    }
}

#[pymethods]
impl PyModel {
    /// The configuration, a copy: a change of it does not change the model.
    #[getter]
    fn config(&self, py: Python<'_>) -> PyResult<PyElectraConfig> {
        Ok(PyElectraConfig { inner: self.with(py, |model| Ok(model.config()))? })
    }

    /// Where the parameters are: `cpu` or `cuda:N`.
    #[getter]
    fn device(&self, py: Python<'_>) -> PyResult<String> {
        Ok(device_name(self.with(py, |model| Ok(model.device()))?))
    }

    /// What the parameters are stored in.
    #[getter]
    fn precision(&self) -> &'static str {
        "float32"
    }

    /// Whether dropout is applied.
    #[getter]
    fn training(&self) -> bool {
        self.training.load(Ordering::Relaxed)
    }

    /// What loading found: `loaded` (a number), `missing`, `unexpected`, `mismatched`, `renamed`.
    #[getter]
    fn load_report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let report = self.with(py, |model| Ok(model.report().clone()))?;
        let result = PyDict::new(py);
        result.set_item("loaded", report.loaded)?;
        result.set_item("missing", report.missing)?;
        result.set_item("unexpected", report.unexpected)?;
        let mismatched: Vec<_> = report.mismatched.into_iter().map(|one| (one.name, one.expected, one.got)).collect();
        result.set_item("mismatched", mismatched)?;
        result.set_item("renamed", report.renamed)?;
        Ok(result)
    }

    /// Turns dropout on, or off with `mode=False`. Returns the model.
    #[pyo3(signature = (mode = true))]
    fn train(slf: Bound<'_, Self>, mode: bool) -> Bound<'_, Self> {
        slf.get().training.store(mode, Ordering::Relaxed);
        slf
    }

    /// Turns dropout off. Returns the model.
    fn eval(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        Self::train(slf, false)
    }

    /// Moves the parameters to a device: `cpu`, `cuda`, `cuda:N`. Returns the model.
    ///
    /// The parameters there are new tensors: make an optimizer after the move, not before it.
    fn to<'py>(slf: Bound<'py, Self>, device: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let device = self::device(py, device)?;
        slf.get().with(py, move |model| model.to_device(device))?;
        Ok(slf)
    }

    /// How many numbers the parameters hold.
    fn num_parameters(&self, py: Python<'_>) -> PyResult<usize> {
        self.with(py, |model| Ok(model.parameters().iter().map(|(_, tensor)| tensor.numel()).sum()))
    }

    /// Names and parameters, as torch tensors over the same memory: a change is seen by the model, gradients arrive in
    /// `.grad`. Imports torch.
    fn named_parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
        let parameters = self.with(py, |model| Ok(model.parameters()))?;
        parameters.into_iter().map(|(name, tensor)| Ok((name, to_torch(py, &tensor)?))).collect()
    }

    /// The parameters of `named_parameters`.
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        Ok(self.named_parameters(py)?.into_iter().map(|(_, parameter)| parameter).collect())
    }

    /// Names and values, as torch tensors over the same memory, without gradients. Imports torch.
    fn state_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let state = PyDict::new(py);
        for (name, parameter) in self.named_parameters(py)? {
            state.set_item(name, parameter.call_method0("detach")?)?;
        }
        Ok(state)
    }

    /// Replaces the values of the parameters by those of a dictionary of torch tensors or numpy arrays. With
    /// `strict=False` only wrong shapes are refused. Nothing changes where there is an error.
    #[pyo3(signature = (state_dict, strict = true))]
    fn load_state_dict(&self, py: Python<'_>, state_dict: &Bound<'_, PyDict>, strict: bool) -> PyResult<()> {
        let source = WeightSource::Tensors { path: None, tensors: named_tensors(state_dict)? };
        let strictness = if strict { Strictness::Everything } else { Strictness::Nothing };
        self.with(py, move |model| model.load(&source, strictness))
    }

    /// Writes `config.json` and the weights into a folder, which is made where there is none: `format` is
    /// `"safetensors"` (`model.safetensors`, for transformers) or `"ot"` (`rust_model.ot`, for rust_bert).
    #[pyo3(signature = (folder, format = "safetensors"))]
    fn save_pretrained(&self, py: Python<'_>, folder: PathBuf, format: &str) -> PyResult<()> {
        let format = match format {
            "safetensors" => WeightFormat::Safetensors,
            "ot" => WeightFormat::Ot,
            other => {
                let reason = format!("expected \"safetensors\" or \"ot\", got {other:?}");
                return Err(raise(py, Error::input("format", reason)));
            }
        };
        self.with(py, move |model| model.save(folder, format))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let py = slf.py();
        let (config, count) = slf.get().with(py, |model| {
            Ok((model.config(), model.parameters().iter().map(|(_, tensor)| tensor.numel()).sum::<usize>()))
        })?;
        Ok(format!(
            "{}(layers={}, hidden_size={}, heads={}, vocab_size={}, parameters={count}, device={})",
            slf.get_type().name()?,
            config.num_hidden_layers,
            config.hidden_size,
            config.num_attention_heads,
            config.vocab_size,
            slf.get().device(py)?,
        ))
    }
}

/// Tensors by name from a dictionary of torch tensors or numpy arrays.
pub(super) fn named_tensors(values: &Bound<'_, PyDict>) -> PyResult<Vec<(String, Tensor)>> {
    let read = |(name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        let Ok(name) = name.extract::<String>() else {
            let got = name.get_type().name().map_or_else(|_| "something else".into(), |name| name.to_string());
            let (what, expected) = ("names of tensors".to_string(), "str".to_string());
            return Err(raise(value.py(), Error::Dtype { what, expected, got }));
        };
        let tensor = match from_torch(&name, &value)? {
            Some(tensor) => enter_attached(value.py(), || Ok(tensor.f_detach()?))?,
            None => from_numpy(&name, &value)?,
        };
        Ok((name, tensor))
    };
    values.iter().map(read).collect()
}

/// A model class of the ELECTRA family.
macro_rules! electra_class {
    ($(#[$doc:meta])* $class:ident, $name:literal, $model:ty) => {
        $(#[$doc])*
        #[pyclass(name = $name, module = "oxbert", extends = PyModel, frozen)]
        pub(super) struct $class;

        #[pymethods]
        impl $class {
            #[new]
            #[pyo3(signature = (config, *, seed = None, device = None))]
            fn new(
                py: Python<'_>,
                config: &PyElectraConfig,
                seed: Option<i64>,
                device: Option<&Bound<'_, PyAny>>,
            ) -> PyResult<PyClassInitializer<Self>> {
                let config = config.inner.clone();
                let device = device.map_or(Ok(Device::Cpu), |name| self::device(py, name))?;
                let model = enter(py, move || Pretrained::<$model>::from_config(&config, seed, device))?;
                Ok(PyClassInitializer::from(PyModel::new(model)).add_subclass(Self))
            }

            /// A freshly initialised model, as transformers initialises one. A seed is given to torch's one random
            /// generator, as `torch.manual_seed` does; the same seed gives the same values.
            #[staticmethod]
            #[pyo3(signature = (config, *, seed = None, device = None))]
            fn from_config(
                py: Python<'_>,
                config: &PyElectraConfig,
                seed: Option<i64>,
                device: Option<&Bound<'_, PyAny>>,
            ) -> PyResult<Py<Self>> {
                Py::new(py, Self::new(py, config, seed, device)?)
            }

            /// A model from a folder, or a bundled one by its name: `model.safetensors`, `rust_model.ot` or
            /// `pytorch_model.bin`, the first that is there.
            ///
            /// `strict=None` refuses a missing or unexpected part of the encoder, and warns of a missing head;
            /// `strict=True` refuses any difference, `strict=False` none but wrong shapes. The model is in evaluation
            /// mode.
            #[staticmethod]
            #[pyo3(signature = (folder, *, config = None, device = None, precision = "float32", strict = None))]
            fn from_pretrained(
                py: Python<'_>,
                folder: PathBuf,
                config: Option<&PyElectraConfig>,
                device: Option<&Bound<'_, PyAny>>,
                precision: &str,
                strict: Option<bool>,
            ) -> PyResult<Py<Self>> {
                let cpu = PyString::new(py, "cpu").into_any();
                let options = LoadOptions { folder, config, device: device.unwrap_or(&cpu), precision, strict };
                let model = from_pretrained::<$model>(py, $name, options)?;
                Py::new(py, PyClassInitializer::from(PyModel::new(model)).add_subclass(Self))
            }

            #[pyo3(signature = (
                input_ids = None,
                attention_mask = None,
                token_type_ids = None,
                position_ids = None,
                inputs_embeds = None,
                *,
                output_hidden_states = None,
                output_attentions = None,
            ))]
            #[expect(clippy::too_many_arguments, reason = "the arguments of transformers, in their order")]
            fn __call__<'py>(
                slf: &Bound<'py, Self>,
                input_ids: Option<&Bound<'py, PyAny>>,
                attention_mask: Option<&Bound<'py, PyAny>>,
                token_type_ids: Option<&Bound<'py, PyAny>>,
                position_ids: Option<&Bound<'py, PyAny>>,
                inputs_embeds: Option<&Bound<'py, PyAny>>,
                output_hidden_states: Option<bool>,
                output_attentions: Option<bool>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let arguments =
                    PyArguments { input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds };
                slf.as_super().get().call(slf.py(), &arguments, output_hidden_states, output_attentions)
            }
        }
    };
}

electra_class!(
    /// ELECTRA's encoder, without a head. Returns `last_hidden_state` [B, S, H].
    PyElectraModel,
    "ElectraModel",
    crate::electra::ElectraModel
);
electra_class!(
    /// ELECTRA's discriminator: `logits` [B, S], above 0 where a token looks replaced, and `probabilities`.
    PyElectraForPreTraining,
    "ElectraForPreTraining",
    crate::electra::ElectraDiscriminator
);
electra_class!(
    /// ELECTRA's generator, a masked LM: `logits` [B, S, V].
    PyElectraForMaskedLM,
    "ElectraForMaskedLM",
    crate::electra::ElectraForMaskedLM
);
electra_class!(
    /// A label for every token: `logits` [B, S, L]; the labels are the configuration's.
    PyElectraForTokenClassification,
    "ElectraForTokenClassification",
    crate::electra::ElectraForTokenClassification
);
