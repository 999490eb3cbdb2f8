//! Models in Python: one base class with everything that does not depend on the family, one thin class a model.

pub(crate) mod activation;
pub(crate) mod arguments;
pub(crate) mod heads;
mod held;
mod outline;
mod outputs;
pub(crate) mod parameters;
mod pretrained;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use tch::{Device, Kind};

use crate::any_model::{AnyModel, Train};
use crate::bindings::config::{PyConfig, expect_config};
use crate::bindings::door::{FolderOptions, device, device_name, enter, raise, to_numpy};
use crate::config::{AnyConfig, Config, DistilBertConfig, ElectraConfig, either};
use crate::error::{Error, Result};
use crate::models::Model;
use crate::nn::ForwardOptions;
use crate::pretrained::Pretrained;
use crate::weights::{Strictness, WeightFormat, WeightSource};

use arguments::{Call, Signature};
use held::{Held, ModelCall, frozen};
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
///     output_hidden_states: Return n + 1 arrays [B, S, H], the embeddings first; None follows the configuration.
///     output_attentions: Return n arrays [B, A, S, S] of probabilities; None follows the configuration.
///     return_dict: False returns a tuple of the fields that are present.
///
/// Arrays in, the same arrays out: numpy arrays and lists give numpy arrays and build no graph; torch tensors give
/// torch tensors with their graph, unless torch's grad mode is off. Values at padded positions are never read, and come
/// back as zeros. A model may be called from several threads: the calls take turns, and other Python threads run
/// meanwhile. Models can be pickled and copied, and `repr` shows their parts with the shapes of their parameters.
///
/// Raises:
///     ShapeError: if an argument has the wrong rank or shape.
///     DtypeError: if an argument has the wrong dtype.
///     IdRangeError: if an id, a type, a position or a label lies outside its table.
///     TooLongError: if a row has more than `max_position_embeddings` tokens.
///     InputError: if not exactly one of `input_ids` and `inputs_embeds` is given, a row is empty, the mask holds
///         values other than 0 and 1, or only one of `start_positions` and `end_positions` is given.
#[pyclass(name = "Model", module = "oxbert", subclass, frozen)]
pub(crate) struct PyModel {
    model: Held,
    config: Py<PyConfig>,
    signature: Signature,
    training: AtomicBool,
}

impl PyModel {
    fn new<M: Model<Config: Surface>>(py: Python<'_>, model: Held) -> PyResult<Self> {
        let config = copy_of(py, enter(py, || model.read(|model| model.config()))?)?;
        Ok(Self { model, config, signature: signature::<M>(), training: AtomicBool::new(false) })
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

    /// Read what every model can tell.
    fn read<T: Send>(&self, py: Python<'_>, read: impl FnOnce(&dyn AnyModel) -> T + Send) -> PyResult<T> {
        enter(py, || self.model.read(read))
    }

    /// Work with the parameters of a model that can be trained.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut dyn Train<Answer>) -> Result<T> + Send,
    ) -> PyResult<T> {
        enter(py, || self.model.train(work))
    }

    /// Resize the vocabulary, and change the configuration with it. Nothing has changed if there is an error.
    fn resize(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut dyn Train<Answer>) -> Result<()> + Send,
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

