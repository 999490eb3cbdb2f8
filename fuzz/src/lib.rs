//! A bound on the memory that a reader may take for a file, for all targets.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that a reader may take for any file.
const ANYWAY: usize = 1 << 20;

/// Further bytes that a reader may take per byte of the file. A pickle needs the most: a tuple in one byte.
const FOR_EACH: usize = 256;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn took(bytes: usize) {
    let now = NOW.fetch_add(bytes, Ordering::Relaxed).wrapping_add(bytes);
    MOST.fetch_max(now, Ordering::Relaxed);
}

// SAFETY: the system's own allocator does all the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Run a reader over a file, and check that its memory stays in proportion to the file.
///
/// # Panics
/// If the reader takes more than `ANYWAY` bytes and `FOR_EACH` bytes per byte of the file.
pub fn bounded(file: &[u8], read: impl FnOnce()) {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    read();
    let taken = MOST.load(Ordering::Relaxed).saturating_sub(before);
    let allowed = ANYWAY + FOR_EACH * file.len();
    assert!(taken <= allowed, "{taken} bytes of memory for a file of {}, expected at most {allowed}", file.len());
}
