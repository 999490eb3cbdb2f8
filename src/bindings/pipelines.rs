//! `oxbert.FillMask`, `oxbert.ReplacedTokenDetection`.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::bindings::door::{FolderOptions, answer, argument_readers, device, enter, integer};
use crate::bindings::text::texts::Several;
use crate::error::Result;
use crate::pipelines::{FillMask, ReplacedTokenDetection};

argument_readers! { top_k: usize = |what, value| integer(what, value, 1..=usize::MAX); }

/// Fill each `[MASK]` of a text with the likeliest tokens.
///
/// Example:
///     >>> fill = oxbert.FillMask.from_pretrained("electra-tiny-generator")
///     >>> [[mask]] = fill(["The function returns a [MASK] of strings."], top_k=3)
///     >>> mask["start"], mask["end"], len(mask["candidates"])
///     (23, 29, 3)
#[pyclass(name = "FillMask", module = "oxbert", frozen)]
pub(crate) struct PyFillMask {
    inner: FillMask,
}

#[pymethods]
impl PyFillMask {
    /// Load from a model folder, a bundled model or a repository of the hub.
    ///
    /// Raises:
    ///     MissingFileError: if there is no such folder or model, or the folder lacks a file.
    ///     UntrainedHeadError: if the weights have no masked-LM head.
    ///     WeightsFormatError: if the weight file is truncated, corrupt or of another format.
    ///     WeightsMismatchError: if the weights differ from the model's.
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
        Ok(Self { inner: enter(py, || FillMask::from_folder(folder, device))? })
    }

    /// Return, for each text, one dictionary per mask.
    ///
    /// Args:
    ///     texts: Texts with one `[MASK]` or more each.
    ///     top_k: The number of candidates per mask.
    ///
    /// Returns:
    ///     `index` (of the token, `[CLS]` being 0), `start` and `end` (characters), and `candidates`, the likeliest
    ///     first: `score` (a probability), `token` (its id), `token_str`, `sequence` (the text with it).
    ///
    /// Raises:
    ///     InputError: if there is no text, a text has no mask, or `top_k` is 0.
    ///     TooLongError: if a text has more tokens than the model has positions.
    #[pyo3(signature = (texts, *, top_k = 5))]
    fn _call<'py>(
        &self,
        py: Python<'py>,
        texts: Several,
        #[pyo3(from_py_with = top_k)] top_k: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let answers = enter(py, || -> Result<_> {
            let texts: Vec<&str> = texts.0.iter().map(String::as_str).collect();
            self.inner.predict(&texts, top_k)
        })?;
        answer(py, &answers)
    }
}

/// Predict for each token of a text the probability that it was replaced.
///
/// Example:
///     >>> detect = oxbert.ReplacedTokenDetection.from_pretrained("electra-tiny-discriminator")
///     >>> [tokens] = detect(["The function returns"])
///     >>> [token["token"] for token in tokens], all(0 < token["probability"] < 1 for token in tokens)
///     (['the', 'function', 'returns'], True)
#[pyclass(name = "ReplacedTokenDetection", module = "oxbert", frozen)]
pub(crate) struct PyReplacedTokenDetection {
    inner: ReplacedTokenDetection,
}

#[pymethods]
impl PyReplacedTokenDetection {
    /// Load from a model folder, a bundled model or a repository of the hub.
    ///
    /// Raises:
    ///     MissingFileError: if there is no such folder or model, or the folder lacks a file.
    ///     UntrainedHeadError: if the weights have no discriminator head.
    ///     WeightsFormatError: if the weight file is truncated, corrupt or of another format.
    ///     WeightsMismatchError: if the weights differ from the model's.
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
        Ok(Self { inner: enter(py, || ReplacedTokenDetection::from_folder(folder, device))? })
    }

    /// Return, for each text, one dictionary per token: `token`, `start`, `end` (characters) and `probability`.
    ///
    /// Raises:
    ///     InputError: if there is no text.
    ///     TooLongError: if a text has more tokens than the model has positions.
    fn _call<'py>(&self, py: Python<'py>, texts: Several) -> PyResult<Bound<'py, PyAny>> {
        let answers = enter(py, || -> Result<_> {
            let texts: Vec<&str> = texts.0.iter().map(String::as_str).collect();
            self.inner.predict(&texts)
        })?;
        answer(py, &answers)
    }
}
