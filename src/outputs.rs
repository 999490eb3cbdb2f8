//! What models return, each once.
//!
//! Everything is unpacked: `[B, S, ...]`, zeros at padded positions. Where they were asked for, `all_hidden_states` are
//! n + 1 tensors `[B, S, H]`, what went into the first layer and what came out of each, and `all_attentions` are n
//! tensors `[B, A, S, S]`, the probabilities after dropout.

use tch::Tensor;

use crate::encoder::Encoded;
use crate::error::Result;
use crate::inputs::Layout;

/// Of a model without a head.
#[derive(Debug)]
pub struct ModelOutput {
    /// The hidden states of the last layer, `[B, S, H]`.
    pub hidden_state: Tensor,
    /// n + 1 tensors `[B, S, H]`.
    pub all_hidden_states: Option<Vec<Tensor>>,
    /// n tensors `[B, A, S, S]`.
    pub all_attentions: Option<Vec<Tensor>>,
}

/// Of a masked LM.
#[derive(Debug)]
pub struct MaskedLMOutput {
    /// Logits over the vocabulary, `[B, S, V]`.
    pub prediction_scores: Tensor,
    /// n + 1 tensors `[B, S, H]`.
    pub all_hidden_states: Option<Vec<Tensor>>,
    /// n tensors `[B, A, S, S]`.
    pub all_attentions: Option<Vec<Tensor>>,
}

/// Of a discriminator.
#[derive(Debug)]
pub struct DiscriminatorOutput {
    /// Above 0 where a token looks replaced, `[B, S]`.
    pub logits: Tensor,
    /// The probability that a token was replaced, `[B, S]`: the sigmoid of the logits.
    pub probabilities: Tensor,
    /// n + 1 tensors `[B, S, H]`.
    pub all_hidden_states: Option<Vec<Tensor>>,
    /// n tensors `[B, A, S, S]`.
    pub all_attentions: Option<Vec<Tensor>>,
}

/// Of a token classifier.
#[derive(Debug)]
pub struct TokenClassificationOutput {
    /// `[B, S, L]`.
    pub logits: Tensor,
    /// n + 1 tensors `[B, S, H]`.
    pub all_hidden_states: Option<Vec<Tensor>>,
    /// n tensors `[B, A, S, S]`.
    pub all_attentions: Option<Vec<Tensor>>,
}

impl Encoded {
    /// Unpacks the recorded hidden states, n + 1 tensors `[B, S, H]`.
    pub(crate) fn unpack_hidden_states(&self, layout: &Layout) -> Result<Option<Vec<Tensor>>> {
        let unpack = |states: &Vec<Tensor>| states.iter().map(|state| layout.unpack(state)).collect();
        self.all_hidden_states.as_ref().map(unpack).transpose()
    }
}
