//! Layer normalisation.

use tch::Tensor;

use super::Parameters;
use super::slices::{copy, values, values_mut};
use crate::error::Result;
use crate::interrupt;
use crate::kernels::{self, Choice, Norms};

/// `y = (x - mean) / sqrt(variance + eps) * weight + bias` over the last dimension.
#[derive(Debug)]
pub struct LayerNorm(Form);

/// The form of the parameters, with the code that computes with them.
#[derive(Debug)]
enum Form {
    /// Tensors, for libtorch's operator. The only form that can be trained.
    Tensors { weight: Tensor, bias: Tensor, eps: f64, width: i64 },
    /// Frozen values, for the kernels.
    Frozen { choice: Choice, norms: Norms },
}

impl LayerNorm {
    /// Take `weight` and `bias`, both `[width]`.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, width: i64, eps: f64) -> Result<Self> {
        let form = if let Some(choice) = parameters.kernels() {
            Form::Frozen { choice, norms: norms(parameters, width, eps)? }
        } else {
            let (weight, bias) = both(parameters, width)?;
            Form::Tensors { weight, bias, eps, width }
        };
        Ok(Self(form))
    }

    /// Normalise `[..., width]` over the last dimension.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the last dimension is not `width`.
    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        interrupt::go_on()?;
        match &self.0 {
            Form::Tensors { weight, bias, eps, width } => {
                Ok(input.f_layer_norm([*width], Some(weight), Some(bias), *eps, true)?)
            }
            Form::Frozen { choice, norms } => {
                let mut output = copy(input)?;
                kernels::normalise(*choice, norms, values_mut(&mut output)?)?;
                Ok(output)
            }
        }
    }
}

/// Take the parameters of a frozen norm.
///
/// # Errors
/// The errors of [`Parameters::tensor`].
pub(crate) fn norms(parameters: &Parameters, width: i64, eps: f64) -> Result<Norms> {
    let (weight, bias) = both(parameters, width)?;
    Ok(Norms { weight: values(&weight)?.to_vec(), bias: values(&bias)?.to_vec(), eps })
}

fn both(parameters: &Parameters, width: i64) -> Result<(Tensor, Tensor)> {
    Ok((parameters.tensor("weight", &[width])?, parameters.tensor("bias", &[width])?))
}
