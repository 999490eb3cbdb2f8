//! `oxbert.FillMask`.

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict};

use super::base::{PyPipeline, answers, at_least_one, load};
use super::source::Asked;
use crate::any_model::masked_lm;
use crate::bindings::door::{answer, argument_readers, enter, integer, optional_count};
use crate::bindings::models::arguments::integers;
use crate::bindings::text::texts::Several;
use crate::pipelines::{FillMask, FillMaskOptions};

argument_readers! {
    top_k: usize = |what, value| integer(what, value, 1..=usize::MAX);
    batch_tokens: Option<usize> = at_least_one;
    targets: Option<Vec<i64>> = |what, value: &Bound<'_, PyAny>| {
        if value.is_none() { Ok(None) } else { integers(what, value, 0..=i64::MAX).map(Some) }
    };
    first_row: Option<usize> = optional_count;
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
#[pyclass(name = "FillMask", module = "oxbert", extends = PyPipeline, frozen)]
pub(crate) struct PyFillMask {
    inner: FillMask,
}

#[pymethods]
impl PyFillMask {
    /// Load from a model folder, a bundled model or a repository of the hub, or take a loaded model.
    ///
    /// Args:
    ///     folder: A path or a name, as for `Model.from_pretrained`; or a masked LM, which the pipeline shares.
    ///     tokenizer: A tokenizer, or its path or name; None means the folder's. A loaded model needs one.
    ///     device: The device; None means `cpu`, or that of a loaded model.
    ///     precision: `float32`, `float16`, `bfloat16`, `int8`, `int8_bfloat16` or `auto`, as for
    ///         `Model.from_pretrained`; None means `float32`, or that of a loaded model.
    ///     emulate: Whether to take a precision that the processor has no arithmetic for, and to compute it slowly.
    ///     batch_tokens: The largest number of tokens in a batch; None means 2048.
    ///     hub: `revision` and the other options of the hub.
    ///
    /// Raises:
    ///     InputError: if the processor or the device lacks the precision, or a loaded model does not fit.
    ///     MissingFileError: if there is no such folder or model, or the folder lacks a file.
    ///     UntrainedHeadError: if the weights have no masked-LM head.
    ///     WeightsFormatError: if the weight file is truncated, corrupt or of another format.
    ///     WeightsMismatchError: if the weights differ from the model's.
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
            "ForMaskedLM",
            |parts| {
                let model =
                    parts.model.build(|path, device, options| masked_lm(path, device, options), |it| Box::new(it))?;
                FillMask::from_model(model, parts.tokenizer()?)
            },
            |inner| Self { inner },
        )
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
        let texts = texts.texts();
        answer(py, &answers(py, 0, || self.inner.predict(&texts, top_k))?)
    }

    /// Return the candidates of every mask of every text, as `oxbert.pipeline("fill-mask")` does.
    #[pyo3(signature = (texts, *, top_k = 5, targets = None, first_row = None))]
    fn _fill<'py>(
        &self,
        py: Python<'py>,
        texts: Several,
        #[pyo3(from_py_with = top_k)] top_k: usize,
        #[pyo3(from_py_with = targets)] targets: Option<Vec<i64>>,
        #[pyo3(from_py_with = first_row)] first_row: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (texts, options) = (texts.texts(), FillMaskOptions { top_k, targets });
        answer(py, &answers(py, first_row.unwrap_or(0), || self.inner.fill(&texts, &options))?)
    }

    /// Return the id of the token that stands for each word, and whether it is the word; None for a word without tokens.
    fn _targets(&self, py: Python<'_>, words: Several) -> PyResult<Vec<Option<(i64, bool)>>> {
        let words = words.texts();
        let targets = enter(py, || self.inner.targets(&words))?;
        Ok(targets.into_iter().map(|target| target.map(|target| (target.id, target.is_exact))).collect())
    }
}
