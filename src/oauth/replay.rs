//! A decision made again: with the answers that were recorded, and folded as the server folds it.

use crate::domain::decision::Decision;
use crate::domain::difference::{Difference, Settled, differences};
use crate::domain::scope::Scopes;
use crate::flow::{FlowSet, Host, Recording, decide};

use super::fold::{self, Party};

/// What was decided, and from what.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// The event and the answers from outside.
    pub recording: &'a Recording,
    /// What came of it.
    pub decision: &'a Decision,
    /// The scopes before the actions' edits.
    pub granted: &'a Scopes,
    /// The scopes after them.
    pub scope: &'a Scopes,
    /// Who got the tokens; `None` if nobody knows any more.
    pub party: Option<Party<'a>>,
}

/// The decision of another set, and how it differs.
#[must_use]
pub fn again(set: &FlowSet, before: Before<'_>) -> (Decision, Vec<Difference>) {
    let Before { recording, granted, scope, party, .. } = before;
    let mut decision = decide(set, recording.trigger, recording.event.clone(), &Host::replaying(recording));
    // Only the event of a refresh has one.
    let refreshing = recording.event.refresh_token.is_some();
    let (now, _) = fold::conclude(&mut decision, granted, party, refreshing);
    let before = Settled { decision: before.decision, scope, refreshing };
    let found = differences(before, Settled { decision: &decision, scope: &now, refreshing });
    (decision, found)
}