    /// Run the model. See the class for its arguments and outputs, and `arguments` for their order.
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
        let call = ModelCall { arguments, options, problem: known, graph: arrays.has_graph() };
        let (answer, problem) = enter(py, move || this.model.run(call))?;
        if let (None, Some(problem)) = (known, problem) {
            // As in transformers: the first labels say what all labels are.
            this.config.get().update(|config| either!(config, config => config.problem_type = Some(problem)));
        }
        let output = answer.into_python(py, arrays)?;
        if return_dict.unwrap_or(true) { Ok(output) } else { output.call_method0("to_tuple") }
    }

    /// Run the model, as a call does.
    #[pyo3(signature = (*positional, **named))]
    fn forward<'py>(
        slf: &Bound<'py, Self>,
        positional: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::__call__(slf, positional, named)
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

    /// Return whether dropout is applied.
    #[getter]
    fn training(&self) -> bool {
        self.training.load(Ordering::Relaxed)
    }

    /// Return the differences between the weight file and the model.
    ///
    /// `loaded` is the number of tensors; `missing` and `unexpected` are lists of names; `mismatched` is a list of
    /// (name, what was expected, what was found); `renamed` maps a name in the file to the name in the model;
    /// `not_finite` lists the parameters with values that are infinite or not a number.
    ///
    /// Example:
    ///     >>> model = oxbert.ElectraForMaskedLM.from_pretrained("electra-tiny-generator")
    ///     >>> model.load_report["missing"], model.load_report["unexpected"]
    ///     ([], [])
    #[getter]
    fn load_report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let report = self.read(py, |model| model.report().clone())?;
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

    /// Turn dropout on, or off with `mode=False`. Returns the model.
    #[pyo3(signature = (mode = true))]
    fn train(slf: Bound<'_, Self>, mode: bool) -> PyResult<Bound<'_, Self>> {
        if mode && matches!(slf.get().model, Held::Frozen(_)) {
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
    fn named_parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
        named(py, self.with(py, |model| Ok(model.parameters()))?)
    }

    /// Return the parameters of `named_parameters`. Imports torch.
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        Ok(self.named_parameters(py)?.into_iter().map(|(_, parameter)| parameter).collect())
    }

    /// Return the names and values, in the model's memory and without gradients. Imports torch.
    fn state_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let state = PyDict::new(py);
        for (name, parameter) in self.named_parameters(py)? {
            state.set_item(name, parameter.call_method0("detach")?)?;
        }
        Ok(state)
    }

    /// Replace the values of the parameters. Nothing changes if there is an error.
    ///
    /// Args:
    ///     state_dict: Torch tensors or numpy arrays of a float dtype, by name.
    ///     strict: Refuse any difference; `False` refuses only wrong shapes.
    ///
    /// Raises:
    ///     WeightsMismatchError: if names, shapes or dtypes differ from the model's; the error lists all of them.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> one, other = (oxbert.ElectraModel(config, seed=seed) for seed in (1, 2))
    ///     >>> other.load_state_dict(one.state_dict())
    ///     >>> bool((one([[1, 2]])[0] == other([[1, 2]])[0]).all())
    ///     True
    #[pyo3(signature = (state_dict, strict = true))]
    fn load_state_dict(&self, py: Python<'_>, state_dict: &Bound<'_, PyDict>, strict: bool) -> PyResult<()> {
        let source = WeightSource::Tensors { path: None, tensors: named_tensors(state_dict)? };
        let strictness = if strict { Strictness::Everything } else { Strictness::Nothing };
        self.with(py, move |model| model.load(&source, strictness))
    }

    /// Return the word embeddings [V, E] as a module whose `weight` is the model's own parameter. Imports torch.
    fn get_input_embeddings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let words = self.with(py, |model| model.word_embeddings())?;
        let padding = either!(self.config.get().get(), config => config.pad_token_id);
        py.import("oxbert.torch")?.call_method1("embedding", (parameter(py, &words)?, padding))
    }

    /// Replace the values of the word embeddings; a tied decoder follows.
    ///
    /// Args:
    ///     embeddings: [V, E], or an object whose `weight` is [V, E], such as a `torch.nn.Embedding`. Another V resizes
    ///         the vocabulary.
    ///
    /// Raises:
    ///     ShapeError: if E differs from the model's.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=0)
    ///     >>> model = oxbert.DistilBertModel(config, seed=0)
    ///     >>> model.set_input_embeddings(np.zeros((12, 8)))
    ///     >>> model.config.vocab_size
    ///     12
    fn set_input_embeddings(&self, py: Python<'_>, embeddings: &Bound<'_, PyAny>) -> PyResult<()> {
        let rows = match embeddings.getattr_opt("weight")? {
            Some(weight) => values_of("embeddings", &weight)?,
            None => values_of("embeddings", embeddings)?,
        };
        let own = self.with(py, |model| Ok(model.word_embeddings()?.size()[0]))?;
        // Rows of another rank are refused where they are looked at.
        let size = rows.size().first().copied().unwrap_or(own);
        self.resize(py, move |model| model.set_word_embeddings(&rows), size)
    }

    /// Return the decoder of a masked LM as a module over the model's own parameters; None for other models. Imports
    /// torch.
    fn get_output_embeddings<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some((weight, bias)) = self.with(py, |model| Ok(model.decoder()))? else { return Ok(None) };
        let arguments = (parameter(py, &weight)?, parameter(py, &bias)?);
        py.import("oxbert.torch")?.call_method1("linear", arguments).map(Some)
    }

    /// Resize the vocabulary, and with it the decoder of a masked LM. Imports torch.
    ///
    /// The last rows are dropped, or new rows are added. The parameters stay the same objects with new shapes and lose
    /// their gradients. Make an optimizer after resizing, not before.
    ///
    /// Args:
    ///     new_num_tokens: The new V; None keeps the present V.
    ///     pad_to_multiple_of: Round V up to a multiple of this.
    ///     mean_resizing: Whether to draw new rows around the mean of the old rows; otherwise they are initialised as
    ///         in a fresh model.
    ///
    /// Returns:
    ///     The word embeddings, as `get_input_embeddings`.
    ///
    /// Raises:
    ///     ConfigError: if the new V is below 1, or not above `pad_token_id`.
    ///     InputError: if `pad_to_multiple_of` is below 1.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=0)
    ///     >>> model = oxbert.DistilBertForMaskedLM(config, seed=0)
    ///     >>> model.resize_token_embeddings(pad_to_multiple_of=8)
    ///     Embedding(16, 8, padding_idx=0)
    ///     >>> model([[15]]).logits.shape
    ///     (1, 1, 16)
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
            None => self.with(py, |model| Ok(model.word_embeddings()?.size()[0]))?,
        };
        let multiple = pad_to_multiple_of.unwrap_or(1);
        let size = size.max(0).saturating_add(multiple - 1) / multiple * multiple;
        self.resize(py, move |model| model.resize_vocabulary(size, mean_resizing), size)?;
        self.get_input_embeddings(py)
    }

    /// Write `config.json` and the weights into a folder, which is created if it does not exist.
    ///
    /// Args:
    ///     folder: The folder. If the folder has weights in another format, they are rewritten too.
    ///     format: `safetensors` (`model.safetensors`, which transformers loads), `ot` (`rust_model.ot`, which
    ///         rust_bert and tch load) or `bin` (`pytorch_model.bin`, for old programs). A crash leaves either the old
    ///         or the new file.
    ///
    /// Raises:
    ///     FileError: if a file cannot be written.
    ///     InputError: if the format is not one of these.
    ///     ConfigError: if the configuration was changed to other sizes than the parameters have.
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
        if let Held::Frozen(model) = &slf.get().model {
            let (name, precision) = (slf.get_type().name()?, model.precision());
            return Ok(format!("{name}: frozen, {precision} on {}", device_name(model.limits().device)));
        }
        let (parameters, (dtype, device)) = slf.get().with(py, |model| {
            let shapes = model.parameters().into_iter().map(|(name, tensor)| (name, tensor.size()));
            Ok((shapes.collect::<Vec<_>>(), (model.precision(), device_name(model.limits().device))))
        })?;
        let count: i64 = parameters.iter().map(|(_, shape)| shape.iter().product::<i64>()).sum();
        let outline = outline::outline(&parameters);
        Ok(format!("{}: {count} parameters, {dtype} on {device}\n{outline}", slf.get_type().name()?))
    }

    /// What pickles and copies are made of: configuration, values, mode and what is frozen.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, this) = (slf.py(), slf.get());
        let (parameters, device, dtype, untrained, built) = this.with(py, |model| {
            Ok((
                model.parameters(),
                model.limits().device,
                model.precision(),
                model.untrained().to_vec(),
                model.config(),
            ))
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
                let model = PyModel::fresh::<$model>(config, seed, device)?;
                let model = PyModel::new::<$model>(config.py(), model.into())?;
                Ok(PyClassInitializer::from(model).add_subclass(Self))
            }

            /// The names of the arguments of a call, in their order.
            #[classattr]
            fn arguments(py: Python<'_>) -> PyResult<Py<PyTuple>> {
                Ok(PyTuple::new(py, signature::<$model>().names)?.unbind())
            }

            /// Build a freshly initialised model, as transformers initialises one; the same seed gives the same values.
            ///
            /// Calling the class does the same.
            ///
            /// Args:
            ///     config: A configuration of the same family.
            ///     seed: Seed of torch's global random generator, as for `torch.manual_seed`; None leaves the
            ///         generator's state as it is.
            ///     device: The device of the parameters; None means `cpu`.
            ///
            /// Raises:
            ///     ConfigError: if the configuration contradicts itself or belongs to another family.
            ///     DeviceError: if this machine has no such device.
            #[staticmethod]
            #[pyo3(signature = (config, *, seed = None, device = None))]
            fn from_config(
                config: &Bound<'_, PyAny>,
                seed: Option<i64>,
                device: Option<&Bound<'_, PyAny>>,
            ) -> PyResult<Py<Self>> {
                Py::new(config.py(), Self::new(config, seed, device)?)
            }

            /// Load a model, in evaluation mode, from a folder, a bundled model or a repository of the hub.
            ///
            /// Args:
            ///     folder: A path, or a name such as `google/electra-small-generator`. The folder holds `config.json`
            ///         and weights: the first of `WEIGHT_FILES`, or a checkpoint of TensorFlow. Nothing in a file is
            ///         executed.
            ///     config: A configuration that replaces the folder's own. Google's checkpoints have no configuration
            ///         and need none.
            ///     device: The device of the parameters; None means `cpu`.
            ///     precision: The dtype of the parameters.
            ///     strict: None refuses a missing or unexpected part of the encoder, and warns of a missing head
            ///         (`UntrainedHeadWarning`); True refuses any difference; False refuses only wrong shapes.
            ///     component: The network to take from a checkpoint of google-research/electra; None takes the
            ///         generator for a masked LM and the discriminator for all other models.
            ///     trainable: False loads a frozen model: it runs, from several threads at once, but has no parameters to
            ///         read, train, move, resize or save.
            ///     options: `revision`, `subfolder`, `cache_dir`, `local_files_only`, `force_download` and `token` of
            ///         the hub, as in transformers; and fields that override the folder's configuration, such as
            ///         `num_labels=3`.
            ///
            /// Raises:
            ///     TypeError: if there is no such field.
            ///     MissingFileError: if there is no such folder or model, or the folder lacks a file.
            ///     MissingDependencyError: if the weights are a `tf_model.h5` and h5py is not installed.
            ///     HubError: if the repository cannot be downloaded.
            ///     ConfigError: if the configuration is bad or belongs to another family; `field` names the value.
            ///     WeightsFormatError: if the weight file is truncated, corrupt or of another format.
            ///     WeightsMismatchError: if the weights differ from the model's in a way that `strict` refuses.
            ///     DeviceError: if this machine has no such device.
            #[staticmethod]
            #[pyo3(signature = (
                folder,
                *,
                config = None,
                device = None,
                precision = "float32",
                strict = None,
                component = None,
                trainable = true,
                **options
            ))]
            fn from_pretrained<'py>(
                folder: &Bound<'py, PyAny>,
                config: Option<&Bound<'py, PyAny>>,
                device: Option<&Bound<'py, PyAny>>,
                precision: &str,
                strict: Option<bool>,
                component: Option<&str>,
                trainable: bool,
                options: Option<&Bound<'py, PyDict>>,
            ) -> PyResult<Py<Self>> {
                let py = folder.py();
                let cpu = PyString::new(py, "cpu").into_any();
                let config = config.map(expect_config).transpose()?;
                let device = device.unwrap_or(&cpu);
                let more = FolderOptions::read(py, options)?;
                let options = LoadOptions { folder, config, device, precision, strict, component, trainable, more };
                let model = PyModel::new::<$model>(py, from_pretrained::<$model>(py, $name, options)?)?;
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
                let model = PyModel { config: copy_of(py, live.get().get())?, ..PyModel::new::<$model>(py, model.into())? };
                model.training.store(training, Ordering::Relaxed);
                Py::new(py, PyClassInitializer::from(model).add_subclass(Self))
            }
        }
    };
}

