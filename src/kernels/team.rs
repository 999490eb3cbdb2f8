//! Threads that work on the same rows, and their buffers.

use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use super::Forms;
use super::attention::Scratch;
use super::memory::grow;
use super::product::{Form, MOST_COLUMNS, Rows, Scale};
use super::rows::{Encode, rotate};
use super::shape::Shape;
use super::simd::Simd;
use crate::error::Result;

/// Values from one row of a buffer to the next: the width of the matrix that writes it.
pub(super) fn stride(width: usize) -> usize {
    width.next_multiple_of(MOST_COLUMNS)
}

/// The buffers that a team shares. Each thread writes its own part of a buffer between two waits, and only reads what was
/// written before the last wait.
#[derive(Debug, Default)]
pub(super) struct Shared {
    projected: Vec<f32>,
    context: Vec<f32>,
    sums: Vec<f32>,
    inner: Vec<f32>,
    barrier: Barrier,
}

impl Shared {
    pub(super) fn reserve(&mut self, shape: Shape, rows: usize) -> Result<()> {
        let hidden = rows * stride(shape.hidden);
        // The last head reads whole vectors of its values.
        grow(&mut self.projected, rows * stride(3 * shape.hidden) + MOST_COLUMNS)?;
        grow(&mut self.context, hidden)?;
        grow(&mut self.sums, hidden)?;
        grow(&mut self.inner, rows * stride(shape.inner))
    }

    pub(super) fn bytes(&self) -> usize {
        let values = self.projected.len() + self.context.len() + self.sums.len() + self.inner.len();
        values * size_of::<f32>()
    }

    pub(super) fn pointers(&mut self) -> Pointers<'_> {
        Pointers {
            projected: self.projected.as_mut_ptr(),
            context: self.context.as_mut_ptr(),
            sums: self.sums.as_mut_ptr(),
            inner: self.inner.as_mut_ptr(),
            barrier: &self.barrier,
        }
    }
}

/// The shared buffers, as each thread of the team has them.
#[derive(Clone, Copy)]
pub(super) struct Pointers<'a> {
    /// Queries, keys and values, `[rows, 3 H]`.
    pub(super) projected: *mut f32,
    /// The heads' results, `[rows, H]`.
    pub(super) context: *mut f32,
    /// What is to be normalised, `[rows, H]`.
    pub(super) sums: *mut f32,
    /// Inside the feed-forward part, `[rows, F]`.
    pub(super) inner: *mut f32,
    barrier: &'a Barrier,
}

// SAFETY: the threads of a team take turns by the barrier.
unsafe impl Sync for Pointers<'_> {}

impl Pointers<'_> {
    /// Wait for all threads of the team.
    pub(super) fn wait(&self, place: Place) {
        self.barrier.wait(place.of);
    }
}

/// The buffers of one thread.
#[derive(Debug, Default)]
pub(super) struct Own {
    pub(super) hidden: Vec<f32>,
    /// Inputs of a product, in its form.
    encoded: Vec<u64>,
    scales: Vec<Scale>,
    /// One row on its way into a form with scales.
    rotated: Vec<f32>,
    pub(super) scratch: Scratch,
}

impl Own {
    pub(super) fn reserve<S: Simd, F: Forms>(&mut self, shape: Shape, rows: usize, longest: usize) -> Result<()> {
        let hidden = stride(shape.hidden);
        grow(&mut self.hidden, rows * hidden)?;
        self.reserve_input::<S, F::Projections>(rows, hidden)?;
        self.reserve_input::<S, F::Others>(rows, hidden.max(stride(shape.inner)))?;
        self.scratch.reserve(longest, shape.hidden / shape.heads, F::Others::attends_in_bfloat::<S>())
    }

    fn reserve_input<S: Simd, F: Encode>(&mut self, rows: usize, width: usize) -> Result<()> {
        if !F::IDENTITY {
            grow(&mut self.encoded, (rows * width * size_of::<F::Input<S>>()).div_ceil(size_of::<u64>()))?;
            grow(&mut self.scales, rows)?;
        }
        grow(&mut self.rotated, if F::IS_SCALED { width } else { 0 })
    }

    pub(super) fn bytes(&self) -> usize {
        (self.hidden.len() + self.rotated.len()) * size_of::<f32>()
            + self.scales.len() * size_of::<Scale>()
            + self.encoded.len() * size_of::<u64>()
            + self.scratch.bytes()
    }

    /// Return rows of float32 as the input of a product.
    ///
    /// # Safety
    /// There are as many rows, and room for them was made.
    #[inline(always)]
    pub(super) unsafe fn encode<S: Simd, F: Encode>(
        &mut self,
        from: *const f32,
        rows: usize,
        width: usize,
    ) -> Rows<S, F> {
        let stride = stride(width);
        if F::IDENTITY {
            return Rows { values: from.cast(), stride, scales: ptr::null() };
        }
        let encoded = self.encoded.as_mut_ptr().cast::<F::Input<S>>();
        let rotated = self.rotated.as_mut_ptr();
        for (row, scale) in self.scales[..rows].iter_mut().enumerate() {
            // SAFETY: the caller's.
            unsafe {
                let mut from = from.add(row * stride);
                if F::IS_SCALED {
                    rotate::<S>(from, width, rotated);
                    from = rotated;
                }
                *scale = F::encode::<S>(from, width, encoded.add(row * stride));
            }
        }
        Rows { values: encoded, stride, scales: self.scales.as_ptr() }
    }
}

/// The place of a thread in its team.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) number: usize,
    pub(super) of: usize,
}

impl Place {
    /// The place of a thread that works alone.
    pub(super) const ALONE: Self = Self { number: 0, of: 1 };

    /// Return this thread's part of `count` things.
    pub(super) fn part(self, count: usize) -> Range<usize> {
        count * self.number / self.of..count * (self.number + 1) / self.of
    }
}

/// A barrier for threads that wait some microseconds.
#[derive(Debug, Default)]
struct Barrier {
    arrived: AtomicUsize,
    round: AtomicUsize,
    /// The number of threads that sleep.
    asleep: AtomicUsize,
    lock: Mutex<()>,
    wakes: Condvar,
}

impl Barrier {
    fn wait(&self, threads: usize) {
        /// Rounds of waiting, some ten microseconds, after which a thread sleeps: there may be more threads than cores. A
        /// thread that gave its core to another instead might be given it back at once. One that sleeps wakes up on a free
        /// core, which also parts threads that were started on the same one.
        const PATIENCE: u32 = 4096;
        if threads == 1 {
            return;
        }
        let round = self.round.load(Ordering::SeqCst);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == threads {
            self.arrived.store(0, Ordering::Relaxed);
            self.round.store(round.wrapping_add(1), Ordering::SeqCst);
            // A thread that is not counted yet looks at the round once more.
            if self.asleep.load(Ordering::SeqCst) > 0 {
                let _guard = self.lock.lock();
                self.wakes.notify_all();
            }
            return;
        }
        for _ in 0..PATIENCE {
            if self.round.load(Ordering::Acquire) != round {
                return;
            }
            std::hint::spin_loop();
        }
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.asleep.fetch_add(1, Ordering::SeqCst);
        while self.round.load(Ordering::SeqCst) == round {
            guard = self.wakes.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.fetch_sub(1, Ordering::SeqCst);
    }
}
