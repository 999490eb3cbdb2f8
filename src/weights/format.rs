//! The format of a file, from its content and never from its name.

use super::index::Checked;
use super::tensorflow;

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// `.safetensors`.
    Safetensors,
    /// `.ot`: rust_bert's, tch's, libtorch's.
    Ot,
    /// `.bin`, `.pt`: a state dict as `torch.save` writes it, old or new.
    Bin,
    /// `model.ckpt-N.index` with its `.data-00000-of-00001`: a checkpoint of TensorFlow.
    TensorFlow,
    /// `flax_model.msgpack` of transformers.
    Flax,
    /// `tf_model.h5` of transformers, taken apart by Python's `h5py`.
    Hdf5,
}

/// The kind of a file, from its first or last bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Safetensors,
    /// A zip archive of torch.
    Archive,
    Pickle,
    TensorFlow,
    Flax,
    /// A list of the files of a checkpoint.
    ShardIndex,
}

/// Return the kind of a file from its first or last bytes; the error for an unsupported format says what it is.
pub(super) fn recognise(file: &[u8]) -> Checked<Kind> {
    // A u64 that is at most 100 MB, then the JSON object of the header.
    if file.get(4..9) == Some(&[0, 0, 0, 0, b'{']) {
        return Ok(Kind::Safetensors);
    }
    let looks_like = match file {
        [b'P', b'K', 3, 4, ..] => return Ok(Kind::Archive),
        [0x80, 0x02..=0x05, ..] => return Ok(Kind::Pickle),
        // A map whose first key is a text.
        [0x81..=0x8f, 0xa0..=0xbf | 0xd9..=0xdb, ..]
        | [0xde, _, _, 0xa0..=0xbf | 0xd9..=0xdb, ..]
        | [0xdf, _, _, _, _, 0xa0..=0xbf | 0xd9..=0xdb, ..] => return Ok(Kind::Flax),
        _ if tensorflow::is_index(file) => return Ok(Kind::TensorFlow),
        [0x89, b'H', b'D', b'F', ..] => {
            "this is an HDF5 file (tf_model.h5), which oxbert's Python package reads and convert/convert_model.py converts"
                .into()
        }
        [b'G', b'G', b'U', b'F', ..] => "this is a GGUF file, which holds no trainable weights".into(),
        _ if file.starts_with(b"PK") => "this is a zip archive that is empty or split".into(),
        _ if file.starts_with(b"version https://git-lfs") => {
            "this is a Git LFS pointer: fetch the file itself with `git lfs pull`".into()
        }
        _ => match printable_start(file) {
            Some(text) if text.starts_with('{') => return Ok(Kind::ShardIndex),
            Some(text) if text.starts_with('<') => {
                "this is a web page: the download did not return the file".to_string()
            }
            Some(text) => format!("this is a text file that begins with {text:?}"),
            None => format!("its first bytes are {:02x?}", &file[..file.len().min(8)]),
        },
    };
    Err(format!("{looks_like}; expected safetensors, .ot, .bin, a TensorFlow checkpoint or Flax's msgpack"))
}

/// Return the first characters if they are ordinary ASCII text.
fn printable_start(file: &[u8]) -> Option<&str> {
    let start = file.get(..file.len().min(24))?;
    let printable = start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    if printable { std::str::from_utf8(start).ok() } else { None }
}
