//! Families of models: wiring only. A configuration becomes an encoder with names and heads; no file is known here.

pub mod electra;

use tch::Tensor;

use crate::encoder::ForwardOptions;
use crate::error::{Error, Result};
use crate::inputs::{Inputs, Limits};
use crate::weights::names::Family;

/// What loaders, bindings and pipelines need of any model.
pub trait Model: Sized {
    /// The family's configuration.
    type Config: crate::Config + Clone;
    /// What a forward pass returns.
    type Output;
    /// How the family names its backbone.
    const FAMILY: Family;

    /// Builds the model from parameters under `parameters`, which is the root of its checkpoint's names.
    ///
    /// # Errors
    /// [`Error::Config`] where the configuration contradicts itself; else as
    /// [`Parameters::tensor`](crate::nn::Parameters::tensor).
    fn build(parameters: &crate::nn::Parameters, config: &Self::Config) -> Result<Self>;

    /// What the model can take.
    fn limits(&self) -> Limits;

    /// Runs the model.
    ///
    /// # Errors
    /// [`Error::Torch`] where libtorch refuses.
    fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<Self::Output>;
}

/// The packed places of `(row, column)` pairs, `[P]` int64: for heads that are wanted at a few positions only.
pub(crate) fn places(inputs: &Inputs, positions: &[(usize, usize)], device: tch::Device) -> Result<Tensor> {
    let places = positions
        .iter()
        .map(|&(row, column)| {
            inputs
                .layout
                .place(row, column)
                .ok_or_else(|| Error::input("positions", format!("expected a kept position, got [{row}, {column}]")))
        })
        .collect::<Result<Vec<i64>>>()?;
    Ok(Tensor::f_from_slice(&places)?.f_to_device(device)?)
}
