//! Modes of torch that replace new tensors by ones without memory, such as `FakeTensorMode` and `torch.func.grad`.
//!
//! Inside such a mode libtorch returns placeholders to us too, and tch would copy numbers to their null address. Work
//! of oxbert therefore leaves such a mode and computes with numbers. Other modes, such as counters of operations, stay.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use tch::{Device, Kind, Tensor};

/// Return torch if it was imported.
pub(super) fn imported_torch(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    py.import("sys")?.getattr("modules")?.cast::<PyDict>()?.get_item("torch")
}

/// The functions of torch that tell which modes are active, and that leave them.
struct Torch {
    /// Returns the number of dispatch modes.
    modes: Py<PyAny>,
    /// Returns the level of `torch.func`, None outside.
    level: Py<PyAny>,
    tensor: Py<PyAny>,
    is_excluded: Py<PyAny>,
    set_excluded: Py<PyAny>,
}

impl Torch {
    /// Return the functions if torch was imported: no mode is active before that.
    fn get(py: Python<'_>) -> PyResult<Option<&'static Self>> {
        static TORCH: PyOnceLock<Torch> = PyOnceLock::new();
        if let Some(known) = TORCH.get(py) {
            return Ok(Some(known));
        }
        let Some(torch) = imported_torch(py)? else { return Ok(None) };
        // Another thread may be importing torch at this moment.
        let read = || -> PyResult<Self> {
            let native = torch.getattr("_C")?;
            let functions = native.getattr("_functorch")?;
            Ok(Self {
                modes: native.getattr("_len_torch_dispatch_stack")?.unbind(),
                level: functions.getattr("maybe_current_level")?.unbind(),
                tensor: torch.getattr("Tensor")?.unbind(),
                is_excluded: native.getattr("_dispatch_tls_is_dispatch_key_excluded")?.unbind(),
                set_excluded: native.getattr("_dispatch_tls_set_dispatch_key_excluded")?.unbind(),
            })
        };
        Ok(match read() {
            Ok(torch) => Some(TORCH.get_or_init(py, || torch)),
            Err(_) => None,
        })
    }

    /// Return whether work of oxbert has to leave the modes of this thread.
    fn is_in_the_way(&self, py: Python<'_>) -> PyResult<bool> {
        // `torch.func` transforms what it runs, and no work of ours is its own.
        let is_transformed = !self.level.call0(py)?.is_none(py);
        Ok(is_transformed || self.modes.call0(py)?.extract::<usize>(py)? > 0 && !self.makes_memory(py)?)
    }

    /// Return whether a new tensor has memory.
    fn makes_memory(&self, py: Python<'_>) -> PyResult<bool> {
        let Ok(tensor) = Tensor::f_zeros([1], (Kind::Float, Device::Cpu)) else {
            // The mode refuses, and has set an exception.
            drop(PyErr::take(py));
            return Ok(false);
        };
        let Ok(pointer) = tensor.pyobject_wrap() else { return Ok(false) };
        // SAFETY: `pyobject_wrap` returns a new reference, or null with a Python exception set.
        let object = unsafe { Bound::from_owned_ptr_or_err(py, pointer.cast()) }?;
        // Placeholders belong to classes of their own.
        Ok(object.get_type().is(&self.tensor))
    }
}

/// Call a function outside of the modes in which new tensors have no memory, for work of oxbert in Python.
#[pyfunction]
pub(crate) fn _outside_modes<'py>(work: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let _real = Real::new(work.py())?;
    work.call0()
}

/// While this value lives, new tensors of this thread have memory.
pub(super) struct Real<'py> {
    py: Python<'py>,
    /// The dispatch keys that are excluded until then.
    left: Vec<&'static str>,
}

impl<'py> Real<'py> {
    /// Leave the modes of this thread if new tensors have no memory there.
    pub(super) fn new(py: Python<'py>) -> PyResult<Self> {
        /// The keys by which libtorch calls modes.
        const KEYS: [&str; 6] = [
            "Python",
            "PythonTLSSnapshot",
            "PythonDispatcher",
            "PreDispatch",
            "FuncTorchDynamicLayerFrontMode",
            "FuncTorchDynamicLayerBackMode",
        ];
        let mut real = Self { py, left: Vec::new() };
        let Some(torch) = Torch::get(py)? else { return Ok(real) };
        if torch.is_in_the_way(py)? {
            for key in KEYS {
                if !torch.is_excluded.call1(py, (key,))?.is_truthy(py)? {
                    torch.set_excluded.call1(py, (key, true))?;
                    real.left.push(key);
                }
            }
        }
        Ok(real)
    }
}

impl Drop for Real<'_> {
    fn drop(&mut self) {
        for key in &self.left {
            if let Ok(Some(torch)) = Torch::get(self.py) {
                // The function only sets a flag of this thread.
                let _ = torch.set_excluded.call1(self.py, (*key, false));
            }
        }
    }
}
