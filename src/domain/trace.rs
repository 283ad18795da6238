//! What ran and what it did: the part of a [`super::decision::Decision`] that explains the rest.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::decision::Provenance;
use super::outside::Outside;

/// What ran, for logs, `try`, `why` and `replay`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trace {
    /// Random, no secret: what a failed login tells its client as the reference.
    pub id: String,
    /// Content hash of the set of actions.
    pub set: String,
    /// `post-login` or `credentials-exchange`.
    pub trigger: String,
    /// The client has `bypass_actions`: nothing ran.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bypassed: bool,
    /// In order of execution.
    pub actions: Vec<ActionTrace>,
    /// What the actions had from outside.
    pub outside: Outside,
}

/// One action's run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ActionTrace {
    /// File stem.
    pub action: String,
    /// `ok`, `denied`, `error`, `timeout` or `skipped` (an error under `on_error = "skip"`).
    pub outcome: String,
    /// Wall time in microseconds.
    pub duration_us: u64,
    /// Rhai operations.
    pub operations: u64,
    /// Lines printed with `print` and `debug`, capped.
    pub logs: Vec<String>,
    /// `file:line:col: message` of an error.
    pub error: Option<String>,
    /// The error as a compiler would show it: several lines, with the source line, a caret and a hint.
    pub diagnostic: Option<String>,
    /// What the action asked for and was given, in order.
    pub effects: Vec<Effect>,
    /// More of them, that are not listed.
    pub effects_left_out: usize,
    /// Whether the effects came to nothing, because the action failed.
    pub effects_dropped: bool,
    /// Paths of `event` that the action read, in order of the first reading, capped.
    pub reads: Vec<EventRead>,
}

/// One call of `api` that changed something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Of what.
    pub kind: EffectKind,
    /// The claim, parameter, scope or key; the code of a denial; `revoked`, `expires_at` or `idle_expires_at` of a refresh token.
    pub name: String,
    /// The new value; `None`: it was taken away.
    pub value: Option<Value>,
    /// Where.
    pub by: Provenance,
}

/// What an [`Effect`] is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectKind {
    /// A claim of the ID token and `/userinfo`.
    IdToken,
    /// A claim of the access token.
    AccessToken,
    /// A member of the token response.
    TokenResponse,
    /// A scope: `true` was added, nothing was removed.
    Scope,
    /// A key of `user_metadata`.
    UserMetadata,
    /// A key of `app_metadata`.
    AppMetadata,
    /// A key of `event.transaction.metadata`.
    TransactionMetadata,
    /// The refresh token.
    RefreshToken,
    /// The session: its end, with the reason.
    Session,
    /// The verdict: a denial, with the reason.
    Deny,
}

/// A part of `event` that an action read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRead {
    /// `event.user.app_metadata.plan`.
    pub path: String,
    /// The file of the first reading.
    pub file: Arc<str>,
    /// Its line, from 1; 0 if unknown.
    pub line: usize,
}

/// A trace as it is stored and sent: what is searched for, and everything as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceRow {
    /// [`Trace::id`].
    pub id: String,
    /// When it was decided, Unix milliseconds.
    pub at: i64,
    /// Whose login it was.
    pub client_id: String,
    /// Empty for a machine.
    pub user_id: String,
    /// `allowed`, `denied` or `failed`.
    pub outcome: String,
    /// JSON, one line.
    pub document: String,
}

impl TraceRow {
    /// Adds what the shadow decided otherwise, as JSON, to the document: an object that has no such member.
    pub fn add_shadow(&mut self, shadow: &str) {
        if !shadow.is_empty() && self.document.ends_with('}') {
            self.document.pop();
            self.document.push_str(",\"shadow\":");
            self.document.push_str(shadow);
            self.document.push('}');
        }
    }
}

/// Which traces are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TraceFilter {
    /// This one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Those of a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Those of a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Those with an outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// At most so many, the newest.
    pub limit: usize,
    /// Only older ones than this: time and id of the last one of the page before. Of the table only.
    #[serde(skip)]
    pub before: Option<(i64, String)>,
}

impl Default for TraceFilter {
    fn default() -> Self {
        Self { id: None, client_id: None, user_id: None, outcome: None, limit: 20, before: None }
    }
}

impl TraceFilter {
    /// Whether the trace is one of those.
    #[must_use]
    pub fn fits(&self, row: &TraceRow) -> bool {
        let wanted = [
            (&self.id, &row.id),
            (&self.client_id, &row.client_id),
            (&self.user_id, &row.user_id),
            (&self.outcome, &row.outcome),
        ];
        wanted.into_iter().all(|(wanted, own)| wanted.as_ref().is_none_or(|wanted| wanted == own))
    }
}
