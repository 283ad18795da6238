//! A recorded login as a line of JSON tells it: `vestibule traces export` writes them.
//!
//! Read here is what a replay compares; the history of each action in the line is skipped, which makes reading faster.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::Value;

use crate::domain::decision::{
    ActionTrace, Decision, Outcome, RefreshTokenEdits, ScopeEdit, SessionRevocation, Setting, Trace,
};
use crate::domain::scope::Scopes;
use crate::flow::Recording;

/// A recorded login.
#[derive(Clone, Debug, Deserialize)]
pub struct Recorded {
    /// The trace's id.
    pub id: String,
    /// When, Unix milliseconds.
    pub at: i64,
    /// Whose login it was.
    pub client_id: String,
    /// Absent for a machine.
    #[serde(default)]
    pub user_id: Option<String>,
    /// Granted before the actions' edits.
    #[serde(default, deserialize_with = "words")]
    pub granted: Scopes,
    /// Granted after them.
    #[serde(default, deserialize_with = "words")]
    pub scope: Scopes,
    /// What was decided then.
    #[serde(deserialize_with = "decided")]
    pub decision: Decision,
    /// Everything that makes the decision again, beside the actions.
    pub recording: Recording,
}

/// A line that is no recorded login.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Unreadable {
    /// From 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl Recorded {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(line: &str) -> Result<Self, Unreadable> {
        serde_json::from_str(line).map_err(|error| {
            let place = format!(" at line {} column {}", error.line(), error.column());
            let message = error.to_string();
            Unreadable { column: error.column(), message: message.strip_suffix(&place).unwrap_or(&message).to_owned() }
        })
    }
}

fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Scopes, D::Error> {
    Ok(Scopes::parse(&String::deserialize(deserializer)?))
}

/// A [`Decision`], of whose trace only the errors and durations are read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Decided {
    outcome: Outcome,
    id_token: BTreeMap<String, Setting>,
    access_token: BTreeMap<String, Setting>,
    token_response: BTreeMap<String, Setting>,
    scopes: Vec<ScopeEdit>,
    user_metadata: BTreeMap<String, Setting>,
    app_metadata: BTreeMap<String, Setting>,
    transaction_metadata: BTreeMap<String, Value>,
    refresh_token: RefreshTokenEdits,
    session_revoked: Option<SessionRevocation>,
    trace: Runs,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Runs {
    actions: Vec<Run>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Run {
    action: String,
    duration_us: u64,
    error: Option<String>,
}

fn decided<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decision, D::Error> {
    let decided = Decided::deserialize(deserializer)?;
    let action = |run: Run| {
        let Run { action, duration_us, error } = run;
        ActionTrace { action, duration_us, error, ..ActionTrace::default() }
    };
    let actions = decided.trace.actions.into_iter().map(action).collect();
    Ok(Decision {
        outcome: decided.outcome,
        id_token: decided.id_token,
        access_token: decided.access_token,
        token_response: decided.token_response,
        scopes: decided.scopes,
        user_metadata: decided.user_metadata,
        app_metadata: decided.app_metadata,
        transaction_metadata: decided.transaction_metadata,
        refresh_token: decided.refresh_token,
        session_revoked: decided.session_revoked,
        refused: Vec::new(),
        trace: Trace { actions, ..Trace::default() },
    })
}
