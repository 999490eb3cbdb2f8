//! A weight file of any format: opened once, checked whole, read without copies.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::index::{Checked, Index};
use super::raw::RawTensor;
use super::{WeightFormat, ot, safetensors_file};
use crate::error::{Error, Result};

/// An opened weight file. Everything in it has been checked, so that reading a tensor cannot fail.
///
/// The file is mapped into memory: nothing is copied until a tensor is asked for. It must not be changed in place
/// while it is open; replacing it by a rename, as this crate's writers do, is safe.
pub struct WeightFile {
    path: PathBuf,
    map: Mmap,
    format: WeightFormat,
    index: Index,
    metadata: BTreeMap<String, String>,
}

impl WeightFile {
    /// Opens a file and checks it: structure, names, shapes, offsets, and for `.ot` the checksums of all records. The
    /// format is told by the content, never by the name.
    ///
    /// # Errors
    /// [`Error::Io`] where the system refuses; [`Error::WeightsFormat`] where the file is of another format, truncated,
    /// corrupt or hostile. Memory and time stay in proportion to the file's length whatever the file claims.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let refuse = |reason: String| Error::WeightsFormat { path: path.to_path_buf(), reason };
        // Asked before opening: to open a pipe would wait for its writer.
        let kind = std::fs::metadata(path).map_err(Error::io("open", path))?;
        if !kind.is_file() {
            return Err(refuse(if kind.is_dir() { "it is a folder" } else { "it is no regular file" }.into()));
        }
        let file = File::open(path).map_err(Error::io("open", path))?;
        if file.metadata().map_err(Error::io("open", path))?.len() == 0 {
            return Err(refuse("it is empty".into()));
        }
        // SAFETY: the map is private to `WeightFile` and read only. That nobody changes or shortens the file meanwhile
        // cannot be enforced by any reader that maps files; it is a documented condition of this type, and our own
        // writers never change a file in place.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io("map", path))?;
        let format = recognise(&map).map_err(refuse)?;
        let (index, metadata) = match format {
            WeightFormat::Ot => ot::read(&map).map(|index| (index, BTreeMap::new())),
            WeightFormat::Safetensors => safetensors_file::read(&map),
        }
        .map_err(refuse)?;
        Ok(Self { path: path.to_path_buf(), map, format, index, metadata })
    }

    /// Where the file is, as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the content turned out to be.
    #[must_use]
    pub const fn format(&self) -> WeightFormat {
        self.format
    }

    /// The free text entries of a safetensors file, e.g. `format: pt`; empty for `.ot`.
    #[must_use]
    pub const fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The tensors' names in the order of the file, each once. Those of `.ot` files have dots where the file has `|`
    /// or a submodule.
    #[must_use]
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.index.iter().map(|entry| entry.name.as_str())
    }

    /// A tensor by its name, or none where the file has no such tensor. Its data is borrowed from the map, or copied
    /// where the file holds it in another order than row-major.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<RawTensor<'_>> {
        self.index.get(name)?.read(&self.map)
    }
}

impl fmt::Debug for WeightFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WeightFile")
            .field("path", &self.path)
            .field("format", &self.format)
            .field("tensors", &self.index.iter().len())
            .finish_non_exhaustive()
    }
}

/// Tells the format by the first bytes, and says of foreign formats what they are.
fn recognise(file: &[u8]) -> Checked<WeightFormat> {
    if file.starts_with(b"PK\x03\x04") {
        return Ok(WeightFormat::Ot);
    }
    // A u64 that is at most 100 MB, then the JSON object of the header.
    if file.get(4..9) == Some(&[0, 0, 0, 0, b'{']) {
        return Ok(WeightFormat::Safetensors);
    }
    let looks_like = match file {
        [0x80, 0x02..=0x05, ..] => format!("this is a PyTorch pickle (.bin, .pt), {}", ot::CONVERT),
        [0x89, b'H', b'D', b'F', ..] => format!("this is an HDF5 file (.h5 of TensorFlow), {}", ot::CONVERT),
        [b'G', b'G', b'U', b'F', ..] => "this is a GGUF file, which holds no trainable weights".into(),
        _ if file.starts_with(b"PK") => "this is a zip archive that is empty or split".into(),
        _ if file.starts_with(b"version https://git-lfs") => {
            "this is a Git LFS pointer: fetch the file itself with `git lfs pull`".into()
        }
        _ => match printable_start(file) {
            Some(text) if text.starts_with('<') => {
                "this is a web page: the download did not return the file".to_string()
            }
            Some(text) => format!("this is a text file that begins with {text:?}"),
            None => format!("its first bytes are {:02x?}", &file[..file.len().min(8)]),
        },
    };
    Err(format!("{looks_like}; expected safetensors or .ot"))
}

/// The first characters, where they are ordinary ASCII text.
fn printable_start(file: &[u8]) -> Option<&str> {
    let start = file.get(..file.len().min(24))?;
    let printable = start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    if printable { std::str::from_utf8(start).ok() } else { None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn foreign_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.ot");
        for (content, expected) in [
            (&b""[..], "it is empty"),
            (b"\x80\x02}q\0.", "PyTorch pickle"),
            (b"\x89HDF\r\n\x1a\n....", "HDF5"),
            (b"GGUF\x03\0\0\0", "GGUF"),
            (b"PK\x05\x06\0\0\0\0", "empty or split"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
            (b"<!DOCTYPE html>", "web page"),
            (b"{\"abcd\":{\"x\":1}}", "text file that begins with \"{\\\"abcd"),
            (b"\x01\x02", "first bytes are [01, 02]"),
            (b"PK\x03\x04", "truncated"),
            (b"\x02\0\0\0\0\0\0\0{", "header"),
        ] {
            std::fs::write(&path, content).unwrap();
            let error = WeightFile::open(&path).unwrap_err();
            assert!(matches!(error, Error::WeightsFormat { .. }), "{error:?}");
            let message = error.to_string();
            assert!(message.contains(expected) && message.contains("model.ot"), "{message}");
        }
        assert!(matches!(WeightFile::open(folder.path().join("none")), Err(Error::Io { .. })));
        assert!(WeightFile::open(folder.path()).unwrap_err().to_string().contains("it is a folder"));
    }
}
