//! `oxbert.Config`: the base class of configurations.

mod classes;
mod dictionary;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};
use serde_json::{Map, Value};

use classes::Asked;
pub(crate) use classes::{PyDistilBertConfig, PyElectraConfig};

use crate::bindings::door::{FolderOptions, answer, enter, is_to_write, raise, refused};
use crate::config::{AnyConfig, Config, DistilBertConfig, ElectraConfig, either};
use crate::error::Error;
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
#[pyclass(name = "Config", module = "oxbert", subclass, frozen, weakref)]
pub(crate) struct PyConfig {
    /// Locked for the moment of a copy only, never while Python runs.
    inner: Mutex<AnyConfig>,
}

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
    ///     return_unused_kwargs: Whether to return the configuration and a dictionary of the options that name no key
    ///         of it; otherwise such an option is an error.
    ///     options: `revision`, `subfolder`, `cache_dir`, `local_files_only`, `force_download` and `token` of the hub,
    ///         as in transformers; `trust_remote_code`; and values of keys that replace the file's, such as
    ///         `num_labels=3`.
    ///
    /// Raises:
    ///     TypeError: if there is no such key.
    ///     MissingFileError: if there is no such folder or model, or no `config.json` in it.
    ///     HubError: if the repository cannot be downloaded.
    ///     ConfigError: as for `from_dict`; `path` names the file.
    ///     InputError: if `trust_remote_code` is True and the file names code of its own.
    ///
    /// Example:
    ///     >>> config = oxbert.Config.from_pretrained("electra-tiny-generator", id2label={0: "no", 1: "yes"})
    ///     >>> config.model_type, config.id2label
    ///     ('electra', {0: 'no', 1: 'yes'})
    #[classmethod]
    #[pyo3(signature = (folder, *, return_unused_kwargs = false, **options))]
    fn from_pretrained<'py>(
        class: &Bound<'py, PyType>,
        folder: &Bound<'py, PyAny>,
        return_unused_kwargs: bool,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, family) = (class.py(), Asked::by(class));
        let options = FolderOptions::read(py, options)?;
        let (more, unused) = (options.rest.copy()?, PyDict::new(py));
        let trusts_code = match more.call_method1("pop", ("trust_remote_code", py.None()))? {
            given if given.is_none() => false,
            given => given.extract()?,
        };
        let folder = options.find(folder, &["config"], &[])?;
        let built = Self::build(py, enter(py, move || family.read(ModelFolder::open(folder)?.config()?))?)?;
        let config = built.cast::<Self>()?.get();
        config.refuse_code(py, trusts_code)?;
        for (name, value) in options.rest.iter().filter(|(name, _)| more.contains(name).unwrap_or(false)) {
            let known: String = name.extract()?;
            if matches!(known.as_str(), "dtype" | "torch_dtype") {
                // As the argument of a model, "auto" leaves the file's own.
                if value.cast::<PyString>().is_ok_and(|value| value == "auto") {
                    more.del_item(&name)?;
                }
            } else if !config.has(&known) {
                more.del_item(&name)?;
                unused.set_item(&name, value)?;
            }
        }
        config.assign(py, &more)?;
        match unused.keys().iter().next() {
            _ if return_unused_kwargs => Ok((built, unused).into_pyobject(py)?.into_any()),
            None => Ok(built),
            Some(name) => {
                let message = format!("from_pretrained() got an unexpected keyword argument {}", name.repr()?);
                Err(PyTypeError::new_err(format!("{message}: the configuration has no such key")))
            }
        }
    }

    /// Return all keys and values, including the keys that oxbert does not know.
    ///
    /// Example:
    ///     >>> oxbert.ElectraConfig(mine=[1, 2]).to_dict()["mine"]
    ///     [1, 2]
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let config = self.get();
        let values = answer(py, &config.to_map())?;
        // JSON has no integer keys, and Python's configurations have them.
        values.set_item("id2label", id2label(py, &config)?)?;
        // A file has the key only if its value is not None.
        values.call_method1("setdefault", ("problem_type", py.None()))?;
        Ok(values)
    }

    /// Write `config.json` into a folder, which is created if it does not exist.
    ///
    /// Args:
    ///     folder: The folder.
    ///     options: The options of transformers, accepted if they change nothing.
    ///
    /// Raises:
    ///     FileError: if the file cannot be written.
    ///     InputError: if an option asks for something else.
    #[pyo3(signature = (folder, **options))]
    fn save_pretrained(&self, py: Python<'_>, folder: PathBuf, options: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        if !is_to_write(py, options)? {
            return Ok(());
        }
        let config = self.get();
        enter(py, move || {
            std::fs::create_dir_all(&folder).map_err(Error::io("make the folder", &folder))?;
            either!(config, config => config.save(folder.join("config.json")))
        })
    }

    fn __getattr__<'py>(slf: &Bound<'py, Self>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        match name {
            "num_labels" => {
                let count = this.read(|config| either!(config, config => config.labels.len()));
                Ok(count.into_pyobject(py)?.into_any())
            }
            "id2label" => Ok(id2label(py, &this.get())?.into_any()),
            _ => {
                let value = this.read(|config| config.value(own_name(config, name)));
                match value.or_else(|| default_of(name)) {
                    // A file writes None as an empty text.
                    Some(Value::String(text)) if text.is_empty() && name == "summary_activation" => {
                        Ok(py.None().into_bound(py))
                    }
                    Some(value) => answer(py, &value),
                    None => {
                        let class = slf.get_type().name()?;
                        Err(PyAttributeError::new_err(format!("{class} has no attribute {name:?}")))
                    }
                }
            }
        }
    }

    fn __setattr__(slf: &Bound<'_, Self>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let change = PyDict::new(slf.py());
        change.set_item(name, value)?;
        slf.get().assign(slf.py(), &change)
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
        Ok(format!("{} {}", slf.get_type().name()?, slf.get().json()))
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
    /// Return the configuration as an object of its family's class.
    pub(crate) fn build(py: Python<'_>, config: AnyConfig) -> PyResult<Bound<'_, PyAny>> {
        let is_electra = matches!(config, AnyConfig::Electra(_));
        let base = PyClassInitializer::from(Self::from(config));
        Ok(if is_electra {
            Bound::new(py, base.add_subclass(PyElectraConfig))?.into_any()
        } else {
            Bound::new(py, base.add_subclass(PyDistilBertConfig))?.into_any()
        })
    }

    /// Return whether there is a key of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.has_field(name) || self.read(|config| config.value(name).is_some())
    }

    /// Return whether a key of that name has a meaning, here or in transformers.
    pub(crate) fn has_field(&self, name: &str) -> bool {
        default_of(name).is_some() || self.read(|config| is_field(config, name))
    }

    /// Refuse a configuration that names code of its own, if the caller trusts such code and so expects it to be run.
    pub(crate) fn refuse_code(&self, py: Python<'_>, trusts_code: bool) -> PyResult<()> {
        if trusts_code && self.read(|config| config.value("auto_map")).is_some_and(|classes| !classes.is_null()) {
            let reason = "expected False: config.json names code of its own (auto_map), which oxbert does not run; \
                          with False the folder is read as one of the family that model_type names";
            return Err(raise(py, Error::input("trust_remote_code", reason)));
        }
        Ok(())
    }

    /// Return the text of `config.json`.
    fn json(&self) -> String {
        either!(self.get(), config => config.to_json())
    }

    /// Return a copy.
    pub(crate) fn get(&self) -> AnyConfig {
        self.read(AnyConfig::clone)
    }

    /// Read a part of the configuration, without running Python.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&AnyConfig) -> T) -> T {
        read(&self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Change the configuration in place.
    pub(crate) fn update(&self, change: impl FnOnce(&mut AnyConfig)) {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Give keys other values. Nothing changes if the configuration would be bad.
    pub(crate) fn assign(&self, py: Python<'_>, changes: &Bound<'_, PyDict>) -> PyResult<()> {
        let config = self.get();
        let mut values: Map<String, Value> = config.to_map();
        for (name, value) in changes {
            let name: String = name.extract()?;
            let name = own_name(&config, &name);
            // The labels are written twice, and the two must not contradict each other.
            let outdated: &[&str] = match name {
                "num_labels" if value.extract().ok() == count_of(&values) => continue,
                "num_labels" => &["id2label", "label2id"],
                "id2label" => &["label2id", "num_labels"],
                "label2id" if changes.contains("id2label")? => continue,
                "label2id" => &["id2label", "num_labels"],
                _ => &[],
            };
            values.retain(|key, _| !outdated.contains(&key.as_str()));
            let one = PyDict::new(py);
            one.set_item(name, if name.ends_with("dtype") { dtype_name(&value)? } else { value })?;
            let one: Map<String, Value> = serde_json::from_str(&dump(&one)?).map_err(|error| {
                raise(py, Error::config(name, format!("expected a value that JSON can hold: {error}")))
            })?;
            values.extend(one);
        }
        // The family stays the same, because an object cannot change its class.
        let changed = match config {
            AnyConfig::Electra(_) => ElectraConfig::from_map(values).map(AnyConfig::from),
            AnyConfig::DistilBert(_) => DistilBertConfig::from_map(values).map(AnyConfig::from),
        };
        let changed = changed.map_err(|error| raise(py, error))?;
        self.update(|config| *config = changed);
        Ok(())
    }
}

/// Return the number of labels of a configuration's values.
fn count_of(values: &Map<String, Value>) -> Option<usize> {
    values.get("id2label").and_then(Value::as_object).map(Map::len)
}

/// Return the name of one of torch's dtypes, without torch's own; any other object as it is.
fn dtype_name<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let text = value.str()?;
    match text.to_cow()?.strip_prefix("torch.") {
        Some(name) => Ok(PyString::new(value.py(), name).into_any()),
        None => Ok(value.clone()),
    }
}

/// Return the value of a key that transformers' configurations have and a file may lack.
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
    let names: Vec<Value> = either!(config, config => config.labels.values().collect());
    for (id, name) in names.iter().enumerate() {
        labels.set_item(id, answer(py, name)?)?;
    }
    Ok(labels)
}

