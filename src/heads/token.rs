//! Token classification: a label for every token.

use tch::Tensor;

use crate::error::Result;
use crate::nn::{Dropout, Linear, Parameters};

/// `W drop(x) + b`.
#[derive(Debug)]
pub struct TokenClassificationHead {
    dropout: Dropout,
    classifier: Linear,
}

impl TokenClassificationHead {
    /// Takes `weight` `[L, H]` and `bias` `[L]`.
    ///
    /// # Errors
    /// As [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, hidden_size: i64, labels: i64, dropout: f64) -> Result<Self> {
        Ok(Self { dropout: Dropout::new(dropout), classifier: Linear::new(parameters, hidden_size, labels)? })
    }

    /// hidden states `[..., H]` -> logits `[..., L]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where the last dimension is not H.
    pub fn forward(&self, hidden_states: Tensor, train: bool) -> Result<Tensor> {
        self.classifier.forward(&self.dropout.forward(hidden_states, train)?)
    }
}
