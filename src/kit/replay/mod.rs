//! Recorded logins, decided again: what would change with these actions?
//!
//! A line of [`recorded`] goes through the one `decide` with the recorded answers of clock, random, cache and HTTP, and through
//! the fold of `oauth`; [`crate::domain::difference`] says what differs, [`summary`] adds up. [`input`] reads many lines and
//! replays them on several threads. What kept a login from being decided as it was then is told with it, as [`Login::unfaithful`] and
//! [`Login::unrecorded`].

mod in_order;
pub mod input;
mod marks;
pub mod recorded;
pub mod summary;
pub mod text;

use serde::Serialize;

use crate::domain::decision::Decision;
use crate::domain::difference::{Difference, Part};
use crate::domain::outside::Outside;
use crate::domain::redaction::{has_redacted, is_redacted};
use crate::flow::{Event, FlowSet, Trigger};
use crate::oauth::fold::Party;
use crate::oauth::replay::{self, Before};

use super::project::Project;
use recorded::Recorded;

/// The actions, and the clients and APIs that they decide for.
#[derive(Clone, Copy, Debug)]
pub struct Replay<'a> {
    /// The actions.
    pub set: &'a FlowSet,
    /// Whose scopes the fold of a Decision knows.
    pub project: &'a Project,
}

/// A recorded login, decided again.
#[derive(Clone, Debug, Serialize)]
pub struct Login {
    /// The trace's id.
    pub id: String,
    /// When it happened, Unix milliseconds.
    pub at: i64,
    /// Which handlers ran.
    pub trigger: Trigger,
    /// Whose login it was.
    pub client_id: String,
    /// Absent for a machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// What differs; nothing if it would be decided as it was.
    pub differences: Vec<Difference>,
    /// Why it cannot be told what would differ: `read redacted event.user.email`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unfaithful: Vec<String>,
    /// What the actions asked for now and did not ask for then: `GET https://api.example/`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unrecorded: Vec<String>,
    /// Wall time of the actions then, microseconds.
    pub recorded_us: u64,
    /// Wall time of the actions now, microseconds.
    pub now_us: u64,
}

/// How a login comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it was.
    Same,
    /// Otherwise.
    Different,
    /// The recording does not hold what the actions read.
    Unfaithful,
}

impl Login {
    /// How it comes out.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match (self.unfaithful.is_empty(), self.differences.is_empty()) {
            (false, _) => Verdict::Unfaithful,
            (true, false) => Verdict::Different,
            (true, true) => Verdict::Same,
        }
    }
}

impl Replay<'_> {
    /// Decides a recorded login again. `line` is what it was read from.
    #[must_use]
    pub fn login(&self, recorded: Recorded, line: &str) -> Login {
        let recording = &recorded.recording;
        let before = Before {
            recording,
            decision: &recorded.decision,
            granted: &recorded.granted,
            scope: &recorded.scope,
            party: self.party(&recording.event),
        };
        let (decision, differences) = replay::again(self.set, before);
        Login {
            differences,
            unfaithful: unfaithful(&recorded, &decision, line),
            unrecorded: decision.trace.outside.beyond(&recording.outside),
            recorded_us: took(&recorded.decision),
            now_us: took(&decision),
            trigger: recording.trigger,
            id: recorded.id,
            at: recorded.at,
            client_id: recorded.client_id,
            user_id: recorded.user_id,
        }
    }

    /// Who gets the tokens; `None`: the configuration has it no more, and nothing bounds its scopes.
    fn party(&self, event: &Event) -> Option<Party<'_>> {
        let api = event.resource_server.as_ref().and_then(|part| self.project.api(&part.identifier));
        if event.user.is_none() {
            return api.map(|api| Party::Machine { api });
        }
        let words = event.transaction.as_ref().map_or(&[] as &[_], |transaction| &*transaction.response_type);
        let may_refresh = words.is_empty() || words.iter().any(|word| word == "code");
        let client = self.project.client(&event.client.client_id)?;
        Some(Party::Client { client, api, may_refresh })
    }
}

/// What kept the actions from seeing what they saw then.
fn unfaithful(recorded: &Recorded, decision: &Decision, line: &str) -> Vec<String> {
    let mut reasons = Vec::new();
    if is_redacted(line) {
        let reads = decision.trace.actions.iter().flat_map(|action| &action.reads);
        let marks = marks::of_event(line);
        for read in reads.filter(|read| marks.iter().any(|mark| marks::touch(mark, &read.path))) {
            let reason = format!("read redacted {}", read.path);
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons.extend(used_redacted(&recorded.recording.outside, &decision.trace.outside));
        reasons.extend(hidden(&recorded.decision, decision));
    }
    if recorded.recording.outside.incomplete {
        reasons.push("the recording does not hold everything that the actions had from outside".to_owned());
    }
    reasons
}

/// Answers of cache and network that were redacted, and given to the actions all the same.
fn used_redacted(recorded: &Outside, used: &Outside) -> Vec<String> {
    let mut reasons = Vec::new();
    for entry in &recorded.cache {
        let redacted = entry.record.as_ref().is_some_and(|record| is_redacted(&record.value));
        if redacted && used.cache.iter().any(|own| own.key == entry.key) {
            reasons.push(format!("read redacted cache entry `{}`", entry.key));
        }
    }
    for exchange in &used.http {
        let redacted = |answer: &crate::domain::outside::HttpAnswer| {
            is_redacted(&answer.body) || has_redacted(&serde_json::to_value(&answer.headers).unwrap_or_default())
        };
        if exchange.answer.as_ref().is_ok_and(redacted) {
            reasons.push(format!("read redacted answer of {} {}", exchange.request.method, exchange.request.url));
        }
    }
    reasons
}

/// Values that were redacted in what was decided then, so that another one now would not be noticed.
fn hidden(recorded: &Decision, decision: &Decision) -> Vec<String> {
    let both = [
        (Part::IdToken, &recorded.id_token, &decision.id_token),
        (Part::AccessToken, &recorded.access_token, &decision.access_token),
        (Part::TokenResponse, &recorded.token_response, &decision.token_response),
        (Part::UserMetadata, &recorded.user_metadata, &decision.user_metadata),
        (Part::AppMetadata, &recorded.app_metadata, &decision.app_metadata),
    ];
    let mut reasons = Vec::new();
    for (part, then, now) in both {
        for (name, setting) in then.iter().filter(|(_, setting)| has_redacted(&setting.value)) {
            if now.get(name).is_some_and(|now| now.value != setting.value) {
                reasons.push(format!("{} {name} is redacted in the recording", part.as_str()));
            }
        }
    }
    reasons
}

fn took(decision: &Decision) -> u64 {
    decision.trace.actions.iter().map(|action| action.duration_us).sum()
}
