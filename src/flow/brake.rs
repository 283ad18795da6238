//! What stops a script: too many operations, the deadline, too much memory. Looked at between operations.
//!
//! Rhai counts operations, too, but begins anew in each callback of a native function: the count of a closure that `map` or `sort`
//! calls is dropped when it returns, so that nested ones ran without an end. This count is the run's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rhai::Engine;
use rustix::time::{ClockId, clock_gettime};

use super::memory::Budget;
use super::{Limits, failure};

/// The clock is read at every fourth operation. One of them may take 50 ms, which Rhai waits for a value that a closure uses while
/// a method of that value calls it.
const CLOCK: u64 = 4;

/// The operations of a run so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Operations(Arc<AtomicU64>);

impl Operations {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// One more. A run has one thread: no other writes.
    fn next(&self) -> u64 {
        let count = self.count() + 1;
        self.0.store(count, Ordering::Relaxed);
        count
    }
}

/// Makes the engine stop what it runs, on this thread and from now on, beyond the limits or after the deadline.
pub(super) fn install(engine: &mut Engine, limits: &Limits, max_memory: usize, deadline: Instant) -> Operations {
    let operations = Operations::default();
    let (count, budget, time) = (operations.clone(), Budget::begin(max_memory), Time::until(deadline));
    let max = Some(limits.max_operations).filter(|max| *max > 0).unwrap_or(u64::MAX);
    engine.set_max_operations(0);
    engine.on_progress(move |_| {
        let operations = count.next();
        if budget.exceeded() {
            return Some(failure::MEMORY.into());
        }
        if operations > max {
            return Some(failure::OPERATIONS.into());
        }
        (operations % CLOCK == 1 && time.is_over()).then(|| failure::DEADLINE.into())
    });
    operations
}

/// A deadline that costs a few nanoseconds to look at.
#[derive(Clone, Copy, Debug)]
struct Time {
    deadline: Instant,
    /// The same by the coarse clock, which lags behind by some milliseconds.
    coarse: Duration,
}

impl Time {
    fn until(deadline: Instant) -> Self {
        Self { deadline, coarse: coarse() + deadline.saturating_duration_since(Instant::now()) }
    }

    fn is_over(self) -> bool {
        coarse() >= self.coarse && Instant::now() > self.deadline
    }
}

/// The kernel's time of its last tick.
fn coarse() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = ClockId::MonotonicCoarse;
    #[cfg(not(target_os = "linux"))]
    let clock = ClockId::Monotonic;
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::toolbox::Toolbox;

    fn ran(source: &str, limits: &Limits, deadline: Instant) -> (String, u64) {
        let mut engine = Toolbox::base().engine(limits);
        let operations = install(&mut engine, limits, limits.max_memory, deadline);
        let outcome = engine.run(source).map_or_else(|error| error.to_string(), |()| "done".to_owned());
        (outcome, operations.count())
    }

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn operations_of_callbacks_in_callbacks_count() {
        let nested = "let a = []; a.pad(100, 1); let b = a; a.for_each(|x| b.map(|y| y)); a.sort(|x, y| 0);";
        let (outcome, operations) = ran(nested, &Limits::default(), far());
        assert!(outcome == "done" && operations > 10_000, "{outcome} {operations}");
        let limits = Limits { max_operations: 5_000, ..Limits::default() };
        assert_eq!(ran(nested, &limits, far()).1, 5_001);
    }

    #[test]
    fn the_deadline_ends_what_does_little() {
        let limits = Limits { max_operations: 0, ..Limits::default() };
        let began = Instant::now();
        let (outcome, _) = ran("loop { try { throw 1; } catch {} }", &limits, began + Duration::from_millis(20));
        assert!(outcome.contains("terminated") && began.elapsed() >= Duration::from_millis(20), "{outcome}");
    }
}
