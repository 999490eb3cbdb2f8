//! Whether long work goes on: a caller installs a check, and the loops of every room ask it.
//!
//! ```
//! use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
//! use oxbert::{Error, interrupt, pipelines::FillMask};
//! # use std::path::Path;
//!
//! /// Fill masks until another thread, such as one that waits for Ctrl-C, sets `stop`.
//! fn fill(folder: &Path, texts: &[&str], stop: &Arc<AtomicBool>) -> oxbert::Result<usize> {
//!     let stop = Arc::clone(stop);
//!     let check = move || if stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) };
//!     interrupt::watch(check, || {
//!         let fill = FillMask::from_folder(folder, tch::Device::Cpu)?;
//!         Ok(fill.predict(texts, 5)?.len())
//!     })
//! }
//! ```

use std::cell::RefCell;
use std::process;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::error::{Error, Result};

/// The time between two calls of a check.
const INTERVAL: Duration = Duration::from_millis(100);
/// Into how many parts the items of a worker are divided at least, so that all workers end at about the same time, and
/// how many items a part has at most.
const PARTS_PER_WORKER: usize = 32;
const LONGEST_PART: usize = 64;

/// An installed check.
struct Watch {
    check: Rc<dyn Fn() -> Result<()>>,
    interval: Duration,
    /// When the check is due.
    due: Instant,
}

thread_local! {
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

/// Run `work`, and call `check` from within it at most ten times a second.
///
/// An error of `check`, such as [`Error::Interrupted`], becomes the error of the work: within
/// half a second, or within one operation on tensors where one takes longer. The check belongs to this thread. Within
/// `work` another call of `watch` replaces it until that call ends.
///
/// Loading values into existing parameters and renaming files are never interrupted, so that no model and no folder is
/// left half-changed.
pub fn watch<T>(check: impl Fn() -> Result<()> + 'static, work: impl FnOnce() -> T) -> T {
    watch_every(INTERVAL, check, work)
}

/// Run `work` as [`watch`] does, with another time between two calls of `check`.
pub fn watch_every<T>(interval: Duration, check: impl Fn() -> Result<()> + 'static, work: impl FnOnce() -> T) -> T {
    /// Puts the check of the caller back, after a panic too.
    struct Restore(Option<Watch>);
    impl Drop for Restore {
        fn drop(&mut self) {
            WATCH.set(self.0.take());
        }
    }
    let watch = Watch { check: Rc::new(check), interval, due: Instant::now() + interval };
    let _restore = Restore(WATCH.replace(Some(watch)));
    work()
}

/// Return the error of the installed check if it is due and refuses. Without a check, work always goes on.
///
/// Call this in loops that may take long: it costs less than reading the clock twice.
///
/// # Errors
/// The error of the check.
pub fn go_on() -> Result<()> {
    let due = WATCH.with_borrow_mut(|watch| {
        let watch = watch.as_mut()?;
        let now = Instant::now();
        (now >= watch.due).then(|| {
            watch.due = now + watch.interval;
            Rc::clone(&watch.check)
        })
    });
    // Outside the borrow: the check may run other work of this crate.
    due.map_or(Ok(()), |check| check())
}

/// Ask [`go_on`] before every 1024th of many short steps, which are counted from 0.
pub(crate) fn go_on_at(step: usize) -> Result<()> {
    if step.is_multiple_of(1 << 10) { go_on() } else { Ok(()) }
}

/// Return whether rayon's threads can be used: not in a process that was forked after its parent had called this
/// function, because they exist in the parent alone, and waiting for them would never end.
///
/// Every use of rayon asks this first, so that the answer holds for all uses.
pub(crate) fn has_workers() -> bool {
    static OWNER: OnceLock<u32> = OnceLock::new();
    *OWNER.get_or_init(process::id) == process::id()
}

/// Compute `work` of each item on rayon's threads, and return the results in the order of the items.
///
/// Meanwhile this thread asks whether to go on. If not, each worker ends at its own next question: no worker knows the
/// check, which need not be one that other threads can call. A caller that is itself one of rayon's threads works too
/// and asks in its own items. Without workers (see [`has_workers`]), and for a single item, this thread does all the
/// work.
///
/// # Errors
/// The error of the check; otherwise that of the first item with one, in which case later items may be left out.
pub(crate) fn map_on_workers<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> Result<T> + Sync) -> Result<Vec<T>> {
    go_on()?;
    if items.len() < 2 || !has_workers() {
        return items.iter().map(|item| go_on().and_then(|()| work(item))).collect();
    }
    let caller = thread::current().id();
    let needed = Needed::new(items.len());
    // A check for each of many small items would take longer than the items.
    let part_len = (items.len() / (PARTS_PER_WORKER * rayon::current_num_threads())).clamp(1, LONGEST_PART);
    let part = |(number, part): (usize, &[I])| {
        let start = number * part_len;
        let is_caller = thread::current().id() == caller;
        let one = |(place, item)| {
            let may_go_on = if is_caller { go_on() } else { needed.check(start + place) };
            may_go_on.and_then(|()| work(item)).inspect_err(|_| needed.limit(start + place + 1))
        };
        let all = || part.iter().enumerate().map(one).collect::<Result<Vec<_>>>();
        if is_caller { all() } else { needed.watch(start, all) }
    };
    let map = || items.par_chunks(part_len).enumerate().map(&part).collect::<Vec<_>>();
    let results = if rayon::current_thread_index().is_some() {
        // One of the threads that are to do the work must not wait for them.
        map()
    } else {
        rayon::in_place_scope(|scope| {
            let (sender, results) = channel();
            scope.spawn(move |_| {
                // This thread no longer waits if it was interrupted.
                let _ = sender.send(map());
            });
            wait(&results).inspect_err(|_| needed.limit(0))
        })?
    };
    let mut all = Vec::with_capacity(items.len());
    for part in results {
        all.extend(part?);
    }
    Ok(all)
}

