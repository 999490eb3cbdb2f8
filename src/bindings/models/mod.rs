//! Models in Python: one base class with everything that does not depend on the family, one thin class a model.

pub(crate) mod activation;
mod any;
pub(crate) mod arguments;
pub(crate) mod heads;
mod outline;
mod outputs;
pub(crate) mod parameters;
mod pretrained;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use tch::{Device, Kind};

use crate::bindings::config::{PyConfig, expect_config};
use crate::bindings::door::{FolderOptions, Guarded, device, device_name, enter, raise, to_numpy};
use crate::config::{AnyConfig, Config, DistilBertConfig, ElectraConfig, either};
use crate::encoder::ForwardOptions;
use crate::error::{Error, Result};
use crate::models::Model;
use crate::pretrained::Pretrained;
use crate::weights::{Strictness, WeightFormat, WeightSource};

use any::AnyModel;
use arguments::{Call, Signature};
use outputs::Answer;
use parameters::{named, named_tensors, parameter, values_of};
use pretrained::{LoadOptions, from_pretrained};

/// A family's order of arguments: those before the labels, and those after them.
pub(crate) trait Surface {
    const BEFORE: &'static [&'static str];
    const AFTER: &'static [&'static str];
    const IGNORED: &'static [&'static str];
}

impl Surface for ElectraConfig {
    const BEFORE: &'static [&'static str] =
        &["input_ids", "attention_mask", "token_type_ids", "position_ids", "inputs_embeds"];
    const AFTER: &'static [&'static str] = &[];
    const IGNORED: &'static [&'static str] = &[];
}

impl Surface for DistilBertConfig {
    const BEFORE: &'static [&'static str] = &["input_ids", "attention_mask", "inputs_embeds"];
    const AFTER: &'static [&'static str] = &["position_ids"];
    // As in transformers: its tokenizers make them.
    const IGNORED: &'static [&'static str] = &["token_type_ids"];
}

fn signature<M: Model<Config: Surface>>() -> Signature {
    let parts = [M::Config::BEFORE, M::TARGETS, M::Config::AFTER];
    Signature { names: parts.concat(), ignored: M::Config::IGNORED }
}

/// The base of all models: what does not depend on the family or the head.
///
/// Arrays in, the same arrays out: numpy arrays and lists give numpy arrays and build no graph; torch tensors give torch
/// tensors with their graph, unless torch's grad mode is off.
#[pyclass(name = "Model", module = "oxbert", subclass, frozen)]
pub(crate) struct PyModel {
    model: Guarded<Box<dyn AnyModel>>,
    config: Py<PyConfig>,
    signature: Signature,
    training: AtomicBool,
}

impl PyModel {
    fn new<M>(py: Python<'_>, model: Pretrained<M>) -> PyResult<Self>
    where
        M: Model + Send + 'static,
        M::Config: Into<AnyConfig> + TryFrom<AnyConfig, Error = Error> + Surface + Send,
        M::Output: Into<Answer>,
    {
        let config = copy_of(py, model.config.clone().into())?;
        let (signature, training) = (signature::<M>(), AtomicBool::new(false));
        Ok(Self { model: Guarded::new(Box::new(model)), config, signature, training })
    }

    fn fresh<M>(
        config: &Bound<'_, PyAny>,
        seed: Option<i64>,
        device: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Pretrained<M>>
    where
        M: Model + Send,
        M::Config: TryFrom<AnyConfig, Error = Error> + Send,
    {
        let py = config.py();
        let config = expect_config(config)?.get().get();
        let device = device.map_or(Ok(Device::Cpu), |name| self::device(py, name))?;
        enter(py, move || Pretrained::<M>::from_config(&config.try_into()?, seed, device))
    }

    /// The model that was pickled or copied.
    fn restored<M>(config: &Bound<'_, PyConfig>, tensors: &Bound<'_, PyDict>, device: &str) -> PyResult<Pretrained<M>>
    where
        M: Model + Send,
        M::Config: TryFrom<AnyConfig, Error = Error> + Send,
    {
        let py = config.py();
        let config = config.get().get();
        let device = self::device(py, PyString::new(py, device).as_any())?;
        let source = WeightSource::Tensors { path: None, tensors: named_tensors(tensors)? };
        enter(py, move || Pretrained::<M>::from_source(&source, &config.try_into()?, device, Strictness::Everything))
    }

    fn with<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&mut dyn AnyModel) -> Result<T> + Send) -> PyResult<T> {
        enter(py, || work(self.model.lock()?.as_mut()))
    }

