//! `oxbert.Config`, `oxbert.ElectraConfig`, `oxbert.DistilBertConfig`.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use serde_json::{Map, Value};

use crate::bindings::door::{FolderOptions, enter, raise};
use crate::config::{AnyConfig, Config, DistilBertConfig, ElectraConfig, either};
use crate::error::{Error, Result};
use crate::resources::ModelFolder;

/// Hold a configuration, the base class of both families' configurations.
///
/// Construct `ElectraConfig` or `DistilBertConfig`, not this class. `Config.from_dict` and its siblings return the
/// class of the family that `model_type` names or, if an old file lacks `model_type`, that `architectures` names.
///
/// Keyword arguments, defaults and attributes are those of transformers. Keys that oxbert does not know are kept: they
/// are attributes too, and are written back. Assigning to an attribute checks the whole configuration again and changes
/// nothing if the value is refused. Reading an attribute returns a copy: assign `id2label` as a whole to change a name.
/// Two configurations are equal if all their values are equal. Configurations can be pickled and copied.
///
/// Raises:
///     ConfigError: if a value is bad; `field` names it.
///
/// Example:
///     >>> config = oxbert.Config.from_dict({"model_type": "distilbert", "n_layers": 2})
///     >>> type(config).__name__, config.num_hidden_layers
///     ('DistilBertConfig', 2)
#[pyclass(name = "Config", module = "oxbert", subclass, frozen)]
pub(crate) struct PyConfig {
    /// Held for the moment of a copy only, never while Python runs.
    inner: Mutex<AnyConfig>,
}

