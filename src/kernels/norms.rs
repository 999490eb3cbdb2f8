//! Layer norms: their parameters, and rows that are normalised.

use super::rows::{Norm, norm};
use super::simd::Simd;
use super::{Choice, Forms, Work};
use crate::error::{Error, Result};

/// The weights of a layer norm.
#[derive(Debug)]
pub(crate) struct Norms {
    /// One factor per value.
    pub(crate) weight: Vec<f32>,
    /// As many.
    pub(crate) bias: Vec<f32>,
    /// Added to the variance.
    pub(crate) eps: f64,
}

impl Norms {
    pub(super) fn get(&self) -> Norm {
        let (weight, bias) = (self.weight.as_ptr(), self.bias.as_ptr());
        Norm { weight, bias, width: self.weight.len(), eps: self.eps as f32 }
    }
}

/// Normalise rows as wide as the parameters of a norm, in place.
///
/// # Errors
/// [`Error::Internal`] if the rows are of another width.
pub(crate) fn normalise(choice: Choice, norms: &Norms, rows: &mut [f32]) -> Result<()> {
    let width = norms.weight.len();
    if width == 0 || !rows.len().is_multiple_of(width) {
        return Err(Error::Internal { message: format!("rows do not fit a norm of {width} values") });
    }
    choice.run(Normalise { norms, rows });
    Ok(())
}

struct Normalise<'a> {
    norms: &'a Norms,
    rows: &'a mut [f32],
}

impl Work for Normalise<'_> {
    type Result = ();

    fn run<S: Simd, F: Forms>(self) {
        for row in self.rows.chunks_exact_mut(self.norms.weight.len()) {
            let row = row.as_mut_ptr();
            // SAFETY: the processor has the instructions, and the row is as wide as the norm.
            unsafe {
                S::compile(
                    #[inline(always)]
                    || norm::<S>(row, row, self.norms.get()),
                );
            }
        }
    }
}
