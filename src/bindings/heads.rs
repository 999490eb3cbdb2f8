//! Heads alone, on hidden states.

use pyo3::prelude::*;
use tch::nn::VarStore;
use tch::{Device, Tensor};

use super::config::PyElectraConfig;
use super::enter::enter;
use super::guarded::Guarded;
use super::tensors::{Arrays, floats, to_python, to_torch};
use crate::error::Result;
use crate::heads::{ElectraDiscriminatorHead, ElectraGeneratorHead};

/// A head with the variables that it is made of.
struct Owned<H> {
    head: H,
    variables: VarStore,
}

/// A head's class.
macro_rules! head_class {
    ($(#[$doc:meta])* $class:ident, $name:literal, $head:ty) => {
        $(#[$doc])*
        #[pyclass(name = $name, module = "oxbert", frozen)]
        pub(super) struct $class {
            owned: Guarded<Owned<$head>>,
        }

        #[pymethods]
        impl $class {
            #[new]
            #[pyo3(signature = (config, *, seed = None))]
            fn new(py: Python<'_>, config: &PyElectraConfig, seed: Option<i64>) -> PyResult<Self> {
                let config = config.inner.clone();
                let owned = enter(py, move || -> Result<_> {
                    if let Some(seed) = seed {
                        tch::manual_seed(seed);
                    }
                    let variables = VarStore::new(Device::Cpu);
                    let head = <$head>::new(variables.root(), &config)?;
                    Ok(Owned { head, variables })
                })?;
                Ok(Self { owned: Guarded::new(owned) })
            }

            fn __call__<'py>(
                &self,
                py: Python<'py>,
                hidden_states: &Bound<'py, PyAny>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let (hidden, arrays) = floats("hidden_states", hidden_states)?;
                let result = enter(py, move || -> Result<Tensor> {
                    let _no_grad = (arrays == Arrays::Numpy).then(tch::no_grad_guard);
                    self.owned.lock()?.head.forward(&hidden)
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
                parameters.into_iter().map(|(name, tensor)| Ok((name, to_torch(py, &tensor)?))).collect()
            }
        }
    };
}

head_class!(
    /// The generator's head alone: hidden states [..., H] -> [..., E], before the decoder.
    PyElectraGeneratorHead,
    "ElectraGeneratorHead",
    ElectraGeneratorHead
);
head_class!(
    /// The discriminator's head alone: hidden states [..., H] -> logits [...].
    PyElectraDiscriminatorHead,
    "ElectraDiscriminatorHead",
    ElectraDiscriminatorHead
);
