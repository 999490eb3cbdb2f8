//! An embedding table.

use tch::Tensor;

use super::Parameters;
use crate::error::Result;
use crate::interrupt;

/// A table `[rows, width]` that maps every id `i` to row `i`.
#[derive(Debug)]
pub struct Embedding {
    weight: Tensor,
    padding: Option<i64>,
}

impl Embedding {
    /// Take `weight` `[rows, width]`. Row `padding`, if given, gets no gradient.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, rows: i64, width: i64, padding: Option<i64>) -> Result<Self> {
        Ok(Self { weight: parameters.tensor("weight", &[rows, width])?, padding })
    }

    /// Map ids `[...]` int64 to `[..., width]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if an id is not a row of the table.
    pub fn forward(&self, ids: &Tensor) -> Result<Tensor> {
        interrupt::go_on()?;
        // libtorch takes -1 for "no padding row".
        Ok(Tensor::f_embedding(&self.weight, ids, self.padding.unwrap_or(-1), false, false)?)
    }

    /// Return the table `[rows, width]`, the parameter itself.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }
}
