//! Token classification: one label for each token.

use tch::Tensor;

use super::Head;
use super::losses::unpack_with_loss;
use crate::error::Result;
use crate::inputs::{Inputs, Task};
use crate::nn::{Dropout, Linear, Parameters};
use crate::outputs::TokenClassificationOutput;

/// `W drop(x) + b`: L logits per token.
#[derive(Debug)]
pub struct TokenClassificationHead {
    dropout: Dropout,
    classifier: Linear,
    labels: i64,
}

impl TokenClassificationHead {
    /// Take `weight` `[L, H]` and `bias` `[L]`.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, hidden_size: i64, labels: i64, dropout: f64) -> Result<Self> {
        Ok(Self { dropout: Dropout::new(dropout), classifier: Linear::new(parameters, hidden_size, labels)?, labels })
    }
}

impl Head for TokenClassificationHead {
    type Output = TokenClassificationOutput;
    const NAME: &'static str = "ForTokenClassification";

    fn task(&self) -> Task {
        Task::TokenClasses { classes: self.labels }
    }

    fn answer(&self, hidden: &Tensor, inputs: &Inputs, train: bool) -> Result<TokenClassificationOutput> {
        let logits = self.classifier.forward(&self.dropout.forward(hidden.f_alias()?, train)?)?;
        let (loss, logits) = unpack_with_loss(&logits, inputs)?;
        Ok(TokenClassificationOutput::new(loss, logits))
    }
}
