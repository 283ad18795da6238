//! What the actions decided about one login: pure data, stored with the grant, printed by `try`, read by every grant.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::trace::{ActionTrace, Trace};

/// The folded result of running a trigger's actions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Decision {
    /// Whether the login may go on.
    pub outcome: Outcome,
    /// Custom claims of the ID token and `/userinfo`, by name.
    pub id_token: BTreeMap<String, Setting>,
    /// Custom claims of the access token, by name.
    pub access_token: BTreeMap<String, Setting>,
    /// Additional members of the token response, by name.
    pub token_response: BTreeMap<String, Setting>,
    /// Scope edits in order; the last edit of a scope wins.
    pub scopes: Vec<ScopeEdit>,
    /// First-level patch of `user_metadata`; `null` deletes.
    pub user_metadata: BTreeMap<String, Setting>,
    /// First-level patch of `app_metadata`; `null` deletes.
    pub app_metadata: BTreeMap<String, Setting>,
    /// `event.transaction.metadata` at the end.
    pub transaction_metadata: BTreeMap<String, Value>,
    /// What shall happen to the refresh token.
    pub refresh_token: RefreshTokenEdits,
    /// Ends the session (and, unless preserved, its refresh tokens): the reason.
    pub session_revoked: Option<SessionRevocation>,
    /// Everything that was asked for and refused, with the reason.
    pub refused: Vec<Refusal>,
    /// What ran.
    pub trace: Trace,
}

impl Decision {
    /// What people are told of it as text, in logs and answers: printed lines, errors, reasons.
    pub fn told(&mut self) -> impl Iterator<Item = &mut String> {
        let outcome = match &mut self.outcome {
            Outcome::Allowed => None,
            Outcome::Denied { reason: text, .. } | Outcome::Failed { message: text, .. } => Some(text),
        };
        let revoked = self.session_revoked.as_mut().map(|revocation| &mut revocation.reason);
        let refused = self.refused.iter_mut().flat_map(|refusal| [&mut refusal.name, &mut refusal.reason]);
        let runs = self.trace.actions.iter_mut();
        let runs = runs.flat_map(|run| run.logs.iter_mut().chain(&mut run.error).chain(&mut run.diagnostic));
        outcome.into_iter().chain(&mut self.refresh_token.revoked).chain(revoked).chain(refused).chain(runs)
    }
}

/// The verdict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Outcome {
    /// Go on.
    #[default]
    Allowed,
    /// An action refused the login; the client is told code and reason.
    Denied {
        /// OAuth error code: `access_denied` unless the action chose another.
        code: String,
        /// `error_description`.
        reason: String,
        /// Where.
        by: Provenance,
    },
    /// An action failed and its policy is `deny`: `server_error` with the reference, details in the log only.
    Failed {
        /// What the operator looks up.
        reference: String,
        /// For the log: `file:line:col: message`.
        message: String,
    },
}

/// A value together with who set it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Any JSON value.
    pub value: Value,
    /// Where it was set.
    pub by: Provenance,
}

/// The place in a script that asked for something. Every setting, effect and refusal has one, so the names are shared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The action, by file stem: `20-api-region`.
    pub action: Arc<str>,
    /// The file as shown to people: `actions/20-api-region.rhai`.
    pub file: Arc<str>,
    /// From 1; 0 if unknown.
    pub line: usize,
    /// From 1; 0 if unknown.
    pub column: usize,
}

impl std::fmt::Display for Provenance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One `addScope` or `removeScope`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeEdit {
    /// The scope word.
    pub scope: String,
    /// `true` adds, `false` removes.
    pub add: bool,
    /// Where.
    pub by: Provenance,
}

/// `api.refreshToken.*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefreshTokenEdits {
    /// `revoke(reason)`: the presented token and its family end.
    pub revoked: Option<String>,
    /// Earliest of the asked absolute ends, Unix milliseconds; can only shorten.
    pub expires_at: Option<i64>,
    /// Earliest of the asked idle ends, Unix milliseconds; can only shorten.
    pub idle_expires_at: Option<i64>,
}

/// `api.session.revoke(reason, options)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRevocation {
    /// Told to the client as the reason of the denial.
    pub reason: String,
    /// Whether refresh tokens of the session live on.
    pub preserve_refresh_tokens: bool,
}

/// Something that an action asked for and did not get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The call: `api.idToken.setCustomClaim`.
    pub call: String,
    /// The name that was refused: a claim, a parameter, a scope.
    pub name: String,
    /// Why, in one sentence.
    pub reason: String,
    /// Where.
    pub by: Provenance,
}
