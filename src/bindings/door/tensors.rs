//! Python's arrays <-> libtorch's tensors.
//!
//! A `torch.Tensor` is the same object on both sides, without a copy and with its graph. numpy arrays are copied.

use std::slice;

use numpy::{PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyException, PyMemoryError};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBytes, PyFloat, PyInt, PyList, PyTuple};
use tch::{Kind, Tensor};

use super::enter::enter_attached;
use super::errors::raise;
use super::modes::imported_torch;
use crate::error::{Error, Result};
use crate::memory::room;
use crate::nn::precision;

/// The kind of array that the caller passed, and gets back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrays {
    /// numpy, also for lists.
    Numpy,
    /// torch, with its graph.
    Torch,
    /// TensorFlow's eager tensors, which numpy reads and TensorFlow makes of numpy's arrays.
    TensorFlow,
}

impl Arrays {
    /// Return the kind of an object that is not a torch tensor, without importing TensorFlow.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let loaded = object.py().import("sys")?.getattr("modules")?.call_method1("get", ("tensorflow",))?;
        let is_tensor = match loaded.getattr_opt("Tensor")? {
            Some(class) => object.is_instance(&class)?,
            None => false,
        };
        Ok(if is_tensor { Self::TensorFlow } else { Self::Numpy })
    }

    /// Return whether answers keep their graph.
    pub(crate) fn has_graph(self) -> bool {
        self == Self::Torch
    }
}

/// Return whether `torch.fx` records operations into a graph, in which those of Rust would be missing.
fn is_recorded(torch: &Bound<'_, PyAny>) -> PyResult<bool> {
    let native = torch.getattr("_C")?;
    if native.call_method0("_len_torch_dispatch_stack")?.extract::<usize>()? == 0 {
        return Ok(false);
    }
    let proxy = native.getattr("_TorchDispatchModeKey")?.getattr("PROXY")?;
    Ok(!native.call_method1("_get_dispatch_mode", (proxy,))?.is_none())
}

/// Import numpy, and let its crate find numpy's functions: the crate panics if a signal arrives while it does.
pub(crate) fn prepare_numpy(py: Python<'_>) -> PyResult<()> {
    py.import("numpy._core.multiarray")?;
    // The borrow makes it find the functions for borrows too.
    numpy::PyArray1::from_slice(py, &[0_u8]).try_readonly().map(drop).map_err(Into::into)
}

/// Return the error that replaces an exception of foreign code; Ctrl-C and an exit stay what they are.
pub(crate) fn refused(py: Python<'_>, exception: PyErr, error: impl FnOnce(&Bound<'_, PyAny>) -> Error) -> PyErr {
    if !exception.is_instance_of::<PyException>(py) {
        return exception;
    }
    if exception.is_instance_of::<PyMemoryError>(py) {
        return raise(py, Error::Torch { message: format!("not enough memory: {}", exception.value(py)) });
    }
    raise(py, error(exception.value(py)))
}

/// Return the tensor behind a `torch.Tensor`, or `None` for any other object, without importing torch.
///
/// Tensors without numbers in memory of their own, and dtypes that tch does not know, are refused: tch would panic on
/// some of them.
pub(crate) fn from_torch(what: &str, object: &Bound<'_, PyAny>) -> PyResult<Option<Tensor>> {
    let py = object.py();
    // If torch was never imported, no object is a torch tensor.
    let Some(torch) = imported_torch(py)? else { return Ok(None) };
    // SAFETY: the pointer is that of a live object, held by `object`, and the GIL is held.
    let Some(tensor) = enter_attached(py, || Ok(unsafe { Tensor::pyobject_unpack(object.as_ptr().cast()) }?))? else {
        return Ok(None);
    };
    if let Some((expected, got)) = obstacle(&torch, object)? {
        return Err(raise(py, Error::input(what, format!("expected {expected}, got {got}"))));
    }
    if tensor.f_kind().is_err() {
        let got = object.getattr("dtype")?.str()?.to_string();
        return Err(raise(py, dtype(what, "one that oxbert knows", &got)));
    }
    // The bytes of a tensor with the bit are those of other numbers.
    enter_attached(py, || {
        Ok(if tensor.f_is_neg()? || tensor.f_is_conj()? { tensor.f_resolve_neg()?.f_resolve_conj()? } else { tensor })
    })
    .map(Some)
}

