//! A checkpoint of any format: opened once, checked completely, read without copies.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::foreign::google;
use super::foreign::{flax as flax_names, keras as keras_names};
use super::format::{FileFormat, Kind, recognise};
use super::index::{Entry, Index, Origin};
use super::part::Part;
use super::raw::RawTensor;
use super::{flax, safetensors_file, shards, tensorflow, torch};
use crate::error::{Error, Result};
use crate::names::{Component, first_component};

/// An open checkpoint. All of its content has been checked, so that reading a tensor cannot fail.
///
/// Its files are mapped into memory: nothing is copied until a tensor is read. They must not be changed in place
/// while they are open; replacing them by a rename, as this crate's writers do, is safe.
pub struct WeightFile {
    path: PathBuf,
    parts: Vec<Part>,
    format: FileFormat,
    index: Index,
    metadata: BTreeMap<String, String>,
}

/// The network to read from a checkpoint of a pre-trained pair: one of google-research/electra, or one whose names all
/// begin with `generator.` or `discriminator.`. Other checkpoints ignore the choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// The network to read; a checkpoint without it is refused.
    pub component: Option<Component>,
    /// The network to read if the checkpoint has both and `component` is None.
    pub preferred: Option<Component>,
}

impl OpenOptions {
    /// Return the network to read, out of those in the checkpoint.
    fn choose(self, found: &[Component], path: &Path) -> Result<Component> {
        let present = found.iter().map(|component| component.name()).collect::<Vec<_>>().join(" and ");
        let refuse = |reason: String| Err(Error::input("component", reason));
        match (self.component, found) {
            (_, []) => Err(Error::WeightsFormat {
                path: path.to_path_buf(),
                reason: "expected variables of google-research/electra (\"electra/...\"), found none".into(),
            }),
            (Some(named), _) if found.contains(&named) => Ok(named),
            (Some(named), _) => {
                refuse(format!("expected {present}, the only network in {}, got {}", path.display(), named.name()))
            }
            (None, &[only]) => Ok(only),
            (None, _) => match self.preferred {
                Some(preferred) => Ok(preferred),
                None => refuse(format!("{} has the {present}; pass the name of one of them", path.display())),
            },
        }
    }
}

impl WeightFile {
    /// Open a checkpoint and check it: structure, names, shapes, offsets, and the checksums of those formats that have
    /// any. The content decides the format, never the name.
    ///
    /// The path is a single file, the index of a checkpoint in several files (`model.safetensors.index.json`), or
    /// TensorFlow's `model.ckpt-N.index`, with or without its ending. Tensors of TensorFlow and Flax get the names and
    /// shapes of torch; [`WeightFile::origin`] returns the original ones.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses; [`Error::WeightsFormat`] if a file is of another format, truncated, corrupt
    /// or hostile; [`Error::Input`] if the checkpoint has two networks and `options` names none. Memory and time stay
    /// in proportion to the length of the files, even if the files claim more.
    pub fn open_with(path: impl AsRef<Path>, options: OpenOptions) -> Result<Self> {
        let path = path.as_ref();
        let (path, first) = match Part::open(path) {
            // TensorFlow names a checkpoint without the ending `.index`.
            Err(Error::Io { .. }) if with_ending(path, ".index").is_file() => {
                let path = with_ending(path, ".index");
                let part = Part::open(&path)?;
                (path, part)
            }
            opened => (path.to_path_buf(), opened?),
        };
        let refuse = |reason: String| Error::WeightsFormat { path: path.clone(), reason };
        let kind = recognise(first.bytes()).map_err(refuse)?;
        match kind {
            Kind::ShardIndex => {
                let files = shards::read(first.bytes()).map_err(refuse)?;
                Self::join(path, &files)
            }
            Kind::TensorFlow => return Self::bundle(path, &first, options),
            _ => Self::single(path, first, kind),
        }
        .and_then(|file| file.of_pair(options))
    }

