//! Dropout.

use tch::{Device, Tensor};

use super::noise::{Segment, mask};
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

    /// Any shape, unchanged outside training. libtorch's generator draws, in the order in which transformers' models do.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where libtorch refuses.
    pub fn forward(self, input: Tensor, train: bool) -> Result<Tensor> {
        if self.effective(train) == 0.0 { Ok(input) } else { Ok(input.f_dropout(self.probability, true)?) }
    }

    /// The same for rows that stand one after another and have random numbers of their own (`segments`; none: as
    /// [`Dropout::forward`]). On a GPU libtorch's generator draws in any case.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where libtorch refuses.
    pub fn forward_rows(
        self,
        input: Tensor,
        train: bool,
        segments: impl FnOnce() -> Option<Vec<Segment>>,
    ) -> Result<Tensor> {
        if self.effective(train) == 0.0 || input.device() != Device::Cpu {
            return self.forward(input, train);
        }
        let Some(segments) = segments() else { return self.forward(input, train) };
        let mask = mask(&input.size(), self.probability, segments)?;
        Ok(input.f_mul(&mask.f_to_kind(input.kind())?)?)
    }
}
