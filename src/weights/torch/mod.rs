//! Files of torch. An `.ot` file is a zip archive in the `TorchScript` format, as tch, `rust_bert` and `torch.jit.save`
//! write it. A `.bin` or `.pt` file is a state dict as `torch.save` writes it, since version 1.6 in a zip archive.
//!
//! libtorch's reader trusts the file: an archive whose record is shorter than its tensor crashes the process long after
//! loading, and code inside an archive is run. So the formats are read and written here, in the order bytes ->
//! [`container`] (records) -> [`pickle`] ([`values`]) -> [`module`] or [`state_dict`] (names) -> [`tensors`] (places).

mod container;
mod cursor;
mod legacy;
mod module;
mod pickle;
mod state_dict;
mod tensors;
mod values;
mod writer;

#[cfg(test)]
mod state_dict_tests;
#[cfg(test)]
mod tests;

use container::Container;
use values::Pickle;

use super::FileFormat;
use super::index::{Checked, Index};
use crate::error::Result;
pub(super) use writer::{stage_bin, stage_ot};
pub use writer::{write_bin, write_ot};

/// Index the tensors of a zip archive, after verifying its checksums.
///
/// # Errors
/// The errors of [`interrupt::go_on`](crate::interrupt::go_on). The inner error is the reason to refuse the file.
pub(super) fn read_archive(file: &[u8]) -> Result<Checked<(FileFormat, Index)>> {
    let archive = match Container::open(file) {
        Ok(archive) => archive,
        Err(reason) => return Ok(Err(reason)),
    };
    Ok(match archive.find_damage()? {
        Some(reason) => Err(reason),
        None => index_archive(file, &archive),
    })
}

fn index_archive(file: &[u8], archive: &Container) -> Checked<(FileFormat, Index)> {
    let pickle = Pickle::load(archive.pickle()?)?;
    if archive.is_module()? {
        Ok((FileFormat::Ot, module::read(file, archive, &pickle)?))
    } else {
        Ok((FileFormat::Bin, state_dict::read(file, &pickle, |storage| archive.storage(storage))?))
    }
}

/// Index the tensors of a bare pickle.
pub(super) fn read_pickle(file: &[u8]) -> Checked<Index> {
    if file.starts_with(legacy::MAGIC) {
        return legacy::read(file);
    }
    Err("got a pickle that torch.save did not write, expected a state dict".into())
}
