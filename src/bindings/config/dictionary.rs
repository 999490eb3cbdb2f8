//! `oxbert.Config`: as a dictionary, and as the text of `config.json`.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator};

use super::PyConfig;
use crate::bindings::door::{answer, enter};
use crate::config::{AnyConfig, ElectraConfig};
use crate::files::write_atomically;

#[pymethods]
impl PyConfig {
    /// Return the value of a key, or `default` if there is no such key.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(dim=24)
    ///     >>> config.get("hidden_size"), config.get("mine"), config.get("mine", 3)
    ///     (24, None, 3)
    #[pyo3(name = "get", signature = (name, default = None))]
    fn value_of<'py>(
        slf: &Bound<'py, Self>,
        name: &str,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match slf.getattr_opt(name)? {
            Some(value) if name == "model_type" || !slf.get_type().hasattr(name)? => Ok(Some(value)),
            _ => Ok(default),
        }
    }

    /// Give several keys other values, as assigning to attributes does. Nothing changes if one is refused.
    ///
    /// Raises:
    ///     ConfigError: if the configuration would be bad; `field` names the value.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig()
    ///     >>> config.update({"hidden_size": 30, "num_attention_heads": 5})
    ///     >>> config.hidden_size, config.num_attention_heads
    ///     (30, 5)
    #[pyo3(name = "update")]
    fn assign_all(&self, py: Python<'_>, values: &Bound<'_, PyDict>) -> PyResult<()> {
        self.assign(py, values)
    }

    /// Return the keys and values that say something, as in transformers.
    ///
    /// Keys that every model has are left out at their defaults: the labels, `problem_type`, `output_hidden_states` and
    /// so on.
    ///
    /// Example:
    ///     >>> "problem_type" in oxbert.ElectraConfig().to_diff_dict()
    ///     False
    fn to_diff_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        /// The keys of transformers' `PreTrainedConfig`, which all classes of configurations have.
        const COMMON: [&str; 11] = [
            "output_hidden_states",
            "output_attentions",
            "problem_type",
            "id2label",
            "label2id",
            "return_dict",
            "chunk_size_feed_forward",
            "is_encoder_decoder",
            "architectures",
            "dtype",
            "torch_dtype",
        ];
        let values = self.to_dict(py)?;
        let default = Self::from(AnyConfig::from(ElectraConfig::default()));
        let defaults = default.to_dict(py)?;
        for name in COMMON {
            let known = match super::default_of(name) {
                Some(value) => answer(py, &value)?,
                None => defaults.call_method1("get", (name,))?,
            };
            if values.contains(name)? && values.get_item(name)?.eq(known)? {
                values.del_item(name)?;
            }
        }
        Ok(values)
    }

    /// Return the text of `config.json`.
    ///
    /// Args:
    ///     use_diff: Whether to write the keys of `to_diff_dict` only; both texts are read as the same configuration.
    #[pyo3(signature = (use_diff = false))]
    fn to_json_string(&self, py: Python<'_>, use_diff: bool) -> PyResult<String> {
        if !use_diff {
            return Ok(self.json());
        }
        let options = PyDict::new(py);
        options.set_item("indent", 2)?;
        py.import("json")?.call_method("dumps", (self.to_diff_dict(py)?,), Some(&options))?.extract()
    }

    /// Write the text of `config.json` to a file.
    ///
    /// Args:
    ///     path: The file. A crash leaves either the old or the new file.
    ///     use_diff: As for `to_json_string`.
    ///
    /// Raises:
    ///     FileError: if the file cannot be written.
    #[pyo3(signature = (path, use_diff = false))]
    fn to_json_file(&self, py: Python<'_>, path: PathBuf, use_diff: bool) -> PyResult<()> {
        let text = self.to_json_string(py, use_diff)?;
        enter(py, move || {
            use std::io::Write;
            write_atomically(&path, |file| writeln!(file, "{text}"))
        })
    }

    /// Return the configuration itself: a program for any model asks for the part that describes text.
    ///
    /// Args:
    ///     decoder: No effect.
    ///     encoder: No effect.
    ///
    /// Example:
    ///     >>> oxbert.ElectraConfig(vocab_size=99).get_text_config().vocab_size
    ///     99
    #[pyo3(signature = (decoder = None, encoder = None))]
    fn get_text_config<'py>(
        slf: &Bound<'py, Self>,
        decoder: Option<&Bound<'py, PyAny>>,
        encoder: Option<&Bound<'py, PyAny>>,
    ) -> Bound<'py, Self> {
        let _ = (decoder, encoder);
        slf.clone()
    }

    /// The configurations inside this one, by key: none.
    #[classattr]
    fn sub_configs(py: Python<'_>) -> Py<PyDict> {
        PyDict::new(py).unbind()
    }

    /// Iterate over the keys of `to_dict`.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.to_dict(py)?.try_iter()
    }

    /// Return whether `to_dict` has a key.
    fn __contains__(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.to_dict(py)?.contains(name)
    }
}
