//! One linear layer: `y = f(x Wᵀ + b)` for rows of float32 or of another form.

use std::ops::Range;
use std::ptr;
use std::sync::Mutex;

use super::functions::Function;
use super::helpers::{share, taken};
use super::matrix::{Matrix, Pack};
use super::memory::grow;
use super::product::{Float32, Form, Panels, Rows, Sums, product};
use super::rows::transpose;
use super::simd::Simd;
use super::table::Table;
use super::team::{Place, stride};
use super::{Choice, Forms, Precision, Work};
use crate::error::{Error, Result};

/// What becomes of the results of a product, after the bias.
#[derive(Clone, Copy)]
pub(super) enum Finish {
    /// Nothing.
    Store,
    /// Rows, as wide as the results, are added.
    Add(*const f32),
    /// A function is applied.
    Apply(Function),
}

/// A product of rows by some panels of a matrix.
pub(super) struct Product<'a, S: Simd, F: Form> {
    pub(super) rows: Rows<S, F>,
    pub(super) count: usize,
    pub(super) matrix: &'a Matrix,
    pub(super) panels: Range<usize>,
    /// Rows of as many values as all panels have columns.
    pub(super) to: *mut f32,
}

impl<S: Simd, F: Pack> Product<'_, S, F> {
    /// Compute the product.
    ///
    /// # Safety
    /// As for [`Simd`]; rows, output and the rows of `finish` are as long as `count` and the matrix say.
    #[inline(always)]
    pub(super) unsafe fn run(self, finish: Finish) {
        let Self { rows, count, matrix, panels, to } = self;
        let stride = stride(matrix.outputs());
        let columns = 2 * S::LANES;
        unsafe {
            product::<S, F>(
                rows,
                count,
                matrix.panels::<S, F>(),
                panels,
                #[inline(always)]
                |first, height, column, sums| {
                    let bias = matrix.bias().as_ptr().add(column);
                    let biases = [S::load(bias), S::load(bias.add(S::LANES))];
                    for row in 0..height {
                        for (half, bias) in biases.into_iter().enumerate() {
                            let value = S::load(sums.as_ptr().add(row * columns + half * S::LANES));
                            let value = S::add(value, bias);
                            let place = (first + row) * stride + column + half * S::LANES;
                            let value = match finish {
                                Finish::Store => value,
                                Finish::Add(other) => S::add(value, S::load(other.add(place))),
                                Finish::Apply(function) => function.of::<S>(value),
                            };
                            S::store(to.add(place), value);
                        }
                    }
                },
            );
        }
    }
}

/// A linear layer for rows of float32, whose results depend on the row alone.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Linear<'a> {
    /// Packed weights, float32.
    Packed(&'a Matrix),
    /// Weights `[N, K]` that are in use elsewhere too. Each call brings them into panels.
    Rows {
        /// The instructions.
        choice: Choice,
        /// `[N, K]`.
        weight: Table<'a>,
        /// `[N]`.
        bias: &'a [f32],
    },
}

impl Linear<'_> {
    /// Map rows `[count, K]` to `[count, N]`. Threads share the columns.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is not enough; [`Error::Internal`] if the lengths do not fit.
    pub(crate) fn forward(self, input: &[f32], output: &mut [f32], threads: usize) -> Result<()> {
        let (choice, outputs, inputs) = match self {
            Self::Packed(matrix) => (matrix.choice(), matrix.outputs(), matrix.inputs()),
            Self::Rows { choice, weight, bias } => (choice, bias.len(), weight.len() / bias.len().max(1)),
        };
        let count = output.len() / outputs.max(1);
        let fits = input.len() == count * inputs && output.len() == count * outputs;
        if !fits || choice.precision() != Precision::Float32 {
            return Err(Error::Internal { message: "a linear layer does not fit its input".into() });
        }
        if count == 0 {
            return Ok(());
        }
        // A thread costs as much as some hundred thousand products.
        let threads = threads.min(count * inputs * outputs / 400_000).max(1);
        choice.run(Forward { linear: self, input, output, count, inputs, outputs, threads })
    }
}

struct Forward<'a> {
    linear: Linear<'a>,
    input: &'a [f32],
    output: &'a mut [f32],
    count: usize,
    inputs: usize,
    outputs: usize,
    threads: usize,
}

