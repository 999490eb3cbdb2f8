//! Which kernels serve a frozen model.
//!
//! | device and processor | float32 | float16, int8 | bfloat16, `int8_bfloat16` | `auto` |
//! |---|---|---|---|---|
//! | CPU with AVX-512 BF16 | kernels | kernels | kernels | `int8_bfloat16` |
//! | CPU with AVX-512 VNNI, or AVX2 | kernels | kernels | refused, or emulated in float32 on request | int8 |
//! | any other CPU | libtorch | libtorch; int8 is refused | bfloat16 by libtorch; `int8_bfloat16` is refused | float32 |
//! | GPU | libtorch | libtorch; int8 is refused | bfloat16 by libtorch; `int8_bfloat16` is refused | float16 with CUDA |
//!
//! Where there are kernels, they serve every shape: libtorch's products depend on the number of rows in their last
//! bits, and a text is to have the same bits in any batch. That costs nothing. On a Zen 4 with two threads, 8 rows of
//! 128 tokens run at 112 % of the rate of libtorch's best large product in float32 (ELECTRA-small), 95 % in bfloat16
//! and 75 % in int8 (ELECTRA-base). One text of 16 tokens takes 2.6 ms in float32, and 10.3 ms in transformers
//! (ELECTRA-small).

use std::env;

use tch::{Device, Kind};

use crate::error::{Error, Result};
use crate::kernels::Choice;
pub use crate::kernels::{Instructions, Precision};
use crate::nn::Arithmetic;

/// The environment variable that names the instruction set to use: for tests and comparisons.
const VARIABLE: &str = "OXBERT_KERNELS";
/// The value of the variable for libtorch's operators.
const PORTABLE: &str = "portable";

/// Return the code that computes a precision on a device.
///
/// With `emulate`, a precision that the processor has no arithmetic for is computed in float32.
///
/// # Errors
/// [`Error::Input`] if the precision cannot be had on the device or processor.
pub(crate) fn choose(precision: Precision, device: Device, emulate: bool) -> Result<Arithmetic> {
    let refuse = |reason: String| Err(Error::input("precision", reason));
    let name = precision.name();
    let instructions = if device == Device::Cpu { instructions()? } else { None };
    let Some(instructions) = instructions else {
        let place = if device == Device::Cpu { "libtorch's operators".into() } else { format!("{device:?}") };
        return match precision {
            Precision::Float32 => Ok(Arithmetic::Torch(Kind::Float)),
            Precision::Float16 => Ok(Arithmetic::Torch(Kind::Half)),
            Precision::BFloat16 => Ok(Arithmetic::Torch(Kind::BFloat16)),
            Precision::Int8 | Precision::Int8BFloat16 => refuse(format!(
                "expected \"float32\", \"float16\" or \"bfloat16\" on {place}, got {name:?}: int8 needs a CPU with AVX2"
            )),
        };
    };
    if precision.needs_bfloat16() && !instructions.have_bfloat16() && !emulate {
        return refuse(
            "this processor does not multiply bfloat16: choose \"float16\" or \"int8\", which it is fast at, or pass \
             emulate=True to see bfloat16's numbers slowly"
                .into(),
        );
    }
    let choice = Choice::new(precision, instructions);
    choice.map(Arithmetic::Kernels).ok_or_else(|| Error::Internal { message: "the instructions are not here".into() })
}

/// Return the fastest precision on a device that keeps at least 98.5 % of the answers of float32, and a cosine of 0.995
/// of the vectors of texts: `int8_bfloat16` where the processor multiplies bfloat16, otherwise int8; float32 on CPUs
/// without kernels, and float16 on GPUs of CUDA.
///
/// int8 alone is faster than `int8_bfloat16`. But where bfloat16 can be had, it attends in bfloat16, and of the
/// likeliest tokens of masks keeps 98.3 % in one set of texts and 98.6 % in another.
///
/// # Errors
/// [`Error::Input`] if the environment names unknown kernels.
pub fn fastest(device: Device) -> Result<Precision> {
    let instructions = if device == Device::Cpu { instructions()? } else { None };
    Ok(match instructions {
        Some(found) if found.have_bfloat16() => Precision::Int8BFloat16,
        Some(_) => Precision::Int8,
        None if matches!(device, Device::Cuda(_)) => Precision::Float16,
        None => Precision::Float32,
    })
}

/// Return what serves each precision on a device: the instruction set of the kernels, or `libtorch`; an error is the
/// reason why the precision is refused.
#[must_use]
pub fn choices(device: Device) -> Vec<(&'static str, std::result::Result<&'static str, String>)> {
    let served = |precision| match choose(precision, device, false) {
        Ok(Arithmetic::Kernels(choice)) => Ok(choice.instructions().name()),
        Ok(Arithmetic::Torch(_)) => Ok("libtorch"),
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
