//! Memory of kernels: weights on cache lines, and buffers that grow.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use crate::error::{Error, Result};
use crate::memory::reserve;

/// A cache line.
const LINE: usize = 64;

/// Zeroed memory that begins on a cache line.
#[derive(Debug)]
pub(super) struct Lines {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the memory is owned, and is written through `&mut self` only.
unsafe impl Send for Lines {}
// SAFETY: as above.
unsafe impl Sync for Lines {}

impl Lines {
    /// Return memory for `count` values.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is not enough.
    pub(super) fn new<T>(count: usize) -> Result<Self> {
        let bytes = count.saturating_mul(size_of::<T>());
        let lack = || Error::memory("packed weights", bytes);
        let layout = Layout::from_size_align(bytes.max(LINE), LINE).map_err(|_| lack())?;
        // SAFETY: the size is not 0.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(lack)?;
        Ok(Self { start, layout })
    }

    pub(super) fn as_ptr<T: Number>(&self) -> *const T {
        self.start.as_ptr().cast()
    }

    pub(super) fn as_mut<T: Number>(&mut self) -> &mut [T] {
        // SAFETY: a line is aligned for every number; the bytes are initialised, and borrowed for as long as `self`.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.layout.size() / size_of::<T>()) }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}

/// A number for which any bytes are a value.
///
/// # Safety
/// Every pattern of bits is valid, and the alignment is at most that of a cache line.
pub(super) unsafe trait Number: Copy + Default + 'static {}

// SAFETY: plain numbers.
unsafe impl Number for f32 {}
// SAFETY: as above.
unsafe impl Number for u16 {}
// SAFETY: as above.
unsafe impl Number for i8 {}

/// Make a buffer at least this long, filled up with zeros.
pub(super) fn grow<T: Copy + Default>(values: &mut Vec<T>, count: usize) -> Result<()> {
    if values.len() < count {
        reserve(values, "a batch inside the encoder", count - values.len())?;
        values.resize(count, T::default());
    }
    Ok(())
}
