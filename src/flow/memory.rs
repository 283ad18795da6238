//! The memory budget of a run.
//!
//! Rhai bounds single values, but not their sum: `m[key] = value` does not look at the whole map, and thirty call levels
//! may each hold large locals. So the allocator counts, for each thread, the bytes that it handed out minus those it took
//! back; a run happens on one thread, and the engine compares the growth since its start with the budget at every
//! operation. `tracking-allocator` does the unsafe part; it costs a few nanoseconds and a word for each allocation.

use std::alloc::System;
use std::cell::Cell;
use std::sync::Once;

use tracking_allocator::{AllocationGroupId, AllocationRegistry, AllocationTracker, Allocator};

#[global_allocator]
static ALLOCATOR: Allocator<System> = Allocator::system();

thread_local! {
    static OWNED: Cell<isize> = const { Cell::new(0) };
    /// The most that [`OWNED`] has been since [`measured`] began.
    static MOST: Cell<isize> = const { Cell::new(0) };
}

struct PerThread;

impl AllocationTracker for PerThread {
    fn allocated(&self, _addr: usize, size: usize, _wrapped: usize, _group: AllocationGroupId) {
        let owned = OWNED.with(|owned| {
            owned.set(owned.get().wrapping_add_unsigned(size));
            owned.get()
        });
        MOST.with(|most| most.set(most.get().max(owned)));
    }

    fn deallocated(&self, _addr: usize, size: usize, _wrapped: usize, _from: AllocationGroupId, _now: AllocationGroupId) {
        OWNED.with(|owned| owned.set(owned.get().wrapping_sub_unsigned(size)));
    }
}

/// Bytes that this thread allocated and did not free; meaningful as a difference only.
fn owned() -> isize {
    OWNED.with(Cell::get)
}

/// What some work took of memory, beyond what its thread owned before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bytes at the height of it.
    pub most: usize,
    /// Bytes that are still owned when it is over, its result included.
    pub kept: usize,
}

/// Does the work and tells what it took: for tests and figures.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, Memory) {
    install();
    let before = owned();
    MOST.with(|most| most.set(before));
    let result = work();
    let since = |bytes: isize| usize::try_from(bytes.wrapping_sub(before)).unwrap_or(0);
    (result, Memory { most: since(MOST.with(Cell::get)), kept: since(owned()) })
}

/// Starts counting; done once per process, when the first set of actions is built.
pub(crate) fn install() {
    // The only process-wide state of the flow: an allocator cannot be anything else.
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        if AllocationRegistry::set_global_tracker(PerThread).is_ok() {
            AllocationRegistry::enable_tracking();
        }
    });
}

/// How much this thread may grow from now on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    end: isize,
}

impl Budget {
    /// Begins at what the thread owns now. The engine asks between operations, so a sixteenth is set aside for what one of
    /// them takes.
    pub(crate) fn begin(bytes: usize) -> Self {
        Self { end: owned().saturating_add_unsigned(bytes - bytes / 16) }
    }

    /// Whether the thread owns more than the budget allows. Must be asked on the thread that began.
    pub(crate) fn exceeded(self) -> bool {
        owned() > self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_counts_what_is_kept_and_forgets_what_is_freed() {
        install();
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
        let (kept, memory) = measured(|| {
            drop(vec![0_u8; 300_000]);
            vec![0_u8; 100_000]
        });
        assert_eq!(memory, Memory { most: 300_000, kept: kept.len() });
    }

    #[test]
    fn other_threads_do_not_count() {
        install();
        let budget = Budget::begin(100_000);
        let kept = std::thread::spawn(|| vec![0_u8; 1_000_000]).join().unwrap();
        assert!(!budget.exceeded());
        drop(kept);
    }
}
