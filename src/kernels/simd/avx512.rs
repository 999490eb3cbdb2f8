//! AVX-512: sixteen lanes, 32 registers.

#![allow(clippy::wildcard_imports, reason = "intrinsics are named by their instruction set")]

use std::arch::x86_64::*;

use super::Simd;

/// AVX-512 F, BW, DQ, VL and VNNI; with `BFLOAT`, also AVX-512 BF16.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) struct Avx512<const BFLOAT: bool>;

impl<const BFLOAT: bool> Simd for Avx512<BFLOAT> {
    type Floats = __m512;
    type Integers = __m512i;
    type Small = i8;
    const LARGEST: i32 = i8::MAX as i32;
    // The instruction multiplies unsigned `a` by signed `b`.
    const OFFSET: i32 = 128;
    const GROUP: usize = 4;
    const HAS_BFLOAT: bool = BFLOAT;
    const LANES: usize = 16;
    const ROWS: usize = 12;

    #[inline(always)]
    unsafe fn compile<T>(kernel: impl FnOnce() -> T) -> T {
        #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
        unsafe fn base<T>(kernel: impl FnOnce() -> T) -> T {
            kernel()
        }
        #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16")]
        unsafe fn bfloat<T>(kernel: impl FnOnce() -> T) -> T {
            kernel()
        }
        unsafe { if BFLOAT { bfloat(kernel) } else { base(kernel) } }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, values: __m512) {
        unsafe { _mm512_storeu_ps(to, values) }
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, count: usize) -> __m512 {
        unsafe { _mm512_maskz_loadu_ps(mask16(count), from) }
    }

    #[inline(always)]
    unsafe fn store_part(to: *mut f32, values: __m512, count: usize) {
        unsafe { _mm512_mask_storeu_ps(to, mask16(count), values) }
    }

