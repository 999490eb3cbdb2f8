//! The weights of a linear layer in the form that products read.

use super::memory::{Lines, Number, grow};
use super::product::{BFloat16, Float16, Float32, Form, Int8, MOST_COLUMNS, MOST_GROUP, Panels};
use super::rows::{LARGEST_INT8, SMALLEST, rotate};
use super::simd::Simd;
use super::{Choice, Forms, Work};
use crate::error::{Error, Result};
use crate::memory::reserve;

/// W `[N, K]`, stored in panels of columns, and b `[N]`.
///
/// A panel has as many columns as two vectors have lanes. N is filled up with columns of zeros to a number that every
/// instruction set's panels divide.
#[derive(Debug)]
pub(crate) struct Matrix {
    choice: Choice,
    weights: Lines,
    bias: Vec<f32>,
    /// The scale of each column, for int8.
    scales: Vec<f32>,
    /// The sum of the weights of each column, for int8.
    totals: Vec<f32>,
    /// The sum that each column begins with, for int8.
    starts: Vec<i32>,
    outputs: usize,
    inputs: usize,
}

impl Matrix {
    /// Return a matrix of zeros. If a precision has several forms, it is for other products than queries, keys and values.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is not enough; [`Error::Input`] if rows are too long for int8.
    pub(crate) fn zeros(choice: Choice, outputs: usize, inputs: usize) -> Result<Self> {
        choice.run(Zeros { choice, outputs, inputs })
    }

    /// Set the columns from `first` on: their weights `[n, K]` and biases `[n]`.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is not enough for a row.
    pub(crate) fn set(&mut self, first: usize, weights: &[f32], bias: &[f32]) -> Result<()> {
        self.bias[first..first + bias.len()].copy_from_slice(bias);
        self.choice.run(Set { matrix: self, first, weights })
    }

    fn pack<S: Simd, F: Pack>(&mut self, first: usize, weights: &[f32]) -> Result<()> {
        let mut rotated = Vec::new();
        if F::IS_SCALED {
            reserve(&mut rotated, "packed weights", self.inputs)?;
            rotated.resize(self.inputs, 0.0);
        }
        let columns = 2 * S::LANES;
        let groups = self.inputs.div_ceil(F::group::<S>());
        let packed = self.weights.as_mut::<F::Weight>();
        for (column, row) in (first..).zip(weights.chunks_exact(self.inputs)) {
            let row = if F::IS_SCALED {
                // SAFETY: both rows are K long, and the processor has the instructions.
                unsafe {
                    S::compile(
                        #[inline(always)]
                        || rotate::<S>(row.as_ptr(), row.len(), rotated.as_mut_ptr()),
                    );
                }
                &rotated
            } else {
                row
            };
            let scale = F::scale(row);
            let mut total = 0;
            let begin = (column / columns * groups * columns + column % columns) * F::group::<S>();
            let places = packed[begin..].chunks_mut(columns * F::group::<S>());
            for (place, group) in places.zip(row.chunks(F::group::<S>())) {
                for (to, &value) in place.iter_mut().zip(group) {
                    *to = F::weight(value, scale);
                    total += F::count(*to);
                }
            }
            if F::IS_SCALED {
                self.scales[column] = scale;
                self.totals[column] = total as f32 * scale;
                self.starts[column] = total.wrapping_mul(-S::OFFSET);
            }
        }
        Ok(())
    }

    /// Return N.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Return K.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(crate) fn choice(&self) -> Choice {
        self.choice
    }

    /// Return the biases, one per column of the panels.
    pub(super) fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// Return the panels. F is the form of the matrix's precision, and S its instruction set.
    pub(super) fn panels<S: Simd, F: Pack>(&self) -> Panels<F> {
        let (columns, groups) = (2 * S::LANES, self.inputs.div_ceil(F::group::<S>()));
        Panels {
            weights: self.weights.as_ptr(),
            stride: columns * groups * F::group::<S>(),
            group_stride: columns * F::group::<S>(),
            groups,
            scales: self.scales.as_ptr(),
            totals: self.totals.as_ptr(),
            starts: self.starts.as_ptr(),
        }
    }

    /// Return the number of panels.
    pub(super) fn panel_count<S: Simd>(&self) -> usize {
        self.outputs.div_ceil(2 * S::LANES)
    }
}

struct Zeros {
    choice: Choice,
    outputs: usize,
    inputs: usize,
}

impl Work for Zeros {
    type Result = Result<Matrix>;

    fn run<S: Simd, F: Forms>(self) -> Result<Matrix> {
        /// 127² times this is below 2³¹. What exceeds it on the way, by the offset, wraps there and back.
        const MOST_INT8: usize = 130_000;
        let Self { choice, outputs, inputs } = self;
        let is_scaled = F::Others::IS_SCALED;
        if is_scaled && inputs > MOST_INT8 {
            let reason =
                format!("expected rows of at most {MOST_INT8} values for int8, got {inputs}: choose \"float16\"");
            return Err(Error::input("precision", reason));
        }
        let columns = outputs.next_multiple_of(MOST_COLUMNS);
        let values = columns.saturating_mul(inputs.next_multiple_of(MOST_GROUP));
        let weights = Lines::new::<<F::Others as Form>::Weight>(values)?;
        let (mut bias, mut scales, mut totals, mut starts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        grow(&mut bias, columns)?;
        let scaled = if is_scaled { columns } else { 0 };
        grow(&mut scales, scaled)?;
        grow(&mut totals, scaled)?;
        grow(&mut starts, scaled)?;
        Ok(Matrix { choice, weights, bias, scales, totals, starts, outputs, inputs })
    }
}

struct Set<'a> {
    matrix: &'a mut Matrix,
    first: usize,
    weights: &'a [f32],
}

impl Work for Set<'_> {
    type Result = Result<()>;

    fn run<S: Simd, F: Forms>(self) -> Result<()> {
        self.matrix.pack::<S, F::Others>(self.first, self.weights)
    }
}

/// How weights are converted to a form.
pub(super) trait Pack: Form<Weight: Number> {
    /// Return the scale of one column.
    fn scale(_weights: &[f32]) -> f32 {
        1.0
    }

    /// Convert a weight.
    fn weight(value: f32, scale: f32) -> Self::Weight;

    /// Return a weight as an integer, if it is one.
    fn count(_weight: Self::Weight) -> i32 {
        0
    }
}

impl Pack for Float32 {
    fn weight(value: f32, _scale: f32) -> f32 {
        value
    }
}

impl Pack for Float16 {
    fn weight(value: f32, _scale: f32) -> u16 {
        half::f16::from_f32(value).to_bits()
    }
}

impl Pack for BFloat16 {
    fn weight(value: f32, _scale: f32) -> u16 {
        half::bf16::from_f32(value).to_bits()
    }
}

impl Pack for Int8 {
    fn scale(weights: &[f32]) -> f32 {
        // The results of a column with a weight that is infinite or NaN are NaN.
        if weights.iter().all(|weight| weight.is_finite()) { largest(weights) / LARGEST_INT8 } else { f32::NAN }
    }

    fn weight(value: f32, scale: f32) -> i8 {
        (value / scale).round_ties_even().clamp(-LARGEST_INT8, LARGEST_INT8) as i8
    }

    fn count(weight: i8) -> i32 {
        weight.into()
    }
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(SMALLEST, |largest, value| largest.max(value.abs()))
}
