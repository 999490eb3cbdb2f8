//! Graphs of torch, which frozen models on a GPU record.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tch::Device;

use crate::bindings::door::enter;
use crate::engine::{Recorder, Recording, Work, set_recorder};
use crate::error::{Error, Result};

/// Let frozen models on GPUs record small batches with `torch.cuda.CUDAGraph`.
pub(crate) fn record_with_torch() {
    set_recorder(TorchRecorder);
}

/// Record a function as the layers of a frozen model are recorded on a GPU, and replay it; for tests.
///
/// Returns:
///     Whether a replay was launched; None if nothing was recorded.
#[pyfunction]
pub(crate) fn _record(py: Python<'_>, index: usize, work: Py<PyAny>) -> PyResult<Option<bool>> {
    let work: Work =
        Arc::new(move || Python::attach(|py| work.call0(py).map(|_| ()).map_err(|error| from_python(py, &error))));
    enter(py, || TorchRecorder.record(Device::Cuda(index), &work)?.map(|recording| recording.replay()).transpose())
}

struct TorchRecorder;

impl Recorder for TorchRecorder {
    fn record(&self, device: Device, work: &Work) -> Result<Option<Box<dyn Recording>>> {
        let Device::Cuda(index) = device else { return Ok(None) };
        Python::attach(|py| match record(py, index, work) {
            Ok(recording) => recording.map(|found| found.map(|graph| Box::new(graph) as Box<dyn Recording>)),
            // What torch cannot record is computed without.
            Err(_) => Ok(None),
        })
    }
}

/// A recorded graph of a device.
struct TorchGraph {
    graph: Py<PyAny>,
    index: usize,
}

impl Recording for TorchGraph {
    fn replay(&self) -> Result<bool> {
        let launch = |py: Python<'_>| -> PyResult<bool> {
            let cuda = py.import("torch.cuda")?;
            if !is_on_default_stream(&cuda, self.index)? {
                return Ok(false);
            }
            let _device = Context::enter(cuda.call_method1("device", (self.index,))?)?;
            self.graph.call_method0(py, "replay").map(|_| true)
        };
        Python::attach(|py| launch(py).map_err(|error| from_python(py, &error)))
    }
}

/// Warm up and record, as torch's documentation of graphs says. The outer error is torch's, the inner one the work's.
fn record(py: Python<'_>, index: usize, work: &Work) -> PyResult<Result<Option<TorchGraph>>> {
    let cuda = py.import("torch.cuda")?;
    if !is_on_default_stream(&cuda, index)? {
        return Ok(Ok(None));
    }
    let _device = Context::enter(cuda.call_method1("device", (index,))?)?;
    let (side, current) = (cuda.call_method0("Stream")?, cuda.call_method0("current_stream")?);
    side.call_method1("wait_stream", (&current,))?;
    let stream = Context::enter(cuda.call_method1("stream", (&side,))?)?;
    let warm = (0..3).try_for_each(|_| work());
    drop(stream);
    current.call_method1("wait_stream", (&side,))?;
    if let Err(error) = warm {
        return Ok(Err(error));
    }
    let graph = cuda.call_method0("CUDAGraph")?;
    // Other threads may allocate meanwhile.
    let options = PyDict::new(py);
    options.set_item("capture_error_mode", "thread_local")?;
    let capture = Context::enter(cuda.call_method("graph", (&graph,), Some(&options))?)?;
    let captured = work();
    capture.leave()?;
    Ok(match captured {
        Ok(()) => Ok(Some(TorchGraph { graph: graph.unbind(), index })),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(_) => Ok(None),
    })
}

/// Return whether work of this thread goes to the default stream: the memory of a recording is safe from other streams then.
fn is_on_default_stream(cuda: &Bound<'_, PyModule>, index: usize) -> PyResult<bool> {
    cuda.call_method1("current_stream", (index,))?.eq(cuda.call_method1("default_stream", (index,))?)
}

fn from_python(py: Python<'_>, error: &PyErr) -> Error {
    Error::Torch { message: error.value(py).to_string() }
}

/// A context manager that was entered, and is left when it is dropped.
struct Context<'py>(Option<Bound<'py, PyAny>>);

impl<'py> Context<'py> {
    fn enter(manager: Bound<'py, PyAny>) -> PyResult<Self> {
        manager.call_method0("__enter__")?;
        Ok(Self(Some(manager)))
    }

    fn leave(mut self) -> PyResult<()> {
        self.0.take().map_or(Ok(()), |manager| exit(&manager))
    }
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        if let Some(manager) = self.0.take() {
            let _ = exit(&manager);
        }
    }
}

fn exit(manager: &Bound<'_, PyAny>) -> PyResult<()> {
    let none = manager.py().None();
    manager.call_method1("__exit__", (&none, &none, &none)).map(|_| ())
}
