//! Bounds the memory that a reader may allocate for a file, for all targets.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that a reader may allocate for any file.
const BASE: usize = 1 << 20;

/// Additional bytes that a reader may allocate per byte of the file. Pickles need the most: a tuple takes one byte.
const PER_BYTE: usize = 256;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static CURRENT: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn count(bytes: usize) {
    let now = CURRENT.fetch_add(bytes, Ordering::Relaxed).wrapping_add(bytes);
    PEAK.fetch_max(now, Ordering::Relaxed);
}

// SAFETY: every call is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller upholds the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        CURRENT.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Run a reader over a file, and check that its memory stays in proportion to the file.
///
/// # Panics
/// If the reader allocates more than `BASE` bytes and `PER_BYTE` bytes per byte of the file.
pub fn bounded(file: &[u8], read: impl FnOnce()) {
    let before = CURRENT.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    read();
    let taken = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    let allowed = BASE + PER_BYTE * file.len();
    assert!(taken <= allowed, "{taken} bytes of memory for a file of {}, expected at most {allowed}", file.len());
}
