//! `oxbert.FillMask`, `oxbert.ReplacedTokenDetection`.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::bindings::door::{FolderOptions, Guarded, device, enter};
use crate::bindings::text::texts::Several;
use crate::error::Result;
use crate::pipelines::{FillMask, ReplacedTokenDetection};

/// Fills `[MASK]` with a generator.
///
/// Example:
///     >>> fill = oxbert.FillMask.from_pretrained("electra-tiny-generator")
///     >>> fill(["The function returns a [MASK] of strings."], top_k=3)
#[pyclass(name = "FillMask", module = "oxbert", frozen)]
pub(crate) struct PyFillMask {
    inner: Guarded<FillMask>,
}

#[pymethods]
impl PyFillMask {
    /// From a model folder, a bundled model by its name, or a repository of the hub.
    #[staticmethod]
    #[pyo3(signature = (folder, *, device = None, **hub))]
    fn from_pretrained<'py>(
        folder: &Bound<'py, PyAny>,
        device: Option<&Bound<'py, PyAny>>,
        hub: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Self> {
        let py = folder.py();
        let folder = FolderOptions::only(py, hub)?.find(folder, &["config", "tokenizer", "weights"])?;
        let device = device.map_or(Ok(tch::Device::Cpu), |name| self::device(py, name))?;
        Ok(Self { inner: Guarded::new(enter(py, || FillMask::from_folder(folder, device))?) })
    }

    /// For every text, one dictionary a mask: `index`, `start`, `end` (characters) and `candidates`, the likeliest first:
    /// `score` (a probability), `token`, `token_str`, `sequence`.
    #[pyo3(signature = (texts, *, top_k = 5))]
    fn __call__<'py>(&self, py: Python<'py>, texts: Several, top_k: usize) -> PyResult<Bound<'py, PyList>> {
        let answers = enter(py, || -> Result<_> {
            let texts: Vec<&str> = texts.0.iter().map(String::as_str).collect();
            self.inner.lock()?.predict(&texts, top_k)
        })?;
        let result = PyList::empty(py);
        for masks in answers {
            let row = PyList::empty(py);
            for mask in masks {
                let candidates = PyList::empty(py);
                for candidate in mask.candidates {
                    let entry = PyDict::new(py);
                    entry.set_item("score", candidate.score)?;
                    entry.set_item("token", candidate.token)?;
                    entry.set_item("token_str", candidate.token_str)?;
                    entry.set_item("sequence", candidate.sequence)?;
                    candidates.append(entry)?;
                }
                let entry = PyDict::new(py);
                entry.set_item("index", mask.index)?;
                entry.set_item("start", mask.begin)?;
                entry.set_item("end", mask.end)?;
                entry.set_item("candidates", candidates)?;
                row.append(entry)?;
            }
            result.append(row)?;
        }
        Ok(result)
    }
}

/// Says of every token of a text how likely it is that it was replaced.
///
/// Example:
///     >>> detect = oxbert.ReplacedTokenDetection.from_pretrained("electra-tiny-discriminator")
///     >>> detect(["The function returns the elephant of the list."])
#[pyclass(name = "ReplacedTokenDetection", module = "oxbert", frozen)]
pub(crate) struct PyReplacedTokenDetection {
    inner: Guarded<ReplacedTokenDetection>,
}

#[pymethods]
impl PyReplacedTokenDetection {
    /// From a model folder, a bundled model by its name, or a repository of the hub.
    #[staticmethod]
    #[pyo3(signature = (folder, *, device = None, **hub))]
    fn from_pretrained<'py>(
        folder: &Bound<'py, PyAny>,
        device: Option<&Bound<'py, PyAny>>,
        hub: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Self> {
        let py = folder.py();
        let folder = FolderOptions::only(py, hub)?.find(folder, &["config", "tokenizer", "weights"])?;
        let device = device.map_or(Ok(tch::Device::Cpu), |name| self::device(py, name))?;
        Ok(Self { inner: Guarded::new(enter(py, || ReplacedTokenDetection::from_folder(folder, device))?) })
    }

    /// For every text, one dictionary a token: `token`, `start`, `end` (characters) and `probability`.
    fn __call__<'py>(&self, py: Python<'py>, texts: Several) -> PyResult<Bound<'py, PyList>> {
        let answers = enter(py, || -> Result<_> {
            let texts: Vec<&str> = texts.0.iter().map(String::as_str).collect();
            self.inner.lock()?.predict(&texts)
        })?;
        let result = PyList::empty(py);
        for tokens in answers {
            let row = PyList::empty(py);
            for token in tokens {
                let entry = PyDict::new(py);
                entry.set_item("token", token.token)?;
                entry.set_item("start", token.begin)?;
                entry.set_item("end", token.end)?;
                entry.set_item("probability", token.probability)?;
                row.append(entry)?;
            }
            result.append(row)?;
        }
        Ok(result)
    }
}
