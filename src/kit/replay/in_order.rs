//! Work on several threads, results in order, and no more in memory than the threads hold.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Items that a thread takes at once: taking turns costs more than most items.
const BATCH: usize = 32;
/// Scripts recurse on the stack of the thread that runs them.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// Whose turn it is, and what is left.
struct Shared<I, E> {
    items: Mutex<(usize, I)>,
    turn: Mutex<Turn<E>>,
    turned: Condvar,
}

struct Turn<E> {
    /// The batch whose results are next.
    batch: usize,
    stopped: bool,
    each: E,
}

/// Calls `work` for every item on `jobs` threads, and `each` for every result in the order of the items, until it breaks.
pub(super) fn in_order<T, R, I, W, E>(items: I, jobs: usize, work: W, each: E)
where
    T: Send,
    R: Send,
    I: Iterator<Item = T> + Send,
    W: Fn(T) -> R + Sync,
    E: FnMut(R) -> ControlFlow<()> + Send,
{
    let shared = Shared {
        items: Mutex::new((0, items)),
        turn: Mutex::new(Turn { batch: 0, stopped: false, each }),
        turned: Condvar::new(),
    };
    std::thread::scope(|scope| {
        for number in 1..=jobs.max(1) {
            let (shared, work) = (&shared, &work);
            let builder = std::thread::Builder::new().name(format!("replay-{number}")).stack_size(STACK_BYTES);
            let spawned = builder.spawn_scoped(scope, move || run(shared, work));
            // Without threads there is no replay; with fewer than asked for there is.
            if number == 1 {
                spawned.expect("the system has a thread for us");
            }
        }
    });
}

fn run<T, R, I, W, E>(shared: &Shared<I, E>, work: &W)
where
    I: Iterator<Item = T>,
    W: Fn(T) -> R,
    E: FnMut(R) -> ControlFlow<()>,
{
    while let Some((batch, items)) = take(&shared.items) {
        let done = catch_unwind(AssertUnwindSafe(|| items.into_iter().map(work).collect::<Vec<_>>()));
        let mut turn = lock(&shared.turn);
        while turn.batch != batch && !turn.stopped {
            turn = shared.turned.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        let stopped = turn.stopped;
        // Whatever happens now, nobody waits for this batch.
        turn.batch += 1;
        turn.stopped |= done.is_err();
        match done {
            Ok(results) if !stopped => turn.stopped = results.into_iter().any(|result| (turn.each)(result).is_break()),
            Ok(_) => {}
            Err(panic) => {
                shared.turned.notify_all();
                drop(turn);
                resume_unwind(panic);
            }
        }
        let stopped = turn.stopped;
        shared.turned.notify_all();
        if stopped {
            return;
        }
    }
}

/// The next batch and its number.
fn take<T>(items: &Mutex<(usize, impl Iterator<Item = T>)>) -> Option<(usize, Vec<T>)> {
    let mut items = lock(items);
    let taken: Vec<T> = items.1.by_ref().take(BATCH).collect();
    let batch = items.0;
    items.0 += 1;
    (!taken.is_empty()).then_some((batch, taken))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items_whatever_the_threads_do() {
        for jobs in [0, 1, 2, 7] {
            let mut results = Vec::new();
            in_order(
                0..1_000,
                jobs,
                |n| n * 2,
                |n| {
                    results.push(n);
                    ControlFlow::Continue(())
                },
            );
            assert_eq!(results, (0..1_000).map(|n| n * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_threads_take_no_more_than_they_work_on() {
        let (taken, given) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let items = (0..10_000).inspect(|_| {
            taken.fetch_add(1, Ordering::SeqCst);
        });
        in_order(
            items,
            3,
            |n| n,
            |_| {
                let ahead = taken.load(Ordering::SeqCst) - given.fetch_add(1, Ordering::SeqCst);
                assert!(ahead <= 4 * BATCH, "{ahead} items are in memory");
                ControlFlow::Continue(())
            },
        );
        assert_eq!(given.into_inner(), 10_000);
    }

    #[test]
    fn who_has_seen_enough_ends_it() {
        let mut seen = 0;
        in_order(
            0..,
            3,
            |n| n,
            |_: i32| {
                seen += 1;
                if seen == 100 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        assert_eq!(seen, 100);
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_ends_all_of_it() {
        in_order(0.., 3, |n: i32| assert!(n < 500, "bug"), |()| ControlFlow::Continue(()));
    }
}
