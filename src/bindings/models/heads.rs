//! Heads alone, on hidden states.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use tch::nn::VarStore;
use tch::{Device, Tensor};

use super::arguments::seed;
use super::parameters::{named, named_tensors};
use crate::bindings::config::{PyConfig, expect_config};
use crate::bindings::door::{Guarded, enter, floats, to_numpy, to_python};
use crate::config::ElectraConfig;
use crate::electra::{
    ElectraClassificationHead, ElectraDiscriminatorHead, ElectraGeneratorHead, ElectraSequenceSummary,
};
use crate::error::{Error, Result};

/// A head and its variables.
struct Owned<H> {
    head: H,
    variables: VarStore,
    config: ElectraConfig,
}

impl<H> Owned<H> {
    fn new(
        config: &ElectraConfig,
        seed: Option<i64>,
        head: fn(&VarStore, &ElectraConfig) -> Result<H>,
    ) -> Result<Self> {
        if let Some(seed) = seed {
            tch::manual_seed(seed);
        }
        let variables = VarStore::new(Device::Cpu);
        Ok(Self { head: head(&variables, config)?, variables, config: config.clone() })
    }

    /// Return names and parameters, sorted by name.
    fn parameters(&self) -> Vec<(String, Tensor)> {
        let mut parameters: Vec<(String, Tensor)> = self.variables.variables().into_iter().collect();
        parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
        parameters
    }

    /// Restore the values of a head that was pickled or copied, and which of its parameters are frozen.
    fn restore(&self, values: Vec<(String, Tensor)>, frozen: &[String]) -> Result<()> {
        let _no_grad = tch::no_grad_guard();
        let mut own = self.variables.variables();
        for (name, value) in values {
            if let Some(parameter) = own.get_mut(&name) {
                parameter.f_copy_(&value)?;
                let _ = parameter.set_requires_grad(!frozen.contains(&name));
            }
        }
        Ok(())
    }
}

/// The configuration, the values by name, and the names of frozen parameters.
type HeadState<'py> = (Bound<'py, PyAny>, Bound<'py, PyDict>, Vec<String>);

fn frozen_names(parameters: &[(String, Tensor)]) -> Vec<String> {
    parameters.iter().filter(|(_, tensor)| !tensor.requires_grad()).map(|(name, _)| name.clone()).collect()
}

/// The shapes of the hidden states that a head takes.
const ANY: &str = "[..., H]";
const TEXTS: &str = "[B, S, H]";

/// Refuse hidden states of another shape than `expected`.
fn check_shape(hidden: &Tensor, expected: &str, width: i64) -> Result<()> {
    let shape = hidden.size();
    let fits = match shape[..] {
        [_, tokens, last] => last == width && (expected == ANY || tokens > 0),
        [.., last] => last == width && expected == ANY,
        [] => false,
    };
    if fits {
        return Ok(());
    }
    let expected =
        format!("{expected} with H = {width}{}", if expected == TEXTS { " and at least one token" } else { "" });
    Err(Error::Shape { what: "hidden_states".into(), expected, got: format!("{shape:?}") })
}

/// Define a head's class.
macro_rules! head_class {
    ($(#[$doc:meta])* $class:ident, $name:literal, $head:ty, $shape:ident, $forward:expr) => {
        $(#[$doc])*
        #[pyclass(name = $name, module = "oxbert", frozen, weakref)]
        pub(crate) struct $class {
            owned: Guarded<Owned<$head>>,
        }

        #[pymethods]
        impl $class {
            #[new]
            #[pyo3(signature = (config, *, seed = None))]
            fn new(config: &Bound<'_, PyAny>, #[pyo3(from_py_with = seed)] seed: Option<i64>) -> PyResult<Self> {
                let (py, config) = (config.py(), expect_config(config)?.get().get());
                let owned = enter(py, move || {
                    Owned::new(&config.try_into()?, seed, |variables, config| <$head>::new(variables.root(), config))
                })?;
                Ok(Self { owned: Guarded::new(owned) })
            }

            /// Apply the head to hidden states.
            ///
            /// Args:
            ///     hidden_states: Floats of the shape that the class documents: a torch tensor, a float32 array, or
            ///         lists of numbers.
            ///     train: Whether to apply dropout.
            ///
            /// Returns:
            ///     A torch tensor with its graph for a torch tensor, otherwise a float32 array.
            ///
            /// Raises:
            ///     DtypeError: if an array is not float32.
            ///     ShapeError: if the shape does not fit.
    ///     TorchError: if the dtype of a torch tensor is not float32.
            #[pyo3(signature = (hidden_states, *, train = false))]
            fn _call<'py>(
                &self,
                py: Python<'py>,
                hidden_states: &Bound<'py, PyAny>,
                train: bool,
            ) -> PyResult<Bound<'py, PyAny>> {
                let (hidden, arrays) = floats("hidden_states", hidden_states)?;
                let result = enter(py, move || -> Result<Tensor> {
                    let _no_grad = (!arrays.has_graph()).then(tch::no_grad_guard);
                    let forward: fn(&$head, &Tensor, bool) -> Result<Tensor> = $forward;
                    let owned = self.owned.lock()?;
                    check_shape(&hidden, $shape, owned.config.hidden_size)?;
                    forward(&owned.head, &hidden, train)
                })?;
                to_python(py, &result, arrays)
            }

            /// Return the names and parameters, in the head's memory, sorted by name. Imports torch.
            fn named_parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
                named(py, enter(py, || Ok(self.owned.lock()?.parameters()))?)
            }

            #[classmethod]
            fn _restore(
                class: &Bound<'_, PyType>,
                config: &Bound<'_, PyAny>,
                values: &Bound<'_, PyDict>,
                frozen: Vec<String>,
            ) -> PyResult<Self> {
                let (head, values) = (Self::new(config, None)?, named_tensors(values)?);
                enter(class.py(), || head.owned.lock()?.restore(values, &frozen))?;
                Ok(head)
            }

            /// Return the state of pickles and copies: configuration, values and the names of frozen parameters.
            fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, HeadState<'py>)> {
                let (py, this) = (slf.py(), slf.get());
                let (config, parameters) = enter(py, || {
                    let owned = this.owned.lock()?;
                    Ok((owned.config.clone(), owned.parameters()))
                })?;
                let state = (PyConfig::build(py, config.into())?, PyDict::new(py), frozen_names(&parameters));
                for (name, tensor) in &parameters {
                    state.1.set_item(name, to_numpy(py, tensor)?)?;
                }
                Ok((slf.get_type().getattr("_restore")?, state))
            }
        }
    };
}