/// Return the kind of tensor that was expected and the kind that it is, if its numbers cannot be read.
fn obstacle(torch: &Bound<'_, PyAny>, tensor: &Bound<'_, PyAny>) -> PyResult<Option<(&'static str, String)>> {
    let is = |name: &str| tensor.getattr(name)?.is_truthy();
    let dense = "a dense tensor with values";
    // A parameter or a buffer of a lazy layer raises an error of torch whatever it is asked.
    if tensor.hasattr("cls_to_become")? {
        return Ok(Some((dense, format!("an {}; run its layer once to give it a shape", tensor.get_type().name()?))));
    }
    let layout = tensor.getattr("layout")?.str()?.to_string();
    if is("is_nested")? {
        return Ok(Some((dense, "a nested tensor".into())));
    }
    if layout != "torch.strided" {
        return Ok(Some((dense, format!("one of the layout {layout}"))));
    }
    if is("is_meta")? {
        return Ok(Some((dense, "one on the device meta".into())));
    }
    if is("is_quantized")? {
        return Ok(Some((dense, "a quantized tensor; call its dequantize()".into())));
    }
    if torch.getattr("_C")?.call_method0("_is_tracing")?.is_truthy()? {
        let got = "one that torch.jit.trace records; a trace cannot hold models of oxbert";
        return Ok(Some(("a tensor outside of a trace", got.into())));
    }
    if is_recorded(torch)? {
        let got = "one that make_fx records; a graph cannot hold models of oxbert";
        return Ok(Some(("a tensor outside of a recording", got.into())));
    }
    if has_bytes(tensor)? {
        return Ok(None);
    }
    let native = torch.getattr("_C")?.getattr("_functorch")?;
    if native.call_method1("is_functorch_wrapped_tensor", (tensor,))?.is_truthy()? {
        let got = "one that torch.func or torch.vmap transforms; models of oxbert cannot be transformed";
        return Ok(Some(("a tensor with values", got.into())));
    }
    let kind = tensor.get_type().name()?;
    let got = format!("a {kind} without memory of its own (fake, as in torch.export, or released)");
    Ok(Some(("a tensor with values", got)))
}

/// Return the tensor behind a `torch.Tensor`, or refuse any other object.
pub(crate) fn tensor(what: &str, object: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    if let Some(tensor) = from_torch(what, object)? {
        return Ok(tensor);
    }
    let got = object.get_type().name()?.to_string();
    Err(raise(object.py(), dtype(what, "torch.Tensor", &got)))
}

/// Return whether a tensor's memory reaches to its last element, which libtorch does not check.
fn has_bytes(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let shape: Vec<i64> = object.getattr("shape")?.extract()?;
    if shape.contains(&0) {
        return Ok(true);
    }
    // A fake tensor has no address, or refuses to return it.
    let Ok(address) = object.call_method0("data_ptr").and_then(|address| address.extract::<usize>()) else {
        return Ok(false);
    };
    let strides: Vec<i64> = object.call_method0("stride")?.extract()?;
    let offset: i64 = object.call_method0("storage_offset")?.extract()?;
    let size: i64 = object.getattr("itemsize")?.extract()?;
    let bytes: i64 = object.call_method0("untyped_storage")?.call_method0("nbytes")?.extract()?;
    let last: i64 = shape.iter().zip(&strides).map(|(size, stride)| (size - 1) * stride).sum();
    Ok(address != 0 && (offset + last + 1) * size <= bytes)
}

/// Return the `torch.Tensor` of a tensor, with its memory and its graph. Imports torch.
pub(crate) fn to_torch<'py>(py: Python<'py>, tensor: &Tensor) -> PyResult<Bound<'py, PyAny>> {
    // libtorch knows the Python class only once the package was imported.
    py.import("torch")?;
    let pointer = enter_attached(py, || Ok(tensor.pyobject_wrap()?))?;
    // SAFETY: `pyobject_wrap` returns a new reference, or null with a Python exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, pointer.cast()) }
}

/// Copy a tensor into a numpy array; half precision becomes float32, which holds every value of it.
pub(crate) fn to_numpy<'py>(py: Python<'py>, tensor: &Tensor) -> PyResult<Bound<'py, PyAny>> {
    let (tensor, name) = enter_attached(py, || {
        let kind = match tensor.f_kind()? {
            Kind::Half | Kind::BFloat16 => Kind::Float,
            kind => kind,
        };
        let name = precision::name_of(kind);
        let name = name.ok_or_else(|| dtype("the tensor", "a real dtype", &precision::describe_kind(kind)))?;
        let host = tensor.f_detach()?.f_to_device(tch::Device::Cpu)?.f_to_kind(kind)?.f_contiguous()?;
        Ok((host, name))
    })?;
    let array = py.import("numpy")?.call_method1("empty", (PyTuple::new(py, tensor.size())?, name));
    let array = array.map_err(|error| refused(py, error, |reason| Error::input("the array", reason.to_string())))?;
    let (count, size) = (tensor.numel(), array.getattr("itemsize")?.extract::<usize>()?);
    if count > 0 {
        let untyped = array.cast::<PyUntypedArray>()?;
        // SAFETY: the array is new, so that nothing else refers to its memory: `count` elements of `size` bytes, which
        // numpy counts as initialised.
        let bytes =
            unsafe { slice::from_raw_parts_mut((*untyped.as_array_ptr()).fields.data.cast::<u8>(), count * size) };
        enter_attached(py, || Ok(tensor.f_copy_data_u8(bytes, count)?))?;
    }
    Ok(array)
}

