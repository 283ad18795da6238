//! Actions that fail login after login: told once when it begins and once when it ends, and shown by `/healthz` and `/metrics`
//! in between. In memory, of the set in use.

use std::collections::BTreeMap;

use crate::domain::decision::ActionTrace;

/// An action that has failed too often in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// File stem.
    pub action: String,
    /// Runs since the last one that worked.
    pub failures: u64,
    /// The last error: `file:line:col: message`.
    pub error: String,
}

/// The actions whose last run failed, by name.
#[derive(Debug, Default)]
pub(super) struct Streaks(BTreeMap<String, Streak>);

#[derive(Debug, Default)]
struct Streak {
    failures: u64,
    error: String,
}

impl Streaks {
    /// Counts a run. A denial is an action's word, not a failure; one that `on_error = "skip"` let pass is a failure.
    pub(super) fn count(&mut self, run: &ActionTrace, after: u64) {
        let action = &run.action;
        if matches!(run.outcome.as_str(), "ok" | "denied") {
            if let Some(ended) = self.0.remove(action).filter(|streak| streak.failures >= after) {
                tracing::info!(action, failures = ended.failures, "an action that kept failing works again");
            }
            return;
        }
        let streak = self.0.entry(action.clone()).or_default();
        streak.failures += 1;
        streak.error = run.error.clone().unwrap_or_default();
        if streak.failures == after {
            tracing::error!(action, failures = after, error = streak.error, "an action keeps failing");
        }
    }

    /// Another set of actions begins without a past.
    pub(super) fn forget(&mut self, after: u64) {
        for Failing { action, failures, .. } in self.failing(after) {
            tracing::info!(action, failures, "an action that kept failing belongs to a set that is no longer used");
        }
        self.0.clear();
    }

    /// Those with at least so many failures in a row.
    pub(super) fn failing(&self, after: u64) -> Vec<Failing> {
        let known = self.0.iter().filter(|(_, streak)| streak.failures >= after);
        let failing = |(action, streak): (&String, &Streak)| Failing {
            action: action.clone(),
            failures: streak.failures,
            error: streak.error.clone(),
        };
        known.map(failing).collect()
    }
}