/// A family's class of configurations.
macro_rules! config_class {
    ($(#[$doc:meta])* $class:ident, $name:literal, $config:ty) => {
        $(#[$doc])*
        #[pyclass(name = $name, module = "oxbert", extends = PyConfig, frozen)]
        pub(crate) struct $class;

        #[pymethods]
        impl $class {
            #[classattr]
            fn model_type() -> &'static str {
                <$config as Config>::MODEL_TYPE
            }

            #[new]
            #[pyo3(signature = (**values))]
            fn new(py: Python<'_>, values: Option<&Bound<'_, PyDict>>) -> PyResult<PyClassInitializer<Self>> {
                let text = values.map_or_else(|| Ok("{}".to_string()), |values| dump(values))?;
                let config = <$config>::from_json(&text).map_err(|error| raise(py, error))?;
                Ok(PyClassInitializer::from(PyConfig::from(AnyConfig::from(config))).add_subclass(Self))
            }
        }
    };
}

config_class!(
    /// Hold the configuration of an ELECTRA model. See `Config` for what all configurations have in common.
    ///
    /// Args:
    ///     vocab_size: V, entries of the vocabulary.
    ///     embedding_size: E, the width of the embeddings.
    ///     hidden_size: H, the width of hidden states.
    ///     num_hidden_layers: Number of layers, from 0 to 1,000.
    ///     num_attention_heads: A; divides H.
    ///     intermediate_size: F, the width inside the feed-forward part.
    ///     hidden_act: One of `Activation.names()`, for the feed-forward part and the discriminator's head.
    ///     hidden_dropout_prob: Dropout rate of the embeddings and of each layer's two outputs. All dropout rates are 0
    ///         <= p < 1.
    ///     attention_probs_dropout_prob: Dropout rate of the attention probabilities.
    ///     max_position_embeddings: The longest text, in tokens.
    ///     type_vocab_size: Number of token types.
    ///     initializer_range: Standard deviation of fresh weights.
    ///     layer_norm_eps: Added to the variance in every layer norm.
    ///     summary_type: How multiple choice turns a text into one vector: the `first` or `last` token, the `mean` of
    ///         all tokens, or `cls_index`, which is the last token.
    ///     summary_use_proj: Whether to project that vector.
    ///     summary_proj_to_labels: Whether to project the vector to L numbers instead of H.
    ///     summary_activation: One of `Activation.names()`, applied after the projection; None applies no activation.
    ///     summary_first_dropout: Dropout rate before the projection.
    ///     summary_last_dropout: Dropout rate after the projection.
    ///     pad_token_id: Return the id of `[PAD]`, below V, whose embedding is not trained.
    ///     classifier_dropout: Dropout rate before a classifier; None uses `hidden_dropout_prob`.
    ///     tie_word_embeddings: Whether to tie the decoder of a masked LM to the word embeddings.
    ///     output_hidden_states: Whether a call returns all hidden states if the call does not say.
    ///     output_attentions: Whether a call returns all attention probabilities if the call does not say.
    ///     problem_type: What the labels of a text classifier are; None lets the first labels decide.
    ///     num_labels: L. If L contradicts the names of the labels, the labels are numbered anew.
    ///     id2label: The names of the labels by id, 0 to L - 1; `LABEL_0`, `LABEL_1` by default.
    ///     label2id: The ids of the labels by name.
    ///     values: Any other keys, with values that JSON can hold.
    ///
    /// Raises:
    ///     ConfigError: if a value is bad; `field` names it.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(hidden_size=64, num_attention_heads=2)
    ///     >>> config.hidden_size, config.embedding_size
    ///     (64, 128)
    ///     >>> config.num_labels = 3
    ///     >>> config.id2label
    ///     {0: 'LABEL_0', 1: 'LABEL_1', 2: 'LABEL_2'}
    PyElectraConfig,
    "ElectraConfig",
    ElectraConfig
);
config_class!(
    /// Hold the configuration of a DistilBERT model. See `Config` for what all configurations have in common.
    ///
    /// transformers' general names `hidden_size`, `num_attention_heads` and `num_hidden_layers` are aliases of `dim`,
    /// `n_heads` and `n_layers`. If both are given, the family's own name wins.
    ///
    /// Args:
    ///     vocab_size: V, entries of the vocabulary.
    ///     dim: H, the width of embeddings and hidden states.
    ///     n_layers: Number of layers, from 0 to 1,000.
    ///     n_heads: A, attention heads; divides H.
    ///     hidden_dim: F, the width inside the feed-forward part.
    ///     activation: One of `Activation.names()`, for the feed-forward part and the masked LM's head.
    ///     dropout: Dropout rate of the embeddings, of each layer's feed-forward part, and before a token classifier.
    ///         All dropout rates are 0 <= p < 1.
    ///     attention_dropout: Dropout rate of the attention probabilities.
    ///     qa_dropout: Dropout rate before the question-answering head.
    ///     seq_classif_dropout: Dropout rate in the heads of text classification and multiple choice.
    ///     max_position_embeddings: The longest text, in tokens.
    ///     sinusoidal_pos_embds: Whether a fresh position table holds sines and cosines instead of random numbers.
    ///     initializer_range: Standard deviation of fresh weights.
    ///     pad_token_id: Return the id of `[PAD]`, below V, whose embedding is not trained.
    ///     tie_word_embeddings: Whether to tie the decoder of a masked LM to the word embeddings.
    ///     tie_weights_: Has no effect; written because rust_bert refuses a file without it.
    ///     output_hidden_states: Whether a call returns all hidden states if the call does not say.
    ///     output_attentions: Whether a call returns all attention probabilities if the call does not say.
    ///     problem_type: What the labels of a text classifier are; None lets the first labels decide.
    ///     num_labels: L. If L contradicts the names of the labels, the labels are numbered anew.
    ///     id2label: The names of the labels by id, 0 to L - 1; `LABEL_0`, `LABEL_1` by default.
    ///     label2id: The ids of the labels by name.
    ///     values: Any other keys, with values that JSON can hold.
    ///
    /// Raises:
    ///     ConfigError: if a value is bad; `field` names it.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(hidden_size=64, n_heads=2)
    ///     >>> config.dim, config.hidden_size, config.n_layers
    ///     (64, 64, 6)
    PyDistilBertConfig,
    "DistilBertConfig",
    DistilBertConfig
);

#[pymethods]
impl PyConfig {
    /// Build a configuration from a dictionary with the keys of `config.json`.
    ///
    /// Raises:
    ///     ConfigError: if a value is bad, if `model_type` names another family, or, on `Config` itself, if neither
    ///         `model_type` nor `architectures` names a family.
    ///
    /// Example:
    ///     >>> oxbert.ElectraConfig.from_dict({"hidden_act": "relu"}).hidden_act
    ///     'relu'
    #[classmethod]
    fn from_dict<'py>(class: &Bound<'py, PyType>, values: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
        let py = class.py();
        let text = dump(values)?;
        let family = Asked::by(class);
        Self::build(py, family.parse(&text).map_err(|error| raise(py, error))?)
    }

    /// Read a configuration from a file with the keys of `config.json`.
    ///
    /// Raises:
    ///     MissingFileError: if there is no such file.
    ///     ConfigError: if the file is not JSON, or as for `from_dict`; `path` names the file.
    #[classmethod]
    fn from_json_file<'py>(class: &Bound<'py, PyType>, path: PathBuf) -> PyResult<Bound<'py, PyAny>> {
        let (py, family) = (class.py(), Asked::by(class));
        Self::build(py, enter(py, move || family.read(path))?)
    }

    /// Read the configuration of a model folder, a bundled model or a repository of the hub.
    ///
    /// Args:
    ///     folder: A path, or a name such as `google/electra-small-discriminator`.
    ///     hub: `revision`, `subfolder`, `cache_dir`, `local_files_only`, `force_download`, `token`, as in
    ///         transformers.
    ///
    /// Raises:
    ///     MissingFileError: if there is no such folder or model, or no `config.json` in it.
    ///     HubError: if the repository cannot be downloaded.
    ///     ConfigError: as for `from_dict`; `path` names the file.
    ///
    /// Example:
    ///     >>> oxbert.Config.from_pretrained("electra-tiny-generator").model_type
    ///     'electra'
    #[classmethod]
    #[pyo3(signature = (folder, **hub))]
    fn from_pretrained<'py>(
        class: &Bound<'py, PyType>,
        folder: &Bound<'py, PyAny>,
        hub: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, family) = (class.py(), Asked::by(class));
        let folder = FolderOptions::only(py, hub)?.find(folder, &["config"])?;
        Self::build(py, enter(py, move || family.read(ModelFolder::open(folder)?.config()?))?)
    }

    /// Return all keys and values, including the keys that oxbert does not know.
    ///
    /// Example:
    ///     >>> oxbert.ElectraConfig(mine=[1, 2]).to_dict()["mine"]
    ///     [1, 2]
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let config = self.get();
        let values = load(py, &Value::Object(config.to_map()))?;
        // JSON has no integer keys; Python's configurations do.
        values.set_item("id2label", id2label(py, &config)?)?;
        // Written to a file only where it says something.
        values.call_method1("setdefault", ("problem_type", py.None()))?;
        Ok(values)
    }

    /// Return the text of `config.json`.
    fn to_json_string(&self) -> String {
        either!(self.get(), config => config.to_json())
    }

    /// Write `config.json` into a folder, which is created if it does not exist.
    ///
    /// Raises:
    ///     FileError: if the file cannot be written.
    fn save_pretrained(&self, py: Python<'_>, folder: PathBuf) -> PyResult<()> {
        let config = self.get();
        enter(py, move || {
            std::fs::create_dir_all(&folder).map_err(Error::io("make the folder", &folder))?;
            either!(config, config => config.save(folder.join("config.json")))
        })
    }

    fn __getattr__<'py>(slf: &Bound<'py, Self>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let (py, config) = (slf.py(), slf.get().get());
        match name {
            "num_labels" => Ok(either!(&config, config => config.labels.len()).into_pyobject(py)?.into_any()),
            "id2label" => Ok(id2label(py, &config)?.into_any()),
            // A file says it by an empty text.
            "summary_activation" if config.to_map().get(name) == Some(&"".into()) => Ok(py.None().into_bound(py)),
            _ => {
                let value = config.to_map().remove(own_name(&config, name)).or_else(|| default_of(name));
                let Some(value) = value else {
                    let class = slf.get_type().name()?;
                    return Err(PyAttributeError::new_err(format!("{class} has no attribute {name:?}")));
                };
                load(py, &value)
            }
        }
    }

    fn __setattr__(slf: &Bound<'_, Self>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        slf.get().assign(slf.py(), name, value)
    }

    fn __dir__(slf: &Bound<'_, Self>) -> PyResult<Vec<String>> {
        let methods: Vec<String> = slf.get_type().dir()?.extract()?;
        let fields = slf.get().get().to_map().into_iter().map(|(name, _)| name);
        Ok(methods.into_iter().chain(fields).collect())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().get() == self.get())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(format!("{} {}", slf.get_type().name()?, slf.get().to_json_string()))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyAny>,))> {
        Ok((slf.get_type().getattr("from_dict")?, (slf.get().to_dict(slf.py())?,)))
    }
}

