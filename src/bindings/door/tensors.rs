//! Python's arrays <-> libtorch's tensors.
//!
//! A `torch.Tensor` is the same object on both sides, without a copy and with its graph. numpy arrays are copied.

use numpy::{PyArrayDyn, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyList, PyTuple};
use tch::{Kind, Tensor};

use super::enter::enter_attached;
use super::errors::raise;
use crate::error::{Error, Result};
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

/// Return the tensor behind a `torch.Tensor`, or `None` for any other object, without importing torch.
///
/// Nested, sparse and meta tensors, and dtypes that tch does not know, are refused: tch would panic on some of them.
pub(crate) fn from_torch(what: &str, object: &Bound<'_, PyAny>) -> PyResult<Option<Tensor>> {
    let py = object.py();
    // If torch was never imported, no object is a torch tensor.
    if !py.import("sys")?.getattr("modules")?.contains("torch")? {
        return Ok(None);
    }
    // SAFETY: the pointer is that of a live object, held by `object`, and the GIL is held.
    let Some(tensor) = enter_attached(py, || Ok(unsafe { Tensor::pyobject_unpack(object.as_ptr().cast()) }?))? else {
        return Ok(None);
    };
    let layout = object.getattr("layout")?.str()?.to_string();
    if layout != "torch.strided"
        || object.getattr("is_nested")?.is_truthy()?
        || object.getattr("is_meta")?.is_truthy()?
    {
        let reason = "expected a dense tensor with values, got a nested, sparse or meta tensor";
        return Err(raise(py, Error::input(what, reason)));
    }
    if !has_bytes(object)? {
        let reason = "expected a tensor with values, got one without memory of its own (fake, or released)";
        return Err(raise(py, Error::input(what, reason)));
    }
    if tensor.f_kind().is_err() {
        let got = object.getattr("dtype")?.str()?.to_string();
        return Err(raise(py, dtype(what, "one that oxbert knows", &got)));
    }
    Ok(Some(tensor))
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
    fn copy<'py, T: numpy::Element + tch::kind::Element + Default>(
        py: Python<'py>,
        tensor: &Tensor,
        shape: &[usize],
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut values = vec![T::default(); tensor.numel()];
        enter_attached(py, || Ok(tensor.f_copy_data(&mut values, tensor.numel())?))?;
        Ok(numpy::PyArray1::from_vec(py, values).reshape(shape)?.into_any())
    }
    let shape: Vec<usize> = tensor.size().iter().map(|&size| size as usize).collect();
    let (tensor, kind) = enter_attached(py, || {
        let kind = match tensor.f_kind()? {
            Kind::Half | Kind::BFloat16 => Kind::Float,
            kind => kind,
        };
        let host = tensor.f_detach()?.f_to_device(tch::Device::Cpu)?.f_to_kind(kind)?.f_contiguous()?;
        Ok((host, kind))
    })?;
    match kind {
        Kind::Float => copy::<f32>(py, &tensor, &shape),
        Kind::Double => copy::<f64>(py, &tensor, &shape),
        Kind::Int64 => copy::<i64>(py, &tensor, &shape),
        Kind::Int => copy::<i32>(py, &tensor, &shape),
        Kind::Int16 => copy::<i16>(py, &tensor, &shape),
        Kind::Int8 => copy::<i8>(py, &tensor, &shape),
        Kind::Uint8 => copy::<u8>(py, &tensor, &shape),
        Kind::Bool => copy::<bool>(py, &tensor, &shape),
        other => Err(raise(py, dtype("the tensor", "a real dtype", &format!("{other:?}")))),
    }
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
        array = match array.call_method1("astype", ("float32",)) {
            Ok(array) => array,
            Err(error) => return Err(raise(py, Error::input(what, format!("expected numbers: {}", error.value(py))))),
        };
    }
    let array = array.cast::<PyUntypedArray>()?;
    let Ok(values) = array.cast::<PyArrayDyn<f32>>() else {
        return Err(raise(py, dtype(what, "float32", &array.dtype().to_string())));
    };
    let shape: Vec<i64> = array.shape().iter().map(|&size| size as i64).collect();
    let values = values.to_owned_array();
    let tensor = enter_attached(py, || {
        let flat: Vec<f32> = values.iter().copied().collect();
        Ok(Tensor::f_from_slice(&flat)?.f_view(shape.as_slice())?)
    })?;
    Ok((tensor, Arrays::of(object)?))
}

/// Return an object as a numpy array, as `numpy.asarray` does.
pub(crate) fn as_array<'py>(what: &str, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    py.import("numpy")?.call_method1("asarray", (object,)).map_err(|error| {
        let reason = format!("expected an array, or lists that can become one: {}", error.value(py));
        raise(py, Error::input(what, reason))
    })
}

/// Copy a numeric numpy array into a tensor, for weights.
pub(crate) fn from_numpy(what: &str, array: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    let py = array.py();
    let array = as_array(what, array)?;
    // tch reads bytes in this machine's order.
    let native = array.getattr("dtype")?.call_method1("newbyteorder", ("=",))?;
    let array = array.call_method1("astype", (native,))?;
    let shape: Vec<i64> = array.getattr("shape")?.extract()?;
    let name: String = array.getattr("dtype")?.getattr("name")?.extract()?;
    // numpy has no bfloat16 of its own.
    let kind = precision::kind_of(&name).filter(|&kind| kind != Kind::BFloat16);
    let kind = kind.ok_or_else(|| raise(py, dtype(what, "a float, integer or bool dtype", &name)))?;
    let bytes: Vec<u8> = array.call_method0("tobytes")?.extract()?;
    enter_attached(py, || Ok(Tensor::f_from_data_size(&bytes, &shape, kind)?))
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
