//! A lock for values that one thread at a time may use.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::process;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::error::{Error, Result};

/// A value behind a lock that knows its holder: one thread at a time may use libtorch's tensors.
///
/// Two waits would never end, and are errors instead: for a thread that a fork left behind in the parent, and for
/// oneself (a hook of torch may call Python code in the middle of a forward pass).
///
/// Lock it with the GIL released only: the thread that holds the lock may be waiting for the GIL.
pub(crate) struct Guarded<T> {
    value: Mutex<T>,
    /// Process and thread of the holder; 0 if the lock is free.
    holder: AtomicU64,
}

/// Access to the value, until it is dropped.
pub(crate) struct Held<'a, T> {
    guard: MutexGuard<'a, T>,
    holder: &'a AtomicU64,
}

impl<T> Guarded<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), holder: AtomicU64::new(0) }
    }

    /// Wait for the lock.
    pub(crate) fn lock(&self) -> Result<Held<'_, T>> {
        let me = holder();
        let guard = match self.value.try_lock() {
            Ok(guard) => guard,
            // A panic under the lock left nothing half-done: see `enter`.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                let other = self.holder.load(Ordering::Acquire);
                if other == me {
                    return Err(Error::input("the model", "expected no call from within the model's own forward pass"));
                }
                if other != 0 && other >> 32 != me >> 32 {
                    let reason = "another thread was using the model when this process was forked, so the lock is never \
                                  released here; load the model again in this process";
                    return Err(Error::input("the model", reason));
                }
                self.value.lock().unwrap_or_else(PoisonError::into_inner)
            }
        };
        self.holder.store(me, Ordering::Release);
        Ok(Held { guard, holder: &self.holder })
    }
}

/// Return this process and this thread in one number.
fn holder() -> u64 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    thread_local! {
        static THREAD: Cell<u32> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    u64::from(process::id()) << 32 | u64::from(THREAD.get())
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        // The lock itself is released later, when the fields are dropped.
        self.holder.store(0, Ordering::Release);
    }
}