/// Return a tensor as the kind of array that the caller passed.
pub(crate) fn to_python<'py>(py: Python<'py>, tensor: &Tensor, arrays: Arrays) -> PyResult<Bound<'py, PyAny>> {
    match arrays {
        Arrays::Numpy => to_numpy(py, tensor),
        Arrays::Torch => to_torch(py, tensor),
        Arrays::TensorFlow => py.import("tensorflow")?.call_method1("convert_to_tensor", (to_numpy(py, tensor)?,)),
    }
}

/// Return tensors as a tuple of arrays.
pub(crate) fn to_tuple<'py>(py: Python<'py>, tensors: &[Tensor], arrays: Arrays) -> PyResult<Bound<'py, PyTuple>> {
    let items = tensors.iter().map(|tensor| to_python(py, tensor, arrays)).collect::<PyResult<Vec<_>>>()?;
    PyTuple::new(py, items)
}

/// Read a float tensor from an array of any kind, and return the kind.
pub(crate) fn floats(what: &str, object: &Bound<'_, PyAny>) -> PyResult<(Tensor, Arrays)> {
    if let Some(tensor) = from_torch(what, object)? {
        return Ok((tensor, Arrays::Torch));
    }
    let py = object.py();
    let mut array = as_array(what, object)?;
    let is_number = object.is_instance_of::<PyFloat>() || object.is_instance_of::<PyInt>();
    if is_number || object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        // Python's own floats have no dtype to check.
        let numbers = array.call_method1("astype", ("float32",));
        array = numbers
            .map_err(|error| refused(py, error, |reason| Error::input(what, format!("expected numbers: {reason}"))))?;
    }
    let kind = array.getattr("dtype")?;
    if kind.getattr("name")?.extract::<String>()? != "float32" {
        return Err(raise(py, dtype(what, "float32", &kind.str()?.to_string())));
    }
    Ok((from_numpy(what, &array)?, Arrays::of(object)?))
}

/// Copy numbers that are in memory already.
pub(crate) fn copied<T: Copy>(numbers: &[T]) -> Result<Vec<T>> {
    let mut copy = room("an array", numbers.len())?;
    copy.extend_from_slice(numbers);
    Ok(copy)
}

/// Return an object as a numpy array, as `numpy.asarray` does.
pub(crate) fn as_array<'py>(what: &str, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    let array = py.import("numpy")?.call_method1("asarray", (object,));
    array.map_err(|error| {
        refused(py, error, |reason| {
            Error::input(what, format!("expected an array, or lists that can become one: {reason}"))
        })
    })
}

/// Copy a numeric numpy array into a tensor, for weights.
pub(crate) fn from_numpy(what: &str, array: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    let py = array.py();
    let array = as_array(what, array)?;
    let shape: Vec<i64> = array.getattr("shape")?.extract()?;
    let name: String = array.getattr("dtype")?.getattr("name")?.extract()?;
    // numpy has no bfloat16 of its own.
    let kind = precision::kind_of(&name).filter(|&kind| kind != Kind::BFloat16);
    let kind = kind.ok_or_else(|| raise(py, dtype(what, "a float, integer or bool dtype", &name)))?;
    // tch reads bytes in this machine's order.
    let native = array.getattr("dtype")?.call_method1("newbyteorder", ("=",))?;
    let options = [("copy", false)].into_py_dict(py)?;
    // A small array can stand for any number of bytes: `numpy.broadcast_to`.
    let bytes = array
        .call_method("astype", (native,), Some(&options))
        .and_then(|array| array.call_method0("tobytes"))
        .map_err(|error| refused(py, error, |reason| Error::input(what, reason.to_string())))?;
    let bytes = bytes.cast::<PyBytes>()?.as_bytes();
    enter_attached(py, || Ok(Tensor::f_from_data_size(bytes, &shape, kind)?))
}

fn dtype(what: &str, expected: &str, got: &str) -> Error {
    Error::Dtype { what: what.into(), expected: expected.into(), got: got.to_string() }
}

/// Read a device from its name in torch: `cpu`, `cuda`, `cuda:1`.
pub(crate) fn device(py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<tch::Device> {
    let requested = name.str()?.to_string();
    let found: Result<tch::Device> = match requested.split_once(':').unwrap_or((&requested, "0")) {
        ("cpu", "0") => Ok(tch::Device::Cpu),
        ("cuda", index) => {
            // torch registers its CUDA half when it is imported.
            py.import("torch")?;
            match index.parse::<usize>() {
                Ok(index) if (index as i64) < tch::Cuda::device_count() => Ok(tch::Device::Cuda(index)),
                Ok(_) => Err(format!("there are {} CUDA devices here", tch::Cuda::device_count())),
                Err(_) => Err(format!("expected a number after cuda:, got {index:?}")),
            }
        }
        _ => Err("expected cpu, cuda or cuda:N".to_string()),
    }
    .map_err(|reason| Error::Device { requested: requested.clone(), reason });
    found.map_err(|error| raise(py, error))
}

/// Return the name of a device in torch.
pub(crate) fn device_name(device: tch::Device) -> String {
    match device {
        tch::Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_string(),
    }
}
