//! `oxbert.ReplacedTokenDetection`.

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict};

use super::base::{PyPipeline, answers, at_least_one, load};
use super::source::Asked;
use crate::any_model::Run;
use crate::bindings::door::{answer, argument_readers, optional_count, real};
use crate::bindings::text::texts::Several;
use crate::electra::ElectraDiscriminator;
use crate::outputs::DiscriminatorOutput;
use crate::pipelines::ReplacedTokenDetection;
use crate::pretrained::Frozen;
use crate::weights::Strictness;

argument_readers! {
    batch_tokens: Option<usize> = at_least_one;
    first_row: Option<usize> = optional_count;
    threshold: f64 = real;
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
#[pyclass(name = "ReplacedTokenDetection", module = "oxbert", extends = PyPipeline, frozen)]
pub(crate) struct PyReplacedTokenDetection {
    inner: ReplacedTokenDetection,
}

#[pymethods]
impl PyReplacedTokenDetection {
    /// Load from a model folder, a bundled model or a repository of the hub, or take a loaded model.
    ///
    /// Args:
    ///     folder: A path or a name, as for `Model.from_pretrained`; or a discriminator, which the pipeline shares.
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
    ///     UntrainedHeadError: if the weights have no discriminator head.
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
            "ForPreTraining",
            |parts| {
                let model = parts.model.build::<dyn Run<DiscriminatorOutput> + Sync>(
                    |path, device, options| {
                        let strictness = Strictness::default();
                        let model =
                            Frozen::<ElectraDiscriminator>::from_folder_with(path, device, strictness, options)?;
                        Ok(Box::new(model) as _)
                    },
                    |it| Box::new(it),
                )?;
                ReplacedTokenDetection::from_model(model, parts.tokenizer()?)
            },
            |inner| Self { inner },
        )
    }

    /// Return, for each text, one dictionary per token: `token`, `start`, `end` (characters) and `probability`.
    ///
    /// Raises:
    ///     InputError: if there is no text.
    ///     TooLongError: if a text has more tokens than the model has positions.
    fn _call<'py>(&self, py: Python<'py>, texts: Several) -> PyResult<Bound<'py, PyAny>> {
        let texts = texts.texts();
        answer(py, &answers(py, 0, || self.inner.predict(&texts))?)
    }

    /// Return the words of every text whose probability is at least `threshold`: dictionaries.
    #[pyo3(signature = (texts, *, threshold, first_row = None))]
    fn _words<'py>(
        &self,
        py: Python<'py>,
        texts: Several,
        #[pyo3(from_py_with = threshold)] threshold: f64,
        #[pyo3(from_py_with = first_row)] first_row: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let texts = texts.texts();
        answer(py, &answers(py, first_row.unwrap_or(0), || self.inner.words(&texts, threshold))?)
    }
}
