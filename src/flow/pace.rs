//! Whether the runs of a set are so short that they may stay on the thread that asks.
//!
//! Another thread and back costs more processor time than a short action. But a script that takes long would keep that thread
//! from everybody else's requests, so a set has to earn it: it begins on the pool, moves after [`EARNED`] short runs in a row, and
//! begins anew after one that was not short. A run that took long by the clock on the wall may have waited for the machine: so
//! the processor time of the next [`EARNED`] is looked at, which costs more than a look at that clock. So a thread is kept busy by
//! two runs in [`EARNED`] at most (runs that began before that may keep the other threads), for the trigger's deadline at most;
//! and what was long by accident (a page fault, another machine on the same processor) costs little.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Short runs in a row before the set may stay.
const EARNED: u32 = 200;
/// Processor time of a short run, of all actions together.
const SHORT: Duration = Duration::from_millis(1);

/// What is known of a set's runs.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Short runs since the last that was not.
    short: AtomicU32,
    /// Runs whose processor time is still looked at, because one took long and may have waited.
    watched: AtomicU32,
}

impl Pace {
    /// Whether the next run may stay on the thread that asks.
    pub(super) fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed) >= EARNED
    }

    /// Runs `run` and takes account of how long it took. Of processor time in the end: what else the machine does says nothing.
    pub(super) fn measure<T>(&self, run: impl FnOnce() -> T) -> T {
        let watched = self.watched.load(Ordering::Relaxed);
        let worked = (watched > 0).then(processor_time);
        self.watched.store(watched.saturating_sub(1), Ordering::Relaxed);
        let began = Instant::now();
        let done = run();
        let took = began.elapsed();
        match worked {
            // It cannot have worked for longer than it took.
            _ if took <= SHORT => self.count(took),
            Some(worked) => self.count(processor_time().saturating_sub(worked)),
            None => self.watched.store(EARNED, Ordering::Relaxed),
        }
        done
    }

    /// For certain, it worked so long.
    fn count(&self, worked: Duration) {
        if worked > SHORT {
            self.short.store(0, Ordering::Relaxed);
        } else if !self.is_short() {
            self.short.fetch_add(1, Ordering::Relaxed);
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
        (0..EARNED).for_each(|_| pace.count(Duration::ZERO));
        (0..3).for_each(|_| pace.measure(|| std::thread::sleep(SHORT * 20)));
        assert!(pace.is_short());
    }

    #[test]
    fn the_second_long_run_is_known_for_one_whatever_is_between() {
        let pace = Pace::default();
        (0..EARNED).for_each(|_| pace.count(Duration::ZERO));
        let work = || {
            let began = processor_time();
            while processor_time() - began < SHORT * 5 {}
        };
        pace.measure(work);
        assert!(pace.is_short(), "it may have waited");
        (1..EARNED).for_each(|_| pace.measure(|| ()));
        pace.measure(work);
        assert!(!pace.is_short());
    }
}
