//! Attention of one head over the tokens of one text, on packed rows of queries, keys and values.

use std::ptr;

use super::functions::exp;
use super::memory::grow;
use super::product::{BFloat16, Float32, Form, MOST_COLUMNS, Panels, Rows, product};
use super::rows::{Encode, parts, transpose};
use super::simd::Simd;
use crate::error::Result;

/// Queries whose scores are in memory at a time: few enough that those of 512 keys stay in the second cache.
const QUERIES: usize = 48;

/// The tokens of its row that a token attends to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direction {
    /// All tokens.
    #[default]
    Both,
    /// The token itself and the tokens before it.
    LeftToRight,
    /// The token itself and the tokens after it.
    RightToLeft,
}

/// One head of one text.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    /// The first query of the head. Keys are `width` values further, values twice that.
    pub(super) query: *const f32,
    /// Number of values from one token to the next.
    pub(super) stride: usize,
    /// H.
    pub(super) width: usize,
    /// Number of tokens.
    pub(super) tokens: usize,
    /// D.
    pub(super) head_size: usize,
    pub(super) direction: Direction,
    /// Where the results of the head go.
    pub(super) context: *mut f32,
    pub(super) context_stride: usize,
    /// Where the probabilities `[tokens, tokens]` go; null if nobody wants them.
    pub(super) probabilities: *mut f32,
}

/// Memory for one unit at a time.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The panels of keys.
    keys: Vec<f32>,
    scores: Vec<f32>,
    /// The panels of values in bfloat16.
    values: Vec<u16>,
    /// Rows of keys, queries or probabilities in bfloat16.
    rows: Vec<u16>,
}

impl Scratch {
    /// Make room for texts of this many tokens.
    pub(super) fn reserve(&mut self, tokens: usize, head_size: usize, in_bfloat: bool) -> Result<()> {
        let (columns, width) = (tokens.next_multiple_of(MOST_COLUMNS), head_size.next_multiple_of(MOST_COLUMNS));
        let count = QUERIES.min(tokens);
        grow(&mut self.keys, columns * head_size)?;
        grow(&mut self.scores, count * columns)?;
        if in_bfloat {
            grow(&mut self.values, tokens.next_multiple_of(2) * width)?;
            grow(&mut self.rows, (tokens * width).max(count * columns))?;
        }
        Ok(())
    }

    /// Return the number of bytes.
    pub(super) fn bytes(&self) -> usize {
        (self.keys.len() + self.scores.len()) * size_of::<f32>()
            + (self.values.len() + self.rows.len()) * size_of::<u16>()
    }
}

/// The form of the operands of attention. All are activations, brought into the form of weights at every call.
pub(super) trait Operands: Encode {
    /// Return the panels of the keys, transposed, and of the values.
    unsafe fn pack<S: Simd>(unit: &Unit, scratch: &mut Scratch) -> [Panels<Self>; 2];
    /// Return rows of `width` values.
    unsafe fn rows<S: Simd>(
        from: *const f32,
        stride: usize,
        count: usize,
        width: usize,
        scratch: &mut Scratch,
    ) -> Rows<S, Self>;
}

impl Operands for Float32 {
    #[inline(always)]
    unsafe fn pack<S: Simd>(unit: &Unit, scratch: &mut Scratch) -> [Panels<Self>; 2] {
        let &Unit { query, stride, width, tokens, head_size, .. } = unit;
        let keys = scratch.keys.as_mut_ptr();
        unsafe {
            transpose::<S>(query.add(width), stride, tokens, head_size, keys);
            let columns = 2 * S::LANES;
            [
                panels(keys, head_size * columns, columns, head_size),
                // The rows of values are panels as they are.
                panels(query.add(2 * width), columns, stride, tokens),
            ]
        }
    }

    #[inline(always)]
    unsafe fn rows<S: Simd>(
        from: *const f32,
        stride: usize,
        _count: usize,
        _width: usize,
        _scratch: &mut Scratch,
    ) -> Rows<S, Self> {
        Rows { values: from, stride, scales: ptr::null() }
    }
}

