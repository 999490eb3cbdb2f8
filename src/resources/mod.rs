//! The files of a model folder, and single files on this machine or on the network.
//!
//! Without the cargo feature `remote` the crate opens no network connection and has no code that could.
//!
//! ```
//! use oxbert::resources::{LocalResource, ResourceProvider};
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("config.json");
//! # std::fs::write(&path, "{}").unwrap();
//! let anything: Box<dyn ResourceProvider> = Box::new(LocalResource::from(&path));
//! assert_eq!(anything.get_local_path()?, path);
//! # Ok::<(), oxbert::Error>(())
//! ```

mod folder;
mod local;
mod models;
#[cfg(feature = "remote")]
mod remote;

use std::fmt::Debug;
use std::path::PathBuf;

pub use folder::ModelFolder;
pub use local::LocalResource;
pub use models::{
    DistilBertConfigResources, DistilBertModelResources, DistilBertVocabResources, ElectraConfigResources,
    ElectraModelResources, ElectraVocabResources,
};
#[cfg(feature = "remote")]
pub use remote::{DownloadOptions, RemoteResource};

use crate::error::Result;
pub use crate::names::WEIGHT_FILES;

/// A file with a path on this machine, after a download if necessary.
///
/// Source: `rust_bert::resources::ResourceProvider`.
pub trait ResourceProvider: Debug + Send + Sync {
    /// Return the path of the file on this machine.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if the file does not exist. For a file on the network also
    /// [`Error::Input`](crate::Error::Input) if the url or the folder in the cache is not valid, and
    /// [`Error::Download`](crate::Error::Download) if the download fails.
    fn get_local_path(&self) -> Result<PathBuf>;
}

impl<T: ResourceProvider + ?Sized> ResourceProvider for Box<T> {
    fn get_local_path(&self) -> Result<PathBuf> {
        (**self).get_local_path()
    }
}

impl From<PathBuf> for Box<dyn ResourceProvider + Send> {
    fn from(path: PathBuf) -> Self {
        Box::new(LocalResource::from(path))
    }
}

/// A file on this machine or on the network, as in earlier versions of rust_bert.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Resource {
    /// On this machine.
    Local(LocalResource),
    /// On the network.
    #[cfg(feature = "remote")]
    Remote(RemoteResource),
}

impl ResourceProvider for Resource {
    fn get_local_path(&self) -> Result<PathBuf> {
        match self {
            Self::Local(resource) => resource.get_local_path(),
            #[cfg(feature = "remote")]
            Self::Remote(resource) => resource.get_local_path(),
        }
    }
}

impl From<LocalResource> for Resource {
    fn from(resource: LocalResource) -> Self {
        Self::Local(resource)
    }
}

#[cfg(feature = "remote")]
impl From<RemoteResource> for Resource {
    fn from(resource: RemoteResource) -> Self {
        Self::Remote(resource)
    }
}

/// Return the path of a resource on this machine, as [`ResourceProvider::get_local_path`] does. Earlier versions of
/// rust_bert have this function.
///
/// # Errors
/// Those of [`ResourceProvider::get_local_path`].
pub fn download_resource(resource: &(impl ResourceProvider + ?Sized)) -> Result<PathBuf> {
    resource.get_local_path()
}