impl From<AnyConfig> for PyConfig {
    fn from(config: AnyConfig) -> Self {
        Self { inner: Mutex::new(config) }
    }
}

impl PyConfig {
    /// The configuration as an object of its family's class.
    pub(crate) fn build(py: Python<'_>, config: AnyConfig) -> PyResult<Bound<'_, PyAny>> {
        let is_electra = matches!(config, AnyConfig::Electra(_));
        let base = PyClassInitializer::from(Self::from(config));
        Ok(if is_electra {
            Bound::new(py, base.add_subclass(PyElectraConfig))?.into_any()
        } else {
            Bound::new(py, base.add_subclass(PyDistilBertConfig))?.into_any()
        })
    }

    /// Whether there is a field of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        let config = self.get();
        matches!(name, "num_labels" | "problem_type") || config.to_map().contains_key(own_name(&config, name))
    }

    /// A copy.
    pub(crate) fn get(&self) -> AnyConfig {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the configuration in place.
    pub(crate) fn update(&self, change: impl FnOnce(&mut AnyConfig)) {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Gives a field another value; nothing changes where the whole would be bad.
    pub(crate) fn assign(&self, py: Python<'_>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let config = self.get();
        let name = own_name(&config, name);
        let mut values: Map<String, Value> = config.to_map();
        match name {
            // What the labels are said by twice must not contradict itself.
            "num_labels" => values.retain(|key, _| key != "id2label" && key != "label2id"),
            "id2label" => values.retain(|key, _| key != "label2id"),
            "label2id" => values.retain(|key, _| key != "id2label"),
            _ => {}
        }
        let changed = PyDict::new(py);
        changed.set_item(name, value)?;
        let changed: Map<String, Value> = serde_json::from_str(&dump(&changed)?)
            .map_err(|error| raise(py, Error::config(name, format!("expected a value that JSON can hold: {error}"))))?;
        values.extend(changed);
        // Of the same family: a class of Python cannot change.
        let changed = match config {
            AnyConfig::Electra(_) => ElectraConfig::from_map(values).map(AnyConfig::from),
            AnyConfig::DistilBert(_) => DistilBertConfig::from_map(values).map(AnyConfig::from),
        };
        let changed = changed.map_err(|error| raise(py, error))?;
        self.update(|config| *config = changed);
        Ok(())
    }
}

/// What transformers' configurations say that a file does not have to.
fn default_of(name: &str) -> Option<Value> {
    match name {
        "return_dict" | "use_cache" => Some(Value::Bool(true)),
        "is_decoder" | "is_encoder_decoder" | "add_cross_attention" => Some(Value::Bool(false)),
        "chunk_size_feed_forward" => Some(0.into()),
        "problem_type" | "architectures" | "bos_token_id" | "eos_token_id" => Some(Value::Null),
        _ => None,
    }
}

fn id2label<'py>(py: Python<'py>, config: &AnyConfig) -> PyResult<Bound<'py, PyDict>> {
    let labels = PyDict::new(py);
    for (id, name) in either!(config, config => config.labels.names()).iter().enumerate() {
        labels.set_item(id, name)?;
    }
    Ok(labels)
}

