//! What a Decision means at the token endpoint: its refusals are logged, a denial or failure becomes an error, and what a
//! denial leaves behind (metadata, revocations) is committed before the answer.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::app::App;
use crate::domain::decision::{Decision, Outcome, Setting};
use crate::domain::grant::Grant;
use crate::flow::{Event, Trigger};
use crate::store::MetadataPatch;

use super::error::{Error, Result};
use super::fold;

/// Whom a Decision is about: what a denial or revocation may touch.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Owner of the metadata.
    pub user_id: &'a str,
    /// The grant whose refresh token was presented.
    pub grant: Option<&'a Grant>,
}

/// Runs post-login and returns a Decision that lets the request go on.
///
/// # Errors
/// `Busy`; `Denied` and `ActionFailed` as the actions decided; the database's.
pub async fn post_login(app: &App, event: Event, subject: Subject<'_>) -> Result<Decision> {
    let client_id = event.client.client_id.clone();
    let decision = decide(app, Trigger::PostLogin, event, &client_id).await?;
    let Some(error) = fold::refusal(&decision, subject.grant.is_some()) else { return Ok(decision) };
    app.metrics.decided(&decision);
    if !matches!(error, Error::ActionFailed { .. }) {
        persist_denial(app, &decision, subject).await?;
    }
    Err(error)
}

/// Runs credentials-exchange and returns a Decision that lets the request go on.
///
/// # Errors
/// `Busy`; `Denied` and `ActionFailed` as the actions decided.
pub async fn credentials_exchange(app: &App, event: Event) -> Result<Decision> {
    let client_id = event.client.client_id.clone();
    let decision = decide(app, Trigger::CredentialsExchange, event, &client_id).await?;
    match fold::refusal(&decision, false) {
        Some(error) => {
            app.metrics.decided(&decision);
            Err(error)
        }
        None => Ok(decision),
    }
}

async fn decide(app: &App, trigger: Trigger, event: Event, client_id: &str) -> Result<Decision> {
    let Ok(decision) = app.flow.decide(trigger, event).await else {
        app.metrics.actions_busy();
        return Err(Error::Busy);
    };
    report(&decision, client_id);
    Ok(decision)
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
pub fn report(decision: &Decision, client_id: &str) {
    if decision.trace.bypassed {
        let trigger = &decision.trace.trigger;
        tracing::warn!(client.id = client_id, trigger, "no action ran: the client has `bypass_actions`");
    }
    for action in &decision.trace.actions {
        for line in &action.logs {
            tracing::info!(client.id = client_id, action = action.action, "print: {line}");
        }
    }
    report_refusals(decision, client_id, 0);
    report_skipped(decision, client_id);
    match &decision.outcome {
        Outcome::Allowed => {}
        Outcome::Denied { code, by, .. } => {
            tracing::info!(client.id = client_id, code, at = %by, set = %decision.trace.set, "an action denied");
        }
        Outcome::Failed { reference, message } => {
            let diagnostic = decision.trace.actions.last().and_then(|action| action.diagnostic.as_ref()).unwrap_or(message);
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

/// Logs the refusals from the `seen`-th on: scopes and claims are judged after the run.
pub fn report_refusals(decision: &Decision, client_id: &str, seen: usize) {
    for refusal in decision.refused.iter().skip(seen) {
        let (call, name, reason) = (&refusal.call, &refusal.name, &refusal.reason);
        tracing::warn!(client.id = client_id, call, name, reason, at = %refusal.by, "an action asked for what it may not have");
    }
}

/// Metadata writes survive a denial (auth0-actions 3.9); the presented refresh token stays usable unless it was revoked.
async fn persist_denial(app: &App, decision: &Decision, subject: Subject<'_>) -> Result<()> {
    let now = app.clock.now_ms();
    let patch = metadata(decision);
    let mut tx = app.store.begin().await?;
    if !patch.is_empty() {
        tx.patch_metadata(subject.user_id, &patch, now).await?;
    }
    if let Some(grant) = subject.grant {
        if decision.refresh_token.revoked.is_some() {
            tx.revoke_grant(&grant.id, now).await?;
        }
        if let (Some(revocation), Some(session)) = (&decision.session_revoked, &grant.session_id) {
            tx.revoke_session(session, !revocation.preserve_refresh_tokens, now).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}
