//! Where the server decides: the one place that runs actions for a request. It folds the Decision, reports and counts it, keeps
//! its trace, and commits what a denial leaves behind (metadata, revocations) before the answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::app::App;
use crate::domain::decision::{Decision, Outcome, Setting};
use crate::domain::grant::Grant;
use crate::domain::scope::Scopes;
use crate::flow::{Event, Trigger};
use crate::store::MetadataPatch;
use crate::traces::Circumstances;

use super::error::{Error, Result};
use super::fold::{self, Party};
use super::shadow::Shot;

/// What the actions shall decide about.
#[derive(Debug)]
pub struct Question<'a> {
    /// Their argument.
    pub event: Event,
    /// The scopes before their edits.
    pub granted: &'a Scopes,
    /// Who gets the tokens.
    pub party: Party<'a>,
    /// What a denial may touch; nothing for a machine.
    pub subject: Option<Subject<'a>>,
}

/// Whom a Decision is about: what a denial or revocation may touch.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Owner of the metadata.
    pub user_id: &'a str,
    /// The session that asks, or that the presented refresh token came of.
    pub session_id: Option<&'a str>,
    /// The grant whose refresh token was presented.
    pub grant: Option<&'a Grant>,
}

/// What came of it.
#[derive(Debug)]
pub enum Verdict {
    /// The request goes on with this Decision and these scopes.
    Allowed(Box<Decision>, Scopes),
    /// It ends here.
    Refused {
        /// What the client hears.
        error: Error,
        /// Whether the session has ended, too.
        ends_session: bool,
    },
}

impl Verdict {
    /// The Decision and the scopes, where nobody needs to know more about a refusal than the client.
    ///
    /// # Errors
    /// `Denied` and `ActionFailed`.
    pub fn allowed(self) -> Result<(Decision, Scopes)> {
        match self {
            Self::Allowed(decision, scope) => Ok((*decision, scope)),
            Self::Refused { error, .. } => Err(error),
        }
    }
}

/// Lets the actions decide.
///
/// # Errors
/// `Busy`; the database's.
pub async fn reach(app: &App, question: Question<'_>) -> Result<Verdict> {
    let Question { event, granted, party, subject } = question;
    let trigger = match party {
        Party::Machine { .. } => Trigger::CredentialsExchange,
        Party::Client { .. } => Trigger::PostLogin,
    };
    let (event, before) = (Arc::new(event), app.flow.current());
    let Ok(mut decision) = app.flow.decide(trigger, Arc::clone(&event)).await else {
        app.metrics.actions_busy();
        return Err(Error::Busy);
    };
    let refreshing = subject.is_some_and(|subject| subject.grant.is_some());
    let (scope, refusal) = fold::conclude(&mut decision, granted, Some(party), refreshing);
    let mut sets = vec![before];
    // Secrets that a reload brought in the middle of it are secret, too.
    sets.extend(Some(app.flow.current()).filter(|now| !Arc::ptr_eq(now, &sets[0])));
    // Scopes that were refused after the run are told like the rest.
    sets.iter().for_each(|set| set.hide_secrets(&mut decision));
    report(&decision, &event.client.client_id);
    app.metrics.decided(&decision);
    let about = Circumstances { trigger, event, sets, granted: granted.to_string(), scope: scope.to_string() };
    let shot = Shot::of(app, &decision, &about, (granted, &scope), party);
    app.traces.keep(&mut decision, about);
    if let Some(shot) = shot {
        shot.offer(app);
    }
    let Some(error) = refusal else { return Ok(Verdict::Allowed(Box::new(decision), scope)) };
    let failed = matches!(error, Error::ActionFailed { .. });
    if let Some(subject) = subject.filter(|_| !failed) {
        persist_denial(app, &decision, subject).await?;
    }
    let ends_session = !failed && decision.session_revoked.is_some();
    Ok(Verdict::Refused { error: referred(app, error, &decision), ends_session })
}

/// Under `dev` a denial names its trace, too: `vestibule why` explains it.
fn referred(app: &App, mut error: Error, decision: &Decision) -> Error {
    if let (true, Error::Denied { reason, .. }) = (app.dev, &mut error) {
        *reason = format!("{reason} (trace {})", decision.trace.id).trim_start().to_owned();
    }
    error
}

/// The metadata writes of a Decision.
#[must_use]
pub fn metadata(decision: &Decision) -> MetadataPatch {
    let values = |settings: &BTreeMap<String, Setting>| -> BTreeMap<String, Value> {
        settings.iter().map(|(key, setting)| (key.clone(), setting.value.clone())).collect()
    };
    MetadataPatch { user: values(&decision.user_metadata), app: values(&decision.app_metadata) }
}

/// Logs what the operator wants to know: what actions printed, refusals with their place, failures with their reference and
/// the line that failed.
fn report(decision: &Decision, client_id: &str) {
    if decision.trace.bypassed {
        let trigger = &decision.trace.trigger;
        tracing::warn!(client.id = client_id, trigger, "no action ran: the client has `bypass_actions`");
    }
    for action in &decision.trace.actions {
        for line in &action.logs {
            tracing::info!(client.id = client_id, action = action.action, "print: {line}");
        }
    }
    report_refusals(decision, client_id);
    report_skipped(decision, client_id);
    match &decision.outcome {
        Outcome::Allowed => {}
        Outcome::Denied { code, by, .. } => {
            tracing::info!(client.id = client_id, code, at = %by, set = %decision.trace.set, "an action denied");
        }
        Outcome::Failed { reference, message } => {
            let failed = decision.trace.actions.last().filter(|action| action.outcome != "skipped");
            let diagnostic = failed.and_then(|action| action.diagnostic.as_ref()).unwrap_or(message);
            tracing::error!(client.id = client_id, reference, set = %decision.trace.set, "an action failed\n{diagnostic}\n");
        }
    }
}

/// Failures that `on_error = "skip"` lets pass: the login goes on, the operator hears of it.
fn report_skipped(decision: &Decision, client_id: &str) {
    for action in decision.trace.actions.iter().filter(|action| action.outcome == "skipped") {
        let diagnostic = action.diagnostic.as_deref().unwrap_or_default();
        tracing::error!(client.id = client_id, set = %decision.trace.set, "an action failed and was skipped\n{diagnostic}\n");
    }
}

/// What actions asked for and did not get; scopes and claims are judged after the run.
fn report_refusals(decision: &Decision, client_id: &str) {
    for refusal in &decision.refused {
        let (call, name, reason) = (&refusal.call, &refusal.name, &refusal.reason);
        tracing::warn!(client.id = client_id, call, name, reason, at = %refusal.by, "an action asked for what it may not have");
    }
}

/// Metadata writes survive a denial (auth0-actions 3.9); the presented refresh token stays usable unless it was revoked.
async fn persist_denial(app: &App, decision: &Decision, subject: Subject<'_>) -> Result<()> {
    let patch = metadata(decision);
    let ended = subject.grant.filter(|_| decision.refresh_token.revoked.is_some());
    let session = decision.session_revoked.as_ref().zip(subject.session_id);
    if patch.is_empty() && ended.is_none() && session.is_none() {
        return Ok(());
    }
    let now = app.clock.now_ms();
    let mut tx = app.store.begin().await?;
    if !patch.is_empty() {
        tx.patch_metadata(subject.user_id, &patch, now).await?;
    }
    if let Some(grant) = ended {
        tx.revoke_grant(&grant.id, now).await?;
    }
    if let Some((revocation, session_id)) = session {
        tx.revoke_session(session_id, !revocation.preserve_refresh_tokens, now).await?;
    }
    tx.commit().await?;
    Ok(())
}
