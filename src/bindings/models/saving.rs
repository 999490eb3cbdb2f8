//! `oxbert.Model`: files, dictionaries of tensors, and pickles.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use tch::Tensor;

use super::base::PyModel;
use super::parameters::named_tensors;
use crate::bindings::config::PyConfig;
use crate::bindings::door::{answer, device_name, enter_attached, is_to_write, raise, to_numpy, to_torch};
use crate::error::Error;
use crate::weights::{Strictness, WeightFormat, WeightSource};

#[pymethods]
impl PyModel {
    /// Return the differences between the weight file and the model.
    ///
    /// `loaded` is the number of tensors; `missing` and `unexpected` are lists of names; `mismatched` is a list of
    /// (name, what was expected, what was found); `renamed` maps a name in the file to the name in the model;
    /// `not_finite` lists the parameters with values that are infinite or not a number.
    ///
    /// Example:
    ///     >>> model = oxbert.ElectraForMaskedLM.from_pretrained("electra-tiny-generator")
    ///     >>> model.load_report["missing"], model.load_report["unexpected"]
    ///     ([], [])
    #[getter]
    fn load_report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let report = self.read(py, |model| model.report().clone())?;
        answer(py, &report)
    }

    /// Return the names and values, in the model's memory and without gradients. Imports torch.
    fn state_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let state = PyDict::new(py);
        for (name, parameter) in self.with(py, |model| Ok(model.parameters()))? {
            let values = enter_attached(py, || Ok(parameter.f_detach()?))?;
            state.set_item(name, to_torch(py, &values)?)?;
        }
        Ok(state)
    }

    /// Replace the values of the parameters. Nothing changes if there is an error.
    ///
    /// Args:
    ///     state_dict: Torch tensors or numpy arrays of a float dtype, by name.
    ///     strict: Refuse any difference; `False` refuses only wrong shapes.
    ///
    /// Raises:
    ///     WeightsMismatchError: if names, shapes or dtypes differ from the model's; the error lists all of them.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> one, other = (oxbert.ElectraModel(config, seed=seed).eval() for seed in (1, 2))
    ///     >>> other.load_state_dict(one.state_dict())
    ///     >>> bool((one([[1, 2]])[0] == other([[1, 2]])[0]).all())
    ///     True
    #[pyo3(signature = (state_dict, strict = true))]
    fn load_state_dict(&self, py: Python<'_>, state_dict: &Bound<'_, PyDict>, strict: bool) -> PyResult<()> {
        let source = WeightSource::Tensors { path: None, tensors: named_tensors(state_dict)? };
        let strictness = if strict { Strictness::Everything } else { Strictness::Nothing };
        self.with(py, move |model| model.load(&source, strictness))
    }

    /// Write `config.json` and the weights into a folder, which is created if it does not exist.
    ///
    /// Args:
    ///     folder: The folder. If the folder has weights in another format, they are rewritten too.
    ///     format: `safetensors` (`model.safetensors`, which transformers loads), `ot` (`rust_model.ot`, which
    ///         rust_bert and tch load) or `bin` (`pytorch_model.bin`, for old programs). None means safetensors, or
    ///         `bin` with `safe_serialization=False`. A crash leaves either the old or the new file.
    ///     options: The options of transformers. `safe_serialization` and `is_main_process` are heeded, and so is
    ///         `max_shard_size`, which must not be less than the size of the weights. The others are accepted if they
    ///         change nothing.
    ///
    /// Raises:
    ///     FileError: if a file cannot be written.
    ///     InputError: if the format is not one of these, or an option asks for something else.
    ///     ConfigError: if the configuration was changed to other sizes than the parameters have.
    #[pyo3(signature = (folder, format = None, **options))]
    fn save_pretrained(
        &self,
        py: Python<'_>,
        folder: PathBuf,
        format: Option<&str>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        if !is_to_write(py, options)? {
            return Ok(());
        }
        let mut format = format.map(str::to_string);
        if let Some(options) = options {
            let size = |tensor: &Tensor| tensor.numel() * tensor.kind().elt_size_in_bytes();
            let bytes: usize =
                self.with(py, move |model| Ok(model.parameters().iter().map(|(_, tensor)| size(tensor)).sum()))?;
            let read = py.import("oxbert._save_options")?.getattr("choose_format")?;
            format = Some(read.call1((options, format, bytes))?.extract()?);
        }
        let format = format.as_deref().unwrap_or(WeightFormat::Safetensors.name());
        let format = WeightFormat::from_name(format).ok_or_else(|| {
            let reason = format!("expected \"safetensors\", \"ot\" or \"bin\", got {format:?}");
            raise(py, Error::input("format", reason))
        })?;
        let config = self.config.get().get();
        self.with(py, move |model| model.save(folder, config, format))
    }

    /// Return the state of pickles and copies: configuration, values, mode and the names of frozen parameters.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, this) = (slf.py(), slf.get());
        let (parameters, device, dtype, untrained, built) = this.with(py, |model| {
            Ok((
                model.parameters(),
                model.limits().device,
                model.precision(),
                model.untrained().to_vec(),
                model.config(),
            ))
        })?;
        let (values, mut frozen) = (PyDict::new(py), Vec::new());
        let hold = py.import("oxbert._pickles")?.getattr("Values")?;
        for (name, tensor) in &parameters {
            py.check_signals()?;
            // Half precision as float32, which holds every value of it.
            values.set_item(name, hold.call1((to_numpy(py, tensor)?,))?)?;
            if !tensor.requires_grad() {
                frozen.push(name.clone());
            }
        }
        let configs = (PyConfig::build(py, built)?, this.config.clone_ref(py));
        let place = (device_name(device), dtype);
        let state = (configs, values, place, this.training.load(Ordering::Relaxed), frozen, untrained);
        Ok((slf.get_type().getattr("_restore")?, state.into_pyobject(py)?))
    }
}
