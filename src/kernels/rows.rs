//! Work on one row of float32: its norm, and its form as the input of a product.

use std::ptr;

use super::product::{BFloat16, Float16, Float32, Form, Int8, Scale};
use super::simd::{MOST_LANES, Simd};

/// The largest magnitude of a weight in int8, so that every number has its opposite.
pub(super) const LARGEST_INT8: f32 = 127.0;
/// Rows of fewer vectors are not rotated.
pub(super) const NARROW: usize = 8;
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

/// Multiply each block of vectors of a row by a Hadamard matrix, lane by lane.
///
/// The matrix is its own inverse, so that a product of rotated rows by rotated weights is that of the rows by the weights.
/// Trained models have a few values of a row that are far larger than the others; rotated, they are spread over a block, and
/// the integers of the whole row are finer. A block is as many vectors as a vector has lanes, and the largest powers of two
/// at the end. What does not fill a vector stays as it is, and so do narrow rows: over a few vectors nothing is spread that
/// centering would not save as well.
#[inline(always)]
pub(super) unsafe fn rotate<S: Simd>(from: *const f32, width: usize, to: *mut f32) {
    unsafe {
        let mut at = 0;
        loop {
            let left = if width < NARROW * S::LANES { 0 } else { (width - at) / S::LANES };
            let (from, to) = (from.add(at), to.add(at));
            let vectors = match left.min(S::LANES) {
                16.. => rotate_block::<S, 16>(from, to),
                8.. => rotate_block::<S, 8>(from, to),
                4.. => rotate_block::<S, 4>(from, to),
                2.. => rotate_block::<S, 2>(from, to),
                1 => rotate_block::<S, 1>(from, to),
                0 => break,
            };
            at += vectors * S::LANES;
        }
        ptr::copy_nonoverlapping(from.add(at), to.add(at), width - at);
    }
}

/// Rotate N vectors, and return N, a power of two.
#[inline(always)]
unsafe fn rotate_block<S: Simd, const N: usize>(from: *const f32, to: *mut f32) -> usize {
    unsafe {
        let mut block = [S::splat(1.0 / (N as f32).sqrt()); N];
        for (vector, values) in block.iter_mut().enumerate() {
            *values = S::mul(*values, S::load(from.add(vector * S::LANES)));
        }
        let mut half = 1;
        while half < N {
            for vector in 0..N {
                if vector & half == 0 {
                    let (one, other) = (block[vector], block[vector | half]);
                    (block[vector], block[vector | half]) = (S::add(one, other), S::sub(one, other));
                }
            }
            half *= 2;
        }
        for (vector, values) in block.into_iter().enumerate() {
            S::store(to.add(vector * S::LANES), values);
        }
        N
    }
}

/// Return the largest magnitude of the integers of a row, as large as sums in int32 allow.
pub(super) fn largest<S: Simd>(width: usize) -> f32 {
    S::LARGEST.min(i32::MAX / i32::from(i8::MAX) / width as i32) as f32
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
        Scale::default()
    }
}

impl Encode for Float16 {
    const IDENTITY: bool = true;
    unsafe fn encode<S: Simd>(_from: *const f32, _width: usize, _to: *mut f32) -> Scale {
        Scale::default()
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
        Scale::default()
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
            let largest = largest::<S>(width);
            let factor = S::splat(largest / half);
            parts::<S>(
                width,
                #[inline(always)]
                |at, count| {
                    let values = S::sub(S::load_part(from.add(at), count), S::splat(center));
                    S::store_small(to.add(at), S::mul(values, factor));
                },
            );
            Scale { scale: half / largest + S::sum(zeros), center }
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