/// Which family a class of configurations is asked for.
#[derive(Clone, Copy)]
enum Asked {
    Electra,
    DistilBert,
    /// As the file says.
    Any,
}

impl Asked {
    fn by(class: &Bound<'_, PyType>) -> Self {
        let is = |known: PyResult<bool>| known.unwrap_or(false);
        if is(class.is_subclass_of::<PyElectraConfig>()) {
            Self::Electra
        } else if is(class.is_subclass_of::<PyDistilBertConfig>()) {
            Self::DistilBert
        } else {
            Self::Any
        }
    }

    fn parse(self, text: &str) -> Result<AnyConfig> {
        match self {
            Self::Electra => ElectraConfig::from_json(text).map(AnyConfig::from),
            Self::DistilBert => DistilBertConfig::from_json(text).map(AnyConfig::from),
            Self::Any => AnyConfig::from_json(text),
        }
    }

    fn read(self, path: PathBuf) -> Result<AnyConfig> {
        match self {
            Self::Electra => ElectraConfig::from_file(path).map(AnyConfig::from),
            Self::DistilBert => DistilBertConfig::from_file(path).map(AnyConfig::from),
            Self::Any => AnyConfig::from_file(path),
        }
    }
}

/// A field's own name, where it was asked for by transformers' general one.
fn own_name<'a>(config: &AnyConfig, name: &'a str) -> &'a str {
    let aliases = match config {
        AnyConfig::Electra(_) => ElectraConfig::ALIASES,
        AnyConfig::DistilBert(_) => DistilBertConfig::ALIASES,
    };
    aliases.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, own)| own)
}

/// Python -> JSON, by Python's own writer.
fn dump(values: &Bound<'_, PyDict>) -> PyResult<String> {
    let py = values.py();
    let dumps = py.import("json")?.getattr("dumps")?;
    let text = dumps.call1((values,)).map_err(|error| {
        let refused = values.iter().find(|(_, value)| dumps.call1((value,)).is_err());
        let name = refused.map_or_else(|| "a value".into(), |(name, _)| name.to_string());
        raise(py, Error::config(&name, format!("expected what JSON can hold: {}", error.value(py))))
    })?;
    text.extract()
}

/// A configuration of oxbert; transformers' own is told how to become one.
pub(crate) fn expect_config<'a, 'py>(object: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, PyConfig>> {
    object.cast::<PyConfig>().map_err(|_| {
        let py = object.py();
        let class = object.get_type();
        let name = class.fully_qualified_name().map_or_else(|_| "something else".into(), |name| name.to_string());
        let hint = if name.starts_with("transformers.") { "; oxbert's has from_dict(config.to_dict())" } else { "" };
        let expected = "a configuration of oxbert".into();
        raise(py, Error::Dtype { what: "config".into(), expected, got: format!("{name}{hint}") })
    })
}

/// JSON -> Python, by Python's own reader.
fn load<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (value.to_string(),))
}
