//! Tables of rows in float32 or float16, which are read as float32.

use super::simd::Simd;

/// A table whose rows are all of one width.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Table<'a> {
    /// float32.
    Float32(&'a [f32]),
    /// Bits of float16.
    Float16(&'a [u16]),
}

impl Table<'_> {
    /// Return the number of values.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Float32(values) => values.len(),
            Self::Float16(values) => values.len(),
        }
    }

    /// Write a row in float32.
    #[inline(always)]
    pub(super) unsafe fn read<S: Simd>(self, row: usize, width: usize, to: *mut f32) {
        unsafe {
            match self {
                Self::Float32(values) => {
                    std::ptr::copy_nonoverlapping(values.as_ptr().add(row * width), to, width);
                }
                Self::Float16(values) => widen::<S>(values.as_ptr().add(row * width), width, to),
            }
        }
    }
}

/// Write float16 as float32.
#[inline(always)]
unsafe fn widen<S: Simd>(from: *const u16, count: usize, to: *mut f32) {
    let whole = count - count % S::LANES;
    unsafe {
        for at in (0..whole).step_by(S::LANES) {
            S::store(to.add(at), S::load_half(from.add(at)));
        }
        for at in whole..count {
            *to.add(at) = half::f16::from_bits(*from.add(at)).to_f32();
        }
    }
}
