//! `oxbert.LocalResource`, `oxbert.RemoteResource`, `oxbert.download_resource`, and where the files of known models are.

use std::fmt::Write;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::bindings::door::{check_signals, enter};
use crate::bindings::text::texts::wrong;
use crate::error::Result;
use crate::resources::{DownloadOptions, LocalResource, RemoteResource, ResourceProvider};

/// A file on this machine.
///
/// Args:
///     local_path: The file.
#[pyclass(name = "LocalResource", module = "oxbert", frozen, eq, hash)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct PyLocalResource {
    inner: LocalResource,
}

#[pymethods]
impl PyLocalResource {
    #[new]
    fn new(local_path: PathBuf) -> Self {
        Self { inner: local_path.into() }
    }

    // Under its own name, pyo3's name of it would be that of the method's.
    /// The file.
    #[getter(local_path)]
    fn file(&self) -> PathBuf {
        self.inner.local_path.clone()
    }

    /// The file, which must exist.
    fn get_local_path(&self, py: Python<'_>) -> PyResult<PathBuf> {
        enter(py, || self.inner.get_local_path())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("LocalResource({})", self.inner.local_path.as_os_str().into_pyobject(py)?.repr()?))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyType>, (PathBuf,)) {
        (slf.get_type(), (slf.get().file(),))
    }
}

/// A file on the network, which is downloaded when its path is first asked for, and then kept.
///
/// Args:
///     url: Where the file is.
///     cache_subdir: The folder in the cache; None: the cache itself.
///     cache_dir: Another cache than the usual one.
#[pyclass(name = "RemoteResource", module = "oxbert", frozen, eq, hash)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct PyRemoteResource {
    inner: RemoteResource,
}

impl PyRemoteResource {
    fn fetch(&self) -> Result<PathBuf> {
        self.inner.get_local_path_with(&DownloadOptions::default(), &|_, _| check_signals())
    }
}

#[pymethods]
impl PyRemoteResource {
    #[new]
    #[pyo3(signature = (url, cache_subdir = None, *, cache_dir = None))]
    fn new(url: String, cache_subdir: Option<String>, cache_dir: Option<PathBuf>) -> Self {
        Self { inner: RemoteResource { url, cache_subdir: cache_subdir.unwrap_or_default(), cache_dir } }
    }

    /// One of the files of known models, such as `ElectraModelResources.BASE_GENERATOR`: the folder in the cache and the
    /// url.
    #[classmethod]
    #[pyo3(signature = (name_url_tuple, *, cache_dir = None))]
    fn from_pretrained<'py>(
        class: &Bound<'py, PyType>,
        name_url_tuple: (String, String),
        cache_dir: Option<PathBuf>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (name, url) = name_url_tuple;
        let keywords = PyDict::new(class.py());
        keywords.set_item("cache_dir", cache_dir)?;
        class.call((url, name), Some(&keywords))
    }

    /// Where the file is.
    #[getter]
    fn url(&self) -> &str {
        &self.inner.url
    }

    /// The folder in the cache.
    #[getter]
    fn cache_subdir(&self) -> &str {
        &self.inner.cache_subdir
    }

    /// Another cache than the usual one.
    #[getter]
    fn cache_dir(&self) -> Option<PathBuf> {
        self.inner.cache_dir.clone()
    }

    /// Where the file is once it has been downloaded.
    fn cached_path(&self, py: Python<'_>) -> PyResult<PathBuf> {
        enter(py, || self.inner.cached_path())
    }

    /// The file, after a download where it is not in the cache yet. Ctrl-C ends a download; the next one goes on from
    /// there.
    fn get_local_path(&self, py: Python<'_>) -> PyResult<PathBuf> {
        enter(py, || self.fetch())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let RemoteResource { url, cache_subdir, cache_dir } = &self.inner;
        let mut text =
            format!("RemoteResource({}, {}", url.into_pyobject(py)?.repr()?, cache_subdir.into_pyobject(py)?.repr()?);
        if let Some(folder) = cache_dir {
            // Writing to a string cannot fail.
            let _ = write!(text, ", cache_dir={}", folder.as_os_str().into_pyobject(py)?.repr()?);
        }
        Ok(text + ")")
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((&str, &str), Bound<'py, PyDict>)> {
        let RemoteResource { url, cache_subdir, cache_dir } = &self.inner;
        let keywords = PyDict::new(py);
        keywords.set_item("cache_dir", cache_dir)?;
        Ok(((url, cache_subdir), keywords))
    }
}

/// The path of a resource on this machine, as its `get_local_path`.
///
/// Args:
///     resource: A `LocalResource` or a `RemoteResource`.
#[pyfunction]
pub(crate) fn download_resource(py: Python<'_>, resource: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    if let Ok(local) = resource.cast::<PyLocalResource>() {
        local.get().get_local_path(py)
    } else if let Ok(remote) = resource.cast::<PyRemoteResource>() {
        remote.get().get_local_path(py)
    } else {
        Err(wrong("resource", "a LocalResource or a RemoteResource", resource))
    }
}

/// Defines a class that has nothing but pairs: the folder in the cache, and the url.
macro_rules! known_files {
    ($class:ident is $source:ident as $name:literal: $documentation:literal, $($field:ident),+) => {
        #[doc = $documentation]
        #[pyclass(name = $name, module = "oxbert", frozen)]
        pub(crate) struct $class;

        #[pymethods]
        impl $class {
            $(
                #[classattr]
                const $field: (&'static str, &'static str) = crate::resources::$source::$field;
            )+
        }
    };
}

known_files!(
    PyElectraModelResources is ElectraModelResources as "ElectraModelResources": "The weights of ELECTRA.",
    BASE_GENERATOR, BASE_DISCRIMINATOR
);
known_files!(
    PyElectraConfigResources is ElectraConfigResources as "ElectraConfigResources": "The configurations of ELECTRA.",
    BASE_GENERATOR, BASE_DISCRIMINATOR
);
known_files!(
    PyElectraVocabResources is ElectraVocabResources as "ElectraVocabResources": "The vocabularies of ELECTRA.",
    BASE_GENERATOR, BASE_DISCRIMINATOR
);
known_files!(
    PyDistilBertModelResources is DistilBertModelResources as "DistilBertModelResources": "The weights of DistilBERT.",
    DISTIL_BERT_SST2, DISTIL_BERT, DISTIL_BERT_SQUAD, DISTILUSE_BASE_MULTILINGUAL_CASED
);
known_files!(
    PyDistilBertConfigResources is DistilBertConfigResources as "DistilBertConfigResources":
    "The configurations of DistilBERT.",
    DISTIL_BERT_SST2, DISTIL_BERT, DISTIL_BERT_SQUAD, DISTILUSE_BASE_MULTILINGUAL_CASED
);
known_files!(
    PyDistilBertVocabResources is DistilBertVocabResources as "DistilBertVocabResources": "The vocabularies of DistilBERT.",
    DISTIL_BERT_SST2, DISTIL_BERT, DISTIL_BERT_SQUAD, DISTILUSE_BASE_MULTILINGUAL_CASED
);
