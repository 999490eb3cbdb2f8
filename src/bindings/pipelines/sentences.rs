//! `oxbert._native._SentenceEncoder`.

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict};

use super::base::{PyPipeline, answers, at_least_one, build_from, wrap_in};
use super::source::{Asked, ModelSource, Source};
use crate::bindings::door::{Arrays, argument_readers, optional_count, to_python};
use crate::bindings::text::texts::Several;
use crate::pipelines::{SentenceEncoder, SentenceOptions};

argument_readers! {
    batch_tokens: Option<usize> = at_least_one;
    first_row: Option<usize> = optional_count;
}

/// Return a vector for each text, for `oxbert.SentenceEncoder`.
#[pyclass(name = "_SentenceEncoder", module = "oxbert._native", extends = PyPipeline, frozen)]
pub(crate) struct PySentenceEncoder {
    inner: SentenceEncoder,
}

#[pymethods]
impl PySentenceEncoder {
    /// Load from a folder of sentence-transformers, by its path or its name on the hub. `tokenizer` is None.
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
        let py = folder.py();
        let asked = Asked { folder, tokenizer, device, precision, emulate, batch_tokens, hub };
        let source = Source::sentences(&asked)?;
        let ModelSource::Folder { path, device, options } = &source.model else {
            return Err(crate::bindings::door::wrong_type("folder", "a path or a name", folder));
        };
        let inner = build_from(py, batch_tokens, || SentenceEncoder::from_folder_with(path, *device, *options))?;
        wrap_in(py, source, inner, |inner| Self { inner })
    }

    /// Return one vector for each text, a float32 array [N, D].
    #[pyo3(signature = (texts, *, prompt, normalize, truncate, torch, first_row = None))]
    #[expect(clippy::too_many_arguments, reason = "the options of sentence-transformers")]
    fn _encode<'py>(
        &self,
        py: Python<'py>,
        texts: Several,
        prompt: Option<&str>,
        normalize: bool,
        truncate: bool,
        torch: bool,
        #[pyo3(from_py_with = first_row)] first_row: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let texts = texts.texts();
        let options = SentenceOptions { prompt, normalize, truncate };
        let vectors = answers(py, first_row.unwrap_or(0), || self.inner.encode(&texts, &options))?;
        to_python(py, &vectors, if torch { Arrays::Torch } else { Arrays::Numpy })
    }

    /// The width of a vector.
    #[getter]
    fn _dimension(&self) -> usize {
        self.inner.dimension()
    }

    /// The largest number of tokens of a text.
    #[getter]
    fn _max_length(&self) -> usize {
        self.inner.max_length()
    }

    /// The prompts by name.
    #[getter]
    fn _prompts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.inner.prompts().into_pyobject(py)
    }

    /// The name of the prompt that is put before texts unless told otherwise.
    #[getter]
    fn _default_prompt_name(&self) -> Option<&str> {
        self.inner.default_prompt_name()
    }
}
