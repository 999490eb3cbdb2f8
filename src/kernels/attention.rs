//! Attention of one head over the tokens of one text, on packed rows of queries, keys and values.

use super::functions::exp;
use super::memory::grow;
use super::product::{Float32, MOST_COLUMNS, Panels, Rows, product};
use super::rows::transpose;
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
    keys: Vec<f32>,
    scores: Vec<f32>,
}

impl Scratch {
    /// Make room for texts of this many tokens.
    pub(super) fn reserve(&mut self, tokens: usize, head_size: usize) -> Result<()> {
        let columns = tokens.next_multiple_of(MOST_COLUMNS);
        grow(&mut self.keys, columns * head_size)?;
        grow(&mut self.scores, QUERIES.min(tokens) * columns)
    }

    /// Return the number of bytes.
    pub(super) fn bytes(&self) -> usize {
        (self.keys.len() + self.scores.len()) * size_of::<f32>()
    }
}

/// `softmax(Q Kᵀ / √D) V`.
#[inline(always)]
pub(super) unsafe fn attend<S: Simd>(unit: Unit, scratch: &mut Scratch) {
    let Unit { query, stride, width, tokens, head_size, context, context_stride, .. } = unit;
    let columns = 2 * S::LANES;
    let panels = tokens.div_ceil(columns);
    let row = panels * columns;
    unsafe {
        let keys = scratch.keys.as_mut_ptr();
        transpose::<S>(query.add(width), stride, tokens, head_size, keys);
        let scores = scratch.scores.as_mut_ptr();
        let key_panels = Panels::<Float32> {
            weights: keys,
            stride: head_size * columns,
            group_stride: columns,
            groups: head_size,
            scales: std::ptr::null(),
            starts: std::ptr::null(),
        };
        let value_panels = Panels::<Float32> {
            weights: query.add(2 * width),
            stride: columns,
            group_stride: stride,
            groups: tokens,
            scales: std::ptr::null(),
            starts: std::ptr::null(),
        };
        let scale = 1.0 / (head_size as f32).sqrt();
        let mut inverse = [0.0; QUERIES];
        let mut begin = 0;
        while begin < tokens {
            let count = QUERIES.min(tokens - begin);
            let rows = Rows::<S, Float32> { values: query.add(begin * stride), stride, scales: std::ptr::null() };
            product::<S, Float32>(
                rows,
                count,
                key_panels,
                0..panels,
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
            let rows = Rows::<S, Float32> { values: scores, stride: row, scales: std::ptr::null() };
            let ranges = 0..head_size.div_ceil(columns);
            product::<S, Float32>(
                rows,
                count,
                value_panels,
                ranges,
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
