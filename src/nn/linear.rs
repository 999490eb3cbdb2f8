//! The linear layer.

use tch::Tensor;

use super::Parameters;
use crate::error::Result;
use crate::interrupt;

/// A linear layer `y = x Wᵀ + b`, with W `[out, in]` and b `[out]`.
#[derive(Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// Take `weight` `[outputs, inputs]` and `bias` `[outputs]`.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, inputs: i64, outputs: i64) -> Result<Self> {
        Ok(Self {
            weight: parameters.tensor("weight", &[outputs, inputs])?,
            bias: parameters.tensor("bias", &[outputs])?,
        })
    }

    /// Build the layer from an existing weight `[outputs, inputs]` and bias `[outputs]`.
    #[must_use]
    pub fn of(weight: Tensor, bias: Tensor) -> Self {
        Self { weight, bias }
    }

    /// Return W, the parameter itself.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// Return b, the parameter itself.
    pub fn bias(&self) -> &Tensor {
        &self.bias
    }

    /// Map `[..., in]` to `[..., out]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the last dimension is not `in`; the errors of [`interrupt::go_on`].
    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        // Here, since nearly all time of a model is spent in its linear layers.
        interrupt::go_on()?;
        Ok(input.f_linear(&self.weight, Some(&self.bias))?)
    }
}
