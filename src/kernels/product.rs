//! Products of rows by packed weights: `y = x Wᵀ`, a few rows by one panel of columns at a time.
//!
//! A row's sums are added in the same order whatever stands beside it, so that its results are the same bit for bit in any
//! batch.

use std::ops::Range;

use super::simd::Simd;

/// Most rows of a tile, of any instruction set.
const MOST_ROWS: usize = 12;
/// Most values of K in one step, of any form.
pub(super) const MOST_GROUP: usize = 4;
/// Most columns of a panel, of any instruction set.
pub(super) const MOST_COLUMNS: usize = 32;

/// How the operands of a product are stored, and one step of a dot product.
///
/// # Safety
/// As for [`Simd`].
pub(super) trait Form: Copy + 'static {
    /// A value of a row.
    type Input<S: Simd>: Copy + Default;
    /// A weight.
    type Weight: Copy + Default;
    /// The sums of a vector of columns.
    type Sums<S: Simd>: Copy;
    /// Number of steps after which sums are added to those before, so that rounding errors grow less with K.
    const BLOCK: usize;
    /// Whether rows of input have scales; these rows and the weights are rotated.
    const IS_SCALED: bool = false;

    /// Return whether attention, which has no weights, multiplies bfloat16 rather than float32. That costs a precision more
    /// answers than it saves time, unless its products are less exact anyway.
    fn attends_in_bfloat<S: Simd>() -> bool {
        false
    }

    /// Return the number of neighbouring values of K in one step, at most [`MOST_GROUP`].
    fn group<S: Simd>() -> usize;
    /// Return the sums before the first step of a block; `starts` belong to these columns.
    unsafe fn begin<S: Simd>(starts: *const i32) -> Self::Sums<S>;
    /// Add the products of one group of a row by a vector of columns.
    unsafe fn step<S: Simd>(
        sums: Self::Sums<S>,
        input: *const Self::Input<S>,
        weights: *const Self::Weight,
    ) -> Self::Sums<S>;
    /// Return the sums in float32; `scales` and `totals` belong to these columns.
    unsafe fn end<S: Simd>(sums: Self::Sums<S>, row: Scale, scales: *const f32, totals: *const f32) -> S::Floats;
}

/// float32.
#[derive(Clone, Copy)]
pub(super) struct Float32;
/// Weights in float16, arithmetic in float32.
#[derive(Clone, Copy)]
pub(super) struct Float16;
/// bfloat16, with sums in float32.
#[derive(Clone, Copy)]
pub(super) struct BFloat16;
/// int8 with a scale per row of input and per column of weights, and exact sums. Rows of input and of weights are rotated
/// ([`rotate`](super::rows::rotate)). A row's integers are centered between its smallest and its largest value, since after
/// GELU, for example, most of a range around zero would be unused.
#[derive(Clone, Copy)]
pub(super) struct Int8;

impl Form for Float32 {
    type Input<S: Simd> = f32;
    type Weight = f32;
    type Sums<S: Simd> = S::Floats;
    const BLOCK: usize = 256;

    fn group<S: Simd>() -> usize {
        1
    }

    #[inline(always)]
    unsafe fn begin<S: Simd>(_starts: *const i32) -> S::Floats {
        unsafe { S::splat(0.0) }
    }

    #[inline(always)]
    unsafe fn step<S: Simd>(sums: S::Floats, input: *const f32, weights: *const f32) -> S::Floats {
        unsafe { S::fma(S::splat(*input), S::load(weights), sums) }
    }

    #[inline(always)]
    unsafe fn end<S: Simd>(sums: S::Floats, _row: Scale, _scales: *const f32, _totals: *const f32) -> S::Floats {
        sums
    }
}

impl Form for Float16 {
    type Input<S: Simd> = f32;
    type Weight = u16;
    type Sums<S: Simd> = S::Floats;
    const BLOCK: usize = 256;

    fn group<S: Simd>() -> usize {
        1
    }

    #[inline(always)]
    unsafe fn begin<S: Simd>(_starts: *const i32) -> S::Floats {
        unsafe { S::splat(0.0) }
    }

    #[inline(always)]
    unsafe fn step<S: Simd>(sums: S::Floats, input: *const f32, weights: *const u16) -> S::Floats {
        unsafe { S::fma(S::splat(*input), S::load_half(weights), sums) }
    }

