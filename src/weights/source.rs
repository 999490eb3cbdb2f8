//! Named tensors in a file or in memory.

use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

use super::{Dtype, FileFormat, OpenOptions, RawTensor, WeightFile};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::memory::room;
use crate::nn::precision;

/// Tensors by name: in an open file, or in memory.
#[derive(Debug)]
pub enum WeightSource {
    /// An open checkpoint.
    File(WeightFile),
    /// Tensors in memory, on the CPU.
    Tensors {
        /// The file that the tensors come from, if any.
        path: Option<PathBuf>,
        /// Names and tensors, in the order of the file.
        tensors: Vec<(String, Tensor)>,
    },
}

impl WeightSource {
    /// Open a checkpoint and check all of it.
    ///
    /// # Errors
    /// Those of [`WeightFile::open_with`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, OpenOptions::default())
    }

    /// Open a checkpoint that may have two networks, as [`WeightSource::open`] does.
    ///
    /// # Errors
    /// Those of [`WeightFile::open_with`].
    pub fn open_with(path: impl AsRef<Path>, options: OpenOptions) -> Result<Self> {
        Ok(Self::File(WeightFile::open_with(path, options)?))
    }

    /// Return the path of the file, if there is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(file) => Some(file.path()),
            Self::Tensors { path, .. } => path.as_deref(),
        }
    }

    /// Return all names, in the order of the file.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::File(file) => file.names().collect(),
            Self::Tensors { tensors, .. } => tensors.iter().map(|(name, _)| name.as_str()).collect(),
        }
    }

    /// Return the shape and the dtype of a tensor without reading it.
    pub(super) fn describe(&self, name: &str) -> Result<(Vec<i64>, Kind)> {
        match self {
            Self::File(file) => {
                let (dtype, shape) = file.describe(name).ok_or_else(|| absent(name))?;
                Ok((sizes(shape), kind(dtype)))
            }
            Self::Tensors { .. } => {
                let tensor = self.tensor(name)?;
                Ok((tensor.size(), tensor.f_kind()?))
            }
        }
    }

    /// Read a tensor, on the CPU.
    ///
    /// # Errors
    /// [`Error::Internal`] if there is no such name; [`Error::Memory`] or [`Error::Torch`] if there is no memory.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        match self {
            Self::File(file) => {
                let tensor = to_tensor(&file.get(name)?.ok_or_else(|| absent(name))?)?;
                file.release(name);
                Ok(tensor)
            }
            Self::Tensors { tensors, .. } => {
                let (_, tensor) = tensors.iter().find(|(known, _)| known == name).ok_or_else(|| absent(name))?;
                Ok(tensor.f_alias()?)
            }
        }
    }

    /// Return the shape of a tensor; None if there is no such name.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<Vec<i64>> {
        self.describe(name).ok().map(|(shape, _)| shape)
    }

    /// Return the dtype of the first tensor of floats; None if there is no such tensor.
    #[cfg(feature = "python")]
    pub(crate) fn float_dtype(&self) -> Option<&'static str> {
        let kinds = self.names().into_iter().filter_map(|name| Some(self.describe(name).ok()?.1));
        kinds.into_iter().find(|&kind| precision::is_float(kind)).and_then(precision::name_of)
    }

    /// Return whether google-research/electra wrote it.
    pub(crate) fn is_googles(&self) -> bool {
        matches!(self, Self::File(file) if file.format() == FileFormat::TensorFlow)
    }

    /// Return whether two tensors are equal in shape and values.
    pub(super) fn are_equal(&self, one: &str, other: &str) -> Result<bool> {
        if self.describe(one)?.0 != self.describe(other)?.0 {
            return Ok(false);
        }
        if let Self::File(file) = self
            && let (Some(left), Some(right)) = (file.get(one)?, file.get(other)?)
            && left.dtype() == right.dtype()
        {
            // Word embeddings are the largest tensors of a checkpoint, so this comparison copies neither.
            let equal = left.data() == right.data();
            file.release(one);
            file.release(other);
            return Ok(equal);
        }
        let (one, other) = (self.tensor(one)?, self.tensor(other)?);
        Ok(one.f_equal(&other.f_to_kind(one.kind())?)?)
    }

    /// Copy a tensor into a parameter of the same shape. Return whether all elements are finite.
    pub(crate) fn copy_into(&self, name: &str, parameter: &Tensor) -> Result<bool> {
        /// The most bytes that are in memory twice during the copy.
        const AT_ONCE: usize = 1 << 22;
        let Self::File(file) = self else {
            let tensor = self.tensor(name)?;
            parameter.shallow_clone().f_copy_(&tensor)?;
            return is_finite(&tensor);
        };
        let raw = file.get(name)?.ok_or_else(|| absent(name))?;
        let kind = kind(raw.dtype());
        if parameter.is_contiguous() {
            let flat = parameter.f_view([-1])?;
            let (mut done, mut finite) = (0, true);
            for bytes in raw.data().chunks(AT_ONCE) {
                let count = (bytes.len() / raw.dtype().size()) as i64;
                let piece = Tensor::f_from_data_size(bytes, &[count], kind)?;
                flat.f_narrow(0, done, count)?.f_copy_(&piece)?;
                finite &= RawTensor::are_finite(raw.dtype(), bytes);
                done += count;
                // A file that is mapped would be in memory beside the copy.
                file.release(name);
            }
            return Ok(finite);
        }
        parameter.shallow_clone().f_copy_(&to_tensor(&raw)?)?;
        let finite = raw.is_finite();
        file.release(name);
        Ok(finite)
    }
}