    /// Changes the size of the vocabulary, and the configuration with it. Nothing has changed where there is an error.
    fn resize(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut dyn AnyModel) -> Result<()> + Send,
        size: i64,
    ) -> PyResult<()> {
        let config = self.config.get();
        self.with(py, move |model| {
            let live = config.get();
            let resized = either!(live, live => {
                let mut live = live;
                live.set_vocab_size(size);
                live.check().map(|()| AnyConfig::from(live))
            })?;
            change(model)?;
            config.update(|config| *config = resized);
            Ok(())
        })?;
        for parameter in self.parameters(py)? {
            // Of another shape, it would be no gradient of this parameter.
            if !parameter.getattr("grad")?.is_none() {
                parameter.setattr("grad", py.None())?;
            }
        }
        Ok(())
    }
}

#[pymethods]
impl PyModel {
    /// The names of the arguments of a call, in their order: every class has its own.
    #[classattr]
    fn arguments(py: Python<'_>) -> Py<PyTuple> {
        PyTuple::empty(py).unbind()
    }

    /// Runs the model; every class says what its arguments are.
    #[pyo3(signature = (*positional, **named))]
    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        positional: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let call = Call::bind(&slf.get_type().name()?.to_string(), &this.signature, positional, named)?;
        let (arguments, arrays) = call.read()?;
        let train = this.training.load(Ordering::Relaxed);
        let hidden_states = call.option("output_hidden_states")?;
        let attentions = call.option("output_attentions")?;
        let return_dict = call.option("return_dict")?;
        let (options, known) = either!(this.config.get().get(), config => {
            let options = ForwardOptions {
                train,
                output_hidden_states: hidden_states.unwrap_or(config.output_hidden_states),
                output_attentions: attentions.unwrap_or(config.output_attentions),
                ..ForwardOptions::default()
            };
            (options, config.problem_type)
        });
        let (answer, problem) = this.with(py, move |model| {
            let _no_grad = (!arrays.has_graph()).then(tch::no_grad_guard);
            let mut arguments = arguments;
            if !arrays.has_graph()
                && let Some(embeddings) = &mut arguments.inputs_embeds
            {
                // An array of numpy is on no device; a tensor of torch has to be on the right one.
                *embeddings = embeddings.f_to_device(model.device())?;
            }
            let mut problem = known;
            let answer = model.run(arguments, options, &mut problem)?;
            Ok((answer, problem))
        })?;
        if let (None, Some(problem)) = (known, problem) {
            // As in transformers: the first labels say what all labels are.
            this.config.get().update(|config| either!(config, config => config.problem_type = Some(problem)));
        }
        let output = answer.into_python(py, arrays)?;
        if return_dict.unwrap_or(true) { Ok(output) } else { output.call_method0("to_tuple") }
    }

    /// As calling the model.
    #[pyo3(signature = (*positional, **named))]
    fn forward<'py>(
        slf: &Bound<'py, Self>,
        positional: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::__call__(slf, positional, named)
    }

    /// Forgets the gradients. Imports torch.
    fn zero_grad(&self, py: Python<'_>) -> PyResult<()> {
        self.parameters(py)?.into_iter().try_for_each(|parameter| parameter.setattr("grad", py.None()))
    }

    /// The configuration. A change of `output_hidden_states`, `output_attentions` or `problem_type` counts at once, names of
    /// labels and keys that oxbert does not know are saved with the model; the sizes are those of the parameters.
    #[getter]
    fn config(&self, py: Python<'_>) -> Py<PyConfig> {
        self.config.clone_ref(py)
    }

    /// Where the parameters are: `cpu` or `cuda:N`.
    #[getter]
    fn device(&self, py: Python<'_>) -> PyResult<String> {
        Ok(device_name(self.with(py, |model| Ok(model.device()))?))
    }

    /// What the parameters are stored in.
    #[getter]
    fn precision(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.with(py, |model| Ok(model.dtype()))
    }

    /// Whether dropout is applied.
    #[getter]
    fn training(&self) -> bool {
        self.training.load(Ordering::Relaxed)
    }

    /// What loading found: `loaded` (a number), `missing`, `unexpected`, `mismatched`, `renamed`, `not_finite`.
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
        result.set_item("not_finite", report.not_finite)?;
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
    /// They stay the same parameters, so that an optimizer made before goes on.
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

    /// Names and parameters, as `torch.nn.Parameter`s over the same memory: a change is seen by the model, gradients
    /// arrive in `.grad`. Imports torch.
    fn named_parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
        named(py, self.with(py, |model| Ok(model.parameters()))?)
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

    /// The word embeddings, as a `torch.nn.Embedding` over the very same parameter. Imports torch.
    fn get_input_embeddings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let words = self.with(py, |model| model.words())?;
        let padding = either!(self.config.get().get(), config => config.pad_token_id);
        py.import("oxbert.torch")?.call_method1("embedding", (parameter(py, &words)?, padding))
    }

    /// Replaces the values of the word embeddings: a torch tensor or numpy array [V, E], or an object whose `weight` is
    /// one. Another V is a vocabulary of another size. A tied decoder follows.
    fn set_input_embeddings(&self, py: Python<'_>, embeddings: &Bound<'_, PyAny>) -> PyResult<()> {
        let rows = match embeddings.getattr_opt("weight")? {
            Some(weight) => values_of("embeddings", &weight)?,
            None => values_of("embeddings", embeddings)?,
        };
        let own = self.with(py, |model| Ok(model.words()?.size()[0]))?;
        // Rows of another rank are refused where they are looked at.
        let size = rows.size().first().copied().unwrap_or(own);
        self.resize(py, move |model| model.set_words(&rows), size)
    }

    /// The decoder of a masked LM, as a `torch.nn.Linear` over the very same parameters; None for other models. Imports
    /// torch.
    fn get_output_embeddings<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some((weight, bias)) = self.with(py, |model| Ok(model.decoder()))? else { return Ok(None) };
        let arguments = (parameter(py, &weight)?, parameter(py, &bias)?);
        py.import("oxbert.torch")?.call_method1("linear", arguments).map(Some)
    }

    /// Gives the vocabulary another size, a masked LM's decoder with it, and returns the new word embeddings. The last
    /// rows are dropped; new ones are drawn around the mean of the old ones, or, with `mean_resizing=False`, as fresh
    /// ones. Make an optimizer after that, not before it.
    #[pyo3(signature = (new_num_tokens = None, pad_to_multiple_of = None, mean_resizing = true))]
    fn resize_token_embeddings<'py>(
        &self,
        py: Python<'py>,
        new_num_tokens: Option<i64>,
        pad_to_multiple_of: Option<i64>,
        mean_resizing: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(multiple) = pad_to_multiple_of.filter(|&multiple| multiple < 1) {
            let reason = format!("expected at least 1, got {multiple}");
            return Err(raise(py, Error::input("pad_to_multiple_of", reason)));
        }
        let size = match new_num_tokens {
            Some(size) => size,
            None => self.with(py, |model| Ok(model.words()?.size()[0]))?,
        };
        let multiple = pad_to_multiple_of.unwrap_or(1);
        let size = size.max(0).saturating_add(multiple - 1) / multiple * multiple;
        self.resize(py, move |model| model.resize(size, mean_resizing), size)?;
        self.get_input_embeddings(py)
    }

    /// Writes `config.json` and the weights into a folder, which is made where there is none: `format` is
    /// `"safetensors"` (`model.safetensors`, for transformers), `"ot"` (`rust_model.ot`, for rust_bert) or `"bin"`
    /// (`pytorch_model.bin`, for old programs).
    #[pyo3(signature = (folder, format = "safetensors"))]
    fn save_pretrained(&self, py: Python<'_>, folder: PathBuf, format: &str) -> PyResult<()> {
        let format = match format {
            "safetensors" => WeightFormat::Safetensors,
            "ot" => WeightFormat::Ot,
            "bin" => WeightFormat::Bin,
            other => {
                let reason = format!("expected \"safetensors\", \"ot\" or \"bin\", got {other:?}");
                return Err(raise(py, Error::input("format", reason)));
            }
        };
        let config = self.config.get().get();
        self.with(py, move |model| model.save(folder, config, format))
    }

    /// The parts of the model with the shapes of their parameters.
    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let py = slf.py();
        let (parameters, (dtype, device)) = slf.get().with(py, |model| {
            let shapes = model.parameters().into_iter().map(|(name, tensor)| (name, tensor.size()));
            Ok((shapes.collect::<Vec<_>>(), (model.dtype(), device_name(model.device()))))
        })?;
        let count: i64 = parameters.iter().map(|(_, shape)| shape.iter().product::<i64>()).sum();
        let outline = outline::outline(&parameters);
        Ok(format!("{}: {count} parameters, {dtype} on {device}\n{outline}", slf.get_type().name()?))
    }

    /// What pickles and copies are made of: configuration, values, mode and what is frozen.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, this) = (slf.py(), slf.get());
        let (parameters, device, dtype, untrained, built) = this.with(py, |model| {
            Ok((model.parameters(), model.device(), model.dtype(), model.untrained().to_vec(), model.config()))
        })?;
        let (values, mut frozen) = (PyDict::new(py), Vec::new());
        for (name, tensor) in &parameters {
            // Half precision as float32, which holds every value of it.
            values.set_item(name, to_numpy(py, tensor)?)?;
            if !tensor.requires_grad() {
                frozen.push(name.clone());
            }
        }
        let configs = (PyConfig::build(py, built)?, this.config.clone_ref(py));
        let place = (device_name(device), dtype);
        let state = (configs, values, place, this.training.load(Ordering::Relaxed), frozen, untrained);
        Ok((slf.get_type().getattr("_restore")?, state.into_pyobject(py)?))
    }
}

