//! Dropout.

use tch::Tensor;

use crate::error::Result;

/// Sets a share `probability` of the numbers to zero in training and scales the rest by `1 / (1 - probability)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    probability: f64,
}

impl Dropout {
    /// With this probability, 0 <= p < 1.
    #[must_use]
    pub fn new(probability: f64) -> Self {
        Self { probability }
    }

    /// The probability while training, else 0.
    #[must_use]
    pub fn effective(self, train: bool) -> f64 {
        if train { self.probability } else { 0.0 }
    }

    /// Any shape, unchanged outside training.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where libtorch refuses.
    pub fn forward(self, input: Tensor, train: bool) -> Result<Tensor> {
        if self.effective(train) == 0.0 { Ok(input) } else { Ok(input.f_dropout(self.probability, true)?) }
    }
}
