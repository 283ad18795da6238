//! One decision as it is kept: what it was about, how it ended, what did it, and everything that makes it again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::redact::Redactor;
use crate::domain::decision::{Decision, Outcome};
use crate::domain::shadow::Shadowed;
use crate::domain::trace::TraceRow;
use crate::flow::{Event, Recording};

/// Longer documents lose what is largest: calls of `http::`, then effects and printed lines.
const MAX_DOCUMENT: usize = 256 * 1024;
/// Bytes of a document with a handful of claims.
const USUAL_DOCUMENT: usize = 4 * 1024;

/// A decision as it is kept. `vestibule traces export` writes one as a JSON object per line, and `replay --file` reads it: the
/// recording is in `recording`, what was decided then in `decision`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record<E = Arc<Event>> {
    /// The trace's id, which error answers name as their reference.
    pub id: String,
    /// When, Unix milliseconds.
    pub at: i64,
    /// Whose login it was.
    pub client_id: String,
    /// Absent for a machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// `allowed`, `denied` or `failed`.
    pub outcome: String,
    /// The scopes before the actions' edits.
    #[serde(default)]
    pub granted: String,
    /// The granted scopes, after the actions' edits; empty if there was no grant.
    pub scope: String,
    /// What was decided, and how: claims with their lines, refusals, and the trace of each action. What was from outside is in
    /// the recording. Members that say nothing are not written.
    #[serde(serialize_with = "super::brief::Brief::serialize")]
    pub decision: Decision,
    /// Everything that makes the decision again, beside the actions.
    pub recording: Recording<E>,
    /// What the shadow of `serve` decided otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadowed>,
}

impl Record {
    /// The record of a decision, not yet redacted.
    pub(super) fn of(mut decision: Decision, mut recording: Recording, (granted, scope): (String, String)) -> Self {
        recording.outside = std::mem::take(&mut decision.trace.outside);
        let user = recording.event.user.as_ref();
        Self {
            id: decision.trace.id.clone(),
            at: recording.outside.now,
            client_id: recording.event.client.client_id.clone(),
            user_id: user.map(|user| user.user_id.clone()),
            outcome: word(&decision.outcome).to_owned(),
            granted,
            scope,
            decision,
            recording,
            shadow: None,
        }
    }

    /// How the tokens were asked for: `login`, `refresh`, `password` or `machine`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        let transaction = self.recording.event.transaction.as_ref();
        match transaction.and_then(|transaction| transaction.protocol.as_deref()) {
            _ if self.user_id.is_none() => "machine",
            Some("oauth2-refresh-token") => "refresh",
            Some("oauth2-password") => "password",
            _ => "login",
        }
    }

    /// Wall time of all actions, microseconds.
    #[must_use]
    pub fn duration_us(&self) -> u64 {
        self.decision.trace.actions.iter().map(|action| action.duration_us).sum()
    }

    /// The row that is stored, with everything redacted.
    pub(super) fn into_row(mut self, redactor: &Redactor<'_>) -> TraceRow {
        let mut event = redactor.redact(&mut self);
        leave_out_defaults(&mut event);
        let Self { id, at, client_id, user_id, outcome, granted, scope, decision, recording, shadow } = self;
        let recording = Recording { trigger: recording.trigger, event, outside: recording.outside };
        Record { id, at, client_id, user_id, outcome, granted, scope, decision, recording, shadow }.bounded_row()
    }
}

impl Record<Value> {
    fn bounded_row(mut self) -> TraceRow {
        let mut document = self.document();
        if document.len() > MAX_DOCUMENT {
            self.recording.outside.http.clear();
            self.recording.outside.incomplete = true;
            document = self.document();
        }
        if document.len() > MAX_DOCUMENT {
            for action in &mut self.decision.trace.actions {
                action.effects_left_out += std::mem::take(&mut action.effects).len();
                action.logs.clear();
            }
            document = self.document();
        }
        let (user_id, outcome) = (self.user_id.unwrap_or_default(), self.outcome);
        TraceRow { id: self.id, at: self.at, client_id: self.client_id, user_id, outcome, document }
    }

    fn document(&self) -> String {
        // Room for most; it would grow a few bytes at a time.
        let mut document = Vec::with_capacity(USUAL_DOCUMENT);
        // Maps with text keys and plain data: there is nothing that JSON cannot say.
        serde_json::to_writer(&mut document, self).ok().and_then(|()| String::from_utf8(document).ok()).unwrap_or_default()
    }
}

/// Members of the parts of `event` whose absence says the same. Not `""` and `false`: what may be absent may also be that.
fn leave_out_defaults(event: &mut Value) {
    let says_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    for part in event.as_object_mut().into_iter().flat_map(|event| event.values_mut()) {
        if let Value::Object(members) = part {
            members.retain(|_, value| !says_nothing(value));
        }
    }
}

impl TryFrom<&TraceRow> for Record {
    type Error = serde_json::Error;

    fn try_from(row: &TraceRow) -> Result<Self, Self::Error> {
        serde_json::from_str(&row.document)
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Allowed => "allowed",
        Outcome::Denied { .. } => "denied",
        Outcome::Failed { .. } => "failed",
    }
}
