//! The linear layer.

use tch::Tensor;

use super::slices::{copy, table, values, values_mut, zeros};
use super::{Activation, Intercept, Parameters};
use crate::error::Result;
use crate::interrupt;
use crate::kernels::{self, Choice, Matrix};

/// A linear layer `y = x Wᵀ + b`, with W `[out, in]` and b `[out]`.
#[derive(Debug)]
pub struct Linear(Form);

/// The form of the weights, with the code that computes with them.
#[derive(Debug)]
enum Form {
    /// Tensors, for libtorch's operator. The only form that can be trained.
    Tensors { weight: Tensor, bias: Tensor },
    /// Frozen weights in panels, for the kernels.
    Packed(Box<Matrix>),
    /// A frozen weight, float32 or float16, that is in use elsewhere too, for the kernels.
    Shared { choice: Choice, weight: Tensor, bias: Tensor },
}

impl Linear {
    /// Take `weight` `[outputs, inputs]` and `bias` `[outputs]`.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, inputs: i64, outputs: i64) -> Result<Self> {
        let weight = parameters.tensor("weight", &[outputs, inputs])?;
        let bias = parameters.tensor("bias", &[outputs])?;
        let Some(choice) = parameters.kernels() else { return Ok(Self::of(weight, bias)) };
        let mut matrix = Matrix::zeros(choice, outputs as usize, inputs as usize)?;
        matrix.set(0, values(&weight)?, values(&bias)?)?;
        Ok(Self(Form::Packed(Box::new(matrix))))
    }

    /// Take `bias` `[outputs]`, and share a weight `[outputs, inputs]` with another layer.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn sharing(parameters: &Parameters, weight: &Tensor) -> Result<Self> {
        // A shallow clone is the same parameter, not a copy: the gradients of both uses add up.
        let (weight, bias) = (weight.shallow_clone(), parameters.tensor("bias", &weight.size()[..1])?);
        Ok(match parameters.kernels() {
            Some(choice) => Self(Form::Shared { choice, weight, bias }),
            None => Self::of(weight, bias),
        })
    }

    /// Build the layer from an existing weight `[outputs, inputs]` and bias `[outputs]`.
    #[must_use]
    pub fn of(weight: Tensor, bias: Tensor) -> Self {
        Self(Form::Tensors { weight, bias })
    }

    /// Return W and b, the parameters themselves; None if the weights are packed.
    #[must_use]
    pub fn tensors(&self) -> Option<(&Tensor, &Tensor)> {
        match &self.0 {
            Form::Tensors { weight, bias } | Form::Shared { weight, bias, .. } => Some((weight, bias)),
            Form::Packed(_) => None,
        }
    }

    /// Return the number of outputs.
    #[must_use]
    pub fn outputs(&self) -> i64 {
        match &self.0 {
            Form::Tensors { bias, .. } | Form::Shared { bias, .. } => bias.size()[0],
            Form::Packed(matrix) => matrix.outputs() as i64,
        }
    }

    /// Apply an activation with this layer's arithmetic: kernels give each element a value of its own, where the last bits of
    /// libtorch's depend on the element's place in the tensor.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
    pub fn activate(&self, activation: Activation, input: &Tensor) -> Result<Tensor> {
        let choice = match &self.0 {
            Form::Tensors { .. } => return activation.forward(input),
            Form::Packed(matrix) => matrix.choice(),
            Form::Shared { choice, .. } => *choice,
        };
        let mut output = copy(input)?;
        kernels::apply(choice, activation.function(), values_mut(&mut output)?);
        Ok(output)
    }

    /// Map `[..., in]` to `[..., out]`, by the function in place of this layer if an [`Intercept`] has one.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the last dimension is not `in`; the error of the function; the errors of
    /// [`interrupt::go_on`].
    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        // Here, since nearly all time of a model is spent in its linear layers.
        interrupt::go_on()?;
        match &self.0 {
            Form::Tensors { weight, bias } => {
                if let Some(output) = Intercept::linear(weight, input) {
                    return output;
                }
                Ok(input.f_linear(weight, Some(bias))?)
            }
            Form::Packed(matrix) => run(kernels::Linear::Packed(matrix), input, self.outputs()),
            Form::Shared { choice, weight, bias } => {
                let layer = kernels::Linear::Rows { choice: *choice, weight: table(weight)?, bias: values(bias)? };
                run(layer, input, self.outputs())
            }
        }
    }
}

/// Map `[..., in]` to `[..., outputs]` by kernels.
fn run(layer: kernels::Linear<'_>, input: &Tensor, outputs: i64) -> Result<Tensor> {
    let input = input.f_contiguous()?;
    let mut shape = input.size();
    if let Some(last) = shape.last_mut() {
        *last = outputs;
    }
    let mut output = zeros(&shape)?;
    layer.forward(values(&input)?, values_mut(&mut output)?, tch::get_num_threads() as usize)?;
    Ok(output)
}
