//! `oxbert.FillMask`, `oxbert.ReplacedTokenDetection`.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use tch::Device;

use crate::bindings::door::{
    FolderOptions, answer, argument_readers, device, device_name, enter, frozen_options, integer,
};
use crate::bindings::text::texts::Several;
use crate::error::Result;
use crate::pipelines::{FillMask, ReplacedTokenDetection};
use crate::pretrained::FrozenOptions;

argument_readers! { top_k: usize = |what, value| integer(what, value, 1..=usize::MAX); }
/// Where a pipeline was loaded from: a pickle has the place and not the weights.
struct Source {
    folder: PathBuf,
    device: Device,
    options: FrozenOptions,
}

/// A function and its arguments, by which pickle makes an object again.
type Restoring<'py> = (Bound<'py, PyAny>, (PathBuf, String, &'static str, bool));

impl Source {
    /// Find the folder and the device of the arguments of `from_pretrained`.
    fn find<'py>(
        folder: &Bound<'py, PyAny>,
        device: Option<&Bound<'py, PyAny>>,
        options: (&str, bool),
        hub: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Self> {
        let py = folder.py();
        let options = frozen_options(py, options.0, options.1)?;
        let folder = FolderOptions::only(py, hub)?.find(folder, &["config", "tokenizer", "weights"], &[])?;
        let device = device.map_or(Ok(Device::Cpu), |name| self::device(py, name))?;
        // The process that reads a pickle may run in another folder.
        Ok(Self { folder: std::path::absolute(folder)?, device, options })
    }

    fn restoring<'py>(&self, pipeline: &Bound<'py, PyAny>) -> PyResult<Restoring<'py>> {
        let restore = pipeline.get_type().getattr("_restore")?;
        let FrozenOptions { precision, emulate } = self.options;
        Ok((restore, (self.folder.clone(), device_name(self.device), precision.name(), emulate)))
    }
}

/// Fill each `[MASK]` of a text with the likeliest tokens.
///
/// A pickle holds the folder, the device and the precision, and is loaded from there. A copy is the pipeline itself,
/// which never changes.
///
/// Example:
///     >>> fill = oxbert.FillMask.from_pretrained("electra-tiny-generator")
///     >>> [[mask]] = fill(["The function returns a [MASK] of strings."], top_k=3)
///     >>> mask["start"], mask["end"], len(mask["candidates"])
///     (23, 29, 3)
#[pyclass(name = "FillMask", module = "oxbert", frozen, weakref)]
pub(crate) struct PyFillMask {
    inner: FillMask,
    source: Source,
}

#[pymethods]
impl PyFillMask {
    /// Load from a model folder, a bundled model or a repository of the hub.
    ///
    /// Args:
    ///     folder: A path or a name, as for `Model.from_pretrained`.
    ///     device: The device; None means `cpu`.
    ///     precision: `float32`, `float16`, `bfloat16` or `int8`, as for `Model.from_pretrained`.
    ///     emulate: Whether to take a precision that the processor has no arithmetic for, and to compute it slowly.
    ///     hub: `revision` and the other options of the hub.
    ///
    /// Raises:
    ///     InputError: if the processor or the device lacks the precision.
    ///     MissingFileError: if there is no such folder or model, or the folder lacks a file.
    ///     UntrainedHeadError: if the weights have no masked-LM head.
    ///     WeightsFormatError: if the weight file is truncated, corrupt or of another format.
    ///     WeightsMismatchError: if the weights differ from the model's.
    #[staticmethod]
    #[pyo3(signature = (folder, *, device = None, precision = "float32", emulate = false, **hub))]
    fn from_pretrained<'py>(
        folder: &Bound<'py, PyAny>,
        device: Option<&Bound<'py, PyAny>>,
        precision: &str,
        emulate: bool,
        hub: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Self> {
        let py = folder.py();
        let source = Source::find(folder, device, (precision, emulate), hub)?;
        Ok(Self {
            inner: enter(py, || FillMask::from_folder_with(&source.folder, source.device, source.options))?,
            source,
        })
    }

    #[classmethod]
    #[pyo3(signature = (folder, device, precision = "float32", emulate = false))]
    fn _restore<'py>(
        _class: &Bound<'py, PyType>,
        folder: &Bound<'py, PyAny>,
        device: &Bound<'py, PyAny>,
        precision: &str,
        emulate: bool,
    ) -> PyResult<Self> {
        Self::from_pretrained(folder, Some(device), precision, emulate, None)
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        // Nothing in it changes.
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Restoring<'py>> {
        slf.get().source.restoring(slf.as_any())
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
/// A pickle holds the folder, the device and the precision, and is loaded from there. A copy is the pipeline itself,
/// which never changes.
///
/// Example:
///     >>> detect = oxbert.ReplacedTokenDetection.from_pretrained("electra-tiny-discriminator")
///     >>> [tokens] = detect(["The function returns"])
///     >>> [token["token"] for token in tokens], all(0 < token["probability"] < 1 for token in tokens)
///     (['the', 'function', 'returns'], True)
#[pyclass(name = "ReplacedTokenDetection", module = "oxbert", frozen, weakref)]
pub(crate) struct PyReplacedTokenDetection {
    inner: ReplacedTokenDetection,
    source: Source,
}

#[pymethods]
impl PyReplacedTokenDetection {
    /// Load from a model folder, a bundled model or a repository of the hub.
    ///
    /// Args:
    ///     folder: A path or a name, as for `Model.from_pretrained`.
    ///     device: The device; None means `cpu`.
    ///     precision: `float32`, `float16`, `bfloat16` or `int8`, as for `Model.from_pretrained`.
    ///     emulate: Whether to take a precision that the processor has no arithmetic for, and to compute it slowly.
    ///     hub: `revision` and the other options of the hub.
    ///
    /// Raises:
    ///     InputError: if the processor or the device lacks the precision.
    ///     MissingFileError: if there is no such folder or model, or the folder lacks a file.
    ///     UntrainedHeadError: if the weights have no discriminator head.
    ///     WeightsFormatError: if the weight file is truncated, corrupt or of another format.
    ///     WeightsMismatchError: if the weights differ from the model's.
    #[staticmethod]
    #[pyo3(signature = (folder, *, device = None, precision = "float32", emulate = false, **hub))]
    fn from_pretrained<'py>(
        folder: &Bound<'py, PyAny>,
        device: Option<&Bound<'py, PyAny>>,
        precision: &str,
        emulate: bool,
        hub: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Self> {
        let py = folder.py();
        let source = Source::find(folder, device, (precision, emulate), hub)?;
        Ok(Self {
            inner: enter(py, || {
                ReplacedTokenDetection::from_folder_with(&source.folder, source.device, source.options)
            })?,
            source,
        })
    }

    #[classmethod]
    #[pyo3(signature = (folder, device, precision = "float32", emulate = false))]
    fn _restore<'py>(
        _class: &Bound<'py, PyType>,
        folder: &Bound<'py, PyAny>,
        device: &Bound<'py, PyAny>,
        precision: &str,
        emulate: bool,
    ) -> PyResult<Self> {
        Self::from_pretrained(folder, Some(device), precision, emulate, None)
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        // Nothing in it changes.
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Restoring<'py>> {
        slf.get().source.restoring(slf.as_any())
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
