//! The masked-LM heads: which token stands here?

use tch::Tensor;
use tch::nn::Path;

use crate::config::ElectraConfig;
use crate::error::Result;
use crate::nn::{Activation, LayerNorm, Linear, Parameters};

/// `LN(gelu(W x + b))`: hidden states back to the width of the embeddings.
///
/// The activation is gelu whatever the configuration says, as in transformers' `ElectraGeneratorPredictions`.
#[derive(Debug)]
pub struct ElectraGeneratorHead {
    dense: Linear,
    norm: LayerNorm,
}

impl ElectraGeneratorHead {
    /// A freshly initialised head with the names `dense.*` and `LayerNorm.*` under a path.
    ///
    /// # Errors
    /// [`crate::Error::Config`] where the configuration contradicts itself; else as [`Parameters::tensor`].
    pub fn new<'p>(path: impl std::borrow::Borrow<Path<'p>>, config: &ElectraConfig) -> Result<Self> {
        config.check()?;
        Self::build(&Parameters::random(path.borrow(), config.initializer_range), config)
    }

    pub(crate) fn build(parameters: &Parameters, config: &ElectraConfig) -> Result<Self> {
        Ok(Self {
            dense: Linear::new(&parameters.at("dense"), config.hidden_size, config.embedding_size)?,
            norm: LayerNorm::new(&parameters.at("LayerNorm"), config.embedding_size, config.layer_norm_eps)?,
        })
    }

    /// hidden states `[..., H]` -> `[..., E]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where the last dimension is not H.
    pub fn forward(&self, hidden_states: &Tensor) -> Result<Tensor> {
        self.norm.forward(&Activation::Gelu.forward(&self.dense.forward(hidden_states)?)?)
    }
}

/// `x Wᵀ + b`: embeddings -> logits over the vocabulary. W is the word embeddings unless a checkpoint has its own.
#[derive(Debug)]
pub struct Decoder {
    weight: Tensor,
    bias: Tensor,
}

impl Decoder {
    /// Takes `bias` `[V]`, and `weight` `[V, E]` where it is not tied to `words`, the word embeddings.
    ///
    /// # Errors
    /// As [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, words: &Tensor, tied: bool) -> Result<Self> {
        let shape = words.size();
        Ok(Self {
            // A shallow clone is the same parameter, not a copy: gradients of both uses add up.
            weight: if tied { words.shallow_clone() } else { parameters.tensor("weight", &shape)? },
            bias: parameters.tensor("bias", &shape[..1])?,
        })
    }

    /// `[..., E]` -> logits `[..., V]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where the last dimension is not E.
    pub fn forward(&self, states: &Tensor) -> Result<Tensor> {
        Ok(states.f_linear(&self.weight, Some(&self.bias))?)
    }
}
