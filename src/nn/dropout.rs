//! Dropout.

use tch::{Device, Tensor};

use super::noise::{Segment, mask, mask_of_squares};
use crate::error::Result;
use crate::interrupt;

/// Dropout: in training, each element is set to zero with `probability`, and the others are scaled by
/// `1 / (1 - probability)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    probability: f64,
}

impl Dropout {
    /// Take the probability, 0 <= p < 1.
    #[must_use]
    pub fn new(probability: f64) -> Self {
        Self { probability }
    }

    /// Return the probability in training, otherwise 0.
    #[must_use]
    pub fn effective(self, train: bool) -> f64 {
        if train { self.probability } else { 0.0 }
    }

    /// Apply dropout to a tensor of any shape; outside training, return it unchanged. libtorch's generator draws, in
    /// the order in which transformers' models do.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
    pub fn forward(self, input: Tensor, train: bool) -> Result<Tensor> {
        if self.effective(train) == 0.0 {
            return Ok(input);
        }
        interrupt::go_on()?;
        Ok(input.f_dropout(self.probability, true)?)
    }

    /// Apply dropout to rows that are stored one after another, with the random numbers of each (`segments`). None
    /// means as [`Dropout::forward`], and so does a tensor on a GPU.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
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

    /// Apply dropout to the probabilities of attention `[rows, A, L, L]`, in training on the CPU. A row has its numbers for
    /// `[A, l, l]`, where l is its own length. None means as [`Dropout::forward`].
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
    pub fn forward_squares(self, input: Tensor, segments: Option<Vec<Segment>>, lengths: &[i64]) -> Result<Tensor> {
        let Some(segments) = segments else { return self.forward(input, true) };
        let mask = mask_of_squares(&input.size(), self.probability, &segments, lengths)?;
        Ok(input.f_mul(&mask.f_to_kind(input.kind())?)?)
    }
}
