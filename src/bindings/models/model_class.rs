//! What every class of a model has: it is built, loaded and copied. The class names what the macro uses.

/// Define a model's class.
macro_rules! model_class {
    ($(#[$doc:meta])* $class:ident, $name:literal, $model:ty) => {
        $(#[$doc])*
        #[pyclass(name = $name, module = "oxbert", extends = PyModel, frozen)]
        pub(crate) struct $class;

        #[pymethods]
        impl $class {
            #[new]
            #[pyo3(signature = (config, *, seed = None, device = None))]
            fn new(
                config: &Bound<'_, PyAny>,
                #[pyo3(from_py_with = seed)] seed: Option<i64>,
                device: Option<&Bound<'_, PyAny>>,
            ) -> PyResult<PyClassInitializer<Self>> {
                let model = PyModel::fresh::<$model>(config, seed, device)?;
                let model = PyModel::new::<$model>(config.py(), model.into(), true)?;
                Ok(PyClassInitializer::from(model).add_subclass(Self))
            }

            /// The names of the arguments of a call, in their order.
            #[classattr]
            fn arguments(py: Python<'_>) -> PyResult<Py<PyTuple>> {
                Ok(PyTuple::new(py, signature::<$model>().names)?.unbind())
            }

            /// Build a freshly initialised model, as transformers initialises one; the same seed gives the same values.
            ///
            /// Calling the class does the same. The model is in training mode: dropout is applied until `eval()`.
            ///
            /// Args:
            ///     config: A configuration of the same family.
            ///     seed: Seed of torch's global random generator, as for `torch.manual_seed`; None leaves the
            ///         generator's state as it is.
            ///     device: The device of the parameters; None means `cpu`.
            ///     options: `attn_implementation`, `dtype`, `torch_dtype` and `trust_remote_code`, as for
            ///         `from_pretrained`.
            ///
            /// Raises:
            ///     ConfigError: if the configuration contradicts itself or belongs to another family.
            ///     DeviceError: if this machine has no such device.
            ///     InputError: if an option asks for something that oxbert does not do.
            #[staticmethod]
            #[pyo3(signature = (config, *, seed = None, device = None, **options))]
            fn from_config(
                config: &Bound<'_, PyAny>,
                #[pyo3(from_py_with = seed)] seed: Option<i64>,
                device: Option<&Bound<'_, PyAny>>,
                options: Option<&Bound<'_, PyDict>>,
            ) -> PyResult<Py<Self>> {
                let py = config.py();
                if let Some(options) = options {
                    py.import("oxbert._load_options")?.call_method1("check_build_options", (options,))?;
                }
                Py::new(py, Self::new(config, seed, device)?)
            }

            /// Load a model, in evaluation mode, from a folder, a bundled model or a repository of the hub.
            ///
            /// Args:
            ///     folder: A path, or a name such as `google/electra-small-generator`. The folder holds `config.json`
            ///         and weights: the first of `WEIGHT_FILES`, or a checkpoint of TensorFlow. Nothing in a file is
            ///         executed. None loads the tensors of the option `state_dict`, with `config`.
            ///     config: A configuration that replaces the folder's own. Google's checkpoints have no configuration
            ///         and need none.
            ///     device: The device of the parameters; None means `cpu`.
            ///     precision: How the layers of the encoder compute: `float32`, and for a frozen model `float16` (weights
            ///         in float16, arithmetic in float32; without kernels float16), `bfloat16`, `int8`, `int8_bfloat16`
            ///         (queries, keys and values in bfloat16, the rest in int8), or `auto` for the fastest one that keeps
            ///         answers. docs/precision.md compares them.
            ///     strict: None refuses a missing or unexpected part of the encoder, and warns of a missing head
            ///         (`UntrainedHeadWarning`); True refuses any difference; False refuses only wrong shapes.
            ///     component: The network to take from a checkpoint of google-research/electra; None takes the
            ///         generator for a masked LM and the discriminator for all other models.
            ///     trainable: False loads a frozen model: it runs, from several threads at once, but has no parameters to
            ///         read, train, move, resize or save.
            ///     emulate: Whether to take a precision that the processor has no arithmetic for, and to compute it slowly.
            ///     output_loading_info: Whether to return the differences between the weights and the model too.
            ///     options: `revision`, `subfolder`, `cache_dir`, `local_files_only`, `force_download` and `token` of
            ///         the hub, as in transformers; fields that override the folder's configuration, such as
            ///         `num_labels=3`; and other options of transformers: `dtype`, `device_map`, `use_safetensors`,
            ///         `from_tf`, `from_flax`, `ignore_mismatched_sizes`, `state_dict`, `attn_implementation`,
            ///         `low_cpu_mem_usage`, `weights_only`, `trust_remote_code`. The section "Options of transformers" in
            ///         docs/python.md says what each does here.
            ///
            /// Returns:
            ///     The model; with `output_loading_info=True` also a dictionary with the sets `missing_keys`,
            ///     `unexpected_keys` and `mismatched_keys`, and the empty list `error_msgs`.
            ///
            /// Raises:
            ///     InputError: if an option of transformers asks for something that oxbert does not do; the message says
            ///         what to do instead.
            ///     TypeError: if there is no such field.
            ///     MissingFileError: if there is no such folder or model, or the folder lacks a file.
            ///     MissingDependencyError: if the weights are a `tf_model.h5` and h5py is not installed.
            ///     HubError: if the repository cannot be downloaded.
            ///     ConfigError: if the configuration is bad or belongs to another family; `field` names the value.
            ///     WeightsFormatError: if the weight file is truncated, corrupt or of another format.
            ///     WeightsMismatchError: if the weights differ from the model's in a way that `strict` refuses.
            ///     DeviceError: if this machine has no such device.
            #[expect(clippy::too_many_arguments, reason = "the arguments of transformers, and our own")]
            #[staticmethod]
            #[pyo3(signature = (
                folder,
                *,
                config = None,
                device = None,
                precision = "float32",
                strict = None,
                component = None,
                trainable = true,
                emulate = false,
                **options
            ))]
            fn from_pretrained<'py>(
                py: Python<'py>,
                folder: Option<&Bound<'py, PyAny>>,
                config: Option<&Bound<'py, PyAny>>,
                device: Option<&Bound<'py, PyAny>>,
                precision: &str,
                strict: Option<bool>,
                component: Option<&str>,
                trainable: bool,
                emulate: bool,
                options: Option<&Bound<'py, PyDict>>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let config = config.map(expect_config).transpose()?;
                let more = Given::read(py, options, device)?;
                let returns_info = more.return_info;
                let options = LoadOptions { folder, config, precision, emulate, strict, component, trainable, more };
                let model = PyModel::new::<$model>(py, from_pretrained::<$model>(py, $name, options)?, false)?;
                let report = model.read(py, |model| model.report().clone())?;
                let model = Bound::new(py, PyClassInitializer::from(model).add_subclass(Self))?;
                if returns_info {
                    return Ok((model, loading_info(py, &report)?).into_pyobject(py)?.into_any());
                }
                Ok(model.into_any())
            }

            #[staticmethod]
            fn _describe(py: Python<'_>, folder: PathBuf) -> PyResult<(usize, Vec<String>, Vec<String>)> {
                let found = enter(py, || describe::<$model>(folder))?;
                Ok((found.parameters, found.report.unfilled(), found.report.unexpected))
            }

            #[classmethod]
            fn _restore(
                _class: &Bound<'_, PyType>,
                configs: (Bound<'_, PyConfig>, Bound<'_, PyConfig>),
                values: &Bound<'_, PyDict>,
                place: (String, String),
                training: bool,
                frozen: Vec<String>,
                untrained: Vec<String>,
            ) -> PyResult<Py<Self>> {
                let (built, live) = configs;
                let (py, (device, dtype)) = (built.py(), place);
                let mut model = PyModel::restored::<$model>(&built, values, &device)?;
                enter(py, || model.restore_marks(&frozen, untrained, precision::kind_of(&dtype).unwrap_or(Kind::Float)))?;
                // A copy: `copy.copy` hands over the original's own.
                let model = PyModel::new::<$model>(py, model.into(), training)?;
                let model = PyModel { config: copy_of(py, live.get().get())?, ..model };
                Py::new(py, PyClassInitializer::from(model).add_subclass(Self))
            }
        }
    };
}
