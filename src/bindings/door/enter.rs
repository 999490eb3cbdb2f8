//! The one door from Python into the crate.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::OnceLock;

use pyo3::prelude::*;

use super::errors::{interrupted, raise};
use super::modes::Real;
use crate::error::{Error, Result};
use crate::interrupt;

/// Release the GIL, run `work`, and turn an error or a panic into a Python exception. Ctrl-C ends the work wherever it
/// asks whether to [go on](interrupt::go_on).
pub(crate) fn enter<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    let _real = Real::new(py)?;
    py.detach(|| guarded(work)).map_err(|error| raise(py, error))
}

/// Run `work` with the GIL held, for work that touches Python objects through libtorch.
pub(crate) fn enter_attached<T>(py: Python<'_>, work: impl FnOnce() -> Result<T>) -> PyResult<T> {
    let _real = Real::new(py)?;
    guarded(work).map_err(|error| raise(py, error))
}

fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    survive_fork();
    // Work only reads models, and replaces whole values, so a panic leaves nothing half-done.
    catch_unwind(AssertUnwindSafe(|| interrupt::watch(check_signals, work)))
        .unwrap_or_else(|panic| Err(panicked(&*panic)))
}

/// Convert Python's objects, and turn a panic of pyo3 or numpy into an exception of ours.
pub(crate) fn convert<T>(py: Python<'_>, work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(raise(py, panicked(&*panic))))
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let message = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message");
    Error::Internal { message: message.lines().next().unwrap_or_default().to_string() }
}

/// Let Python handle signals, so that Ctrl-C ends long work.
fn check_signals() -> Result<()> {
    Python::attach(|py| py.check_signals().map_err(interrupted))
}

/// The process that imported the module.
static IMPORTER: OnceLock<u32> = OnceLock::new();

/// Remember this process, so that a fork of it is recognised later.
pub(crate) fn remember_process() {
    IMPORTER.get_or_init(process::id);
}

/// Limit libtorch to one thread in a forked child.
///
/// A fork copies the memory of OpenMP's thread pool but not its threads: the child's first parallel region would wait
/// for them forever. One thread needs no pool.
fn survive_fork() {
    thread_local! {
        // The number of threads is a setting of each thread.
        static TOLD: Cell<bool> = const { Cell::new(false) };
    }
    if IMPORTER.get().is_some_and(|&importer| importer != process::id()) && !TOLD.get() {
        tch::set_num_threads(1);
        TOLD.set(true);
    }
}
