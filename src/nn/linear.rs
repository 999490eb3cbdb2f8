//! The linear layer.

use tch::Tensor;

use super::{Intercept, Parameters};
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

    /// Map `[..., in]` to `[..., out]`, by the function in place of this layer if an [`Intercept`] has one.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the last dimension is not `in`; the error of the function; the errors of
    /// [`interrupt::go_on`].
    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        // Here, since nearly all time of a model is spent in its linear layers.
        interrupt::go_on()?;
        if let Some(output) = Intercept::linear(&self.weight, input) {
            return output;
        }
        Ok(input.f_linear(&self.weight, Some(&self.bias))?)
    }
}
