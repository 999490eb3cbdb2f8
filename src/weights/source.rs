//! Named tensors, wherever they come from.

use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

use super::{Dtype, RawTensor, WeightFile};
use crate::error::{Error, Result};

/// Tensors by name: a file, or what another reader made of one.
#[derive(Debug)]
pub enum WeightSource {
    /// An open `.ot` or `.safetensors` file.
    File(WeightFile),
    /// Tensors in memory, on the CPU, with the file that they came from, if any.
    Tensors {
        /// The file.
        path: Option<PathBuf>,
        /// Name and tensor, in the order of the file.
        tensors: Vec<(String, Tensor)>,
    },
}

impl WeightSource {
    /// Opens a file and checks all of it.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::WeightsFormat`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self::File(WeightFile::open(path)?))
    }

    /// The file, where there is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(file) => Some(file.path()),
            Self::Tensors { path, .. } => path.as_deref(),
        }
    }

    /// All names, in the order of the file.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::File(file) => file.names().collect(),
            Self::Tensors { tensors, .. } => tensors.iter().map(|(name, _)| name.as_str()).collect(),
        }
    }

    /// Shape and dtype of a tensor, without reading it.
    pub(super) fn describe(&self, name: &str) -> Result<(Vec<i64>, Kind)> {
        match self {
            Self::File(file) => {
                let raw = file.get(name).ok_or_else(|| absent(name))?;
                Ok((sizes(&raw), kind(raw.dtype())))
            }
            Self::Tensors { .. } => {
                let tensor = self.tensor(name)?;
                Ok((tensor.size(), tensor.f_kind()?))
            }
        }
    }

    /// A tensor, on the CPU.
    ///
    /// # Errors
    /// [`Error::Internal`] where there is no such name; [`Error::Torch`] where there is no memory.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        match self {
            Self::File(file) => to_tensor(&file.get(name).ok_or_else(|| absent(name))?),
            Self::Tensors { tensors, .. } => {
                let (_, tensor) = tensors.iter().find(|(known, _)| known == name).ok_or_else(|| absent(name))?;
                Ok(tensor.f_alias()?)
            }
        }
    }
}

fn absent(name: &str) -> Error {
    Error::Internal { message: format!("no tensor {name:?} in this file") }
}

fn sizes(raw: &RawTensor) -> Vec<i64> {
    raw.shape().iter().map(|&size| size as i64).collect()
}

/// A copy of a tensor's bytes on the CPU.
///
/// # Errors
/// [`Error::Torch`] where there is no memory.
pub fn to_tensor(raw: &RawTensor) -> Result<Tensor> {
    // `RawTensor` has checked that the bytes are as many as the shape says, which this constructor does not.
    Ok(Tensor::f_from_data_size(raw.data(), &sizes(raw), kind(raw.dtype()))?)
}

/// The bytes of a tensor, row-major, for a writer.
///
/// # Errors
/// [`Error::Dtype`] where no file format has the tensor's dtype; [`Error::Torch`] where there is no memory.
pub fn to_raw(name: &str, tensor: &Tensor) -> Result<RawTensor<'static>> {
    let shape: Vec<usize> = tensor.size().iter().map(|&size| size as usize).collect();
    let kind = tensor.f_kind()?;
    let dtype =
        DTYPES.iter().find(|(_, known)| *known == kind).map(|(dtype, _)| *dtype).ok_or_else(|| Error::Dtype {
            what: name.into(),
            expected: "a float, integer or bool dtype".into(),
            got: format!("{kind:?}").to_lowercase(),
        })?;
    let flat = tensor.f_detach()?.f_to_device(tch::Device::Cpu)?.f_contiguous()?;
    let mut bytes = vec![0_u8; flat.numel() * dtype.size()];
    flat.f_copy_data_u8(&mut bytes, flat.numel())?;
    RawTensor::new(dtype, shape, bytes)
}

const DTYPES: &[(Dtype, Kind)] = &[
    (Dtype::Float32, Kind::Float),
    (Dtype::Float64, Kind::Double),
    (Dtype::Float16, Kind::Half),
    (Dtype::BFloat16, Kind::BFloat16),
    (Dtype::Int64, Kind::Int64),
    (Dtype::Int32, Kind::Int),
    (Dtype::Int16, Kind::Int16),
    (Dtype::Int8, Kind::Int8),
    (Dtype::UInt8, Kind::Uint8),
    (Dtype::Bool, Kind::Bool),
];

fn kind(dtype: Dtype) -> Kind {
    DTYPES.iter().find(|(known, _)| *known == dtype).map_or(Kind::Float, |(_, kind)| *kind)
}