fn is_field(config: &AnyConfig, name: &str) -> bool {
    match config {
        AnyConfig::Electra(_) => ElectraConfig::is_field(name),
        AnyConfig::DistilBert(_) => DistilBertConfig::is_field(name),
    }
}

/// Return the family's own name of a field that transformers has a general name for.
fn own_name<'a>(config: &AnyConfig, name: &'a str) -> &'a str {
    let aliases = match config {
        AnyConfig::Electra(_) => ElectraConfig::ALIASES,
        AnyConfig::DistilBert(_) => DistilBertConfig::ALIASES,
    };
    aliases.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, own)| own)
}

/// Turn a dictionary into JSON, with Python's own writer.
fn dump(values: &Bound<'_, PyDict>) -> PyResult<String> {
    let py = values.py();
    let dumps = py.import("json")?.getattr("dumps")?;
    let text = dumps.call1((values,)).map_err(|exception| {
        refused(py, exception, |value| {
            let wrong = values.iter().find(|(_, value)| dumps.call1((value,)).is_err());
            let name = wrong.map_or_else(|| "a value".into(), |(name, _)| name.to_string());
            Error::config(&name, format!("expected what JSON can hold: {value}"))
        })
    })?;
    text.extract()
}

/// Return a configuration of oxbert. The error for a configuration of transformers says how to convert it.
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
