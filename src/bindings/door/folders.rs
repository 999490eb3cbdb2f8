//! Folders: by path, by the name of a bundled model, or from the hub.

use std::path::PathBuf;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The keyword arguments of a `from_pretrained`, split into those for the hub and all others.
pub(crate) struct FolderOptions<'py> {
    hub: Bound<'py, PyDict>,
    /// The keyword arguments that are not for the hub.
    pub(crate) rest: Bound<'py, PyDict>,
}

impl<'py> FolderOptions<'py> {
    pub(crate) fn read(py: Python<'py>, options: Option<&Bound<'py, PyDict>>) -> PyResult<Self> {
        let options = options.cloned().unwrap_or_else(|| PyDict::new(py));
        let split = py.import("oxbert.hub._options")?.call_method1("split_options", (options,))?;
        let (hub, rest) = split.extract()?;
        Ok(Self { hub, rest })
    }

    /// Read the options of a function that has no other keyword arguments.
    pub(crate) fn only(py: Python<'py>, options: Option<&Bound<'py, PyDict>>) -> PyResult<Self> {
        let read = Self::read(py, options)?;
        match read.rest.keys().iter().next() {
            None => Ok(read),
            Some(name) => Err(PyTypeError::new_err(format!(
                "from_pretrained() got an unexpected keyword argument {}",
                name.repr()?
            ))),
        }
    }

    /// Find a folder by path, by the name of a bundled model, or on the hub. `needs` lists the files to find: `config`,
    /// `tokenizer`, `weights`, or several of them. `optional` lists files that a repository need not have.
    pub(crate) fn find(&self, name: &Bound<'py, PyAny>, needs: &[&str], optional: &[&str]) -> PyResult<PathBuf> {
        let py = self.hub.py();
        let options = self.hub.copy()?;
        options.set_item("optional", optional.to_vec())?;
        py.import("oxbert.hub._folders")?.call_method("find", (name, needs.to_vec()), Some(&options))?.extract()
    }
}

/// Read the options of a `save_pretrained` that concern every kind of object. Return whether this process is to write.
pub(crate) fn is_to_write(py: Python<'_>, options: Option<&Bound<'_, PyDict>>) -> PyResult<bool> {
    let Some(options) = options else { return Ok(true) };
    py.import("oxbert._save_options")?.call_method1("read_save_options", (options,))?.extract()
}
