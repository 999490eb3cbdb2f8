//! `oxbert.Model`: the base class, with what does not depend on the family or the head.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use serde_json::Value;
use tch::Device;

use super::arguments::{Call, Signature};
use super::held::{Held, ModelCall, frozen};
use super::intercept::intercept;
use super::outline::outline;
use super::outputs::Answer;
use super::parameters::{named, named_tensors};
use super::surface::{Surface, signature};
use crate::any_model::{AnyModel, Train};
use crate::bindings::config::{PyConfig, expect_config};
use crate::bindings::door::{convert, device, device_name, enter, raise};
use crate::config::{AnyConfig, either};
use crate::error::{Error, Result};
use crate::models::Model;
use crate::nn::{ForwardOptions, Intercept};
use crate::pretrained::Pretrained;
use crate::weights::{Strictness, WeightSource};

/// Run a model, the base class of all families and heads.
///
/// A model is called as in transformers. The arguments in `arguments` may be given by position, in that order, or by
/// name; all others by name only. Multiple choice takes C texts for each question: read [B, C, S] for [B, S], with rows
/// one list deeper.
///
/// Args:
///     input_ids: [B, S] integer, below V; or ragged rows, which need no padding and no mask.
///     attention_mask: [B, S], 1 = keep, 0 = padding; integers, booleans or whole floats. None keeps all tokens.
///     token_type_ids: [B, S] or [1, S] integer, below `type_vocab_size`; None means 0. DistilBERT has no token types:
///         it accepts the argument, since its tokenizers can return it, and ignores it.
///     position_ids: [B, S] or [1, S] integer, below `max_position_embeddings`; None means 0, 1, 2, ... by column.
///     inputs_embeds: [B, S, E] float32, instead of `input_ids`. DistilBERT's E is H.
///     labels: The targets of training, as each class documents; the integer -100 is ignored. With labels the output
///         has a `loss`, an array without dimensions.
///     start_positions, end_positions: [B] integer, instead of `labels` for question answering.
///     is_impossible: [B], 1 for a question without an answer; only beside these two, for models that predict it.
///     output_hidden_states: Return n + 1 arrays [B, S, H], the embeddings first; None follows the configuration.
///     output_attentions: Return n arrays [B, A, S, S] of probabilities; None follows the configuration.
///     return_dict: False returns a tuple of the fields that are present; None follows the configuration.
///     head_mask, use_cache, cache, past_key_values, encoder_hidden_states, encoder_attention_mask: None, as programs
///         for other models pass them; `use_cache` may be False.
///
/// Arrays in, the same arrays out: numpy arrays and lists give numpy arrays and build no graph; torch tensors give
/// torch tensors with their graph, unless torch's grad mode is off. Values at padded positions are never read, and come
/// back as zeros. A model may be called from several threads, and other Python threads run meanwhile: the calls of a
/// trainable model take turns, those of a frozen one do not. A fresh model is in training mode, a loaded one in
/// evaluation mode. A trainable model can be pickled and copied, and `repr` shows its parts with the shapes of their
/// parameters.
///
/// Raises:
///     ShapeError: if an argument has the wrong rank or shape.
///     DtypeError: if an argument has the wrong dtype.
///     IdRangeError: if an id, a type, a position or a label lies outside its table.
///     TooLongError: if a row has more than `max_position_embeddings` tokens.
///     InputError: if not exactly one of `input_ids` and `inputs_embeds` is given, a row is empty, the mask holds
///         values other than 0 and 1, or only one of `start_positions` and `end_positions` is given.
#[pyclass(name = "Model", module = "oxbert", subclass, frozen, weakref)]
pub(crate) struct PyModel {
    pub(super) model: Arc<Held>,
    pub(super) config: Py<PyConfig>,
    pub(super) signature: Signature,
    pub(super) training: AtomicBool,
}

impl PyModel {
    pub(super) fn new<M: Model<Config: Surface>>(py: Python<'_>, model: Held, training: bool) -> PyResult<Self> {
        let config = copy_of(py, enter(py, || model.read(|model| model.config()))?)?;
        Ok(Self { model: Arc::new(model), config, signature: signature::<M>(), training: AtomicBool::new(training) })
    }

