//! The values of a tensor as a slice.

use tch::{Device, Kind, Tensor};

use super::precision::describe_kind;
use crate::error::{Error, Result};
use crate::kernels::Table;

/// Return the values of a contiguous float32 tensor on the CPU, in row-major order.
///
/// Only frozen tensors are read so: nobody writes them meanwhile.
///
/// # Errors
/// [`Error::Internal`] if the tensor is another one.
pub(crate) fn values(tensor: &Tensor) -> Result<&[f32]> {
    read(tensor, Kind::Float)
}

/// Return the integers of a contiguous int64 tensor on the CPU.
///
/// # Errors
/// As for [`values`].
pub(crate) fn integers(tensor: &Tensor) -> Result<&[i64]> {
    read(tensor, Kind::Int64)
}

/// Return the rows of a contiguous tensor of float32 or float16 on the CPU.
///
/// # Errors
/// As for [`values`].
pub(crate) fn table(tensor: &Tensor) -> Result<Table<'_>> {
    Ok(if tensor.kind() == Kind::Half {
        Table::Float16(read(tensor, Kind::Half)?)
    } else {
        Table::Float32(values(tensor)?)
    })
}

/// Return the values of a float32 tensor to be written. The caller has just made the tensor, and initialised it.
///
/// # Errors
/// As for [`values`].
pub(crate) fn values_mut(tensor: &mut Tensor) -> Result<&mut [f32]> {
    let (start, count) = place(tensor, Kind::Float)?;
    // SAFETY: as in `read`, and nothing else refers to the tensor.
    Ok(if count == 0 { &mut [] } else { unsafe { std::slice::from_raw_parts_mut(start.cast(), count) } })
}

/// Return a float32 tensor of zeros on the CPU.
///
/// libtorch would write a large one with all its threads, which then wait for more work without sleeping, for
/// milliseconds in which the kernels need the cores.
///
/// # Errors
/// [`Error::Torch`] if there is not enough memory.
pub(crate) fn zeros(shape: &[i64]) -> Result<Tensor> {
    let tensor = Tensor::f_empty(shape, (Kind::Float, Device::Cpu))?;
    let (start, count) = place(&tensor, Kind::Float)?;
    if count > 0 {
        // SAFETY: the tensor is new, and has as many values from `start` on; zero bytes are zeros.
        unsafe { std::ptr::write_bytes(start.cast::<f32>(), 0, count) };
    }
    Ok(tensor)
}

/// Return a contiguous copy of a float32 tensor on the CPU.
///
/// # Errors
/// [`Error::Internal`] if the tensor is another one; [`Error::Torch`] if there is not enough memory.
pub(crate) fn copy(tensor: &Tensor) -> Result<Tensor> {
    let tensor = tensor.f_contiguous()?;
    let mut copy = zeros(&tensor.size())?;
    values_mut(&mut copy)?.copy_from_slice(values(&tensor)?);
    Ok(copy)
}

/// Return the numbers of a tensor of this kind, whose elements are of the size of `T`.
fn read<T: Copy>(tensor: &Tensor, kind: Kind) -> Result<&[T]> {
    let (start, count) = place(tensor, kind)?;
    // SAFETY: the tensor has as many elements from `start` on, and lives as long as the slice.
    Ok(if count == 0 { &[] } else { unsafe { std::slice::from_raw_parts(start.cast(), count) } })
}

fn place(tensor: &Tensor, expected: Kind) -> Result<(*mut std::ffi::c_void, usize)> {
    if tensor.kind() != expected || tensor.device() != Device::Cpu || !tensor.is_contiguous() {
        let (kind, expected) = (describe_kind(tensor.kind()), describe_kind(expected));
        let message =
            format!("kernels were given a tensor of {kind} on {:?}, not contiguous {expected}", tensor.device());
        return Err(Error::Internal { message });
    }
    Ok((tensor.data_ptr(), tensor.numel()))
}
