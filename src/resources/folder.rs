//! A folder with the files of a model.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::names::WEIGHT_FILES;

/// A folder with `config.json`, weights and a vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFolder {
    path: PathBuf,
}

impl ModelFolder {
    /// Open a folder that exists.
    ///
    /// # Errors
    /// [`Error::Io`] if the path does not exist or is not a folder.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        std::fs::read_dir(path).map_err(Error::io("open the model folder", path))?;
        Ok(Self { path: path.to_path_buf() })
    }

    /// Return the path of `config.json`.
    ///
    /// # Errors
    /// [`Error::MissingFile`], with the files of the folder.
    pub fn config(&self) -> Result<PathBuf> {
        self.file(&["config.json"])
    }

    /// Return the preferred weight file: the first of [`WEIGHT_FILES`] that exists, otherwise the latest checkpoint of
    /// TensorFlow, `model.ckpt-N.index`.
    ///
    /// # Errors
    /// [`Error::MissingFile`], with the files of the folder.
    pub fn weights(&self) -> Result<PathBuf> {
        self.weights_among(&WEIGHT_FILES, true)
    }

    /// Return the first of these weight files that exists, otherwise, if `checkpoint` is true, the latest checkpoint of
    /// TensorFlow.
    ///
    /// # Errors
    /// [`Error::MissingFile`], with the files of the folder.
    pub fn weights_among(&self, names: &[&str], checkpoint: bool) -> Result<PathBuf> {
        self.first(names).or_else(|| self.checkpoint().filter(|_| checkpoint)).ok_or_else(|| {
            let wanted = names.join(", ");
            self.missing(&if checkpoint { format!("{wanted} or model.ckpt-*.index") } else { wanted })
        })
    }

    /// Return the checkpoint of TensorFlow with the largest step number.
    fn checkpoint(&self) -> Option<PathBuf> {
        let number = |name: &str| {
            let (_, step) = name.strip_suffix(".index")?.rsplit_once(".ckpt")?;
            step.strip_prefix('-').unwrap_or("0").parse::<u64>().ok()
        };
        let found = self.names();
        let latest = found.iter().filter_map(|name| Some((number(name)?, name))).max()?;
        Some(self.path.join(latest.1))
    }

    fn file(&self, names: &[&str]) -> Result<PathBuf> {
        self.first(names).ok_or_else(|| self.missing(&names.join(" or ")))
    }

    fn first(&self, names: &[&str]) -> Option<PathBuf> {
        names.iter().map(|name| self.path.join(name)).find(|path| path.is_file())
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn missing(&self, wanted: &str) -> Error {
        Error::MissingFile { folder: self.path.clone(), wanted: wanted.into(), found: self.names() }
    }
}
