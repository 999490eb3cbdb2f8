//! The discriminator's head: was this token replaced?

use tch::Tensor;
use tch::nn::Path;

use crate::config::ElectraConfig;
use crate::error::Result;
use crate::nn::{Activation, Linear, Parameters};

/// `w · act(W x + b) + c`: one logit a token.
///
/// Source: `ElectraDiscriminatorPredictions` of transformers 5.23. rust_bert's drops every dimension of size 1 from the
/// result; this one only the last.
#[derive(Debug)]
pub struct ElectraDiscriminatorHead {
    dense: Linear,
    activation: Activation,
    dense_prediction: Linear,
}

impl ElectraDiscriminatorHead {
    /// A freshly initialised head with the names `dense.*` and `dense_prediction.*` under a path.
    ///
    /// # Errors
    /// [`crate::Error::Config`] where the configuration contradicts itself; else as [`Parameters::tensor`].
    pub fn new<'p>(path: impl std::borrow::Borrow<Path<'p>>, config: &ElectraConfig) -> Result<Self> {
        config.check()?;
        Self::build(&Parameters::random(path.borrow(), config.initializer_range), config)
    }

    pub(crate) fn build(parameters: &Parameters, config: &ElectraConfig) -> Result<Self> {
        Ok(Self {
            dense: Linear::new(&parameters.at("dense"), config.hidden_size, config.hidden_size)?,
            activation: config.hidden_act,
            dense_prediction: Linear::new(&parameters.at("dense_prediction"), config.hidden_size, 1)?,
        })
    }

    /// hidden states `[..., H]` -> logits `[...]`, above 0 where the token looks replaced.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where the last dimension is not H.
    pub fn forward(&self, hidden_states: &Tensor) -> Result<Tensor> {
        let inner = self.activation.forward(&self.dense.forward(hidden_states)?)?;
        Ok(self.dense_prediction.forward(&inner)?.f_squeeze_dim(-1)?)
    }
}
