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
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::error::Result;

/// The time between two calls of a check.
const INTERVAL: Duration = Duration::from_millis(100);

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
/// An error of `check`, such as [`Error::Interrupted`](crate::Error::Interrupted), becomes the error of the work: within
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};

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
}
