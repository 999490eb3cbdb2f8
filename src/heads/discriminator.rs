//! The head of the discriminator, which tells whether each token was replaced.

use tch::Tensor;

use super::Head;
use super::losses::unpack_with_loss;
use crate::error::Result;
use crate::inputs::{Inputs, Task};
use crate::nn::{Activation, Linear, Parameters};
use crate::outputs::DiscriminatorOutput;

/// `w · act(W x + b) + c`: one logit per token.
///
/// Source: `ElectraDiscriminatorPredictions` of transformers 5.23. rust_bert drops every dimension of size 1 from
/// the result; this head drops the last dimension only.
#[derive(Debug)]
pub struct DiscriminatorHead {
    dense: Linear,
    activation: Activation,
    prediction: Linear,
}

impl DiscriminatorHead {
    /// Take `dense.*` and `dense_prediction.*`.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, hidden_size: i64, activation: Activation) -> Result<Self> {
        Ok(Self {
            dense: Linear::new(&parameters.at("dense"), hidden_size, hidden_size)?,
            activation,
            prediction: Linear::new(&parameters.at("dense_prediction"), hidden_size, 1)?,
        })
    }

    /// Map hidden states `[..., H]` to logits `[...]`. A logit above 0 means that the token looks replaced.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the last dimension is not H.
    pub fn predict(&self, hidden_states: &Tensor) -> Result<Tensor> {
        let inner = self.dense.activate(self.activation, &self.dense.forward(hidden_states)?)?;
        Ok(self.prediction.forward(&inner)?.f_squeeze_dim(-1)?)
    }
}

impl Head for DiscriminatorHead {
    type Output = DiscriminatorOutput;
    const NAME: &'static str = "ForPreTraining";

    fn task(&self) -> Task {
        Task::ReplacedTokens
    }

    fn answer(&self, hidden: &Tensor, inputs: &Inputs, _train: bool) -> Result<DiscriminatorOutput> {
        let logits = self.predict(hidden)?;
        // Apply the sigmoid before unpacking: the sigmoid of the zeros at padded positions would be 0.5.
        let probabilities = inputs.layout.unpack(&self.prediction.activate(Activation::Sigmoid, &logits)?)?;
        let (loss, logits) = unpack_with_loss(&logits, inputs)?;
        Ok(DiscriminatorOutput::new(loss, logits, probabilities))
    }
}