    pub(super) fn fresh<M>(
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

    /// Restore a model that was pickled or copied.
    pub(super) fn restored<M>(
        config: &Bound<'_, PyConfig>,
        tensors: &Bound<'_, PyDict>,
        device: &str,
    ) -> PyResult<Pretrained<M>>
    where
        M: Model + Send,
        M::Config: TryFrom<AnyConfig, Error = Error> + Send,
    {
        let py = config.py();
        let config = config.get().get();
        let device = self::device(py, PyString::new(py, device).as_any())?;
        let arrays = py.import("oxbert._pickles")?.call_method1("arrays", (tensors,))?;
        let source = WeightSource::Tensors { path: None, tensors: named_tensors(arrays.cast()?)? };
        enter(py, move || Pretrained::<M>::from_source(&source, &config.try_into()?, device, Strictness::Everything))
    }

    /// Return the model itself, for what shares it.
    pub(crate) fn held(&self) -> Arc<Held> {
        Arc::clone(&self.model)
    }

    /// Read what every kind of model knows.
    pub(super) fn read<T: Send>(&self, py: Python<'_>, read: impl FnOnce(&dyn AnyModel) -> T + Send) -> PyResult<T> {
        enter(py, || self.model.read(read))
    }

    /// Work with the parameters of a model that can be trained.
    pub(super) fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut dyn Train<Answer>) -> Result<T> + Send,
    ) -> PyResult<T> {
        enter(py, || self.model.train(work))
    }

    /// Run the model, or its encoder alone.
    fn run<'py>(
        slf: &Bound<'py, Self>,
        positional: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
        is_encoder: bool,
        intercept: Option<Arc<Intercept>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let signature = if is_encoder { this.signature.without_targets() } else { this.signature.clone() };
        let call = Call::bind(&slf.get_type().name()?.to_string(), &signature, positional, named)?;
        let train = this.training.load(Ordering::Relaxed);
        let hidden_states = call.option("output_hidden_states")?;
        let attentions = call.option("output_attentions")?;
        let return_dict = call.option("return_dict")?;
        let (options, known, is_dict, longest) = this.config.get().read(|config| {
            either!(config, config => {
                let options = ForwardOptions {
                    train,
                    output_hidden_states: hidden_states.unwrap_or(config.output_hidden_states),
                    output_attentions: attentions.unwrap_or(config.output_attentions),
                    ..ForwardOptions::default()
                };
                let is_dict = config.extra.get("return_dict").and_then(Value::as_bool);
                let longest = config.max_position_embeddings;
                (options, config.problem_type, return_dict.or(is_dict).unwrap_or(true), longest)
            })
        });
        let (arguments, arrays) = convert(py, || call.read(longest))?;
        let graph = arrays.has_graph();
        let call = ModelCall { arguments, options, problem: known, graph, is_encoder, intercept };
        let (answer, problem) = enter(py, move || this.model.run(call))?;
        if let (None, Some(problem)) = (known, problem) {
            // As in transformers, the first labels decide.
            this.config.get().update(|config| either!(config, config => config.problem_type = Some(problem)));
        }
        let output = convert(py, || answer.into_python(py, arrays))?;
        if is_dict { Ok(output) } else { output.call_method0("to_tuple") }
    }
}

#[pymethods]
impl PyModel {
    /// The names of the arguments of a call, in their order. Every class has its own.
    #[classattr]
    fn arguments(py: Python<'_>) -> Py<PyTuple> {
        PyTuple::empty(py).unbind()
    }

