//! `oxbert._native._ZeroShotClassification`.

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict};

use super::base::{PyPipeline, answers, at_least_one, load};
use super::source::{Asked, Parts};
use super::text_classification::classifier;
use crate::bindings::door::{answer, argument_readers, optional_count};
use crate::bindings::text::texts::Several;
use crate::pipelines::{ZeroShotClassification, ZeroShotOptions};

argument_readers! {
    batch_tokens: Option<usize> = at_least_one;
    first_row: Option<usize> = optional_count;
}

/// Classify texts by labels that the caller names, for `oxbert.pipeline("zero-shot-classification")`.
#[pyclass(name = "_ZeroShotClassification", module = "oxbert._native", extends = PyPipeline, frozen)]
pub(crate) struct PyZeroShotClassification {
    inner: ZeroShotClassification,
}

#[pymethods]
impl PyZeroShotClassification {
    /// Load from a folder or take a loaded model, as `FillMask.from_pretrained` does.
    #[staticmethod]
    #[pyo3(signature = (
        folder,
        *,
        tokenizer = None,
        device = None,
        precision = None,
        emulate = false,
        batch_tokens = None,
        **hub
    ))]
    fn from_pretrained<'py>(
        folder: &Bound<'py, PyAny>,
        tokenizer: Option<&Bound<'py, PyAny>>,
        device: Option<&Bound<'py, PyAny>>,
        precision: Option<&str>,
        emulate: bool,
        #[pyo3(from_py_with = batch_tokens)] batch_tokens: Option<usize>,
        hub: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Py<Self>> {
        let asked = Asked { folder, tokenizer, device, precision, emulate, batch_tokens, hub };
        let build = |parts: &Parts| ZeroShotClassification::new(classifier(parts)?);
        load(&asked, "ForSequenceClassification", build, |inner| Self { inner })
    }

    /// Return, for each text, a dictionary with `sequence`, and `labels` and `scores` by falling score.
    #[pyo3(signature = (texts, labels, *, template, multi_label, truncate, first_row = None))]
    #[expect(clippy::too_many_arguments, reason = "the options of transformers")]
    fn _classify<'py>(
        &self,
        py: Python<'py>,
        texts: Several,
        labels: Several,
        template: &str,
        multi_label: bool,
        truncate: bool,
        #[pyo3(from_py_with = first_row)] first_row: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (texts, labels) = (texts.texts(), labels.texts());
        let options = ZeroShotOptions { template, multi_label, truncate };
        answer(py, &answers(py, first_row.unwrap_or(0), || self.inner.predict(&texts, &labels, &options))?)
    }
}
