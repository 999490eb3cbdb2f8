//! `oxbert.ElectraConfig`.

use std::path::PathBuf;

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use serde_json::{Map, Value};

use super::enter::enter;
use super::errors::raise;
use crate::config::{Config, ElectraConfig};
use crate::error::Error;
use crate::resources::ModelFolder;

/// The configuration of an ELECTRA model.
///
/// Keyword arguments, defaults and attributes are those of transformers' `ElectraConfig`; keys that oxbert does not know
/// are kept. Assigning to an attribute checks the whole configuration again.
///
/// Raises:
///     oxbert.errors.ConfigError: A value is bad; `field` names it.
///
/// Example:
///     >>> oxbert.ElectraConfig(hidden_size=64, num_attention_heads=2).hidden_size
///     64
#[pyclass(name = "ElectraConfig", module = "oxbert")]
#[derive(Clone)]
pub(super) struct PyElectraConfig {
    pub(super) inner: ElectraConfig,
}

#[pymethods]
impl PyElectraConfig {
    #[new]
    #[pyo3(signature = (**values))]
    fn new(py: Python<'_>, values: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        Self::parse(py, &values.map_or_else(|| Ok("{}".to_string()), |values| dump(values))?)
    }

    /// From a dictionary with the keys of `config.json`.
    #[classmethod]
    fn from_dict(_class: &Bound<'_, PyType>, values: &Bound<'_, PyDict>) -> PyResult<Self> {
        Self::parse(values.py(), &dump(values)?)
    }

    /// From a file with the keys of `config.json`.
    #[classmethod]
    fn from_json_file(_class: &Bound<'_, PyType>, py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        Ok(Self { inner: enter(py, || ElectraConfig::from_file(path))? })
    }

    /// From a model folder, or the name of a bundled model.
    #[classmethod]
    fn from_pretrained(_class: &Bound<'_, PyType>, py: Python<'_>, folder: PathBuf) -> PyResult<Self> {
        let folder = find_folder(py, folder)?;
        Ok(Self { inner: enter(py, || ElectraConfig::from_file(ModelFolder::open(folder)?.config()?))? })
    }

    /// All keys, those that oxbert does not know included.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let values = load(py, &Value::Object(self.inner.to_map()))?;
        // JSON has no integer keys; Python's configurations do.
        values.set_item("id2label", self.id2label(py)?)?;
        Ok(values)
    }

    /// The text of `config.json`.
    fn to_json_string(&self) -> String {
        self.inner.to_json()
    }

    /// Writes `config.json` into a folder, which is made where there is none.
    fn save_pretrained(&self, py: Python<'_>, folder: PathBuf) -> PyResult<()> {
        let config = self.inner.clone();
        enter(py, move || {
            std::fs::create_dir_all(&folder).map_err(Error::io("make the folder", &folder))?;
            config.save(folder.join("config.json"))
        })
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        match name {
            "num_labels" => Ok(self.inner.labels.len().into_pyobject(py)?.into_any()),
            "id2label" => Ok(self.id2label(py)?.into_any()),
            _ => match self.inner.to_map().get(name) {
                Some(value) => load(py, value),
                None => Err(PyAttributeError::new_err(format!("ElectraConfig has no attribute {name:?}"))),
            },
        }
    }

    fn __setattr__(&mut self, py: Python<'_>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut values: Map<String, Value> = self.inner.to_map();
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
        self.inner = ElectraConfig::from_map(values).map_err(|error| raise(py, error))?;
        Ok(())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.borrow().inner == self.inner)
    }

    fn __repr__(&self) -> String {
        format!("ElectraConfig {}", self.inner.to_json())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyAny>,))> {
        Ok((slf.get_type().getattr("from_dict")?, (slf.borrow().to_dict(py)?,)))
    }
}

impl PyElectraConfig {
    fn parse(py: Python<'_>, text: &str) -> PyResult<Self> {
        Ok(Self { inner: ElectraConfig::from_json(text).map_err(|error| raise(py, error))? })
    }

    fn id2label<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let labels = PyDict::new(py);
        for (id, name) in self.inner.labels.names().iter().enumerate() {
            labels.set_item(id, name)?;
        }
        Ok(labels)
    }
}

/// Python -> JSON, by Python's own writer.
fn dump(values: &Bound<'_, PyDict>) -> PyResult<String> {
    let py = values.py();
    let text = py.import("json")?.call_method1("dumps", (values,)).map_err(|error| {
        raise(py, Error::config("a value", format!("expected what JSON can hold: {}", error.value(py))))
    })?;
    text.extract()
}

/// JSON -> Python, by Python's own reader.
fn load<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (value.to_string(),))
}

/// A folder, by its path or as the name of a bundled model.
pub(super) fn find_folder(py: Python<'_>, name: PathBuf) -> PyResult<PathBuf> {
    py.import("oxbert._folders")?.call_method1("find", (name,))?.extract()
}
