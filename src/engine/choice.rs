//! Which kernels serve a frozen model.
//!
//! | device and processor | float32 | float16, int8 | bfloat16, `int8_bfloat16` | `auto` |
//! |---|---|---|---|---|
//! | CPU with AVX-512 BF16 | kernels | kernels | kernels | `int8_bfloat16` |
//! | CPU with AVX-512 VNNI, or AVX2 | kernels | kernels | refused, or emulated in float32 on request | int8 |
//! | any other CPU, other devices | libtorch | refused | refused | float32 |

use std::env;

use tch::Device;

use crate::error::{Error, Result};
use crate::kernels::Choice;
pub use crate::kernels::{Instructions, Precision};

/// The environment variable that names the instruction set to use: for tests and comparisons.
const VARIABLE: &str = "OXBERT_KERNELS";
/// The value of the variable for libtorch's operators.
const PORTABLE: &str = "portable";

/// Return the kernels for a precision on a device; None for libtorch's operators.
///
/// With `emulate`, a precision that the processor has no arithmetic for is computed in float32.
///
/// # Errors
/// [`Error::Input`] if the precision cannot be had on the device or processor.
pub(crate) fn choose(precision: Precision, device: Device, emulate: bool) -> Result<Option<Choice>> {
    let refuse = |reason: String| Err(Error::input("precision", reason));
    let name = precision.name();
    let instructions = if device == Device::Cpu { instructions()? } else { None };
    let Some(instructions) = instructions else {
        if precision == Precision::Float32 {
            return Ok(None);
        }
        let place = if device == Device::Cpu { "libtorch's operators".into() } else { format!("{device:?}") };
        return refuse(format!(
            "expected \"float32\" on {place}, got {name:?}: the kernels of other precisions need AVX2"
        ));
    };
    if precision.needs_bfloat16() && !instructions.have_bfloat16() && !emulate {
        return refuse(
            "this processor does not multiply bfloat16: choose \"float16\" or \"int8\", which it is fast at, or pass \
             emulate=True to see bfloat16's numbers slowly"
                .into(),
        );
    }
    Ok(Choice::new(precision, instructions))
}

/// Return the fastest precision on a device that keeps at least 98.5 % of the answers of float32, and a cosine of 0.995 of the
/// vectors of texts: `int8_bfloat16` where the processor multiplies bfloat16, otherwise int8, and float32 where there are no
/// kernels.
///
/// int8 alone is faster than `int8_bfloat16`, but it attends in bfloat16 where that can be had, and then keeps only as many of
/// the likeliest tokens of masks.
///
/// # Errors
/// [`Error::Input`] if the environment names unknown kernels.
pub fn fastest(device: Device) -> Result<Precision> {
    let instructions = if device == Device::Cpu { instructions()? } else { None };
    Ok(match instructions {
        Some(found) if found.have_bfloat16() => Precision::Int8BFloat16,
        Some(_) => Precision::Int8,
        None => Precision::Float32,
    })
}

/// Return what serves each precision on a device: the instruction set of the kernels, or `libtorch`; an error is the
/// reason why the precision is refused.
#[must_use]
pub fn choices(device: Device) -> Vec<(&'static str, std::result::Result<&'static str, String>)> {
    let served = |precision| match choose(precision, device, false) {
        Ok(Some(choice)) => Ok(choice.instructions().name()),
        Ok(None) => Ok("libtorch"),
        Err(Error::Input { reason, .. }) => Err(reason),
        Err(error) => Err(error.to_string()),
    };
    Precision::ALL.into_iter().map(|(name, precision)| (name, served(precision))).collect()
}

/// Return the best instructions of this processor, or those that the environment names.
fn instructions() -> Result<Option<Instructions>> {
    let here = || Instructions::ALL.into_iter().filter(|(_, instructions)| instructions.are_here());
    let Some(wanted) = env::var_os(VARIABLE) else { return Ok(here().next_back().map(|(_, found)| found)) };
    if wanted == PORTABLE {
        return Ok(None);
    }
    if let Some((_, found)) = here().find(|&(name, _)| wanted == name) {
        return Ok(Some(found));
    }
    let names: Vec<&str> = here().map(|(name, _)| name).chain([PORTABLE]).collect();
    let reason = format!("expected one of {}, which this processor has, got {}", names.join(", "), wanted.display());
    Err(Error::input(VARIABLE, reason))
}
