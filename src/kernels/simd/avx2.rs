//! AVX2: eight lanes, sixteen registers.

#![allow(clippy::wildcard_imports, reason = "intrinsics are named by their instruction set")]

use std::arch::x86_64::*;

use super::Simd;

/// AVX2 with FMA and F16C.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) struct Avx2;

impl Simd for Avx2 {
    type Floats = __m256;
    type Integers = __m256i;
    // Products of int8 would be added in 16 bits, with saturation; those of int16 in 32.
    type Small = i16;
    const LARGEST: i32 = i16::MAX as i32;
    const OFFSET: i32 = 0;
    const GROUP: usize = 2;
    const HAS_BFLOAT: bool = false;
    const LANES: usize = 8;
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn compile<T>(kernel: impl FnOnce() -> T) -> T {
        #[target_feature(enable = "avx2,fma,f16c")]
        unsafe fn inner<T>(kernel: impl FnOnce() -> T) -> T {
            kernel()
        }
        unsafe { inner(kernel) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, values: __m256) {
        unsafe { _mm256_storeu_ps(to, values) }
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, count: usize) -> __m256 {
        unsafe { _mm256_maskload_ps(from, mask8(count)) }
    }

    #[inline(always)]
    unsafe fn store_part(to: *mut f32, values: __m256, count: usize) {
        unsafe { _mm256_maskstore_ps(to, mask8(count), values) }
    }

    #[inline(always)]
    unsafe fn keep_or(a: __m256, b: __m256, count: usize) -> __m256 {
        unsafe { _mm256_blendv_ps(b, a, _mm256_castsi256_ps(mask8(count))) }
    }

    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_div_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn max(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn min(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_min_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn round(a: __m256) -> __m256 {
        unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
    }

    #[inline(always)]
    unsafe fn scale(a: __m256, n: __m256) -> __m256 {
        unsafe {
            let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
            _mm256_mul_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)))
        }
    }

    #[inline(always)]
    unsafe fn sum(a: __m256) -> f32 {
        unsafe {
            let half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_add_ss(quarter, _mm_shuffle_ps::<1>(quarter, quarter)))
        }
    }

    #[inline(always)]
    unsafe fn maximum(a: __m256) -> f32 {
        unsafe {
            let half = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let quarter = _mm_max_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_max_ss(quarter, _mm_shuffle_ps::<1>(quarter, quarter)))
        }
    }

    #[inline(always)]
    unsafe fn transpose(rows: &mut [__m256]) {
        unsafe {
            let mut pairs = [_mm256_setzero_ps(); 8];
            for i in 0..4 {
                pairs[2 * i] = _mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
                pairs[2 * i + 1] = _mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
            }
            let mut fours = [_mm256_setzero_ps(); 8];
            for i in 0..2 {
                for j in 0..2 {
                    let (low, high) = (pairs[4 * i + j], pairs[4 * i + j + 2]);
                    fours[4 * i + 2 * j] = _mm256_shuffle_ps::<0x44>(low, high);
                    fours[4 * i + 2 * j + 1] = _mm256_shuffle_ps::<0xee>(low, high);
                }
            }
            for i in 0..4 {
                rows[i] = _mm256_permute2f128_ps::<0x20>(fours[i], fours[i + 4]);
                rows[i + 4] = _mm256_permute2f128_ps::<0x31>(fours[i], fours[i + 4]);
            }
        }
    }

    #[inline(always)]
    unsafe fn load_half(from: *const u16) -> __m256 {
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(from.cast())) }
    }

    #[inline(always)]
    unsafe fn store_bfloat(to: *mut u16, values: __m256) {
        unsafe {
            let high = bfloat_high(_mm256_castps_si256(values));
            let packed = _mm256_permute4x64_epi64::<0b1000>(_mm256_packus_epi32(high, high));
            _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(packed));
        }
    }

    #[inline(always)]
    unsafe fn store_bfloat_pairs(to: *mut u16, first: __m256, second: __m256) {
        unsafe {
            let low = bfloat_high(_mm256_castps_si256(first));
            let high = _mm256_slli_epi32::<16>(bfloat_high(_mm256_castps_si256(second)));
            _mm256_storeu_si256(to.cast(), _mm256_or_si256(low, high));
        }
    }

    #[inline(always)]
    unsafe fn store_small(to: *mut i16, values: __m256) {
        unsafe {
            let wide = _mm256_cvtps_epi32(values);
            let words = _mm256_permute4x64_epi64::<0b1000>(_mm256_packs_epi32(wide, wide));
            _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(words));
        }
    }

    #[inline(always)]
    unsafe fn load_integers(from: *const i32) -> __m256i {
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn to_floats(values: __m256i) -> __m256 {
        unsafe { _mm256_cvtepi32_ps(values) }
    }

    #[inline(always)]
    unsafe fn dot_small(sums: __m256i, a: *const i16, b: *const i8) -> __m256i {
        unsafe {
            let a = _mm256_set1_epi32(a.cast::<i32>().read_unaligned());
            let b = _mm256_cvtepi8_epi16(_mm_loadu_si128(b.cast()));
            _mm256_add_epi32(sums, _mm256_madd_epi16(a, b))
        }
    }

    #[inline(always)]
    unsafe fn dot_bfloat(sums: __m256, a: *const u16, b: *const u16) -> __m256 {
        unsafe {
            // A bfloat16 is the upper half of a float32.
            let (a, b) = (_mm256_set1_epi32(a.cast::<i32>().read_unaligned()), _mm256_loadu_si256(b.cast()));
            let upper = _mm256_set1_epi32(0xffff_0000_u32 as i32);
            let first = |v| _mm256_castsi256_ps(_mm256_slli_epi32::<16>(v));
            let second = |v| _mm256_castsi256_ps(_mm256_and_si256(v, upper));
            let sums = _mm256_fmadd_ps(first(a), first(b), sums);
            _mm256_fmadd_ps(second(a), second(b), sums)
        }
    }
}

/// Return a mask of the first `count` of eight lanes.
#[inline(always)]
unsafe fn mask8(count: usize) -> __m256i {
    unsafe {
        let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), lanes)
    }
}

/// Round float32 to bfloat16, ties to even, in the lower half of each lane. NaN stays NaN.
#[inline(always)]
unsafe fn bfloat_high(bits: __m256i) -> __m256i {
    unsafe {
        let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
        let rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
        let floats = _mm256_castsi256_ps(bits);
        let nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(floats, floats));
        let quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x0040_0000));
        _mm256_srli_epi32::<16>(_mm256_blendv_epi8(rounded, quiet, nan))
    }
}