impl Operands for BFloat16 {
    #[inline(always)]
    unsafe fn pack<S: Simd>(unit: &Unit, scratch: &mut Scratch) -> [Panels<Self>; 2] {
        let &Unit { query, stride, width, tokens, head_size, .. } = unit;
        let columns = 2 * S::LANES;
        let pairs = head_size.div_ceil(2);
        unsafe {
            let rows = Self::rows::<S>(query.add(width), stride, tokens, head_size, scratch);
            let keys = scratch.keys.as_mut_ptr();
            // Two neighbours of a row stay together, as if they were one float32.
            transpose::<S>(rows.values.cast(), rows.stride / 2, tokens, pairs, keys);
            let values = scratch.values.as_mut_ptr();
            let panel = tokens.div_ceil(2) * columns * 2;
            for token in (0..tokens).step_by(2) {
                let first = query.add(token * stride + 2 * width);
                parts::<S>(
                    head_size,
                    #[inline(always)]
                    |at, count| {
                        let second = if token + 1 < tokens {
                            S::load_part(first.add(stride + at), count)
                        } else {
                            S::splat(0.0)
                        };
                        let place = at / columns * panel + (token / 2 * columns + at % columns) * 2;
                        S::store_bfloat_pairs(values.add(place), S::load_part(first.add(at), count), second);
                    },
                );
            }
            [
                panels(keys.cast(), pairs * columns * 2, columns * 2, pairs),
                panels(values, panel, columns * 2, tokens.div_ceil(2)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn rows<S: Simd>(
        from: *const f32,
        stride: usize,
        count: usize,
        width: usize,
        scratch: &mut Scratch,
    ) -> Rows<S, Self> {
        let (values, to) = (scratch.rows.as_mut_ptr(), width.next_multiple_of(MOST_COLUMNS));
        for row in 0..count {
            unsafe { Self::encode::<S>(from.add(row * stride), width, values.add(row * to)) };
        }
        Rows { values, stride: to, scales: ptr::null() }
    }
}

fn panels<F: Form>(weights: *const F::Weight, stride: usize, group_stride: usize, groups: usize) -> Panels<F> {
    Panels { weights, stride, group_stride, groups, scales: ptr::null(), totals: ptr::null(), starts: ptr::null() }
}

/// `softmax(Q Kᵀ / √D) V`.
#[inline(always)]
pub(super) unsafe fn attend<S: Simd, F: Operands>(unit: Unit, scratch: &mut Scratch) {
    let Unit { query, stride, tokens, head_size, context, context_stride, .. } = unit;
    let columns = 2 * S::LANES;
    let key_panels = tokens.div_ceil(columns);
    let row = key_panels * columns;
    unsafe {
        let [keys, values] = F::pack::<S>(&unit, scratch);
        let scores = scratch.scores.as_mut_ptr();
        let scale = 1.0 / (head_size as f32).sqrt();
        let mut inverse = [0.0; QUERIES];
        let mut begin = 0;
        while begin < tokens {
            let count = QUERIES.min(tokens - begin);
            let rows = F::rows::<S>(query.add(begin * stride), stride, count, head_size, scratch);
            product::<S, F>(
                rows,
                count,
                keys,
                0..key_panels,
                #[inline(always)]
                |first, height, column, sums| {
                    for place in 0..height {
                        let from = sums.as_ptr().add(place * columns);
                        let to = scores.add((first + place) * row + column);
                        S::store(to, S::load(from));
                        S::store(to.add(S::LANES), S::load(from.add(S::LANES)));
                    }
                },
            );
            for (place, inverse) in inverse.iter_mut().enumerate().take(count) {
                let token = begin + place;
                let (low, high) = match unit.direction {
                    Direction::Both => (0, tokens),
                    Direction::LeftToRight => (0, token + 1),
                    Direction::RightToLeft => (token, tokens),
                };
                let scores = scores.add(place * row);
                *inverse = 1.0 / softmax::<S>(scores, low, high, tokens, scale);
                if !unit.probabilities.is_null() {
                    let to = unit.probabilities.add(token * tokens);
                    for key in 0..tokens {
                        *to.add(key) = *scores.add(key) * *inverse;
                    }
                }
            }
            let rows = F::rows::<S>(scores, row, count, tokens, scratch);
            product::<S, F>(
                rows,
                count,
                values,
                0..head_size.div_ceil(columns),
                #[inline(always)]
                |first, height, column, sums| {
                    for place in 0..height {
                        let factor = S::splat(inverse[first + place]);
                        let from = sums.as_ptr().add(place * columns);
                        let to = context.add((begin + first + place) * context_stride + column);
                        for half in [0, S::LANES] {
                            let left = head_size.saturating_sub(column + half).min(S::LANES);
                            S::store_part(to.wrapping_add(half), S::mul(S::load(from.add(half)), factor), left);
                        }
                    }
                },
            );
            begin += count;
        }
    }
}

/// Replace scores by `exp(scale (score - maximum))` in `[low, high)`, by 0 outside of it up to `count`, and return
/// their sum.
#[inline(always)]
unsafe fn softmax<S: Simd>(scores: *mut f32, low: usize, high: usize, count: usize, scale: f32) -> f32 {
    unsafe {
        for place in (0..low).chain(high..count) {
            *scores.add(place) = f32::NEG_INFINITY;
        }
        let parts = (0..count).step_by(S::LANES).map(|at| (at, S::LANES.min(count - at)));
        let mut largest = S::splat(f32::NEG_INFINITY);
        for (at, part) in parts.clone() {
            let values = S::load(scores.add(at));
            let values = if part == S::LANES { values } else { S::keep_or(values, S::splat(f32::NEG_INFINITY), part) };
            largest = S::max(largest, values);
        }
        let largest = S::splat(S::maximum(largest));
        let scale = S::splat(scale);
        let mut sums = S::splat(0.0);
        for (at, part) in parts {
            let values = S::load(scores.add(at));
            let values = exp::<S>(S::mul(S::sub(values, largest), scale));
            let values = if part == S::LANES { values } else { S::keep(values, part) };
            S::store(scores.add(at), values);
            sums = S::add(sums, values);
        }
        // exp does not reach 0.
        for place in (0..low).chain(high..count) {
            *scores.add(place) = 0.0;
        }
        S::sum(sums)
    }
}