/// Run code that may take long and never asks on a thread of its own, while this thread asks whether to go on. Without
/// a check, this thread runs the code.
///
/// If the work is not to go on, this function returns without it. Its thread ends when the code does, or at the next
/// question that the code asks.
///
/// # Errors
/// The error of the check, and that of the work; [`Error::Io`] if no thread can be started.
pub(crate) fn detached<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    go_on()?;
    if WATCH.with_borrow(Option::is_none) {
        return work();
    }
    let needed = Needed::new(1);
    let (sender, result) = channel();
    let theirs = needed.clone();
    let run = move || {
        // This thread no longer waits if it was interrupted.
        let _ = sender.send(theirs.watch(0, work));
    };
    let spawned = thread::Builder::new().name("oxbert-work".into()).spawn(run);
    spawned.map_err(Error::io("start a thread for", "a long computation"))?;
    wait(&result).inspect_err(|_| needed.limit(0))?
}

/// Wait for the message of a worker, and ask meanwhile whether to go on.
fn wait<T>(message: &Receiver<T>) -> Result<T> {
    loop {
        match message.recv_timeout(INTERVAL / 2) {
            Ok(message) => return Ok(message),
            Err(RecvTimeoutError::Timeout) => go_on()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::Internal { message: "a worker thread ended without a result".into() });
            }
        }
    }
}

/// The number of items, from the first, whose results are still needed.
#[derive(Clone)]
struct Needed(Arc<AtomicUsize>);

