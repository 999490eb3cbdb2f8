//! `oxbert._native._Pipeline`: the class that all pipelines extend, with pickling, copies, and what they are made of.

use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyTuple, PyType};

use super::source::{Asked, ModelSource, Parts, Restored, Source};
use crate::bindings::config::PyConfig;
use crate::bindings::door::{device_name, enter, integer};
use crate::bindings::models::base::PyModel;
use crate::bindings::text::classes::tokenizer_object;
use crate::config::AnyConfig;
use crate::error::{Error, Result};
use crate::pipelines::TextPipeline;
use crate::text::ElectraTokenizer;

/// What every pipeline is made of.
///
/// A pickle holds the folder, the device and the precision, and is loaded from there; that of a pipeline on a loaded
/// model holds the model. A copy is the pipeline itself, which never changes.
#[pyclass(name = "_Pipeline", module = "oxbert._native", subclass, frozen, weakref)]
pub(crate) struct PyPipeline {
    source: Source,
    config: AnyConfig,
    tokenizer: ElectraTokenizer,
    precision: &'static str,
}

/// Find the model and the tokenizer, and build the object of a pipeline's class.
///
/// `head` is the end of the names of the classes that a loaded model may have. `wrap` makes the class's own part of the
/// pipeline.
pub(super) fn load<P, C>(
    asked: &Asked<'_, '_>,
    head: &str,
    build: impl FnOnce(&Parts) -> Result<P> + Send,
    wrap: impl FnOnce(P) -> C,
) -> PyResult<Py<C>>
where
    P: TextPipeline + Send,
    C: PyClass<BaseType = PyPipeline>,
    PyClassInitializer<C>: From<(C, PyPipeline)>,
{
    let py = asked.folder.py();
    let source = Source::find(asked, head)?;
    let parts = source.parts(py);
    let inner = build_from(py, source.batch_tokens, move || build(&parts))?;
    wrap_in(py, source, inner, wrap)
}

/// Build a pipeline with the GIL released.
pub(super) fn build_from<P: TextPipeline + Send>(
    py: Python<'_>,
    batch_tokens: Option<usize>,
    build: impl FnOnce() -> Result<P> + Send,
) -> PyResult<P> {
    enter(py, move || {
        let pipeline = build()?;
        Ok(match batch_tokens {
            Some(tokens) => pipeline.with_batch_tokens(tokens),
            None => pipeline,
        })
    })
}

/// Return the object of a pipeline's class.
pub(super) fn wrap_in<P, C>(py: Python<'_>, source: Source, inner: P, wrap: impl FnOnce(P) -> C) -> PyResult<Py<C>>
where
    P: TextPipeline,
    C: PyClass<BaseType = PyPipeline>,
    PyClassInitializer<C>: From<(C, PyPipeline)>,
{
    let base = PyPipeline {
        config: inner.config(),
        tokenizer: inner.tokenizer().clone(),
        precision: inner.precision(),
        source,
    };
    Py::new(py, (wrap(inner), base))
}

/// Read a count of at least 1, or None.
pub(super) fn at_least_one(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    if value.is_none() { Ok(None) } else { integer(what, value, 1..=usize::MAX).map(Some) }
}

/// Run a pipeline with the GIL released. The number of the row in an error counts from `first_row`, the number of texts
/// that earlier calls answered.
pub(super) fn answers<T: Send>(
    py: Python<'_>,
    first_row: usize,
    run: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    enter(py, || {
        run().map_err(|error| match error {
            Error::TooLong { what, row, length, maximum } => {
                Error::TooLong { what, row: row + first_row, length, maximum }
            }
            other => other,
        })
    })
}

#[pymethods]
impl PyPipeline {
    #[classmethod]
    #[pyo3(signature = (folder, device = None, precision = None, emulate = false, tokenizer = None, batch_tokens = None))]
    fn _restore<'py>(
        class: &Bound<'py, PyType>,
        folder: &Bound<'py, PyAny>,
        device: Option<&Bound<'py, PyAny>>,
        precision: Option<&str>,
        emulate: bool,
        tokenizer: Option<&Bound<'py, PyAny>>,
        batch_tokens: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = pyo3::types::PyDict::new(class.py());
        options.set_item("device", device)?;
        options.set_item("precision", precision)?;
        options.set_item("emulate", emulate)?;
        options.set_item("tokenizer", tokenizer)?;
        options.set_item("batch_tokens", batch_tokens)?;
        class.call_method("from_pretrained", PyTuple::new(class.py(), [folder])?, Some(&options))
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        // Nothing in it changes.
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Restored<'py>)> {
        Ok((slf.get_type().getattr("_restore")?, slf.get().source.arguments(slf.py())?))
    }

    /// The loaded model that the pipeline runs; None if it has a model of its own.
    #[getter]
    fn _model(&self, py: Python<'_>) -> Option<Py<PyModel>> {
        match &self.source.model {
            ModelSource::Loaded(model) => Some(model.clone_ref(py)),
            ModelSource::Folder { .. } => None,
        }
    }

    /// A copy of the model's configuration.
    #[getter]
    fn _config<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        PyConfig::build(py, self.config.clone())
    }

    /// A copy of the tokenizer.
    #[getter]
    fn _tokenizer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        tokenizer_object(py, self.config.model_type(), self.tokenizer.clone())
    }

    /// The name of the device.
    #[getter]
    fn _device(&self, py: Python<'_>) -> PyResult<String> {
        Ok(device_name(match &self.source.model {
            ModelSource::Folder { device, .. } => *device,
            ModelSource::Loaded(model) => {
                let held = model.get().held();
                enter(py, || held.read(|model| model.limits().device))?
            }
        }))
    }

    /// The precision of the parameters.
    #[getter]
    fn _precision(&self) -> &'static str {
        self.precision
    }
}
