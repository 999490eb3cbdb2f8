//! Heads alone, on hidden states.

use pyo3::prelude::*;
use tch::nn::VarStore;
use tch::{Device, Tensor};

use super::parameters::named;
use crate::bindings::config::expect_config;
use crate::bindings::door::{Guarded, enter, floats, to_python};
use crate::config::ElectraConfig;
use crate::electra::{
    ElectraClassificationHead, ElectraDiscriminatorHead, ElectraGeneratorHead, ElectraSequenceSummary,
};
use crate::error::Result;

/// A head with the variables that it is made of.
struct Owned<H> {
    head: H,
    variables: VarStore,
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
        Ok(Self { head: head(&variables, config)?, variables })
    }
}

/// A head's class.
macro_rules! head_class {
    ($(#[$doc:meta])* $class:ident, $name:literal, $head:ty, $forward:expr) => {
        $(#[$doc])*
        #[pyclass(name = $name, module = "oxbert", frozen)]
        pub(crate) struct $class {
            owned: Guarded<Owned<$head>>,
        }

        #[pymethods]
        impl $class {
            #[new]
            #[pyo3(signature = (config, *, seed = None))]
            fn new(config: &Bound<'_, PyAny>, seed: Option<i64>) -> PyResult<Self> {
                let (py, config) = (config.py(), expect_config(config)?.get().get());
                let owned = enter(py, move || {
                    Owned::new(&config.try_into()?, seed, |variables, config| <$head>::new(variables.root(), config))
                })?;
                Ok(Self { owned: Guarded::new(owned) })
            }

            #[pyo3(signature = (hidden_states, *, train = false))]
            fn __call__<'py>(
                &self,
                py: Python<'py>,
                hidden_states: &Bound<'py, PyAny>,
                train: bool,
            ) -> PyResult<Bound<'py, PyAny>> {
                let (hidden, arrays) = floats("hidden_states", hidden_states)?;
                let result = enter(py, move || -> Result<Tensor> {
                    let _no_grad = (!arrays.has_graph()).then(tch::no_grad_guard);
                    let forward: fn(&$head, &Tensor, bool) -> Result<Tensor> = $forward;
                    forward(&self.owned.lock()?.head, &hidden, train)
                })?;
                to_python(py, &result, arrays)
            }

            /// Names and parameters, as torch tensors over the same memory. Imports torch.
            fn named_parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
                let mut parameters: Vec<(String, Tensor)> = enter(py, || {
                    let owned = self.owned.lock()?;
                    Ok(owned.variables.variables().into_iter().collect())
                })?;
                parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
                named(py, parameters)
            }
        }
    };
}

head_class!(
    /// The generator's head alone: hidden states [..., H] -> [..., E], before the decoder.
    PyElectraGeneratorHead,
    "ElectraGeneratorHead",
    ElectraGeneratorHead,
    |head, hidden, _| head.forward(hidden)
);
head_class!(
    /// The discriminator's head alone: hidden states [..., H] -> logits [...].
    PyElectraDiscriminatorHead,
    "ElectraDiscriminatorHead",
    ElectraDiscriminatorHead,
    |head, hidden, _| head.forward(hidden)
);
head_class!(
    /// The text classifier's head alone: hidden states [B, S, H] without padding -> logits [B, L].
    PyElectraClassificationHead,
    "ElectraClassificationHead",
    ElectraClassificationHead,
    ElectraClassificationHead::forward_t
);
head_class!(
    /// The summary of multiple choice alone: hidden states [B, S, H] without padding -> [B, H].
    PyElectraSequenceSummary,
    "ElectraSequenceSummary",
    ElectraSequenceSummary,
    ElectraSequenceSummary::forward_t
);