impl Needed {
    fn new(count: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(count)))
    }

    /// Let the items from `count` on end at their next question.
    fn limit(&self, count: usize) {
        self.0.fetch_min(count, Ordering::Relaxed);
    }

    fn check(&self, index: usize) -> Result<()> {
        if index < self.0.load(Ordering::Relaxed) { Ok(()) } else { Err(Error::Interrupted) }
    }

    /// Run the work of an item on a worker as long as the item is needed.
    fn watch<T>(&self, index: usize, work: impl FnOnce() -> T) -> T {
        let needed = self.clone();
        watch(move || needed.check(index), work)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::error::Error;

    fn refuse() -> Result<()> {
        Err(Error::Interrupted)
    }

    /// Work until the check refuses or a second has passed.
    fn work() -> Result<()> {
        let end = Instant::now() + Duration::from_secs(1);
        while Instant::now() < end {
            go_on()?;
        }
        Ok(())
    }

    #[test]
    fn a_check_ends_the_work_of_its_own_thread_only() {
        let begin = Instant::now();
        assert!(matches!(watch(refuse, work), Err(Error::Interrupted)));
        assert!(begin.elapsed() >= INTERVAL);
        watch(refuse, || std::thread::spawn(|| assert!(work().is_ok())).join()).unwrap();
        assert!(work().is_ok());
    }

    #[test]
    fn a_check_is_called_ten_times_a_second_and_only_for_long_work() {
        let calls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&calls);
        let count = move || {
            counted.set(counted.get() + 1);
            Ok(())
        };
        watch(count.clone(), go_on).unwrap();
        assert_eq!(calls.get(), 0);
        watch(count, work).unwrap();
        assert!((5..=10).contains(&calls.get()), "{}", calls.get());
    }

    #[test]
    fn the_check_of_the_caller_comes_back() {
        let outcome = watch(refuse, || {
            assert!(watch(|| Ok(()), work).is_ok());
            assert!(catch_unwind(AssertUnwindSafe(|| watch(|| Ok(()), || panic!("on purpose")))).is_err());
            work()
        });
        assert!(matches!(outcome, Err(Error::Interrupted)));
    }

    #[test]
    fn a_check_may_run_work_of_its_own() {
        let nested = || watch(|| Ok(()), go_on).and_then(|()| go_on()).and_then(|()| refuse());
        assert!(matches!(watch(nested, work), Err(Error::Interrupted)));
    }
    #[test]
    fn workers_return_results_in_order_or_the_first_error() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        for (count, faults) in [(0, vec![]), (1, vec![]), (1, vec![0]), (500, vec![]), (500, vec![499, 7, 300])] {
            let items: Vec<usize> = (0..count).collect();
            let double = |item: &usize| {
                if faults.contains(item) { Err(Error::input("item", item.to_string())) } else { Ok(2 * item) }
            };
            for results in [map_on_workers(&items, double), pool.install(|| map_on_workers(&items, double))] {
                match faults.iter().min() {
                    None => assert_eq!(results.unwrap(), items.iter().map(|item| 2 * item).collect::<Vec<_>>()),
                    Some(first) => assert!(
                        matches!(results, Err(Error::Input { reason, .. }) if reason == first.to_string()),
                        "{first} of {count}"
                    ),
                }
            }
        }
    }

    #[test]
    fn the_check_of_the_caller_ends_all_workers() {
        let check = || Err(Error::input("check", "of the caller"));
        let ended = |result: Result<Vec<()>>| matches!(result, Err(Error::Input { what, .. }) if what == "check");
        let items = [(); 8];
        // Only the check ends these loops.
        let forever = |(): &()| loop {
            go_on()?;
        };
        assert!(ended(watch(check, || map_on_workers(&items, forever))));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert!(ended(pool.install(|| watch(check, || map_on_workers(&items, forever)))));
        // The caller is released although the code asks once only, at its end.
        let release = Arc::new(AtomicBool::new(false));
        let (theirs, (sender, outcome)) = (Arc::clone(&release), channel());
        let deaf = move || {
            while !theirs.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(INTERVAL);
            sender.send(go_on()).unwrap();
            Ok(vec![])
        };
        assert!(ended(watch(check, || detached(deaf))));
        release.store(true, Ordering::Relaxed);
        assert!(matches!(outcome.recv().unwrap(), Err(Error::Interrupted)));
    }

    #[test]
    fn code_is_detached_only_if_there_is_a_check() {
        let here = thread::current().id();
        let id = || Ok(thread::current().id());
        assert_eq!(detached(id).unwrap(), here);
        assert_ne!(watch(|| Ok(()), || detached(id)).unwrap(), here);
        let refused = watch(|| Ok(()), || detached(|| Err::<(), _>(Error::input("text", "bad"))));
        assert!(matches!(refused, Err(Error::Input { .. })));
        let panicked = watch(|| Ok(()), || detached(|| -> Result<()> { panic!("on purpose") }));
        assert!(matches!(panicked, Err(Error::Internal { .. })));
    }
}
