//! The format of a file, from its content and never from its name.

use super::index::Checked;
use super::tensorflow;
use crate::checksum::FETCH_AGAIN;

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
    /// The index of a checkpoint in several files.
    ShardIndex,
}

/// Return the kind of a file from its first or last bytes. The error for an unsupported format names the format.
pub(super) fn recognise(file: &[u8]) -> Checked<Kind> {
    // The length of the header (a u64 of at most 100 MB), then its JSON object.
    if file.get(4..9) == Some(&[0, 0, 0, 0, b'{']) {
        return Ok(Kind::Safetensors);
    }
    let got = match file {
        [b'P', b'K', 3, 4, ..] => return Ok(Kind::Archive),
        [0x80, 0x02..=0x05, ..] => return Ok(Kind::Pickle),
        // A map of MessagePack whose first key is a text.
        [0x81..=0x8f, 0xa0..=0xbf | 0xd9..=0xdb, ..]
        | [0xde, _, _, 0xa0..=0xbf | 0xd9..=0xdb, ..]
        | [0xdf, _, _, _, _, 0xa0..=0xbf | 0xd9..=0xdb, ..] => return Ok(Kind::Flax),
        _ if tensorflow::is_index(file) => return Ok(Kind::TensorFlow),
        [0x89, b'H', b'D', b'F', ..] => {
            "an HDF5 file (load tf_model.h5 in Python, or convert it with convert/convert_model.py)".into()
        }
        [b'G', b'G', b'U', b'F', ..] => "a GGUF file, whose weights cannot be trained".into(),
        _ if file.starts_with(b"PK") => "a zip archive that is empty or split".into(),
        _ if file.starts_with(b"version https://git-lfs") => {
            "a Git LFS pointer (run `git lfs pull` to fetch the file itself)".into()
        }
        _ => match printable_start(file) {
            Some(text) if text.starts_with('{') => return Ok(Kind::ShardIndex),
            Some(text) if text.starts_with('<') => format!("a web page instead of the file ({FETCH_AGAIN})"),
            Some(text) => format!("a text file that begins with {text:?}"),
            None => format!("a file whose first bytes are {:02x?}", &file[..file.len().min(8)]),
        },
    };
    Err(format!("got {got}, expected safetensors, .ot, .bin, a TensorFlow checkpoint or Flax's msgpack"))
}

/// Return the first characters if they are ordinary ASCII text.
fn printable_start(file: &[u8]) -> Option<&str> {
    let start = file.get(..file.len().min(24))?;
    let printable = start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    if printable { std::str::from_utf8(start).ok() } else { None }
}
