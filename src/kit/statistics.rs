//! How the actions fared in the logins that are still remembered.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::trace::ActionTrace;

/// The remembered runs of one action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Runs {
    /// How many.
    pub runs: usize,
    /// How many of them ended with an error, skipped or not.
    pub failures: usize,
    /// How many of them denied the login.
    pub denials: usize,
    /// Half of the runs took less, microseconds.
    pub median_us: u64,
    /// 95 of 100 runs took at most this, microseconds.
    pub p95_us: u64,
    /// Half of the runs had fewer operations.
    pub median_operations: u64,
    /// No run had more operations.
    pub max_operations: u64,
}

/// By name of the action; an action without runs is not there.
#[must_use]
pub fn by_action<'a>(traces: impl IntoIterator<Item = &'a ActionTrace>) -> BTreeMap<String, Runs> {
    let mut found: BTreeMap<&str, Vec<&ActionTrace>> = BTreeMap::new();
    for run in traces {
        found.entry(&run.action).or_default().push(run);
    }
    found.into_iter().map(|(action, runs)| (action.to_owned(), summed_up(&runs))).collect()
}

fn summed_up(runs: &[&ActionTrace]) -> Runs {
    let count = |wanted: &[&str]| runs.iter().filter(|run| wanted.contains(&run.outcome.as_str())).count();
    let sorted = |of: fn(&ActionTrace) -> u64| {
        let mut values: Vec<_> = runs.iter().map(|run| of(run)).collect();
        values.sort_unstable();
        values
    };
    let (durations, operations) = (sorted(|run| run.duration_us), sorted(|run| run.operations));
    Runs {
        runs: runs.len(),
        failures: count(&["error", "timeout", "skipped"]),
        denials: count(&["denied"]),
        median_us: share(&durations, 50),
        p95_us: share(&durations, 95),
        median_operations: share(&operations, 50),
        max_operations: share(&operations, 100),
    }
}

/// The smallest of the sorted values that `percent` of them do not exceed.
fn share(sorted: &[u64], percent: usize) -> u64 {
    let index = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(action: &str, outcome: &str, duration_us: u64) -> ActionTrace {
        let (action, outcome) = (action.to_owned(), outcome.to_owned());
        ActionTrace { action, outcome, duration_us, operations: duration_us * 10, ..ActionTrace::default() }
    }

    #[test]
    fn runs_are_summed_up_by_action() {
        let mut runs: Vec<_> = (1..=100).map(|us| run("10-a", "ok", us)).collect();
        runs.extend(["denied", "error", "skipped", "timeout"].map(|outcome| run("20-b", outcome, 7)));
        let found = by_action(&runs);
        let a = &found["10-a"];
        assert_eq!((a.runs, a.failures, a.denials), (100, 0, 0));
        assert_eq!((a.median_us, a.p95_us, a.median_operations, a.max_operations), (50, 95, 500, 1000));
        let b = &found["20-b"];
        assert_eq!((b.runs, b.failures, b.denials, b.median_us, b.p95_us), (4, 3, 1, 7, 7));
        assert!(!found.contains_key("30-c"));
    }

    #[test]
    fn one_run_is_its_own_median() {
        let found = by_action(&[run("10-a", "ok", 3)]);
        assert_eq!((found["10-a"].median_us, found["10-a"].p95_us, found["10-a"].max_operations), (3, 3, 30));
    }
}
