//! The values in a pickle of torch.

use crate::error::excerpt;
use crate::weights::index::Checked;
use crate::weights::raw::Dtype;

/// A value of a pickle. Numbers are positions in the tables of [`Pickle`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    Str(&'a str),
    Global(Global),
    Tuple(usize),
    List(usize),
    Dict(usize),
    Object(usize),
    Storage(usize),
    Tensor(usize),
    /// A value that no tensor depends on, e.g. a float or a device.
    Other,
}

impl Value<'_> {
    /// Return the kind of the value for a message, since the value itself may have any length.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a bool",
            Self::Int(_) => "an integer",
            Self::Str(_) => "a text",
            Self::Global(_) => "a class or function",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dict",
            Self::Object(_) => "an object",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
            Self::Other => "a value of another kind",
        }
    }
}

/// The classes and functions that a pickle may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    /// A class of the archive's own code. The code is never read.
    Class,
    Storage(Dtype),
    RebuildTensor,
    RebuildParameter,
    OrderedDict,
    /// A function of `torch.jit._pickle` that tags its first argument, a list or dict, with a type.
    Typed,
    Device,
}

impl Global {
    pub(super) fn find(module: &str, name: &str) -> Checked<Self> {
        let storage = |dtype| Ok(Self::Storage(dtype));
        match (module, name) {
            ("torch", "FloatStorage") => storage(Dtype::Float32),
            ("torch", "DoubleStorage") => storage(Dtype::Float64),
            ("torch", "HalfStorage") => storage(Dtype::Float16),
            ("torch", "BFloat16Storage") => storage(Dtype::BFloat16),
            ("torch", "LongStorage") => storage(Dtype::Int64),
            ("torch", "IntStorage") => storage(Dtype::Int32),
            ("torch", "ShortStorage") => storage(Dtype::Int16),
            ("torch", "CharStorage") => storage(Dtype::Int8),
            ("torch", "ByteStorage") => storage(Dtype::UInt8),
            ("torch", "BoolStorage") => storage(Dtype::Bool),
            ("torch", "device") => Ok(Self::Device),
            ("torch._utils", "_rebuild_tensor_v2") => Ok(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Ok(Self::RebuildParameter),
            ("collections", "OrderedDict") => Ok(Self::OrderedDict),
            (
                "torch.jit._pickle",
                "build_intlist" | "build_doublelist" | "build_boollist" | "build_tensorlist" | "restore_type_tag",
            ) => Ok(Self::Typed),
            ("torch._utils", "_rebuild_sparse_tensor") => {
                Err("the pickle has a sparse tensor; call `to_dense()` before saving".into())
            }
            ("torch._utils", "_rebuild_meta_tensor_no_storage") => {
                Err("the pickle has a tensor without values, on the meta device; load its values before saving".into())
            }
            _ if module == "__torch__" || module.starts_with("__torch__.") => Ok(Self::Class),
            _ => Err(format!(
                "the pickle names {}, which tensors of supported dtypes do not need; save the state dict of the model",
                excerpt(&format!("{module}.{name}"))
            )),
        }
    }
}

/// Bytes of the archive, as the pickle describes them and before any check.
#[derive(Debug)]
pub(super) struct Storage<'a> {
    pub(super) dtype: Dtype,
    /// The record is `data/<key>`.
    pub(super) key: &'a str,
    /// The number of elements.
    pub(super) count: i64,
}

/// A view of a storage, as the pickle describes it and before any check.
#[derive(Debug)]
pub(super) struct Tensor {
    /// Position in [`Pickle::storages`].
    pub(super) storage: usize,
    /// In elements, like the strides.
    pub(super) offset: i64,
    pub(super) sizes: Vec<i64>,
    pub(super) strides: Vec<i64>,
}

/// The attributes of an instance of a class of the archive.
#[derive(Debug, Default)]
pub(super) enum State {
    /// No attribute was set.
    #[default]
    Empty,
    /// Position in [`Pickle::dicts`].
    Attributes(usize),
    /// The result of a `__getstate__`, which only code in the archive could interpret.
    Custom,
}

/// A pickle that has run to its end.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    pub(super) root: Value<'a>,
    pub(super) dicts: Vec<Vec<(Value<'a>, Value<'a>)>>,
    pub(super) lists: Vec<Vec<Value<'a>>>,
    pub(super) objects: Vec<State>,
    pub(super) storages: Vec<Storage<'a>>,
    pub(super) tensors: Vec<Tensor>,
}
