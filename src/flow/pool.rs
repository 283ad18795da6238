//! The running flow of a tenant: the current set, swapped atomically, and the bounded pool that runs it.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::event::ClientPart;
use super::streaks::{Failing, Streaks};
use super::{Decision, Event, FlowSet, Host, Limits, Trigger, decide};
use crate::domain::decision::{Outcome, Trace};

/// The running flow of a tenant.
#[derive(Debug)]
pub struct Flow {
    current: ArcSwap<FlowSet>,
    host: Host,
    /// Runs that run or wait; who finds no place here is sent away.
    admitted: Arc<Semaphore>,
    /// Runs that run.
    running: Arc<Semaphore>,
    streaks: Mutex<Streaks>,
}

/// The pool is full: answer `temporarily_unavailable` with `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all places for running actions are taken")]
pub struct Busy;

impl Flow {
    /// A flow that runs `set` until another is put in its place.
    #[must_use]
    pub fn new(set: FlowSet, limits: &Limits, host: Host) -> Self {
        let places = |count: usize| Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)));
        Self {
            current: ArcSwap::from_pointee(set),
            host,
            admitted: places(limits.max_concurrent_runs.max(1).saturating_add(limits.max_waiting_runs)),
            running: places(limits.max_concurrent_runs),
            streaks: Mutex::default(),
        }
    }

    /// The set that the next login will use.
    #[must_use]
    pub fn current(&self) -> Arc<FlowSet> {
        self.current.load_full()
    }

    /// Puts another set in place; logins in flight finish on theirs.
    pub fn replace(&self, set: FlowSet) {
        let mut streaks = self.streaks();
        let before = self.current.swap(Arc::new(set));
        streaks.forget(before.limits.report_after_failures);
    }

    /// The actions that keep failing, by name.
    #[must_use]
    pub fn failing(&self) -> Vec<Failing> {
        self.streaks().failing(self.current().limits.report_after_failures)
    }

    /// Runs the trigger on the bounded blocking pool, or right here if its runs have been short so far (see `pace`). What the actions printed and how they failed is in the trace, for the
    /// caller to log.
    ///
    /// A panic in a host function yields [`Outcome::Failed`].
    ///
    /// # Errors
    /// [`Busy`] when too many runs wait already.
    pub async fn decide(&self, trigger: Trigger, event: impl Into<Arc<Event>>) -> Result<Decision, Busy> {
        let event = event.into();
        let set = self.current();
        if set.taking_part(trigger, &event.client).next().is_none() {
            // Nothing to run: no thread is needed.
            return Ok(decide(&set, trigger, event, &self.host));
        }
        let (running, host) = (Arc::clone(&set), self.host.clone());
        let stays = set.pace.is_short() && waits_for_nobody(&set, trigger, &event.client) && may_keep_thread();
        let run = move || running.pace.measure(|| decide(&running, trigger, event, &host));
        let decision = match stays.then(|| self.place_now()).flatten() {
            Some(_places) => catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| self.lost(&"it panicked")),
            None => {
                let places = self.places().await?;
                // The places go with the run: a caller that goes away does not make room for more than the pool holds.
                let run = tokio::task::spawn_blocking(move || {
                    let decision = run();
                    drop(places);
                    decision
                });
                run.await.unwrap_or_else(|error| self.lost(&error))
            }
        };
        self.count(&set, &decision);
        Ok(decision)
    }

    /// Keeps account of failures in a row. Runs that finish on an earlier set say nothing about the one in use.
    fn count(&self, set: &Arc<FlowSet>, decision: &Decision) {
        let mut streaks = self.streaks();
        if Arc::ptr_eq(set, &self.current()) {
            decision.trace.actions.iter().for_each(|run| streaks.count(run, set.limits.report_after_failures));
        }
    }

    fn streaks(&self) -> MutexGuard<'_, Streaks> {
        self.streaks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The places for a run, if nobody has to be waited for.
    fn place_now(&self) -> Option<(SemaphorePermit<'_>, SemaphorePermit<'_>)> {
        Some((self.admitted.try_acquire().ok()?, self.running.try_acquire().ok()?))
    }

    async fn places(&self) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), Busy> {
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| Busy)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| Busy)?;
        Ok((admitted, running))
    }

    /// A run that ended outside of any action: panics within one are its failures.
    fn lost(&self, error: &dyn Display) -> Decision {
        let reference = self.host.random.id();
        tracing::error!(reference, %error, "the run of the actions was lost");
        let trace = Trace { id: reference.clone(), ..Trace::default() };
        Decision { outcome: Outcome::Failed { reference, message: error.to_string() }, trace, ..Decision::default() }
    }
}

/// Whether none of the actions can call `http::`.
fn waits_for_nobody(set: &FlowSet, trigger: Trigger, client: &ClientPart) -> bool {
    set.taking_part(trigger, client).all(|action| action.allow_hosts.is_empty())
}

/// Whether others go on meanwhile.
fn may_keep_thread() -> bool {
    Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread
}
