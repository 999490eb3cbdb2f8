//! The values of a tensor as a slice.

use tch::{Device, Kind, Tensor};

use super::precision::describe_kind;
use crate::error::{Error, Result};

/// Return the values of a contiguous float32 tensor on the CPU, in row-major order.
///
/// Only frozen tensors are read so: nobody writes them meanwhile.
///
/// # Errors
/// [`Error::Internal`] if the tensor is another one.
pub(crate) fn values(tensor: &Tensor) -> Result<&[f32]> {
    let (start, count) = place(tensor)?;
    // SAFETY: the tensor has as many float32 values from `start` on, and lives as long as the slice.
    Ok(if count == 0 { &[] } else { unsafe { std::slice::from_raw_parts(start, count) } })
}

/// Return the values of such a tensor to be written. The caller has just made the tensor, and initialised it.
///
/// # Errors
/// As for [`values`].
pub(crate) fn values_mut(tensor: &mut Tensor) -> Result<&mut [f32]> {
    let (start, count) = place(tensor)?;
    // SAFETY: as above, and nothing else refers to the tensor.
    Ok(if count == 0 { &mut [] } else { unsafe { std::slice::from_raw_parts_mut(start, count) } })
}

fn place(tensor: &Tensor) -> Result<(*mut f32, usize)> {
    if tensor.kind() != Kind::Float || tensor.device() != Device::Cpu || !tensor.is_contiguous() {
        let kind = describe_kind(tensor.kind());
        let message = format!("kernels were given a tensor of {kind} on {:?}, not contiguous float32", tensor.device());
        return Err(Error::Internal { message });
    }
    Ok((tensor.data_ptr().cast(), tensor.numel()))
}
