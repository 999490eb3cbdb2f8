//! The one door from Python into the crate.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::OnceLock;

use pyo3::prelude::*;

use super::errors::raise;
use crate::error::{Error, Result};

/// Releases the GIL, runs `work`, and turns an error, or a panic, into a Python exception.
pub(crate) fn enter<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    py.detach(|| guarded(work)).map_err(|error| raise(py, error))
}

/// Runs `work` with the GIL held, for what touches Python objects through libtorch.
pub(crate) fn enter_attached<T>(py: Python<'_>, work: impl FnOnce() -> Result<T>) -> PyResult<T> {
    guarded(work).map_err(|error| raise(py, error))
}

fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    survive_fork();
    // Models are only read here, and what is written is replaced whole, so nothing half-done can be seen afterwards.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let message = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message");
        Err(Error::Internal { message: message.lines().next().unwrap_or_default().to_string() })
    })
}

/// Gives Python the chance to end what takes long.
pub(crate) fn check_signals() -> Result<()> {
    Python::attach(|py| {
        py.check_signals().map_err(|error| {
            // It is what is raised in the end.
            error.restore(py);
            Error::Internal { message: "interrupted".into() }
        })
    })
}

/// The process that imported the module.
static IMPORTER: OnceLock<u32> = OnceLock::new();

/// Remembers which process this is, so that a fork of it is known later.
pub(crate) fn remember_process() {
    IMPORTER.get_or_init(process::id);
}

/// Keeps libtorch to one thread in a forked child.
///
/// A fork copies the memory of OpenMP's thread pool but not its threads: the child's first parallel region would wait
/// for them forever. One thread needs no pool.
fn survive_fork() {
    thread_local! {
        // The number of threads is a setting of each thread, so each has to be told.
        static TOLD: Cell<bool> = const { Cell::new(false) };
    }
    if IMPORTER.get().is_some_and(|&importer| importer != process::id()) && !TOLD.get() {
        tch::set_num_threads(1);
        TOLD.set(true);
    }
}
