//! The masked-LM head: which token stands here?

use tch::Tensor;

use super::Head;
use super::losses::loss;
use crate::encoder::Encoded;
use crate::error::Result;
use crate::inputs::{Inputs, Task};
use crate::names::Component;
use crate::nn::{Activation, LayerNorm, Linear, Parameters};
use crate::outputs::MaskedLMOutput;

/// `LN(act(W x + b))`: hidden states back to the width of the embeddings.
#[derive(Debug)]
pub struct Transform {
    dense: Linear,
    activation: Activation,
    norm: LayerNorm,
}

impl Transform {
    /// Of a linear layer H -> E and a norm.
    #[must_use]
    pub fn new(dense: Linear, activation: Activation, norm: LayerNorm) -> Self {
        Self { dense, activation, norm }
    }

    /// hidden states `[..., H]` -> `[..., E]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where the last dimension is not H.
    pub fn forward(&self, hidden_states: &Tensor) -> Result<Tensor> {
        self.norm.forward(&self.activation.forward(&self.dense.forward(hidden_states)?)?)
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

/// A [`Transform`], then a [`Decoder`].
#[derive(Debug)]
pub struct MaskedLMHead {
    transform: Transform,
    decoder: Decoder,
}

impl MaskedLMHead {
    /// Of its two parts.
    #[must_use]
    pub fn new(transform: Transform, decoder: Decoder) -> Self {
        Self { transform, decoder }
    }

    /// hidden states `[..., H]` -> logits `[..., V]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where the last dimension is not H.
    pub fn decode(&self, hidden_states: &Tensor) -> Result<Tensor> {
        self.decoder.forward(&self.transform.forward(hidden_states)?)
    }
}

impl Head for MaskedLMHead {
    type Output = MaskedLMOutput;
    const NAME: &'static str = "ForMaskedLM";
    const COMPONENT: Component = Component::Generator;

    fn task(&self) -> Task {
        Task::TokenClasses { classes: self.decoder.bias.size()[0] }
    }

    fn forward(&self, encoded: Encoded, inputs: &Inputs, _train: bool) -> Result<MaskedLMOutput> {
        let logits = self.decode(&encoded.hidden)?;
        Ok(MaskedLMOutput {
            loss: loss(&logits, inputs.targets.as_ref())?,
            prediction_scores: inputs.layout.unpack(&logits)?,
            all_hidden_states: encoded.unpack_hidden_states(&inputs.layout)?,
            all_attentions: encoded.all_attentions,
        })
    }
}
