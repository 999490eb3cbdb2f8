//! Shared by all bindings: the door into the crate, errors, answers, folders, locks, arrays, integers, progress.

mod answers;
mod calls;
mod enter;
mod errors;
mod folders;
mod guarded;
mod modes;
mod numbers;
mod precision;
mod progress;
mod sequences;
mod tensors;
mod warnings;

pub(crate) use answers::answer;
pub(crate) use calls::name_calls;
pub(crate) use enter::{convert, enter, enter_attached, remember_process};
pub(crate) use errors::{raise, wrong_type};
pub(crate) use folders::{FolderOptions, is_to_write};
pub(crate) use guarded::Guarded;
pub(crate) use modes::_outside_modes;
pub(crate) use numbers::{argument_readers, count, integer, optional_count, real, truth};
pub(crate) use precision::frozen_options;
pub(crate) use progress::Bar;
pub(crate) use sequences::{answer_signals, is_sequence, read_items};
pub(crate) use tensors::{
    Arrays, as_array, copied, device, device_name, floats, from_numpy, from_torch, prepare_numpy, refused, tensor,
    to_numpy, to_python, to_torch, to_tuple,
};
pub(crate) use warnings::warn;