/// The configuration as an object of its own.
fn copy_of(py: Python<'_>, config: AnyConfig) -> PyResult<Py<PyConfig>> {
    Ok(PyConfig::build(py, config)?.cast_into::<PyConfig>()?.unbind())
}

/// What a dtype of `Model.precision` is in libtorch.
fn kind(dtype: &str) -> Kind {
    match dtype {
        "float16" => Kind::Half,
        "bfloat16" => Kind::BFloat16,
        "float64" => Kind::Double,
        _ => Kind::Float,
    }
}

/// A model's class.
macro_rules! model_class {
    ($(#[$doc:meta])* $class:ident, $name:literal, $model:ty) => {
        $(#[$doc])*
        #[pyclass(name = $name, module = "oxbert", extends = PyModel, frozen)]
        pub(crate) struct $class;

        #[pymethods]
        impl $class {
            #[new]
            #[pyo3(signature = (config, *, seed = None, device = None))]
            fn new(
                config: &Bound<'_, PyAny>,
                seed: Option<i64>,
                device: Option<&Bound<'_, PyAny>>,
            ) -> PyResult<PyClassInitializer<Self>> {
                let model = PyModel::new(config.py(), PyModel::fresh::<$model>(config, seed, device)?)?;
                Ok(PyClassInitializer::from(model).add_subclass(Self))
            }

            /// The names of the arguments of a call, in their order.
            #[classattr]
            fn arguments(py: Python<'_>) -> PyResult<Py<PyTuple>> {
                Ok(PyTuple::new(py, signature::<$model>().names)?.unbind())
            }

            /// A freshly initialised model, as transformers initialises one. A seed is given to torch's one random
            /// generator, as `torch.manual_seed` does; the same seed gives the same values.
            #[staticmethod]
            #[pyo3(signature = (config, *, seed = None, device = None))]
            fn from_config(
                config: &Bound<'_, PyAny>,
                seed: Option<i64>,
                device: Option<&Bound<'_, PyAny>>,
            ) -> PyResult<Py<Self>> {
                Py::new(config.py(), Self::new(config, seed, device)?)
            }

            /// A model from a folder, a bundled one by its name, or one of the hub, whatever the format of its weights.
            ///
            /// `strict=None` refuses a missing or unexpected part of the encoder, and warns of a missing head;
            /// `strict=True` refuses any difference, `strict=False` none but wrong shapes. The model is in evaluation
            /// mode.
            ///
            /// Further keywords are options of the hub, such as `revision`, and fields of the configuration, such as
            /// `num_labels=3`.
            #[staticmethod]
            #[pyo3(signature = (
                folder,
                *,
                config = None,
                device = None,
                precision = "float32",
                strict = None,
                component = None,
                **options
            ))]
            fn from_pretrained<'py>(
                folder: &Bound<'py, PyAny>,
                config: Option<&Bound<'py, PyAny>>,
                device: Option<&Bound<'py, PyAny>>,
                precision: &str,
                strict: Option<bool>,
                component: Option<&str>,
                options: Option<&Bound<'py, PyDict>>,
            ) -> PyResult<Py<Self>> {
                let py = folder.py();
                let cpu = PyString::new(py, "cpu").into_any();
                let config = config.map(expect_config).transpose()?;
                let device = device.unwrap_or(&cpu);
                let more = FolderOptions::read(py, options)?;
                let options = LoadOptions { folder, config, device, precision, strict, component, more };
                let model = PyModel::new(py, from_pretrained::<$model>(py, $name, options)?)?;
                Py::new(py, PyClassInitializer::from(model).add_subclass(Self))
            }

            #[classmethod]
            fn _restore(
                _class: &Bound<'_, PyType>,
                configs: (Bound<'_, PyConfig>, Bound<'_, PyConfig>),
                values: &Bound<'_, PyDict>,
                place: (String, String),
                training: bool,
                frozen: Vec<String>,
                untrained: Vec<String>,
            ) -> PyResult<Py<Self>> {
                let (built, live) = configs;
                let (py, (device, dtype)) = (built.py(), place);
                let mut model = PyModel::restored::<$model>(&built, values, &device)?;
                enter(py, || model.restore_marks(&frozen, untrained, kind(&dtype)))?;
                // A copy: `copy.copy` hands over the original's own.
                let model = PyModel { config: copy_of(py, live.get().get())?, ..PyModel::new(py, model)? };
                model.training.store(training, Ordering::Relaxed);
                Py::new(py, PyClassInitializer::from(model).add_subclass(Self))
            }
        }
    };
}

