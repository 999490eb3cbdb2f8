//! The machine: threads, the processor, and which kernels are chosen. For the command line.

use pyo3::prelude::*;

use crate::bindings::door::{argument_readers, device, enter, integer};
use crate::engine::{Instructions, choices};

argument_readers! { threads: i32 = |what, value| integer(what, value, 1..=1024); }

/// Set the number of threads of a call, for this thread of Python, as `torch.set_num_threads` does.
#[pyfunction]
#[pyo3(signature = (threads))]
pub(crate) fn _set_threads(#[pyo3(from_py_with = threads)] threads: i32) {
    tch::set_num_threads(threads);
}

/// Return the number of threads of a call.
#[pyfunction]
pub(crate) fn _threads() -> i32 {
    tch::get_num_threads()
}

/// Return the features of the processor that kernels use, and whether it has each.
#[pyfunction]
pub(crate) fn _features() -> Vec<(&'static str, bool)> {
    Instructions::features()
}

/// A precision, what serves it, and why nothing does.
type Served = (&'static str, Option<&'static str>, Option<String>);

/// Return for each precision what serves it on a device (an instruction set, or `libtorch`), and why none does.
#[pyfunction]
pub(crate) fn _kernels(py: Python<'_>, device: &Bound<'_, PyAny>) -> PyResult<Vec<Served>> {
    let device = self::device(py, device)?;
    let row = |(name, found): (_, Result<_, _>)| (name, found.as_ref().ok().copied(), found.err());
    enter(py, || Ok(choices(device).into_iter().map(row).collect()))
}
