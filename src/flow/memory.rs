//! The memory budget of a run.
//!
//! Rhai bounds single values, but not their sum: `m[key] = value` does not look at the whole map, and thirty call levels
//! may each hold large locals. jemalloc counts, for each thread, the bytes that it handed out and those it took back; a run
//! happens on one thread, and the engine compares the growth since its start with the budget at every operation. The counts
//! cost nothing: the allocator keeps them anyway.

use tikv_jemalloc_ctl::thread::{ThreadLocal, allocatedp, deallocatedp};
use tikv_jemalloc_ctl::{Access as _, AsName as _};
use tikv_jemallocator::Jemalloc;

/// A request makes hundreds of small allocations, of which many end on another thread: what jemalloc is made for.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

thread_local! {
    /// Bytes that this thread has ever been given, and those that it gave back.
    static COUNTS: Option<(ThreadLocal<u64>, ThreadLocal<u64>)> = allocatedp::read().ok().zip(deallocatedp::read().ok());
}

/// Bytes that this thread allocated and did not free; meaningful as a difference only. `None`: the allocator does not tell.
fn owned() -> Option<u64> {
    // May be less than nothing on a thread that frees what others allocated.
    COUNTS.with(|counts| counts.map(|(given, back)| given.get().wrapping_sub(back.get())))
}

/// How much more `now` is than `before`.
fn growth(before: u64, now: u64) -> usize {
    usize::try_from(now.wrapping_sub(before).cast_signed()).unwrap_or(0)
}

/// What some work took of memory, beyond what its thread owned before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bytes at the height of it, or of something that the thread did earlier; exact to a hundred kilobytes.
    pub most: usize,
    /// Bytes that are still owned when it is over, its result included.
    pub kept: usize,
}

/// Does the work and tells what it took: for tests and figures.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, Memory) {
    let before = owned().unwrap_or(0);
    let result = work();
    let now = owned().unwrap_or(0);
    // Since the thread began: jemalloc forgets it on demand, but not for safe code.
    let height: u64 = b"thread.peak.read\0".name().read().unwrap_or(u64::MAX >> 1);
    (result, Memory { most: growth(before, height), kept: growth(before, now) })
}

/// How much this thread may grow from now on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    begin: Option<u64>,
    bytes: usize,
}

impl Budget {
    /// Begins at what the thread owns now. The engine asks between operations, so a sixteenth is set aside for what one of
    /// them takes.
    pub(crate) fn begin(bytes: usize) -> Self {
        Self { begin: owned(), bytes: bytes - bytes / 16 }
    }

    /// Whether the thread owns more than the budget allows. Must be asked on the thread that began.
    pub(crate) fn exceeded(self) -> bool {
        self.begin.zip(owned()).is_none_or(|(begin, now)| growth(begin, now) > self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_counts_what_is_kept_and_forgets_what_is_freed() {
        let budget = Budget::begin(100_000);
        drop(vec![0_u8; 200_000]);
        assert!(!budget.exceeded());
        let kept = vec![0_u8; 200_000];
        assert!(budget.exceeded());
        drop(kept);
        assert!(!budget.exceeded());
    }

    #[test]
    fn the_height_counts_what_was_freed_again() {
        let (_kept, memory) = measured(|| {
            drop(vec![0_u8; 3_000_000]);
            vec![0_u8; 1_000_000]
        });
        assert!((3_000_000..3_600_000).contains(&memory.most), "{memory:?}");
        assert!((1_000_000..1_300_000).contains(&memory.kept), "{memory:?}");
    }

    #[test]
    fn other_threads_do_not_count() {
        let budget = Budget::begin(100_000);
        let kept = std::thread::spawn(|| vec![0_u8; 1_000_000]).join().unwrap();
        assert!(!budget.exceeded());
        drop(kept);
    }
}