model_class!(
    /// ELECTRA's encoder, without a head. Returns `last_hidden_state` [B, S, H].
    PyElectraModel,
    "ElectraModel",
    crate::electra::ElectraModel
);
model_class!(
    /// ELECTRA's discriminator: `logits` [B, S], above 0 where a token looks replaced, and `probabilities`.
    PyElectraForPreTraining,
    "ElectraForPreTraining",
    crate::electra::ElectraDiscriminator
);
model_class!(
    /// ELECTRA's generator, a masked LM: `logits` [B, S, V].
    PyElectraForMaskedLM,
    "ElectraForMaskedLM",
    crate::electra::ElectraForMaskedLM
);
model_class!(
    /// ELECTRA with a label for every token: `logits` [B, S, L].
    PyElectraForTokenClassification,
    "ElectraForTokenClassification",
    crate::electra::ElectraForTokenClassification
);
model_class!(
    /// ELECTRA with labels for a text: `logits` [B, L].
    PyElectraForSequenceClassification,
    "ElectraForSequenceClassification",
    crate::electra::ElectraForSequenceClassification
);
model_class!(
    /// ELECTRA that answers questions: `start_logits` and `end_logits` [B, S].
    PyElectraForQuestionAnswering,
    "ElectraForQuestionAnswering",
    crate::electra::ElectraForQuestionAnswering
);
model_class!(
    /// ELECTRA that chooses between texts [B, C, S]: `logits` [B, C].
    PyElectraForMultipleChoice,
    "ElectraForMultipleChoice",
    crate::electra::ElectraForMultipleChoice
);
model_class!(
    /// DistilBERT's encoder, without a head. Returns `last_hidden_state` [B, S, H].
    PyDistilBertModel,
    "DistilBertModel",
    crate::distilbert::DistilBertModel
);
model_class!(
    /// DistilBERT, a masked LM: `logits` [B, S, V].
    PyDistilBertForMaskedLM,
    "DistilBertForMaskedLM",
    crate::distilbert::DistilBertForMaskedLM
);
model_class!(
    /// DistilBERT with labels for a text: `logits` [B, L].
    PyDistilBertForSequenceClassification,
    "DistilBertForSequenceClassification",
    crate::distilbert::DistilBertForSequenceClassification
);
model_class!(
    /// DistilBERT that answers questions: `start_logits` and `end_logits` [B, S].
    PyDistilBertForQuestionAnswering,
    "DistilBertForQuestionAnswering",
    crate::distilbert::DistilBertForQuestionAnswering
);
model_class!(
    /// DistilBERT with a label for every token: `logits` [B, S, L].
    PyDistilBertForTokenClassification,
    "DistilBertForTokenClassification",
    crate::distilbert::DistilBertForTokenClassification
);
model_class!(
    /// DistilBERT that chooses between texts [B, C, S]: `logits` [B, C].
    PyDistilBertForMultipleChoice,
    "DistilBertForMultipleChoice",
    crate::distilbert::DistilBertForMultipleChoice
);