    #[inline(always)]
    unsafe fn keep_or(a: __m512, b: __m512, count: usize) -> __m512 {
        unsafe { _mm512_mask_mov_ps(b, mask16(count), a) }
    }

    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn max(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn min(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn round(a: __m512) -> __m512 {
        unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
    }

    #[inline(always)]
    unsafe fn scale(a: __m512, n: __m512) -> __m512 {
        unsafe { _mm512_scalef_ps(a, n) }
    }

    #[inline(always)]
    unsafe fn sum(a: __m512) -> f32 {
        unsafe { _mm512_reduce_add_ps(a) }
    }

    #[inline(always)]
    unsafe fn maximum(a: __m512) -> f32 {
        unsafe { _mm512_reduce_max_ps(a) }
    }

    #[inline(always)]
    unsafe fn transpose(rows: &mut [__m512]) {
        unsafe {
            let mut one = [_mm512_setzero_ps(); 16];
            let mut two = [_mm512_setzero_ps(); 16];
            for i in 0..8 {
                one[2 * i] = _mm512_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
                one[2 * i + 1] = _mm512_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
            }
            for i in 0..4 {
                for j in 0..2 {
                    let (low, high) = (one[4 * i + j], one[4 * i + j + 2]);
                    two[4 * i + 2 * j] = _mm512_shuffle_ps::<0x44>(low, high);
                    two[4 * i + 2 * j + 1] = _mm512_shuffle_ps::<0xee>(low, high);
                }
            }
            // `two[4 q + c]` holds columns c, 4 + c, 8 + c and 12 + c of rows 4 q to 4 q + 3, four values each.
            for c in 0..4 {
                let low = _mm512_shuffle_f32x4::<0x88>(two[c], two[4 + c]);
                let high = _mm512_shuffle_f32x4::<0x88>(two[8 + c], two[12 + c]);
                let low_odd = _mm512_shuffle_f32x4::<0xdd>(two[c], two[4 + c]);
                let high_odd = _mm512_shuffle_f32x4::<0xdd>(two[8 + c], two[12 + c]);
                rows[c] = _mm512_shuffle_f32x4::<0x88>(low, high);
                rows[8 + c] = _mm512_shuffle_f32x4::<0xdd>(low, high);
                rows[4 + c] = _mm512_shuffle_f32x4::<0x88>(low_odd, high_odd);
                rows[12 + c] = _mm512_shuffle_f32x4::<0xdd>(low_odd, high_odd);
            }
        }
    }

    #[inline(always)]
    unsafe fn load_half(from: *const u16) -> __m512 {
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())) }
    }

    #[inline(always)]
    unsafe fn store_bfloat(to: *mut u16, values: __m512) {
        unsafe {
            let high = _mm512_srli_epi32::<16>(bfloat(_mm512_castps_si512(values)));
            _mm256_storeu_si256(to.cast(), _mm512_cvtepi32_epi16(high));
        }
    }

    #[inline(always)]
    unsafe fn store_bfloat_pairs(to: *mut u16, first: __m512, second: __m512) {
        unsafe {
            let low = _mm512_srli_epi32::<16>(bfloat(_mm512_castps_si512(first)));
            let high = _mm512_and_si512(bfloat(_mm512_castps_si512(second)), _mm512_set1_epi32(-0x1_0000));
            _mm512_storeu_si512(to.cast(), _mm512_or_si512(low, high));
        }
    }

    #[inline(always)]
    unsafe fn store_small(to: *mut i8, values: __m512) {
        unsafe {
            let bytes = _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(values));
            _mm_storeu_si128(to.cast(), _mm_xor_si128(bytes, _mm_set1_epi8(-128)));
        }
    }

    #[inline(always)]
    unsafe fn load_integers(from: *const i32) -> __m512i {
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn to_floats(values: __m512i) -> __m512 {
        unsafe { _mm512_cvtepi32_ps(values) }
    }

    #[inline(always)]
    unsafe fn dot_small(sums: __m512i, a: *const i8, b: *const i8) -> __m512i {
        unsafe {
            let a = _mm512_set1_epi32(a.cast::<i32>().read_unaligned());
            _mm512_dpbusd_epi32(sums, a, _mm512_loadu_si512(b.cast()))
        }
    }

    #[inline(always)]
    unsafe fn dot_bfloat(sums: __m512, a: *const u16, b: *const u16) -> __m512 {
        unsafe {
            let (a, b) = (_mm512_set1_epi32(a.cast::<i32>().read_unaligned()), _mm512_loadu_si512(b.cast()));
            if BFLOAT {
                let pairs = |v| std::mem::transmute::<__m512i, __m512bh>(v);
                return _mm512_dpbf16_ps(sums, pairs(a), pairs(b));
            }
            // A bfloat16 is the upper half of a float32.
            let upper = _mm512_set1_epi32(0xffff_0000_u32 as i32);
            let first = |v| _mm512_castsi512_ps(_mm512_slli_epi32::<16>(v));
            let second = |v| _mm512_castsi512_ps(_mm512_and_si512(v, upper));
            let sums = _mm512_fmadd_ps(first(a), first(b), sums);
            _mm512_fmadd_ps(second(a), second(b), sums)
        }
    }
}

/// Return a mask of the first `count` of sixteen lanes.
#[inline(always)]
fn mask16(count: usize) -> __mmask16 {
    if count >= 16 { u16::MAX } else { (1 << count) - 1 }
}

/// Round float32 to bfloat16, ties to even, in the upper half of each lane. NaN stays NaN.
#[inline(always)]
unsafe fn bfloat(bits: __m512i) -> __m512i {
    unsafe {
        // Not the instruction of AVX-512 BF16, which takes subnormal numbers for zero.
        let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
        let rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
        let floats = _mm512_castsi512_ps(bits);
        let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(floats, floats);
        _mm512_mask_mov_epi32(rounded, nan, _mm512_or_si512(bits, _mm512_set1_epi32(0x0040_0000)))
    }
}
