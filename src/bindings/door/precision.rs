//! `precision` and `emulate`: how a frozen model computes.

use pyo3::prelude::*;
use tch::Device;

use super::{enter, raise};
use crate::engine::{Precision, fastest};
use crate::error::Error;
use crate::pretrained::FrozenOptions;

/// The fastest precision on the device that keeps answers: [`fastest`].
const AUTO: &str = "auto";

/// Read the arguments `precision` and `emulate` of a model for a device.
///
/// # Errors
/// InputError if there is no such precision, or if a precision is emulated that every processor has.
pub(crate) fn frozen_options(
    py: Python<'_>,
    precision: &str,
    emulate: bool,
    device: Device,
) -> PyResult<FrozenOptions> {
    let refuse = |what: &str, reason: String| raise(py, Error::input(what, reason));
    let found = if precision == AUTO { Some(enter(py, || fastest(device))?) } else { Precision::from_name(precision) };
    let Some(found) = found else {
        let names = Precision::ALL.map(|(name, _)| format!(", {name:?}")).concat();
        return Err(refuse("precision", format!("expected one of {AUTO:?}{names}, got {precision:?}")));
    };
    if emulate && (precision == AUTO || !found.needs_bfloat16()) {
        let reason = format!("expected False for {precision}, which needs no emulation");
        return Err(refuse("emulate", reason));
    }
    Ok(FrozenOptions { precision: found, emulate })
}
