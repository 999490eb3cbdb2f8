//! `oxbert._native._FeatureExtraction`.

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict};

use super::base::{PyPipeline, answers, at_least_one, load};
use super::source::Asked;
use crate::any_model::frozen_or_bert;
use crate::bindings::door::{Arrays, argument_readers, optional_count, raise, to_python};
use crate::bindings::text::texts::{Choice, Several, parse_truncation};
use crate::error::Error;
use crate::heads::NoHead;
use crate::pipelines::{FeatureExtraction, TokenPooling};
use crate::weights::Strictness;

argument_readers! {
    batch_tokens: Option<usize> = at_least_one;
    first_row: Option<usize> = optional_count;
}

/// Return the hidden states of texts, or one vector for each, for `oxbert.pipeline("feature-extraction")`.
#[pyclass(name = "_FeatureExtraction", module = "oxbert._native", extends = PyPipeline, frozen)]
pub(crate) struct PyFeatureExtraction {
    inner: FeatureExtraction,
}

#[pymethods]
impl PyFeatureExtraction {
    /// Load from a folder or take a loaded model with any head, as `FillMask.from_pretrained` does.
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
        load(
            &asked,
            "",
            |parts| {
                let model = parts.model.build(
                    |path, device, options| frozen_or_bert::<NoHead>(path, device, Strictness::default(), options),
                    |it| Box::new(it.encoder()),
                )?;
                FeatureExtraction::from_model(model, parts.tokenizer()?)
            },
            |inner| Self { inner },
        )
    }

    /// Return the hidden states of every text, a list of float32 arrays [S, H].
    #[pyo3(signature = (texts, *, torch, truncation = None, first_row = None))]
    fn _tokens<'py>(
        &self,
        py: Python<'py>,
        texts: Several,
        torch: bool,
        truncation: Option<Choice>,
        #[pyo3(from_py_with = first_row)] first_row: Option<usize>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let truncation = parse_truncation(truncation).map_err(|error| raise(py, error))?;
        let texts = texts.texts();
        let states = answers(py, first_row.unwrap_or(0), || self.inner.tokens(&texts, truncation))?;
        let arrays = if torch { Arrays::Torch } else { Arrays::Numpy };
        states.iter().map(|state| to_python(py, state, arrays)).collect()
    }

    /// Return one vector for each text, a float32 array [N, H].
    #[pyo3(signature = (texts, *, pooling, normalize, torch, truncation = None, first_row = None))]
    #[expect(clippy::too_many_arguments, reason = "the options of the task")]
    fn _vectors<'py>(
        &self,
        py: Python<'py>,
        texts: Several,
        pooling: &str,
        normalize: bool,
        torch: bool,
        truncation: Option<Choice>,
        #[pyo3(from_py_with = first_row)] first_row: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let truncation = parse_truncation(truncation).map_err(|error| raise(py, error))?;
        let Some(pooling) = TokenPooling::from_name(pooling) else {
            let names = TokenPooling::ALL.map(|(name, _)| name).join(", ");
            return Err(raise(
                py,
                Error::input("pooling", format!("expected None or one of {names}, got {pooling:?}")),
            ));
        };
        let texts = texts.texts();
        let run = || self.inner.vectors(&texts, pooling, normalize, truncation);
        let vectors = answers(py, first_row.unwrap_or(0), run)?;
        to_python(py, &vectors, if torch { Arrays::Torch } else { Arrays::Numpy })
    }
}
