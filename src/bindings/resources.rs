//! `oxbert.LocalResource`, `oxbert.RemoteResource`, `oxbert.download_resource`, and the files of known models.

use std::fmt::Write;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::bindings::door::{enter, wrong_type};
use crate::error::Result;
use crate::interrupt;
use crate::resources::{DownloadOptions, LocalResource, RemoteResource, ResourceProvider};

/// Name a file on this machine.
///
/// Resources can be compared, hashed, pickled and copied.
///
/// Args:
///     local_path: The path of the file.
///
/// Example:
///     >>> oxbert.LocalResource("model/vocab.txt").local_path.name
///     'vocab.txt'
#[pyclass(name = "LocalResource", module = "oxbert", frozen, eq, hash, weakref)]
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

    // Named `local_path`, the getter would clash with a method that pyo3 generates.
    /// Return the path of the file.
    #[getter(local_path)]
    fn file(&self) -> PathBuf {
        self.inner.local_path.clone()
    }

    /// Return the path of the file, which must exist.
    ///
    /// Raises:
    ///     MissingFileError: if the file does not exist.
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

/// Name a file on the network, which is downloaded when its path is first requested, and then cached.
///
/// The cache is the folder in the environment variable `RUSTBERT_CACHE`, otherwise `.rustbert` in the user's cache
/// folder (`$XDG_CACHE_HOME`, or `~/.cache`), as for rust_bert. A file in the cache has the path `cache_subdir/<hash of
/// the url>/<its name in the url>`. A cached file is used without a request; delete it to download it again.
///
/// A download that is interrupted, by Ctrl-C or a network failure, resumes the next time if the server supports that.
/// If several threads or processes request a file, one downloads it and the others wait. On a terminal a bar shows the
/// progress of a large file. Proxies are read from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`; servers are
/// verified with Mozilla's list of authorities, or with the file in `SSL_CERT_FILE`.
///
/// Resources can be compared, hashed, pickled and copied.
///
/// Args:
///     url: The url of the file: `https://...` or `http://...`.
///     cache_subdir: The folder in the cache, e.g. `electra-base-generator/model`; None means the cache itself.
///     cache_dir: A cache that replaces the default one.
///
/// Example:
///     >>> vocabulary = oxbert.RemoteResource.from_pretrained(oxbert.ElectraVocabResources.BASE_GENERATOR)
///     >>> vocabulary.cache_subdir, vocabulary.cached_path().name
///     ('electra-base-generator/vocab', 'vocab.txt')
#[pyclass(name = "RemoteResource", module = "oxbert", frozen, eq, hash, weakref)]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct PyRemoteResource {
    inner: RemoteResource,
}

impl PyRemoteResource {
    fn fetch(&self) -> Result<PathBuf> {
        self.inner.get_local_path_with(&DownloadOptions::default(), &|_, _| interrupt::go_on())
    }
}

#[pymethods]
impl PyRemoteResource {
    #[new]
    #[pyo3(signature = (url, cache_subdir = None, *, cache_dir = None))]
    fn new(url: String, cache_subdir: Option<String>, cache_dir: Option<PathBuf>) -> Self {
        Self { inner: RemoteResource { url, cache_subdir: cache_subdir.unwrap_or_default(), cache_dir } }
    }

    /// Name one of the files of known models, such as `ElectraModelResources.BASE_GENERATOR`.
    ///
    /// Args:
    ///     name_url_tuple: The folder in the cache, and the url.
    ///     cache_dir: A cache that replaces the default one.
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

    /// Return the url of the file.
    #[getter]
    fn url(&self) -> &str {
        &self.inner.url
    }

    /// Return the folder in the cache; empty for the cache itself.
    #[getter]
    fn cache_subdir(&self) -> &str {
        &self.inner.cache_subdir
    }

    /// Return the cache that replaces the default one, or None.
    #[getter]
    fn cache_dir(&self) -> Option<PathBuf> {
        self.inner.cache_dir.clone()
    }

    /// Return the path of the file once it is downloaded.
    ///
    /// Raises:
    ///     InputError: if the url is invalid or names no file, if `cache_subdir` leads out of the cache, or if there is
    ///         no cache.
    fn cached_path(&self, py: Python<'_>) -> PyResult<PathBuf> {
        enter(py, || self.inner.cached_path())
    }

