//! What the tests show of each action: the most that it did and put into tokens. An estimate, since tests are examples.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use crate::domain::decision::{Decision, Setting};
use crate::flow::natural_order;

use super::report::TestResult;
use super::world::Remains;

/// One action, over all tests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// File stem.
    pub action: String,
    /// Tests in which it ran.
    pub tests: usize,
    /// Rhai operations of one run, at most.
    pub operations: u64,
    /// Claims and response parameters of one run, at most.
    pub claims: usize,
    /// Their bytes, names and values.
    pub bytes: usize,
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { action, tests, operations, claims, bytes } = self;
        let plural = |count: usize, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
        let (claims, tests) = (plural(*claims, "claim"), plural(*tests, "test"));
        write!(f, "{action}: at most {operations} operations, {claims} of {bytes} bytes, in {tests}")
    }
}

/// The estimates, in the order of the actions.
pub(super) fn of(ran: &[(TestResult, Remains)]) -> Vec<Estimate> {
    let mut estimates: BTreeMap<&str, Estimate> = BTreeMap::new();
    for (_, remains) in ran {
        let mut seen = BTreeSet::new();
        for decision in &remains.decisions {
            for action in &decision.trace.actions {
                let own = estimates.entry(&action.action).or_default();
                let (claims, bytes) = put(decision, &action.action);
                own.operations = own.operations.max(action.operations);
                own.claims = own.claims.max(claims);
                own.bytes = own.bytes.max(bytes);
                own.tests += usize::from(seen.insert(&action.action));
            }
        }
    }
    let named = |(action, estimate): (&str, Estimate)| Estimate { action: action.to_owned(), ..estimate };
    let mut estimates: Vec<_> = estimates.into_iter().map(named).collect();
    estimates.sort_by(|a, b| natural_order(Path::new(&a.action), Path::new(&b.action)));
    estimates
}

/// How much of a decision an action set, and its bytes.
fn put(decision: &Decision, action: &str) -> (usize, usize) {
    let all = [&decision.id_token, &decision.access_token, &decision.token_response];
    let own = all.into_iter().flatten().filter(|(_, setting)| *setting.by.action == *action);
    let size = |(name, setting): (&String, &Setting)| name.len() + setting.value.to_string().len();
    own.map(size).fold((0, 0), |(count, bytes), size| (count + 1, bytes + size))
}
