//! `precision` and `emulate`: how a frozen model computes.

use pyo3::prelude::*;

use super::raise;
use crate::engine::Precision;
use crate::error::Error;
use crate::pretrained::FrozenOptions;

/// Read the arguments `precision` and `emulate`.
///
/// # Errors
/// InputError if there is no such precision, or if a precision is emulated that every processor has.
pub(crate) fn frozen_options(py: Python<'_>, precision: &str, emulate: bool) -> PyResult<FrozenOptions> {
    let refuse = |what: &str, reason: String| raise(py, Error::input(what, reason));
    let Some(found) = Precision::from_name(precision) else {
        let names = Precision::ALL.map(|(name, _)| format!("{name:?}")).join(", ");
        return Err(refuse("precision", format!("expected one of {names}, got {precision:?}")));
    };
    if emulate && found != Precision::BFloat16 {
        let reason = format!("expected False for {precision}, which needs no emulation");
        return Err(refuse("emulate", reason));
    }
    Ok(FrozenOptions { precision: found, emulate })
}
