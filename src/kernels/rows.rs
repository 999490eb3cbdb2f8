//! Work on one row of float32: its norm, and its form as the input of a product.

use super::product::{BFloat16, Float16, Float32, Form, Int8, Scale};
use super::simd::{MOST_LANES, Simd};

/// The largest magnitude in int8, so that every number has its opposite.
pub(super) const LARGEST_INT8: f32 = 127.0;
/// The smallest largest magnitude: the scale of a row or column of zeros is not 0.
pub(super) const SMALLEST: f32 = 1e-30;

/// The parameters of a layer norm.
#[derive(Clone, Copy)]
pub(super) struct Norm {
    pub(super) weight: *const f32,
    pub(super) bias: *const f32,
    pub(super) width: usize,
    pub(super) eps: f32,
}

/// Call `f` with the place and the number of values of each vector of a row of `width` values.
#[inline(always)]
pub(super) unsafe fn parts<S: Simd>(width: usize, mut f: impl FnMut(usize, usize)) {
    let mut at = 0;
    while at < width {
        f(at, S::LANES.min(width - at));
        at += S::LANES;
    }
}

/// `(x - mean) / √(variance + eps) weight + bias`.
#[inline(always)]
pub(super) unsafe fn norm<S: Simd>(from: *const f32, to: *mut f32, norm: Norm) {
    unsafe {
        let Norm { weight, bias, width, eps } = norm;
        let mut sums = S::splat(0.0);
        parts::<S>(
            width,
            #[inline(always)]
            |at, count| sums = S::add(sums, S::load_part(from.add(at), count)),
        );
        let mean = S::splat(S::sum(sums) / width as f32);
        let mut squares = S::splat(0.0);
        parts::<S>(
            width,
            #[inline(always)]
            |at, count| {
                // Beyond the row the mean takes the place of the value, so that the difference is zero.
                let difference = S::sub(S::load_part(from.add(at), count), S::keep(mean, count));
                squares = S::fma(difference, difference, squares);
            },
        );
        let factor = S::splat(1.0 / (S::sum(squares) / width as f32 + eps).sqrt());
        parts::<S>(
            width,
            #[inline(always)]
            |at, count| {
                let scaled = S::mul(S::sub(S::load_part(from.add(at), count), mean), factor);
                let value = S::fma(scaled, S::load_part(weight.add(at), count), S::load_part(bias.add(at), count));
                S::store_part(to.add(at), value, count);
            },
        );
    }
}

/// How a row becomes the input of a product.
pub(super) trait Encode: Form {
    /// Whether the row is the input as it is.
    const IDENTITY: bool;
    /// Write the input, and return its scale. A group that the row does not fill is filled up; its weights are zero.
    unsafe fn encode<S: Simd>(from: *const f32, width: usize, to: *mut Self::Input<S>) -> Scale;
}

impl Encode for Float32 {
    const IDENTITY: bool = true;
    unsafe fn encode<S: Simd>(_from: *const f32, _width: usize, _to: *mut f32) -> Scale {
        Scale::NONE
    }
}

impl Encode for Float16 {
    const IDENTITY: bool = true;
    unsafe fn encode<S: Simd>(_from: *const f32, _width: usize, _to: *mut f32) -> Scale {
        Scale::NONE
    }
}

impl Encode for BFloat16 {
    const IDENTITY: bool = false;
    #[inline(always)]
    unsafe fn encode<S: Simd>(from: *const f32, width: usize, to: *mut u16) -> Scale {
        unsafe {
            parts::<S>(
                width,
                #[inline(always)]
                |at, count| S::store_bfloat(to.add(at), S::load_part(from.add(at), count)),
            );
        };
        Scale::NONE
    }
}

impl Encode for Int8 {
    const IDENTITY: bool = false;
    #[inline(always)]
    unsafe fn encode<S: Simd>(from: *const f32, width: usize, to: *mut S::Small) -> Scale {
        unsafe {
            // The range of a row has zero in it, so that what fills up its last vector changes nothing.
            let zero = S::splat(0.0);
            let (mut high, mut low, mut zeros) = (zero, zero, zero);
            parts::<S>(
                width,
                #[inline(always)]
                |at, count| {
                    let values = S::load_part(from.add(at), count);
                    high = S::max(high, values);
                    low = S::max(low, S::sub(zero, values));
                    // NaN where a value is infinite or NaN, which integers cannot say.
                    zeros = S::fma(values, zero, zeros);
                },
            );
            // Halves, because the sum of two of the largest numbers is none.
            let (high, low) = (0.5 * S::maximum(high), 0.5 * S::maximum(low));
            let (half, center) = ((high + low).max(SMALLEST), high - low);
            let factor = S::splat(LARGEST_INT8 / half);
            parts::<S>(
                width,
                #[inline(always)]
                |at, count| {
                    let values = S::sub(S::load_part(from.add(at), count), S::splat(center));
                    S::store_small(to.add(at), S::mul(values, factor));
                },
            );
            Scale { scale: half / LARGEST_INT8 + S::sum(zeros), center }
        }
    }
}

/// Write rows as panels of columns: `[panel, width, column]`, with zeros for columns beyond the last row.
#[inline(always)]
pub(super) unsafe fn transpose<S: Simd>(from: *const f32, stride: usize, rows: usize, width: usize, to: *mut f32) {
    unsafe {
        let columns = 2 * S::LANES;
        for first in (0..rows.next_multiple_of(columns)).step_by(S::LANES) {
            let panel = to.add(first / columns * columns * width + first % columns);
            parts::<S>(
                width,
                #[inline(always)]
                |begin, count| {
                    let mut block = [S::splat(0.0); MOST_LANES];
                    for (lane, values) in block.iter_mut().enumerate().take(S::LANES) {
                        if first + lane < rows {
                            *values = S::load_part(from.add((first + lane) * stride + begin), count);
                        }
                    }
                    S::transpose(&mut block);
                    for (lane, values) in block.iter().enumerate().take(count) {
                        S::store(panel.add((begin + lane) * columns), *values);
                    }
                },
            );
        }
    }
}
