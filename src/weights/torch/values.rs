//! The values in a pickle of torch.

use crate::weights::index::{Checked, excerpt};
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
    /// Return the kind of the value, for messages: the value itself may be of any length.
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
    /// A class of the archive's own code, which is never read.
    Class,
    Storage(Dtype),
    RebuildTensor,
    RebuildParameter,
    OrderedDict,
    /// A function of `torch.jit._pickle` that tags the type of a list or dict, its first argument.
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
            ("torch._utils", "_rebuild_sparse_tensor") => Err("it has a sparse tensor, expected dense ones".into()),
            ("torch._utils", "_rebuild_meta_tensor_no_storage") => {
                Err("it has a tensor without values (of the device meta)".into())
            }
            _ if module == "__torch__" || module.starts_with("__torch__.") => Ok(Self::Class),
            _ => Err(format!(
                "its pickle names {}, which no weights need: refused",
                excerpt(&format!("{module}.{name}"))
            )),
        }
    }
}

/// Bytes in the archive, as the pickle describes them; unchecked.
#[derive(Debug)]
pub(super) struct Storage<'a> {
    pub(super) dtype: Dtype,
    /// The record is `data/<key>`.
    pub(super) key: &'a str,
    /// Elements.
    pub(super) count: i64,
}

/// A view of a storage, as the pickle describes it; unchecked.
#[derive(Debug)]
pub(super) struct Tensor {
    /// Position in [`Pickle::storages`].
    pub(super) storage: usize,
    /// In elements, as are the strides.
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
    /// The result of a `__getstate__`, which only the archive's code could interpret.
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
