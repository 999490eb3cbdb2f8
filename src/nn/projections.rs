//! Queries, keys and values: three projections of one input.

use tch::Tensor;

use super::{Linear, Parameters};
use crate::error::{Error, Result};

/// `x W_qᵀ + b_q`, `x W_kᵀ + b_k`, `x W_vᵀ + b_v`, each `[T, H]` from x `[T, H]`.
#[derive(Debug)]
pub enum Projections {
    /// Three layers, with the parameters that checkpoints and optimizers expect.
    Separate([Linear; 3]),
    /// One matrix `[3 H, H]`, so that one product gives all three. Only frozen weights can be packed.
    Packed(Linear),
}

impl Projections {
    /// Take the projections of queries, keys and values under their `names`, packed if the parameters are frozen.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, names: [&str; 3], hidden_size: i64) -> Result<Self> {
        if parameters.is_frozen() {
            return Ok(Self::Packed(pack(parameters, names, hidden_size)?));
        }
        let [query, key, value] = names.map(|name| Linear::new(&parameters.at(name), hidden_size, hidden_size));
        Ok(Self::Separate([query?, key?, value?]))
    }

    /// Map hidden states `[T, H]` to queries, keys and values, each `[T, H]`. If packed, all three are views of one
    /// tensor `[T, 3 H]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the last dimension is not H.
    pub fn forward(&self, hidden: &Tensor) -> Result<[Tensor; 3]> {
        match self {
            Self::Separate([query, key, value]) => {
                Ok([query.forward(hidden)?, key.forward(hidden)?, value.forward(hidden)?])
            }
            Self::Packed(packed) => {
                let all = packed.forward(hidden)?;
                let width = all.size()[1] / 3;
                let part = |number: i64| all.f_narrow(1, number * width, width);
                Ok([part(0)?, part(1)?, part(2)?])
            }
        }
    }
}

/// Copy three projections into one, one after the other, so that only one projection is in memory twice.
fn pack(parameters: &Parameters, names: [&str; 3], width: i64) -> Result<Linear> {
    let mut packed: Option<(Tensor, Tensor)> = None;
    for (number, name) in (0..).zip(names) {
        let part = parameters.at(name);
        let (weight, bias) = (part.tensor("weight", &[width, width])?, part.tensor("bias", &[width])?);
        let options = (weight.kind(), weight.device());
        let (all, biases) = match packed.take() {
            Some(packed) => packed,
            None => (Tensor::f_empty([3 * width, width], options)?, Tensor::f_empty([3 * width], options)?),
        };
        all.f_narrow(0, number * width, width)?.f_copy_(&weight)?;
        biases.f_narrow(0, number * width, width)?.f_copy_(&bias)?;
        packed = Some((all, biases));
    }
    let (weight, bias) = packed.ok_or_else(|| Error::Internal { message: "no projections to pack".into() })?;
    Ok(Linear::of(weight, bias))
}
