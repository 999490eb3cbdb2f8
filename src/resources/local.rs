//! A file on this machine.

use std::path::PathBuf;

use super::ResourceProvider;
use crate::error::{Error, Result};

/// A file on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LocalResource {
    /// The file.
    pub local_path: PathBuf,
}

impl<P: Into<PathBuf>> From<P> for LocalResource {
    fn from(path: P) -> Self {
        Self { local_path: path.into() }
    }
}

impl ResourceProvider for LocalResource {
    fn get_local_path(&self) -> Result<PathBuf> {
        std::fs::metadata(&self.local_path).map_err(Error::io("open", &self.local_path))?;
        Ok(self.local_path.clone())
    }
}