model_class!(
    /// Run ELECTRA's encoder, without a head.
    ///
    /// A call returns `last_hidden_state` [B, S, H] float32. See `Model` for the arguments.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraModel(config, seed=0)
    ///     >>> output = model([[1, 2, 3], [4, 5]], output_hidden_states=True)
    ///     >>> output.last_hidden_state.shape, len(output.hidden_states)
    ///     ((2, 3, 8), 2)
    PyElectraModel,
    "ElectraModel",
    crate::electra::ElectraModel
);
model_class!(
    /// Run ELECTRA's discriminator: predict for each token whether it was replaced.
    ///
    /// A call returns `logits` [B, S] float32, above 0 if a token looks replaced, and `probabilities`, the sigmoid of
    /// the logits. See `Model` for the arguments.
    ///
    /// `labels` are [B, S], 1 = replaced: integers, booleans or floats from 0 to 1. The loss is the binary cross
    /// entropy over kept tokens.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraForPreTraining(config, seed=0)
    ///     >>> model([[1, 2, 3], [4, 5]]).probabilities.shape
    ///     (2, 3)
    ///     >>> model(torch.tensor([[1, 2, 3]]), labels=torch.tensor([[0, 1, 0]])).loss.shape
    ///     torch.Size([])
    PyElectraForPreTraining,
    "ElectraForPreTraining",
    crate::electra::ElectraDiscriminator
);
model_class!(
    /// Run ELECTRA's generator, a masked LM: predict the token at each position.
    ///
    /// A call returns `logits` [B, S, V] float32. See `Model` for the arguments.
    ///
    /// `labels` are [B, S] integer, below V. The loss is the cross entropy over the labels that are not -100.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraForMaskedLM(config, seed=0)
    ///     >>> output = model(np.array([[1, 2, 3]]), labels=[[-100, 7, -100]])
    ///     >>> output.logits.shape, output.loss.shape
    ///     ((1, 3, 10), ())
    PyElectraForMaskedLM,
    "ElectraForMaskedLM",
    crate::electra::ElectraForMaskedLM
);
model_class!(
    /// Classify each token with ELECTRA.
    ///
    /// A call returns `logits` [B, S, L] float32; the names of the labels are the configuration's `id2label`. See
    /// `Model` for the arguments.
    ///
    /// `labels` are [B, S] integer, below L. The loss is the cross entropy over the labels that are not -100.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraForTokenClassification(config, seed=0)
    ///     >>> (logits,) = model(torch.tensor([[1, 2, 3]]))
    ///     >>> logits.shape
    ///     torch.Size([1, 3, 2])
    PyElectraForTokenClassification,
    "ElectraForTokenClassification",
    crate::electra::ElectraForTokenClassification
);
model_class!(
    /// Classify texts with ELECTRA, from the first kept token of each.
    ///
    /// A call returns `logits` [B, L] float32; the names of the labels are the configuration's `id2label`. See `Model`
    /// for the arguments.
    ///
    /// The configuration's `problem_type` decides about `labels` and the loss:
    ///
    /// - `single_label_classification`: [B] integer, below L; cross entropy over the labels that are not -100.
    /// - `multi_label_classification`: [B, L] floats from 0 to 1; binary cross entropy.
    /// - `regression`: [B], or [B, L] if there are several labels; mean squared error.
    ///
    /// If `problem_type` is None, the first labels decide, and the result is written into the configuration: L = 1
    /// means regression, integers mean a single label, floats and booleans several labels.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraForSequenceClassification(config, seed=0)
    ///     >>> output = model([[1, 2, 3], [4, 5]], labels=[0, 1])
    ///     >>> output.logits.shape, output.loss.shape, model.config.problem_type
    ///     ((2, 2), (), 'single_label_classification')
    PyElectraForSequenceClassification,
    "ElectraForSequenceClassification",
    crate::electra::ElectraForSequenceClassification
);
model_class!(
    /// Answer questions with ELECTRA: predict the first and the last token of the answer.
    ///
    /// A call returns `start_logits` and `end_logits` [B, S] float32, for the first and the last token of the answer.
    /// See `Model` for the arguments.
    ///
    /// `start_positions` and `end_positions` are [B] integer, columns of the input; one past the last column is
    /// ignored. The loss is the mean of two cross entropies over kept tokens.
    ///
    /// Raises:
    ///     ConfigError: if `num_labels` is not 2.
    ///     InputError: if an answer begins or ends at a padded position.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraForQuestionAnswering(config, seed=0)
    ///     >>> output = model([[1, 2, 3], [4, 5]], start_positions=[1, 0], end_positions=[2, 0])
    ///     >>> output.start_logits.shape, output.loss.shape
    ///     ((2, 3), ())
    PyElectraForQuestionAnswering,
    "ElectraForQuestionAnswering",
    crate::electra::ElectraForQuestionAnswering
);
model_class!(
    /// Choose between texts with ELECTRA.
    ///
    /// Inputs are [B, C, S], C texts for each question: lists of C rows for each question, or arrays of three
    /// dimensions (`inputs_embeds`: four). A call returns `logits` [B, C] float32; hidden states and attentions have B
    /// * C rows. See `Model` for the arguments.
    ///
    /// `labels` are [B] integer, below C. The loss is the cross entropy over the labels that are not -100.
    ///
    /// The configuration's `summary_type` and the other keys that begin with `summary_` say how a text becomes one
    /// vector.
    ///
    /// Raises:
    ///     ConfigError: if `summary_type` is not `first`, `last`, `mean` or `cls_index`, or if `summary_proj_to_labels`
    ///         does not fit.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraForMultipleChoice(config, seed=0)
    ///     >>> output = model([[[1, 2, 3], [1, 4]], [[5, 6], [5, 7, 8]]], labels=[0, 1])
    ///     >>> output.logits.shape, output.loss.shape
    ///     ((2, 2), ())
    PyElectraForMultipleChoice,
    "ElectraForMultipleChoice",
    crate::electra::ElectraForMultipleChoice
);
model_class!(
    /// Run DistilBERT's encoder, without a head.
    ///
    /// A call returns `last_hidden_state` [B, S, H] float32. See `Model` for the arguments.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
    ///     >>> model = oxbert.DistilBertModel(config, seed=0)
    ///     >>> output = model([[1, 2, 3], [4, 5]], output_attentions=True)
    ///     >>> output.last_hidden_state.shape, output.attentions[0].shape
    ///     ((2, 3, 8), (2, 2, 3, 3))
    PyDistilBertModel,
    "DistilBertModel",
    crate::distilbert::DistilBertModel
);
model_class!(
    /// Run DistilBERT as a masked LM: predict the token at each position.
    ///
    /// A call returns `logits` [B, S, V] float32. See `Model` for the arguments.
    ///
    /// `labels` are [B, S] integer, below V. The loss is the cross entropy over the labels that are not -100.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
    ///     >>> model = oxbert.DistilBertForMaskedLM(config, seed=0)
    ///     >>> output = model(np.array([[1, 2, 3]]), labels=[[-100, 7, -100]])
    ///     >>> output.logits.shape, output.loss.shape
    ///     ((1, 3, 10), ())
    PyDistilBertForMaskedLM,
    "DistilBertForMaskedLM",
    crate::distilbert::DistilBertForMaskedLM
);
model_class!(
    /// Classify texts with DistilBERT, from the first kept token of each.
    ///
    /// A call returns `logits` [B, L] float32; the names of the labels are the configuration's `id2label`. See `Model`
    /// for the arguments.
    ///
    /// The configuration's `problem_type` decides about `labels` and the loss:
    ///
    /// - `single_label_classification`: [B] integer, below L; cross entropy over the labels that are not -100.
    /// - `multi_label_classification`: [B, L] floats from 0 to 1; binary cross entropy.
    /// - `regression`: [B], or [B, L] if there are several labels; mean squared error.
    ///
    /// If `problem_type` is None, the first labels decide, and the result is written into the configuration: L = 1
    /// means regression, integers mean a single label, floats and booleans several labels.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
    ///     >>> model = oxbert.DistilBertForSequenceClassification(config, seed=0)
    ///     >>> output = model([[1, 2, 3], [4, 5]], labels=[0, 1])
    ///     >>> output.logits.shape, output.loss.shape, model.config.problem_type
    ///     ((2, 2), (), 'single_label_classification')
    PyDistilBertForSequenceClassification,
    "DistilBertForSequenceClassification",
    crate::distilbert::DistilBertForSequenceClassification
);
model_class!(
    /// Answer questions with DistilBERT: predict the first and the last token of the answer.
    ///
    /// A call returns `start_logits` and `end_logits` [B, S] float32, for the first and the last token of the answer.
    /// See `Model` for the arguments.
    ///
    /// `start_positions` and `end_positions` are [B] integer, columns of the input; one past the last column is
    /// ignored. The loss is the mean of two cross entropies over kept tokens.
    ///
    /// Raises:
    ///     ConfigError: if `num_labels` is not 2.
    ///     InputError: if an answer begins or ends at a padded position.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
    ///     >>> model = oxbert.DistilBertForQuestionAnswering(config, seed=0)
    ///     >>> output = model([[1, 2, 3], [4, 5]], start_positions=[1, 0], end_positions=[2, 0])
    ///     >>> output.start_logits.shape, output.loss.shape
    ///     ((2, 3), ())
    PyDistilBertForQuestionAnswering,
    "DistilBertForQuestionAnswering",
    crate::distilbert::DistilBertForQuestionAnswering
);
model_class!(
    /// Classify each token with DistilBERT.
    ///
    /// A call returns `logits` [B, S, L] float32; the names of the labels are the configuration's `id2label`. See
    /// `Model` for the arguments.
    ///
    /// `labels` are [B, S] integer, below L. The loss is the cross entropy over the labels that are not -100.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
    ///     >>> model = oxbert.DistilBertForTokenClassification(config, seed=0)
    ///     >>> (logits,) = model(torch.tensor([[1, 2, 3]]))
    ///     >>> logits.shape
    ///     torch.Size([1, 3, 2])
    PyDistilBertForTokenClassification,
    "DistilBertForTokenClassification",
    crate::distilbert::DistilBertForTokenClassification
);
model_class!(
    /// Choose between texts with DistilBERT.
    ///
    /// Inputs are [B, C, S], C texts for each question: lists of C rows for each question, or arrays of three
    /// dimensions (`inputs_embeds`: four). A call returns `logits` [B, C] float32; hidden states and attentions have B
    /// * C rows. See `Model` for the arguments.
    ///
    /// `labels` are [B] integer, below C. The loss is the cross entropy over the labels that are not -100.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
    ///     >>> model = oxbert.DistilBertForMultipleChoice(config, seed=0)
    ///     >>> output = model([[[1, 2, 3], [1, 4]], [[5, 6], [5, 7, 8]]], labels=[0, 1])
    ///     >>> output.logits.shape, output.loss.shape
    ///     ((2, 2), ())
    PyDistilBertForMultipleChoice,
    "DistilBertForMultipleChoice",
    crate::distilbert::DistilBertForMultipleChoice
);
