//! Vectors of float32 on the instruction sets that kernels are written for.
//!
//! Kernels are generic over [`Simd`], and [`Simd::compile`] is where a kernel meets its instruction set: everything that is
//! inlined into it may use the set. So each kernel is written once. Closures on the way need `#[inline(always)]`: otherwise
//! they are compiled without the set, and every instruction in them is a call.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(super) use avx512::Avx512;

/// Number of lanes of the longest vectors.
pub(super) const MOST_LANES: usize = 16;

/// Vectors of an instruction set. All functions are only called inside [`Simd::compile`].
///
/// # Safety
/// Each function needs a processor with the instruction set. Pointers are valid for what is read or written, aligned or not.
pub(super) trait Simd: Copy + 'static {
    /// Float32 values.
    type Floats: Copy;
    /// 32-bit integers, as many as there are floats.
    type Integers: Copy;
    /// An integer in [-LARGEST, LARGEST] plus [`Simd::OFFSET`], as [`Simd::dot_small`] reads it.
    type Small: Copy + Default;
    /// The largest magnitude of such an integer.
    const LARGEST: i32;
    /// What is added to integers that are stored. Sums begin with minus this times the sum of the weights.
    const OFFSET: i32;
    /// Number of products that [`Simd::dot_small`] adds at once.
    const GROUP: usize;
    /// Whether bfloat16 is multiplied by the processor itself, and not as float32.
    const HAS_BFLOAT: bool;
    /// Number of float32 values in a vector.
    const LANES: usize;
    /// The most rows of a product that registers hold sums for, at two vectors a row.
    const ROWS: usize;

    /// Run a kernel, compiled for the instruction set.
    unsafe fn compile<T>(kernel: impl FnOnce() -> T) -> T;

    unsafe fn splat(value: f32) -> Self::Floats;
    unsafe fn load(from: *const f32) -> Self::Floats;
    unsafe fn store(to: *mut f32, values: Self::Floats);
    /// Load the first `count` values, at most LANES, and zeros.
    unsafe fn load_part(from: *const f32, count: usize) -> Self::Floats;
    /// Store the first `count` values, at most LANES.
    unsafe fn store_part(to: *mut f32, values: Self::Floats, count: usize);
    /// The first `count` values of `a`, then those of `b`.
    unsafe fn keep_or(a: Self::Floats, b: Self::Floats, count: usize) -> Self::Floats;
    /// The first `count` values, then zeros.
    #[inline(always)]
    unsafe fn keep(a: Self::Floats, count: usize) -> Self::Floats {
        unsafe { Self::keep_or(a, Self::splat(0.0), count) }
    }
    unsafe fn add(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    unsafe fn sub(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    unsafe fn mul(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    unsafe fn div(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// The larger one; `b` if either is NaN.
    unsafe fn max(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// The smaller one; `b` if either is NaN.
    unsafe fn min(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a b + c`, rounded once.
    unsafe fn fma(a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
    /// To the nearest integer, ties to even.
    unsafe fn round(a: Self::Floats) -> Self::Floats;
    /// `a 2ⁿ` for integers n in [-126, 127].
    unsafe fn scale(a: Self::Floats, n: Self::Floats) -> Self::Floats;
    unsafe fn sum(a: Self::Floats) -> f32;
    unsafe fn maximum(a: Self::Floats) -> f32;
    /// Transpose LANES vectors of LANES values.
    unsafe fn transpose(rows: &mut [Self::Floats]);

    unsafe fn load_half(from: *const u16) -> Self::Floats;
    unsafe fn store_bfloat(to: *mut u16, values: Self::Floats);
    /// Store the values of both vectors in turn: the first of each, then the second of each.
    unsafe fn store_bfloat_pairs(to: *mut u16, first: Self::Floats, second: Self::Floats);
    /// Round, and store values in [-LARGEST, LARGEST] plus [`Simd::OFFSET`].
    unsafe fn store_small(to: *mut Self::Small, values: Self::Floats);
    unsafe fn load_integers(from: *const i32) -> Self::Integers;
    unsafe fn to_floats(values: Self::Integers) -> Self::Floats;
    /// For each lane add GROUP products: `a`, the same in all lanes, by those of `b`. No sum is saturated.
    unsafe fn dot_small(sums: Self::Integers, a: *const Self::Small, b: *const i8) -> Self::Integers;
    /// For each lane add two products of bfloat16: `a`, the same two in all lanes, by two of `b`.
    unsafe fn dot_bfloat(sums: Self::Floats, a: *const u16, b: *const u16) -> Self::Floats;
}