    /// Run the model. See the class for its arguments and outputs, and `arguments` for their order.
    #[pyo3(signature = (*positional, **named))]
    fn _call<'py>(
        slf: &Bound<'py, Self>,
        positional: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::run(slf, positional, named, false, None)
    }

    /// Run the model, or its encoder alone, for a module of torch.
    ///
    /// `parts` are called in place of the linear layers of these names. With `checkpoint`, arguments of
    /// `torch.utils.checkpoint.checkpoint`, the backward pass computes each layer of the encoder again.
    fn _run_for<'py>(
        slf: &Bound<'py, Self>,
        parts: HashMap<String, Py<PyAny>>,
        checkpoint: Option<Py<PyDict>>,
        is_encoder: bool,
        positional: &Bound<'py, PyTuple>,
        named: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let intercept = if parts.is_empty() && checkpoint.is_none() {
            None
        } else {
            let parameters = slf.get().with(slf.py(), |model| Ok(model.parameters()))?;
            Some(intercept(slf.py(), parts, &parameters, checkpoint)?)
        };
        Self::run(slf, positional, Some(named), is_encoder, intercept)
    }

    /// Run the model, as a call does.
    #[pyo3(signature = (*positional, **named))]
    fn forward<'py>(
        slf: &Bound<'py, Self>,
        positional: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::_call(slf, positional, named)
    }

    /// Set the gradients to None. Imports torch.
    fn zero_grad(&self, py: Python<'_>) -> PyResult<()> {
        self.parameters(py)?.into_iter().try_for_each(|parameter| parameter.setattr("grad", py.None()))
    }

    /// Return the model's own configuration.
    ///
    /// A change of the names of labels, of `problem_type`, of the defaults for a call or of keys that oxbert does not
    /// know takes effect at once. The model is not rebuilt: sizes, activations and dropout rates stay as they were when
    /// the model was made, and `save_pretrained` refuses a configuration with other sizes.
    #[getter]
    fn config(&self, py: Python<'_>) -> Py<PyConfig> {
        self.config.clone_ref(py)
    }

    /// Return the device of the parameters: `cpu` or `cuda:N`.
    #[getter]
    fn device(&self, py: Python<'_>) -> PyResult<String> {
        Ok(device_name(self.read(py, |model| model.limits().device)?))
    }

    /// Return the dtype of the parameters: `float32`, unless torch converted them.
    #[getter]
    fn precision(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.read(py, |model| model.precision())
    }

    /// Return the name of the encoder in a model with a head: `electra` or `distilbert`.
    #[getter]
    fn base_model_prefix(&self) -> &'static str {
        self.config.get().read(AnyConfig::model_type)
    }

    /// Return the number of labels of the configuration.
    #[getter]
    fn num_labels(&self) -> usize {
        self.config.get().read(|config| either!(config, config => config.labels.len()))
    }

    /// Return False: the models are encoders.
    fn can_generate(&self) -> bool {
        false
    }

    /// Return whether dropout is applied: at first true for a freshly initialised model, false for a loaded one.
    #[getter]
    fn training(&self) -> bool {
        self.training.load(Ordering::Relaxed)
    }

    /// Turn dropout on, or off with `mode=False`. Returns the model.
    #[pyo3(signature = (mode = true))]
    fn train(slf: Bound<'_, Self>, mode: bool) -> PyResult<Bound<'_, Self>> {
        if mode && matches!(*slf.get().model, Held::Frozen(_)) {
            return Err(raise(slf.py(), frozen()));
        }
        slf.get().training.store(mode, Ordering::Relaxed);
        Ok(slf)
    }

    /// Turn dropout off. Returns the model.
    fn eval(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        Self::train(slf, false)
    }

    /// Move the parameters to a device: `cpu`, `cuda`, `cuda:N`. Returns the model.
    ///
    /// The parameters stay the same objects, so an optimizer that was made before remains valid.
    ///
    /// Raises:
    ///     DeviceError: if this machine has no such device.
    ///     OutOfMemory: if the device lacks the memory; the model stays where it was.
    fn to<'py>(slf: Bound<'py, Self>, device: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let device = self::device(py, device)?;
        slf.get().with(py, move |model| model.to_device(device))?;
        Ok(slf)
    }

    /// Return the number of values in all parameters; a tied decoder is counted once.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, embedding_size=4, hidden_size=4, num_hidden_layers=0)
    ///     >>> oxbert.ElectraModel(config).num_parameters()
    ///     2104
    fn num_parameters(&self, py: Python<'_>) -> PyResult<usize> {
        self.with(py, |model| Ok(model.parameters().iter().map(|(_, tensor)| tensor.numel()).sum()))
    }

    /// Return the names and parameters, embeddings first. Imports torch.
    ///
    /// The parameters are float32, and share the model's memory: the model sees a change, and gradients arrive in
    /// `.grad`. The names are transformers', and a tied decoder is listed once. The parameters stay the same objects
    /// when the model moves or its vocabulary is resized.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraForPreTraining(config, seed=0)
    ///     >>> optimizer = torch.optim.AdamW(parameter for _, parameter in model.named_parameters())
    ///     >>> model(torch.tensor([[1, 2, 3]]), labels=torch.tensor([[0, 1, 0]])).loss.backward()
    ///     >>> optimizer.step()
    pub(super) fn named_parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
        named(py, self.with(py, |model| Ok(model.parameters()))?)
    }

    /// Return the parameters of `named_parameters`. Imports torch.
    pub(super) fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        Ok(self.named_parameters(py)?.into_iter().map(|(_, parameter)| parameter).collect())
    }

    /// Return the parts of the model with the shapes of their parameters.
    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let py = slf.py();
        if let Held::Frozen(model) = slf.get().model.as_ref() {
            let (name, precision) = (slf.get_type().name()?, model.precision());
            return Ok(format!("{name}: frozen, {precision} on {}", device_name(model.limits().device)));
        }
        let (parameters, (dtype, device)) = slf.get().with(py, |model| {
            let shapes = model.parameters().into_iter().map(|(name, tensor)| (name, tensor.size()));
            Ok((shapes.collect::<Vec<_>>(), (model.precision(), device_name(model.limits().device))))
        })?;
        let count: i64 = parameters.iter().map(|(_, shape)| shape.iter().product::<i64>()).sum();
        let outline = outline(&parameters);
        Ok(format!("{}: {count} parameters, {dtype} on {device}\n{outline}", slf.get_type().name()?))
    }
}

/// Return the configuration as an object of its own.
pub(super) fn copy_of(py: Python<'_>, config: AnyConfig) -> PyResult<Py<PyConfig>> {
    Ok(PyConfig::build(py, config)?.cast_into::<PyConfig>()?.unbind())
}