    /// Open a checkpoint as [`WeightFile::open_with`] does, without options.
    ///
    /// # Errors
    /// Those of [`WeightFile::open_with`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, OpenOptions::default())
    }

    /// Keep one network, under its own names, if all names begin with `generator.` or `discriminator.`, as those of a
    /// pair in training do. Without a choice both stay.
    fn of_pair(self, options: OpenOptions) -> Result<Self> {
        let found: BTreeSet<Option<Component>> =
            self.names().map(|name| Component::from_name(first_component(name))).collect();
        let found: Option<Vec<Component>> = found.into_iter().collect();
        let (Some(found), Some(_)) = (found, options.component.or(options.preferred)) else { return Ok(self) };
        if found.is_empty() {
            return Ok(self);
        }
        let chosen = options.choose(&found, &self.path)?;
        let prefix = format!("{}.", chosen.name());
        let own = |entry: &Entry| Ok(entry.name.strip_prefix(&prefix).map(|name| (name.to_string(), false)));
        let refuse = |reason: String| Error::WeightsFormat { path: self.path.clone(), reason };
        Ok(Self { index: self.index.renamed(own).map_err(refuse)?, ..self })
    }

    /// Open a checkpoint that is one file.
    fn single(path: PathBuf, part: Part, kind: Kind) -> Result<Self> {
        let refuse = |reason: String| Error::WeightsFormat { path: path.clone(), reason };
        let bytes = part.bytes();
        let plain = |format| move |index| (format, index, BTreeMap::new());
        let (format, index, metadata) = match kind {
            Kind::Safetensors => {
                safetensors_file::read(bytes).map(|(index, metadata)| (FileFormat::Safetensors, index, metadata))
            }
            Kind::Archive => torch::read_archive(bytes)?.map(|(format, index)| plain(format)(index)),
            Kind::Pickle => torch::read_pickle(bytes).map(plain(FileFormat::Bin)),
            Kind::Flax => flax::read(bytes).and_then(flax_names::translate).map(plain(FileFormat::Flax)),
            Kind::TensorFlow | Kind::ShardIndex => {
                Err("expected a file with tensors, got an index that lists other files".into())
            }
        }
        .map_err(refuse)?;
        // The computation of the checksums has read the whole file into memory.
        part.release(0..part.bytes().len());
        Ok(Self { path, parts: vec![part], format, index, metadata })
    }

    /// Open a checkpoint of TensorFlow: the index and the data files beside it.
    fn bundle(path: PathBuf, first: &Part, options: OpenOptions) -> Result<Self> {
        let refuse = |path: &Path, reason: String| Error::WeightsFormat { path: path.to_path_buf(), reason };
        let bundle = tensorflow::Bundle::read(first.bytes()).map_err(|reason| refuse(&path, reason))?;
        let stem = path.as_os_str().to_string_lossy();
        let stem = stem.strip_suffix(".index").unwrap_or(&stem);
        let mut parts = Vec::new();
        for number in 0..bundle.shards() {
            parts.push(Part::open(Path::new(&format!("{stem}.data-{number:05}-of-{:05}", bundle.shards())))?);
        }
        let bytes: Vec<&[u8]> = parts.iter().map(Part::bytes).collect();
        let index = bundle.index(&bytes)?.map_err(|reason| refuse(&path, reason))?;
        let component = options.choose(&google::components(&index), &path)?;
        let index = google::translate(index, component).map_err(|reason| refuse(&path, reason))?;
        for part in &parts {
            part.release(0..part.bytes().len());
        }
        Ok(Self { path, parts, format: FileFormat::TensorFlow, index, metadata: BTreeMap::new() })
    }

    /// Open a checkpoint in several files, each with a part of the tensors.
    fn join(path: PathBuf, files: &BTreeMap<String, BTreeSet<String>>) -> Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let mut joined: Option<Self> = None;
        for (name, listed) in files {
            let part = Part::open(&folder.join(name))?;
            let refuse = |reason: String| Error::WeightsFormat { path: folder.join(name), reason };
            let kind = recognise(part.bytes()).map_err(refuse)?;
            let shard = Self::single(folder.join(name), part, kind)?;
            // The index of a Flax checkpoint has the names before translation.
            if shard.format != FileFormat::Flax {
                shards::check(listed, shard.names()).map_err(refuse)?;
            }
            match &mut joined {
                None => joined = Some(Self { path: path.clone(), ..shard }),
                Some(joined) => {
                    joined.index.absorb(shard.index, joined.parts.len()).map_err(refuse)?;
                    joined.parts.extend(shard.parts);
                }
            }
        }
        joined.ok_or_else(|| Error::WeightsFormat { path, reason: "the weight_map is empty".into() })
    }

    /// Open the `tf_model.h5` at `path`, whose tensors another program has copied under Keras's names to `taken_apart`,
    /// a file of any other format. In oxbert's Python package that program uses h5py.
    ///
    /// # Errors
    /// The errors of [`WeightFile::open_with`].
    pub fn from_hdf5_parts(taken_apart: &Path, path: PathBuf) -> Result<Self> {
        let refuse = |reason: String| Error::WeightsFormat { path: path.clone(), reason };
        let opened = Self::open(taken_apart).map_err(|error| match error {
            // The user knows only `path`.
            Error::WeightsFormat { reason, .. } => refuse(reason),
            other => other,
        })?;
        let index = keras_names::translate(opened.index).map_err(refuse)?;
        Ok(Self { path, format: FileFormat::Hdf5, index, ..opened })
    }

    /// Return the path of the checkpoint.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Return the format of the content.
    #[must_use]
    pub const fn format(&self) -> FileFormat {
        self.format
    }

    /// Return the free text entries of a safetensors file, e.g. `format: pt`; empty for other formats.
    #[must_use]
    pub const fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Return the tensors' names in the order of the file, each once. A `|` in the names of an `.ot` file is returned
    /// as a dot, and a dot separates a submodule from its parameter.
    #[must_use]
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.index.iter().map(|entry| entry.name.as_str())
    }

    /// Return a tensor by its name, or None if the file has no such tensor. Its data is borrowed from the map, or
    /// copied if the file does not have it in row-major order.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is no memory for a copy.
    pub fn get(&self, name: &str) -> Result<Option<RawTensor<'_>>> {
        let entry = self.index.get(name).and_then(|entry| Some((entry, self.parts.get(entry.part)?)));
        entry.map_or(Ok(None), |(entry, part)| entry.read(part.bytes()))
    }

    /// Return the dtype and the shape of a tensor.
    pub(super) fn describe(&self, name: &str) -> Option<(super::Dtype, &[usize])> {
        self.index.get(name).map(|entry| (entry.dtype, entry.shape.as_slice()))
    }

    /// Return the checkpoint's own name and layout of a tensor; None if both are as in torch.
    #[must_use]
    pub fn origin(&self, name: &str) -> Option<&Origin> {
        self.index.get(name)?.origin.as_ref()
    }

    /// Release the memory of a tensor that has been copied. The tensor can be read again.
    pub(super) fn release(&self, name: &str) {
        let Some(entry) = self.index.get(name) else { return };
        if let (Some(part), Some(extent)) = (self.parts.get(entry.part), entry.extent()) {
            part.release(extent);
        }
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_format_of_foreign_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.ot");
        for (content, expected) in [
            (&b""[..], "the file is empty"),
            (b"\x80\x02}q\0.", "got a pickle that torch.save did not write"),
            (b"\x89HDF\r\n\x1a\n....", "HDF5"),
            (b"GGUF\x03\0\0\0", "GGUF"),
            (b"PK\x05\x06\0\0\0\0", "empty or split"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
            (b"<!DOCTYPE html>", "web page"),
            (b"some text", "text file that begins with \"some text"),
            (b"{\"abcd\":{\"x\":1}}", "weight_map"),
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
        assert!(WeightFile::open(folder.path()).unwrap_err().to_string().contains("got a folder"));
    }
}
