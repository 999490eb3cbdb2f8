//! A folder with the files of a model.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The weight files that a folder may have, best first.
pub const WEIGHT_FILES: &[&str] = &["model.safetensors", "rust_model.ot"];

/// A folder with `config.json`, weights and a vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFolder {
    path: PathBuf,
}

impl ModelFolder {
    /// A folder that exists.
    ///
    /// # Errors
    /// [`Error::Io`] where it does not, or is not a folder.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        std::fs::read_dir(path).map_err(Error::io("open the model folder", path))?;
        Ok(Self { path: path.to_path_buf() })
    }

    /// `config.json`.
    ///
    /// # Errors
    /// [`Error::MissingFile`], with what is there.
    pub fn config(&self) -> Result<PathBuf> {
        self.file(&["config.json"])
    }

    /// The best weight file: the first of [`WEIGHT_FILES`] that is there.
    ///
    /// # Errors
    /// [`Error::MissingFile`], with what is there.
    pub fn weights(&self) -> Result<PathBuf> {
        self.file(WEIGHT_FILES)
    }

    /// As [`ModelFolder::weights`], or else `pytorch_model.bin`, which only Python reads.
    #[cfg(feature = "python")]
    pub(crate) fn weights_or_pickle(&self) -> Result<PathBuf> {
        self.file(&[WEIGHT_FILES, &["pytorch_model.bin"]].concat())
    }

    fn file(&self, names: &[&str]) -> Result<PathBuf> {
        let found = names.iter().map(|name| self.path.join(name)).find(|path| path.is_file());
        found.ok_or_else(|| self.missing(&names.join(" or ")))
    }

    fn missing(&self, wanted: &str) -> Error {
        let entries = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        let mut found: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        found.sort();
        Error::MissingFile { folder: self.path.clone(), wanted: wanted.into(), found }
    }
}
