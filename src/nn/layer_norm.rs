//! Layer normalisation.

use tch::Tensor;

use super::Parameters;
use crate::error::Result;
use crate::interrupt;

/// `y = (x - mean) / sqrt(variance + eps) * weight + bias` over the last dimension.
#[derive(Debug)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f64,
    width: i64,
}

impl LayerNorm {
    /// Take `weight` and `bias`, both `[width]`.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, width: i64, eps: f64) -> Result<Self> {
        Ok(Self {
            weight: parameters.tensor("weight", &[width])?,
            bias: parameters.tensor("bias", &[width])?,
            eps,
            width,
        })
    }

    /// Normalise `[..., width]` over the last dimension.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the last dimension is not `width`.
    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        interrupt::go_on()?;
        Ok(input.f_layer_norm([self.width], Some(&self.weight), Some(&self.bias), self.eps, true)?)
    }
}