impl Work for Forward<'_> {
    type Result = Result<()>;

    fn run<S: Simd, F: Forms>(self) -> Result<()> {
        let Self { linear, input, output, count, inputs, outputs, threads } = self;
        let panels = outputs.div_ceil(2 * S::LANES);
        let threads = threads.min(panels);
        let mut scratch: Vec<f32> = Vec::new();
        // A panel, and its rows in float32 if they are not yet.
        let panel = match linear {
            Linear::Packed(_) => 0,
            Linear::Rows { weight: Table::Float32(_), .. } => 2 * S::LANES * inputs,
            Linear::Rows { weight: Table::Float16(_), .. } => 4 * S::LANES * inputs,
        };
        grow(&mut scratch, threads * panel)?;
        let columns = Columns { input: input.as_ptr(), output: output.as_mut_ptr(), count, inputs, outputs };
        // SAFETY: the lengths were checked, the processor has the instructions, and each thread has its own columns.
        let compute =
            |place: Place, scratch: &mut [f32]| unsafe { columns.compute::<S>(linear, place.part(panels), scratch) };
        let mut scratch = scratch.chunks_mut(panel.max(1));
        let own = scratch.next().unwrap_or_default();
        let others: Vec<_> = (1..threads).map(|_| Mutex::new(Some(scratch.next().unwrap_or_default()))).collect();
        let help = |place: Place| {
            if let Some(scratch) = taken(&others[place.number - 1]) {
                compute(place, scratch);
            }
        };
        share(threads, &help, |place| compute(place, own));
        Ok(())
    }
}

/// The rows of input and output, as all threads see them.
struct Columns {
    input: *const f32,
    output: *mut f32,
    count: usize,
    inputs: usize,
    outputs: usize,
}

// SAFETY: each thread writes its own columns.
unsafe impl Sync for Columns {}

impl Columns {
    /// Compute the columns of some panels.
    unsafe fn compute<S: Simd>(&self, linear: Linear<'_>, panels: Range<usize>, scratch: &mut [f32]) {
        let columns = 2 * S::LANES;
        let rows = Rows::<S, Float32> { values: self.input, stride: self.inputs, scales: ptr::null() };
        unsafe {
            S::compile(
                #[inline(always)]
                || match linear {
                    Linear::Packed(matrix) => {
                        let all = matrix.panels::<S, Float32>();
                        product::<S, Float32>(
                            rows,
                            self.count,
                            all,
                            panels,
                            #[inline(always)]
                            |first, height, column, sums| {
                                self.store::<S>(matrix.bias(), first, height, column, sums);
                            },
                        );
                    }
                    Linear::Rows { weight, bias, .. } => {
                        let (scratch, rows_of) = scratch.split_at_mut(columns * self.inputs);
                        for panel in panels {
                            let begin = panel * columns;
                            let width = columns.min(self.outputs - begin);
                            let from = match weight {
                                Table::Float32(values) => values.as_ptr().add(begin * self.inputs),
                                Table::Float16(_) => {
                                    for row in 0..width {
                                        let to = rows_of.as_mut_ptr().add(row * self.inputs);
                                        weight.read::<S>(begin + row, self.inputs, to);
                                    }
                                    rows_of.as_ptr()
                                }
                            };
                            transpose::<S>(from, self.inputs, width, self.inputs, scratch.as_mut_ptr());
                            let one = Panels::<Float32> {
                                weights: scratch.as_ptr(),
                                stride: 0,
                                group_stride: columns,
                                groups: self.inputs,
                                scales: ptr::null(),
                                totals: ptr::null(),
                                starts: ptr::null(),
                            };
                            product::<S, Float32>(
                                rows,
                                self.count,
                                one,
                                0..1,
                                #[inline(always)]
                                |first, height, _, sums| {
                                    self.store::<S>(bias, first, height, begin, sums);
                                },
                            );
                        }
                    }
                },
            );
        }
    }

    /// Write a tile of results, without the columns that fill the last panel.
    #[inline(always)]
    unsafe fn store<S: Simd>(&self, bias: &[f32], first: usize, height: usize, column: usize, sums: &Sums) {
        for row in 0..height {
            for half in [0, S::LANES] {
                let begin = column + half;
                let left = self.outputs.saturating_sub(begin).min(S::LANES);
                if left > 0 {
                    unsafe {
                        let value = S::load(sums.as_ptr().add(row * 2 * S::LANES + half));
                        let value = S::add(value, S::load_part(bias.as_ptr().add(begin), left));
                        S::store_part(self.output.add((first + row) * self.outputs + begin), value, left);
                    }
                }
            }
        }
    }
}