head_class!(
    /// Apply the generator's head alone, before the decoder: hidden states [..., H] -> [..., E], float32.
    ///
    /// `LayerNorm(gelu(W x + b))`, freshly initialised. The head has no dropout, so `train` has no effect. numpy in,
    /// numpy out; torch in, torch out with its graph.
    ///
    /// Raises:
    ///     ConfigError: if the configuration is bad or not ELECTRA's.
    ///     DtypeError: if an array is not float32.
    ///     ShapeError: if the shape does not fit.
    ///     TorchError: if the dtype of a torch tensor is not float32.
    ///
    /// Example:
    ///     >>> head = oxbert.ElectraGeneratorHead(oxbert.ElectraConfig(hidden_size=8, embedding_size=6), seed=0)
    ///     >>> head(np.ones((2, 3, 8), dtype=np.float32)).shape
    ///     (2, 3, 6)
    PyElectraGeneratorHead,
    "ElectraGeneratorHead",
    ElectraGeneratorHead,
    ANY,
    |head, hidden, _| head.forward(hidden)
);
head_class!(
    /// Apply the discriminator's head alone: hidden states [..., H] -> logits [...], float32.
    ///
    /// `w · activation(W x + b) + c`, freshly initialised. The head has no dropout, so `train` has no effect. numpy in,
    /// numpy out; torch in, torch out with its graph.
    ///
    /// Raises:
    ///     ConfigError: if the configuration is bad or not ELECTRA's.
    ///     DtypeError: if an array is not float32.
    ///     ShapeError: if the shape does not fit.
    ///     TorchError: if the dtype of a torch tensor is not float32.
    ///
    /// Example:
    ///     >>> head = oxbert.ElectraDiscriminatorHead(oxbert.ElectraConfig(hidden_size=8), seed=0)
    ///     >>> head(torch.ones(2, 3, 8)).shape
    ///     torch.Size([2, 3])
    PyElectraDiscriminatorHead,
    "ElectraDiscriminatorHead",
    ElectraDiscriminatorHead,
    ANY,
    |head, hidden, _| head.forward(hidden)
);
head_class!(
    /// Apply the text classifier's head alone: hidden states [B, S, H] without padding -> logits [B, L], float32.
    ///
    /// `U drop(gelu(W drop(x) + b)) + c` of the first token x, freshly initialised. numpy in, numpy out; torch in,
    /// torch out with its graph. Dropout has the rate `classifier_dropout` and is applied only if `train` is true.
    ///
    /// Raises:
    ///     ConfigError: if the configuration is bad or not ELECTRA's.
    ///     DtypeError: if an array is not float32.
    ///     ShapeError: if the shape does not fit.
    ///     TorchError: if the dtype of a torch tensor is not float32.
    ///
    /// Example:
    ///     >>> head = oxbert.ElectraClassificationHead(oxbert.ElectraConfig(hidden_size=8, num_labels=3), seed=0)
    ///     >>> head(torch.ones(2, 5, 8), train=True).shape
    ///     torch.Size([2, 3])
    PyElectraClassificationHead,
    "ElectraClassificationHead",
    ElectraClassificationHead,
    TEXTS,
    ElectraClassificationHead::forward_t
);
head_class!(
    /// Apply the summary of multiple choice alone: hidden states [B, S, H] without padding -> [B, H], float32.
    ///
    /// `drop(activation(W drop(x) + b))`, freshly initialised, where the configuration's keys that begin with
    /// `summary_` define x, W, the activation and the dropout rates. numpy in, numpy out; torch in, torch out with its
    /// graph. Dropout is applied only if `train` is true.
    ///
    /// Raises:
    ///     ConfigError: if the configuration is bad or not ELECTRA's.
    ///     DtypeError: if an array is not float32.
    ///     ShapeError: if the shape does not fit.
    ///     TorchError: if the dtype of a torch tensor is not float32.
    ///
    /// Example:
    ///     >>> summary = oxbert.ElectraSequenceSummary(oxbert.ElectraConfig(hidden_size=8, summary_type="mean"), seed=0)
    ///     >>> summary([[[1.0] * 8] * 5]).shape
    ///     (1, 8)
    PyElectraSequenceSummary,
    "ElectraSequenceSummary",
    ElectraSequenceSummary,
    TEXTS,
    ElectraSequenceSummary::forward_t
);