    #[inline(always)]
    unsafe fn end<S: Simd>(sums: S::Floats, _row: Scale, _scales: *const f32, _totals: *const f32) -> S::Floats {
        sums
    }
}

impl Form for BFloat16 {
    type Input<S: Simd> = u16;
    type Weight = u16;
    type Sums<S: Simd> = S::Floats;
    const BLOCK: usize = 128;

    fn group<S: Simd>() -> usize {
        2
    }

    #[inline(always)]
    unsafe fn begin<S: Simd>(_starts: *const i32) -> S::Floats {
        unsafe { S::splat(0.0) }
    }

    #[inline(always)]
    unsafe fn step<S: Simd>(sums: S::Floats, input: *const u16, weights: *const u16) -> S::Floats {
        unsafe { S::dot_bfloat(sums, input, weights) }
    }

    #[inline(always)]
    unsafe fn end<S: Simd>(sums: S::Floats, _row: Scale, _scales: *const f32, _totals: *const f32) -> S::Floats {
        sums
    }
}

impl Form for Int8 {
    type Input<S: Simd> = S::Small;
    type Weight = i8;
    type Sums<S: Simd> = S::Integers;
    // Sums are exact, because `Matrix` limits K.
    const BLOCK: usize = usize::MAX;
    const IS_SCALED: bool = true;

    fn attends_in_bfloat<S: Simd>() -> bool {
        S::HAS_BFLOAT
    }

    fn group<S: Simd>() -> usize {
        S::GROUP
    }

    #[inline(always)]
    unsafe fn begin<S: Simd>(starts: *const i32) -> S::Integers {
        unsafe { S::load_integers(starts) }
    }

    #[inline(always)]
    unsafe fn step<S: Simd>(sums: S::Integers, input: *const S::Small, weights: *const i8) -> S::Integers {
        unsafe { S::dot_small(sums, input, weights) }
    }

    #[inline(always)]
    unsafe fn end<S: Simd>(sums: S::Integers, row: Scale, scales: *const f32, totals: *const f32) -> S::Floats {
        unsafe {
            let products = S::mul(S::mul(S::to_floats(sums), S::load(scales)), S::splat(row.scale));
            S::fma(S::splat(row.center), S::load(totals), products)
        }
    }
}

/// What the integers of a row of input stand for: `scale · integer + center`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scale {
    pub(super) scale: f32,
    pub(super) center: f32,
}

/// Rows of input.
#[derive(Clone, Copy)]
pub(super) struct Rows<S: Simd, F: Form> {
    pub(super) values: *const F::Input<S>,
    /// Number of values from one row to the next.
    pub(super) stride: usize,
    /// A scale per row; null if the form has none.
    pub(super) scales: *const Scale,
}

/// Panels of weights of `S::LANES * 2` columns.
#[derive(Clone, Copy)]
pub(super) struct Panels<F: Form> {
    pub(super) weights: *const F::Weight,
    /// Number of weights from one panel to the next.
    pub(super) stride: usize,
    /// Number of weights from one group to the next.
    pub(super) group_stride: usize,
    pub(super) groups: usize,
    /// A scale per column; not read by forms without.
    pub(super) scales: *const f32,
    /// The sum of the weights of each column; not read by forms without scales.
    pub(super) totals: *const f32,
    /// A sum to begin with per column; not read by forms without.
    pub(super) starts: *const i32,
}

/// The results of a tile, in float32: `[rows, columns of a panel]`.
pub(super) type Sums = [f32; MOST_ROWS * MOST_COLUMNS];

