//! `oxbert._native._TokenClassification`.

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict};

use super::base::{PyPipeline, answers, at_least_one, load};
use super::source::Asked;
use crate::any_model::{Run, frozen};
use crate::bindings::door::{answer, argument_readers, optional_count, raise, truth};
use crate::bindings::text::texts::{Rows, strings};
use crate::error::Error;
use crate::heads::TokenClassificationHead;
use crate::outputs::TokenClassificationOutput;
use crate::pipelines::{Aggregation, TokenClassification, TokenClassificationOptions};
use crate::text::Pair;
use crate::weights::Strictness;

argument_readers! {
    batch_tokens: Option<usize> = at_least_one;
    ignore_labels: Vec<String> = strings;
    stride: Option<usize> = optional_count;
    is_split_into_words: bool = truth;
}

/// Label the tokens of texts, for `oxbert.pipeline("token-classification")`.
#[pyclass(name = "_TokenClassification", module = "oxbert._native", extends = PyPipeline, frozen)]
pub(crate) struct PyTokenClassification {
    inner: TokenClassification,
}

#[pymethods]
impl PyTokenClassification {
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
        load(
            &asked,
            "ForTokenClassification",
            |parts| {
                let model: Box<dyn Run<TokenClassificationOutput> + Sync> = parts.model.build(
                    |path, device, options| {
                        frozen::<TokenClassificationHead>(path, device, Strictness::default(), options)
                    },
                    |it| Box::new(it),
                )?;
                TokenClassification::from_model(model, parts.tokenizer()?)
            },
            |inner| Self { inner },
        )
    }

    /// Return the tokens or the entities of every text, as `oxbert.pipeline("token-classification")` does.
    #[pyo3(signature = (texts, *, aggregation, ignore_labels, stride, is_split_into_words, delimiter))]
    fn _classify<'py>(
        &self,
        texts: &Bound<'py, PyAny>,
        aggregation: &str,
        #[pyo3(from_py_with = ignore_labels)] ignore_labels: Vec<String>,
        #[pyo3(from_py_with = stride)] stride: Option<usize>,
        #[pyo3(from_py_with = is_split_into_words)] is_split_into_words: bool,
        delimiter: String,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = texts.py();
        let options = TokenClassificationOptions { ignore_labels, stride, delimiter };
        let rows = Rows::read(texts, None, is_split_into_words)?;
        let texts: Vec<Pair> = rows.sources();
        if aggregation == "none" {
            return answer(py, &answers(py, 0, || self.inner.tokens(&texts, &options))?);
        }
        let aggregation = Aggregation::from_name(aggregation).ok_or_else(|| {
            let names = Aggregation::ALL.map(Aggregation::name).join(", ");
            let reason = format!("expected one of none, {names}, got {aggregation:?}");
            raise(py, Error::input("aggregation_strategy", reason))
        })?;
        answer(py, &answers(py, 0, || self.inner.entities(&texts, aggregation, &options))?)
    }
}
