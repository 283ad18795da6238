//! Whether the runs of a set are so short that they may stay on the thread that asks.
//!
//! Another thread and back costs more processor time than a short action. But a script that takes long would keep that thread
//! from everybody else's requests, so a set has to earn it: it begins on the pool, moves after [`EARNED`] short runs in a row, and
//! begins anew after one that was not short. So a thread is kept busy by one run in [`EARNED`] at most (runs that began before
//! that one ended may keep the other threads), for the trigger's deadline at most; and one that was long by accident (a page fault, another machine on the same processor) costs little.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Short runs in a row before the set may stay.
const EARNED: u32 = 200;
/// Processor time of a short run, of all actions together.
const SHORT: Duration = Duration::from_millis(1);

/// Short runs since the last that was not.
#[derive(Debug, Default)]
pub(super) struct Pace(AtomicU32);

impl Pace {
    /// Whether the next run may stay on the thread that asks.
    pub(super) fn is_short(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= EARNED
    }

    /// Runs `run` and takes account of how long it took. Of processor time: what else the machine does says nothing.
    pub(super) fn measure<T>(&self, run: impl FnOnce() -> T) -> T {
        let began = processor_time();
        let done = run();
        self.count(processor_time().saturating_sub(began));
        done
    }

    fn count(&self, took: Duration) {
        if took > SHORT {
            self.0.store(0, Ordering::Relaxed);
        } else if !self.is_short() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Of this thread.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_earns_its_place_with_short_runs_in_a_row_and_loses_it_with_a_long_one() {
        let pace = Pace::default();
        for _ in 0..2 {
            for _ in 0..EARNED {
                assert!(!pace.is_short());
                pace.count(SHORT);
            }
            assert!(pace.is_short());
            pace.count(SHORT);
            assert!(pace.is_short());
            pace.count(SHORT * 2);
        }
    }

    #[test]
    fn waiting_is_no_work() {
        let pace = Pace::default();
        pace.measure(|| std::thread::sleep(SHORT * 20));
        (1..EARNED).for_each(|_| pace.count(Duration::ZERO));
        assert!(pace.is_short());
    }
}
