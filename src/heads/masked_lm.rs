//! The masked-LM head: hidden states -> logits over the vocabulary.

use tch::Tensor;

use super::Head;
use super::losses::unpack_with_loss;
use crate::error::Result;
use crate::inputs::{Inputs, Task};
use crate::names::Component;
use crate::nn::{Activation, LayerNorm, Linear, Parameters};
use crate::outputs::MaskedLMOutput;

/// `LN(act(W x + b))`, from hidden states to the width of the embeddings.
#[derive(Debug)]
pub struct Transform {
    dense: Linear,
    activation: Activation,
    norm: LayerNorm,
}

impl Transform {
    /// Build the transform from a linear layer H -> E, an activation and a norm.
    #[must_use]
    pub fn new(dense: Linear, activation: Activation, norm: LayerNorm) -> Self {
        Self { dense, activation, norm }
    }

    /// Map hidden states `[..., H]` to `[..., E]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the last dimension is not H.
    pub fn forward(&self, hidden_states: &Tensor) -> Result<Tensor> {
        self.norm.forward(&self.dense.activate(self.activation, &self.dense.forward(hidden_states)?)?)
    }
}

/// `x Wᵀ + b`, from embeddings to logits over the vocabulary. W is the word embeddings unless the decoder is not tied.
#[derive(Debug)]
pub struct Decoder(Linear);

impl Decoder {
    /// Take `bias` `[V]`, and `weight` `[V, E]` if it is not tied to `words`, the word embeddings.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, words: &Tensor, tied: bool) -> Result<Self> {
        if tied {
            return Ok(Self(Linear::sharing(parameters, words)?));
        }
        let shape = words.size();
        Ok(Self(Linear::new(parameters, shape[1], shape[0])?))
    }

    /// Return the layer itself, E -> V.
    #[must_use]
    pub fn linear(&self) -> &Linear {
        &self.0
    }

    /// Map `[..., E]` to logits `[..., V]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the last dimension is not E.
    pub fn forward(&self, states: &Tensor) -> Result<Tensor> {
        self.0.forward(states)
    }
}

/// A [`Transform`], then a [`Decoder`].
#[derive(Debug)]
pub struct MaskedLMHead {
    transform: Transform,
    decoder: Decoder,
}

impl MaskedLMHead {
    /// Build the head from its two parts.
    #[must_use]
    pub fn new(transform: Transform, decoder: Decoder) -> Self {
        Self { transform, decoder }
    }

    /// Map hidden states `[..., H]` to logits `[..., V]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the last dimension is not H.
    pub fn decode(&self, hidden_states: &Tensor) -> Result<Tensor> {
        self.decoder.forward(&self.transform.forward(hidden_states)?)
    }
}

impl Head for MaskedLMHead {
    type Output = MaskedLMOutput;
    const NAME: &'static str = "ForMaskedLM";
    const COMPONENT: Component = Component::Generator;

    fn task(&self) -> Task {
        Task::TokenClasses { classes: self.decoder.linear().outputs() }
    }

    fn decoder(&self) -> Option<&Linear> {
        Some(self.decoder.linear())
    }

    fn answer(&self, hidden: &Tensor, inputs: &Inputs, _train: bool) -> Result<MaskedLMOutput> {
        let (loss, logits) = unpack_with_loss(&self.decode(hidden)?, inputs)?;
        Ok(MaskedLMOutput::new(loss, logits))
    }
}