/// Return whether all elements are finite, without a copy: a lack of memory must not stop a load halfway.
fn is_finite(tensor: &Tensor) -> Result<bool> {
    if tensor.numel() == 0 {
        return Ok(true);
    }
    // Both are NaN if any element is NaN.
    let (least, largest) = tensor.f_aminmax(None, false)?;
    Ok(least.f_double_value(&[])?.is_finite() && largest.f_double_value(&[])?.is_finite())
}

fn absent(name: &str) -> Error {
    Error::Internal { message: format!("no tensor {name:?} in this file") }
}

fn sizes(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|&size| size as i64).collect()
}

/// Copy a tensor's bytes to a tensor on the CPU.
///
/// # Errors
/// [`Error::Torch`] if there is no memory.
pub fn to_tensor(raw: &RawTensor) -> Result<Tensor> {
    // `RawTensor` has checked that the number of bytes fits the shape; this constructor does not check.
    Ok(Tensor::f_from_data_size(raw.data(), &sizes(raw.shape()), kind(raw.dtype()))?)
}

/// Copy the bytes of a tensor in row-major order, for a writer.
///
/// # Errors
/// [`Error::Dtype`] if no file format has the tensor's dtype; [`Error::Memory`] if there is no memory; the errors of
/// [`interrupt::go_on`].
pub fn to_raw(name: &str, tensor: &Tensor) -> Result<RawTensor<'static>> {
    interrupt::go_on()?;
    let shape: Vec<usize> = tensor.size().iter().map(|&size| size as usize).collect();
    let kind = tensor.f_kind()?;
    let dtype = Dtype::ALL.into_iter().find(|known| Some(known.name()) == precision::name_of(kind));
    let dtype = dtype.ok_or_else(|| Error::Dtype {
        what: name.into(),
        expected: "a float, integer or bool dtype".into(),
        got: precision::describe_kind(kind).into(),
    })?;
    // The bytes of a tensor with the negative bit are those of another number.
    let flat = tensor.f_detach()?.f_to_device(tch::Device::Cpu)?.f_resolve_neg()?.f_contiguous()?;
    let count = flat.numel() * dtype.size();
    let mut bytes = room(&format!("the tensor {name:?}"), count)?;
    bytes.resize(count, 0);
    flat.f_copy_data_u8(&mut bytes, flat.numel())?;
    RawTensor::new(dtype, shape, bytes)
}

fn kind(dtype: Dtype) -> Kind {
    precision::kind_of(dtype.name()).unwrap_or(Kind::Float)
}
