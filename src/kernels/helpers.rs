//! Threads that help a caller, and sleep between its calls.
//!
//! Each calling thread has helpers of its own, so that no caller waits for another's. A thread that is started for each
//! call costs some ten microseconds, and often begins on the core of its caller, where it has to wait.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{mem, process, thread};

use super::team::Place;

/// What a helper does.
type Work<'a> = dyn Fn(Place) + Sync + 'a;

/// Run `own` on this thread and `work` on helpers at the same time, as a team of at most `threads` threads. This thread
/// has place 0. The team is smaller if no more threads can be started.
pub(super) fn share<T>(threads: usize, work: &Work<'_>, own: impl FnOnce(Place) -> T) -> T {
    let mut helpers = HELPERS.take();
    helpers.reach(threads.saturating_sub(1));
    let doors = &helpers.doors[..helpers.doors.len().min(threads.saturating_sub(1))];
    let of = 1 + doors.len();
    // SAFETY: this function does not end, by a panic either, before `Waiting` has waited for all helpers.
    let work = unsafe { mem::transmute::<&Work<'_>, &'static Work<'static>>(work) };
    let waiting = Waiting(doors);
    for (number, door) in (1..).zip(doors) {
        door.set(State::Given(work, Place { number, of }));
    }
    let result = own(Place { number: 0, of });
    drop(waiting);
    let failed = doors.iter().any(|door| matches!(*door.lock(), State::Failed));
    HELPERS.set(helpers);
    assert!(!failed, "a helping thread has panicked");
    result
}

/// Take what one thread of a team uses.
pub(super) fn taken<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

thread_local! {
    static HELPERS: RefCell<Helpers> = RefCell::default();
}

/// The helpers of one calling thread.
#[derive(Default)]
struct Helpers {
    doors: Vec<Arc<Door>>,
    /// The process in which they were started.
    process: u32,
}

impl Helpers {
    /// Start helpers until there are `count`, or no more can be started.
    fn reach(&mut self, count: usize) {
        if count > 0 && self.process != process::id() {
            // A fork has this thread alone.
            self.doors.clear();
            self.process = process::id();
        }
        while self.doors.len() < count {
            let door = Arc::new(Door::default());
            let own = Arc::clone(&door);
            if thread::Builder::new().name("oxbert".into()).spawn(move || own.serve()).is_err() {
                break;
            }
            self.doors.push(door);
        }
    }
}

impl Drop for Helpers {
    fn drop(&mut self) {
        if !self.doors.is_empty() && self.process == process::id() {
            for door in &self.doors {
                door.set(State::Over);
            }
        }
    }
}

/// Where a caller and a helper meet.
#[derive(Default)]
struct Door {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default)]
enum State {
    /// The helper has nothing to do.
    #[default]
    Free,
    /// The helper panicked in its last work.
    Failed,
    Given(&'static Work<'static>, Place),
    Busy,
    /// The caller has ended, and so does the helper.
    Over,
}

impl Door {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.lock() = state;
        self.changed.notify_all();
    }

    /// Do all work that is given, until it is over.
    fn serve(&self) {
        loop {
            let (work, place) = {
                let mut state = self.lock();
                loop {
                    match *state {
                        State::Given(work, place) => {
                            *state = State::Busy;
                            break (work, place);
                        }
                        State::Over => return,
                        _ => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                    }
                }
            };
            let outcome = catch_unwind(AssertUnwindSafe(|| work(place)));
            self.set(if outcome.is_ok() { State::Free } else { State::Failed });
        }
    }
}

/// Waits until no helper is at work.
struct Waiting<'a>(&'a [Arc<Door>]);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        for door in self.0 {
            let mut state = door.lock();
            while matches!(*state, State::Given(..) | State::Busy) {
                state = door.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Count the threads of a team, each of which waits for all the others.
    fn count(threads: usize) -> usize {
        let arrived = AtomicUsize::new(0);
        let meet = |place: Place| {
            arrived.fetch_add(1, Ordering::SeqCst);
            while arrived.load(Ordering::SeqCst) < place.of {
                thread::yield_now();
            }
        };
        share(threads, &meet, meet);
        arrived.into_inner()
    }

    #[test]
    fn callers_do_not_wait_for_each_others_helpers() {
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    for turn in 0..100 {
                        assert_eq!(count(1 + turn % 4), 1 + turn % 4);
                    }
                });
            }
        });
    }

    #[test]
    fn a_call_inside_of_a_call_has_helpers_too() {
        let inner = share(2, &|_| assert_eq!(count(2), 2), |_| count(3));
        assert_eq!(inner, 3);
        assert_eq!(count(2), 2);
    }

    #[test]
    fn a_panic_is_passed_on_and_spoils_nothing() {
        let helper_fails = || share(2, &|_| panic!("in a helper"), |_| ());
        assert!(catch_unwind(helper_fails).is_err());
        let caller_fails = || share(2, &|_| (), |_| panic!("in the caller"));
        assert!(catch_unwind(caller_fails).is_err());
        assert_eq!(count(3), 3);
    }
}
