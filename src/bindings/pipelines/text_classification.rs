//! `oxbert._native._TextClassification`.

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict};

use super::base::{PyPipeline, answers, at_least_one, load};
use super::source::Asked;
use crate::any_model::frozen_classifier;
use crate::bindings::door::{answer, argument_readers, optional_count, raise};
use crate::bindings::text::texts::{Choice, Rows, parse_truncation};
use crate::error::Error;
use crate::pipelines::{ClassificationOptions, ScoreFunction, TextClassification};
use crate::text::Pair;
use crate::weights::Strictness;

argument_readers! {
    batch_tokens: Option<usize> = at_least_one;
    first_row: Option<usize> = optional_count;
    top_k: Option<usize> = at_least_one;
}

/// Classify texts, for `oxbert.pipeline("text-classification")` and `oxbert.CrossEncoder`.
#[pyclass(name = "_TextClassification", module = "oxbert._native", extends = PyPipeline, frozen)]
pub(crate) struct PyTextClassification {
    pub(super) inner: TextClassification,
}

#[pymethods]
impl PyTextClassification {
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
        load(&asked, "ForSequenceClassification", classifier, |inner| Self { inner })
    }

    /// Return the labels of every text, or pair of texts, by falling score: dictionaries with `label` and `score`.
    #[pyo3(signature = (texts, *, top_k = None, function = None, truncation = None, first_row = None))]
    fn _classify<'py>(
        &self,
        texts: &Bound<'py, PyAny>,
        #[pyo3(from_py_with = top_k)] top_k: Option<usize>,
        function: Option<&str>,
        truncation: Option<Choice>,
        #[pyo3(from_py_with = first_row)] first_row: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = texts.py();
        let function = function.map(|name| score_function(py, name)).transpose()?;
        let truncation = parse_truncation(truncation).map_err(|error| raise(py, error))?;
        let options = ClassificationOptions { top_k, function, truncation };
        let rows = Rows::read(texts, None, false)?;
        let pairs = rows.sources();
        answer(py, &answers(py, first_row.unwrap_or(0), || self.inner.predict::<Pair>(&pairs, &options))?)
    }

    /// Return the scores of every text, or pair of texts: lists of L numbers.
    #[pyo3(signature = (texts, *, function, truncation = None, first_row = None))]
    fn _scores(
        &self,
        texts: &Bound<'_, PyAny>,
        function: &str,
        truncation: Option<Choice>,
        #[pyo3(from_py_with = first_row)] first_row: Option<usize>,
    ) -> PyResult<Vec<Vec<f64>>> {
        let py = texts.py();
        let truncation = parse_truncation(truncation).map_err(|error| raise(py, error))?;
        let function = score_function(py, function)?;
        let rows = Rows::read(texts, None, false)?;
        let pairs = rows.sources();
        let logits = answers(py, first_row.unwrap_or(0), || self.inner.logits::<Pair>(&pairs, truncation))?;
        Ok(logits.iter().map(|logits| function.apply(logits)).collect())
    }
}

/// Build the classifier of a folder or of a loaded model.
pub(super) fn classifier(parts: &super::source::Parts) -> crate::error::Result<TextClassification> {
    let model = parts.model.build(
        |path, device, options| frozen_classifier(path, device, Strictness::default(), options),
        |it| Box::new(it),
    )?;
    TextClassification::from_model(model, parts.tokenizer()?)
}

/// Read the name of a function of scores.
fn score_function(py: Python<'_>, name: &str) -> PyResult<ScoreFunction> {
    ScoreFunction::from_name(name).ok_or_else(|| {
        let reason = format!("expected one of {}, got {name:?}", ScoreFunction::NAMES.join(", "));
        raise(py, Error::input("function_to_apply", reason))
    })
}
