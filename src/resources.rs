//! A model folder: which files it has, and where. Local paths only; Rust opens no network connection.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The weight files that a folder may have, best first. Behind them come the checkpoints of TensorFlow, whose names have a
/// number.
pub const WEIGHT_FILES: [&str; 8] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "rust_model.ot",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "flax_model.msgpack",
    "flax_model.msgpack.index.json",
    "tf_model.h5",
];

/// Something that has a path on this machine.
///
/// rust_bert's trait of the same name.
pub trait ResourceProvider {
    /// The path.
    ///
    /// # Errors
    /// [`Error::Io`] where there is no such file.
    fn get_local_path(&self) -> Result<PathBuf>;
}

/// A file on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
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

    /// The best weight file: the first of [`WEIGHT_FILES`] that is there; or else the latest checkpoint of TensorFlow,
    /// `model.ckpt-N.index`.
    ///
    /// # Errors
    /// [`Error::MissingFile`], with what is there.
    pub fn weights(&self) -> Result<PathBuf> {
        self.first(&WEIGHT_FILES)
            .or_else(|| self.checkpoint())
            .ok_or_else(|| self.missing(&format!("{} or model.ckpt-*.index", WEIGHT_FILES.join(", "))))
    }

    /// The checkpoint of TensorFlow with the largest number.
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