    /// Return the path of the file, downloading the file if it is not in the cache yet.
    ///
    /// Raises:
    ///     DownloadError: if the server or the network failed, three times in a row if trying again may help.
    ///     FileError: if the file cannot be written.
    ///     InputError: as `cached_path`.
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

/// Return the path of a resource on this machine, downloading the file if it is not there yet.
///
/// Args:
///     resource: The resource, whose `get_local_path` is called.
///
/// Example:
///     >>> oxbert.download_resource(oxbert.LocalResource("."))
///     PosixPath('.')
#[pyfunction]
pub(crate) fn download_resource(py: Python<'_>, resource: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    if let Ok(local) = resource.cast::<PyLocalResource>() {
        local.get().get_local_path(py)
    } else if let Ok(remote) = resource.cast::<PyRemoteResource>() {
        remote.get().get_local_path(py)
    } else {
        Err(wrong_type("resource", "a LocalResource or a RemoteResource", resource))
    }
}

/// Defines a class that has nothing but pairs: the folder in the cache, and the url.
macro_rules! known_files {
    ($(#[$doc:meta])* $class:ident is $source:ident as $name:literal, $($field:ident),+) => {
        $(#[$doc])*
        #[pyclass(name = $name, module = "oxbert", frozen, weakref)]
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
    /// List the weights of ELECTRA on the hub.
    ///
    /// Each entry is a pair for `RemoteResource.from_pretrained`: the folder in the cache and the url.
    ///
    /// Example:
    ///     >>> oxbert.ElectraModelResources.BASE_GENERATOR[0]
    ///     'electra-base-generator/model'
    PyElectraModelResources is ElectraModelResources as "ElectraModelResources",
    BASE_GENERATOR, BASE_DISCRIMINATOR
);
known_files!(
    /// List the configurations of ELECTRA on the hub.
    ///
    /// Each entry is a pair for `RemoteResource.from_pretrained`: the folder in the cache and the url.
    ///
    /// Example:
    ///     >>> oxbert.ElectraConfigResources.BASE_GENERATOR[0]
    ///     'electra-base-generator/config'
    PyElectraConfigResources is ElectraConfigResources as "ElectraConfigResources",
    BASE_GENERATOR, BASE_DISCRIMINATOR
);
known_files!(
    /// List the vocabularies of ELECTRA on the hub.
    ///
    /// Each entry is a pair for `RemoteResource.from_pretrained`: the folder in the cache and the url.
    ///
    /// Example:
    ///     >>> oxbert.ElectraVocabResources.BASE_GENERATOR[0]
    ///     'electra-base-generator/vocab'
    PyElectraVocabResources is ElectraVocabResources as "ElectraVocabResources",
    BASE_GENERATOR, BASE_DISCRIMINATOR
);
known_files!(
    /// List the weights of DistilBERT on the hub.
    ///
    /// Each entry is a pair for `RemoteResource.from_pretrained`: the folder in the cache and the url.
    ///
    /// Example:
    ///     >>> oxbert.DistilBertModelResources.DISTIL_BERT[0]
    ///     'distilbert/model'
    PyDistilBertModelResources is DistilBertModelResources as "DistilBertModelResources",
    DISTIL_BERT_SST2, DISTIL_BERT, DISTIL_BERT_SQUAD, DISTILUSE_BASE_MULTILINGUAL_CASED
);
known_files!(
    /// List the configurations of DistilBERT on the hub.
    ///
    /// Each entry is a pair for `RemoteResource.from_pretrained`: the folder in the cache and the url.
    ///
    /// Example:
    ///     >>> oxbert.DistilBertConfigResources.DISTIL_BERT[0]
    ///     'distilbert/config'
    PyDistilBertConfigResources is DistilBertConfigResources as "DistilBertConfigResources",
    DISTIL_BERT_SST2, DISTIL_BERT, DISTIL_BERT_SQUAD, DISTILUSE_BASE_MULTILINGUAL_CASED
);
known_files!(
    /// List the vocabularies of DistilBERT on the hub.
    ///
    /// Each entry is a pair for `RemoteResource.from_pretrained`: the folder in the cache and the url.
    ///
    /// Example:
    ///     >>> oxbert.DistilBertVocabResources.DISTIL_BERT[0]
    ///     'distilbert/vocab'
    PyDistilBertVocabResources is DistilBertVocabResources as "DistilBertVocabResources",
    DISTIL_BERT_SST2, DISTIL_BERT, DISTIL_BERT_SQUAD, DISTILUSE_BASE_MULTILINGUAL_CASED
);
