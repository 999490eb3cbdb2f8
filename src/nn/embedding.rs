//! The embedding table.

use tch::Tensor;

use super::Parameters;
use crate::error::Result;

/// Row `i` of a table `[rows, width]` for every id `i`.
#[derive(Debug)]
pub struct Embedding {
    weight: Tensor,
    padding: Option<i64>,
}

impl Embedding {
    /// Takes `weight` `[rows, width]`. The row `padding`, if any, gets no gradient.
    ///
    /// # Errors
    /// As [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, rows: i64, width: i64, padding: Option<i64>) -> Result<Self> {
        Ok(Self { weight: parameters.tensor("weight", &[rows, width])?, padding })
    }

    /// ids `[...]` int64 -> `[..., width]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where an id lies outside the table.
    pub fn forward(&self, ids: &Tensor) -> Result<Tensor> {
        // -1 is libtorch's word for "no such row".
        Ok(Tensor::f_embedding(&self.weight, ids, self.padding.unwrap_or(-1), false, false)?)
    }

    /// The table, `[rows, width]`, the parameter itself.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }
}
