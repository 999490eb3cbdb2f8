//! Progress bars, drawn by tqdm.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A progress bar over the bytes of parameters, on a terminal and for large models only.
pub(crate) struct Bar {
    /// tqdm's bar, once the size is known.
    drawn: Mutex<Option<Py<PyAny>>>,
    title: String,
    is_wanted: bool,
}

impl Bar {
    /// The size of a large model, in bytes of parameters.
    const LARGE: usize = 200 << 20;

    pub(crate) fn new(py: Python<'_>, folder: &Path) -> PyResult<Self> {
        let stderr = py.import("sys")?.getattr("stderr")?;
        let is_wanted = !stderr.is_none() && stderr.call_method0("isatty")?.is_truthy()?;
        let title = folder.file_name().map_or_else(|| "weights".into(), |name| name.to_string_lossy().into_owned());
        Ok(Self { drawn: Mutex::new(None), title, is_wanted })
    }

    /// Draw the bar.
    pub(crate) fn show(&self, done: usize, total: usize) {
        if !self.is_wanted || total < Self::LARGE {
            return;
        }
        let draw = |py: Python<'_>| -> PyResult<()> {
            let mut bar = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
            let bar = match &mut *bar {
                Some(bar) => bar,
                none => none.insert(self.begin(py, total)?),
            };
            bar.setattr(py, "n", done)?;
            bar.call_method0(py, "refresh").map(drop)
        };
        // Loading goes on if the bar cannot be drawn.
        let _ = Python::attach(draw);
    }

    fn begin(&self, py: Python<'_>, total: usize) -> PyResult<Py<PyAny>> {
        let options = PyDict::new(py);
        options.set_item("total", total)?;
        options.set_item("desc", &self.title)?;
        options.set_item("unit", "B")?;
        options.set_item("unit_scale", true)?;
        options.set_item("leave", false)?;
        Ok(py.import("tqdm")?.getattr("tqdm")?.call((), Some(&options))?.unbind())
    }

    pub(crate) fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.drawn.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(bar) => bar.call_method0(py, "close").map(drop),
            None => Ok(()),
        }
    }
}