/// Multiply rows by panels, and hand each tile to `finish(first row, number of rows, first column, sums)`.
#[inline(always)]
pub(super) unsafe fn product<S: Simd, F: Form>(
    rows: Rows<S, F>,
    count: usize,
    panels: Panels<F>,
    range: Range<usize>,
    mut finish: impl FnMut(usize, usize, usize, &Sums),
) {
    let columns = 2 * S::LANES;
    let mut sums = Aligned([0.0; MOST_ROWS * MOST_COLUMNS]);
    for panel in range {
        let column = panel * columns;
        let mut row = 0;
        while row < count {
            let height = height::<S>(count - row);
            unsafe {
                tile_of::<S, F>(height)(Tile {
                    input: rows.values.add(row * rows.stride),
                    input_stride: rows.stride,
                    row_scales: rows.scales.wrapping_add(row),
                    weights: panels.weights.add(panel * panels.stride),
                    group_stride: panels.group_stride,
                    groups: panels.groups,
                    scales: panels.scales.wrapping_add(column),
                    totals: panels.totals.wrapping_add(column),
                    starts: panels.starts.wrapping_add(column),
                    sums: &raw mut sums.0,
                });
            }
            finish(row, height, column, &sums.0);
            row += height;
        }
    }
}

#[repr(align(64))]
struct Aligned(Sums);

/// Return how many of `left` rows the next tile takes: as many as registers hold, but no lone row at the end.
#[inline(always)]
fn height<S: Simd>(left: usize) -> usize {
    const HEIGHTS: [usize; MOST_ROWS + 1] = [0, 1, 2, 3, 4, 5, 6, 4, 8, 5, 6, 6, 12];
    if left <= S::ROWS {
        HEIGHTS[left]
    } else if S::ROWS == MOST_ROWS {
        if left < 17 { [8, 8, 12, 8][left - 13] } else { 12 }
    } else {
        // Six rows of AVX2 at a time, and 4 + 4, 5 + 4, 5 + 5 at the end.
        [4, 4, 5, 5, 6, 6][(left - 7).min(5)]
    }
}

/// The arguments of a tile.
#[derive(Clone, Copy)]
struct Tile<S: Simd, F: Form> {
    input: *const F::Input<S>,
    input_stride: usize,
    row_scales: *const Scale,
    weights: *const F::Weight,
    group_stride: usize,
    groups: usize,
    scales: *const f32,
    totals: *const f32,
    starts: *const i32,
    sums: *mut Sums,
}

/// Return the function for tiles of this height.
#[inline(always)]
fn tile_of<S: Simd, F: Form>(height: usize) -> unsafe fn(Tile<S, F>) {
    match height {
        1 => tile::<S, F, 1>,
        2 => tile::<S, F, 2>,
        3 => tile::<S, F, 3>,
        4 => tile::<S, F, 4>,
        5 => tile::<S, F, 5>,
        6 => tile::<S, F, 6>,
        8 => tile::<S, F, 8>,
        _ => tile::<S, F, 12>,
    }
}

/// Multiply `R` rows by one panel.
unsafe fn tile<S: Simd, F: Form, const R: usize>(tile: Tile<S, F>) {
    unsafe {
        S::compile(
            #[inline(always)]
            || {
                let Tile { mut input, input_stride, mut weights, group_stride, groups, .. } = tile;
                let second = S::LANES * F::group::<S>();
                let mut left = groups;
                let mut first = true;
                loop {
                    let block = left.min(F::BLOCK);
                    let mut sums = [[F::begin::<S>(tile.starts), F::begin::<S>(tile.starts.wrapping_add(S::LANES))]; R];
                    for _ in 0..block {
                        for (row, [low, high]) in sums.iter_mut().enumerate() {
                            let value = input.add(row * input_stride);
                            *low = F::step::<S>(*low, value, weights);
                            *high = F::step::<S>(*high, value, weights.add(second));
                        }
                        // After the last group the places may be out of bounds.
                        input = input.wrapping_add(F::group::<S>());
                        weights = weights.wrapping_add(group_stride);
                    }
                    let results = tile.sums.cast::<f32>();
                    for (row, halves) in sums.into_iter().enumerate() {
                        for (half, sums) in halves.into_iter().enumerate() {
                            let scale = if F::IS_SCALED { *tile.row_scales.add(row) } else { Scale::default() };
                            let column = half * S::LANES;
                            let (scales, totals) = (tile.scales.wrapping_add(column), tile.totals.wrapping_add(column));
                            let value = F::end::<S>(sums, scale, scales, totals);
                            let to = results.add((row * 2 + half) * S::LANES);
                            S::store(to, if first { value } else { S::add(S::load(to), value) });
                        }
                    }
                    left -= block;
                    first = false;
                    if left == 0 {
                        break;
                    }
                }
            },
        );
    }
}
