//! Traces for people: a line of the list, and the whole story of one. What comes of a request or a script stays in its line.

use std::fmt::Write as _;

use serde_json::Value;

use crate::clock::iso8601;
use crate::domain::decision::{Outcome, Refusal};
use crate::domain::outside::HttpExchange;
use crate::domain::shadow::Shadowed;
use crate::domain::text::one_line;
use crate::domain::trace::{ActionTrace, Effect, EffectKind};
use crate::traces::Record;

/// Characters of a value in a list.
const SHOWN: usize = 80;

/// The cells of a trace's line: when, id, how, who, where, how long, and how it ended.
#[must_use]
pub fn cells(record: &Record) -> Vec<String> {
    vec![
        iso8601(record.at),
        record.id.clone(),
        record.kind().to_owned(),
        who(record),
        record.client_id.clone(),
        milliseconds(record.duration_us()),
        ending(record),
    ]
}

/// The same as one line of the live log.
#[must_use]
pub fn line(record: &Record) -> String {
    let [at, id, kind, who, client, took, ending] = cells(record).try_into().unwrap_or_default();
    one_line(&format!("{at}  {id}  {kind:8}  {who} at {client}  {took}  {ending}"))
}

/// `login of auth0|ada at demo-web, 2026-11-21T08:50:03.000Z`.
#[must_use]
pub fn headline(record: &Record) -> String {
    let what = match record.kind() {
        "machine" => format!("{} asked in its own name", record.client_id),
        kind => format!("{kind} of {} at {}", who(record), record.client_id),
    };
    format!("{}, {}", one_line(&what), iso8601(record.at))
}

/// How it ended, in a few words.
#[must_use]
pub fn ending(record: &Record) -> String {
    let text = match &record.decision.outcome {
        Outcome::Allowed => {
            let count = record.decision.trace.actions.len();
            let skipped = record.decision.trace.actions.iter().filter(|action| action.outcome == "skipped").count();
            let mut text = format!("allowed ({})", many(count, "action"));
            if skipped > 0 {
                let _ = write!(text, ", {skipped} failed and skipped");
            }
            text
        }
        Outcome::Denied { code, reason, by } => format!("denied by {by}: {code}: {reason}"),
        Outcome::Failed { message, .. } => format!("failed: {}", message.lines().next().unwrap_or_default()),
    };
    let text = one_line(&text);
    match record.decision.refused.len() {
        0 => text,
        refused => format!("{text}, {refused} refused"),
    }
}

/// Everything.
#[must_use]
pub fn story(record: &Record) -> String {
    let trace = &record.decision.trace;
    let mut text = format!("{}\n  {}\n  trace {}, set {}", headline(record), ending(record), record.id, trace.set);
    if record.outcome == "allowed" && !record.scope.is_empty() {
        let _ = write!(text, "\n  scope {}", one_line(&record.scope));
    }
    if trace.bypassed {
        text.push_str("\n  no action ran: the client has `bypass_actions`");
    } else if trace.actions.is_empty() {
        text.push_str("\n  no action took part");
    }
    for action in &trace.actions {
        let refused = record.decision.refused.iter().filter(|refusal| *refusal.by.action == *action.action);
        text.push_str(&of_action(action, refused));
    }
    for exchange in &record.recording.outside.http {
        let _ = write!(text, "\n  {}", one_line(&call(exchange)));
    }
    if let Some(shadow) = &record.shadow {
        text.push_str(&of_shadow(shadow));
    }
    text
}

/// What the shadow would have done otherwise.
fn of_shadow(shadow: &Shadowed) -> String {
    let mut text = format!("\n\nthe shadow (set {}) decided otherwise:", shadow.set);
    for line in shadow.differences.iter().map(crate::kit::replay::text::difference) {
        let _ = write!(text, "\n  {}", line.replace('\n', "\n  "));
    }
    for asked in &shadow.unrecorded {
        let _ = write!(text, "\n  ! asked for what the live actions did not ask for: {}", one_line(asked));
    }
    text
}

fn of_action<'a>(action: &ActionTrace, refused: impl Iterator<Item = &'a Refusal>) -> String {
    let took = milliseconds(action.duration_us);
    let mut text = format!("\n\n{}: {}, {took}, {} operations", action.action, action.outcome, action.operations);
    for effect in &action.effects {
        let dropped = if action.effects_dropped { " (dropped)" } else { "" };
        let effect_of = one_line(&of_effect(effect));
        let _ = write!(text, "\n  {effect_of}  <- {}:{}{dropped}", effect.by.file, effect.by.line);
    }
    if action.effects_left_out > 0 {
        let _ = write!(text, "\n  and {} more", action.effects_left_out);
    }
    for refusal in refused {
        let _ = write!(text, "\n  refused: {}\n    at {}", refused_call(refusal), refusal.by);
    }
    if !action.reads.is_empty() {
        let paths: Vec<_> = action.reads.iter().map(|read| read.path.as_str()).collect();
        let _ = write!(text, "\n  read {}", one_line(&paths.join(", ")));
    }
    for line in &action.logs {
        let _ = write!(text, "\n  printed: {}", one_line(line));
    }
    if let Some(diagnostic) = action.diagnostic.as_ref().or(action.error.as_ref()) {
        let _ = write!(text, "\n  {}", diagnostic.replace('\n', "\n  "));
    }
    text
}

/// ``api.idToken.setCustomClaim of `sub`: why``.
#[must_use]
pub fn refused_call(refusal: &Refusal) -> String {
    one_line(&format!("{} of `{}`: {}", refusal.call, refusal.name, refusal.reason))
}

/// `ID token: https://example.com/roles = ["admin"]`.
fn of_effect(effect: &Effect) -> String {
    let (name, value) = (&effect.name, effect.value.as_ref());
    match (effect.kind, value) {
        (EffectKind::Scope, Some(_)) => format!("scope {name} added"),
        (EffectKind::Scope, None) => format!("scope {name} removed"),
        (EffectKind::Deny, value) => format!("deny {name}: {}", value.and_then(Value::as_str).unwrap_or_default()),
        (kind, Some(value)) => format!("{}: {name} = {}", place(kind), short(value)),
        (kind, None) => format!("{}: {name} removed", place(kind)),
    }
}

/// The place of an effect, as people call it.
#[must_use]
pub fn place(kind: EffectKind) -> &'static str {
    match kind {
        EffectKind::IdToken => "ID token",
        EffectKind::AccessToken => "access token",
        EffectKind::TokenResponse => "token response",
        EffectKind::Scope => "scope",
        EffectKind::UserMetadata => "user_metadata",
        EffectKind::AppMetadata => "app_metadata",
        EffectKind::TransactionMetadata => "event.transaction.metadata",
        EffectKind::RefreshToken => "refresh token",
        EffectKind::Session => "session",
        EffectKind::Deny => "verdict",
    }
}

/// A value as JSON, cut off where it gets long.
#[must_use]
pub fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN { text } else { text.chars().take(SHOWN).chain(['…']).collect() }
}

fn call(exchange: &HttpExchange) -> String {
    let request = &exchange.request;
    match &exchange.answer {
        Ok(answer) => format!("called {} {}: {}", request.method, request.url, answer.status),
        Err(reason) => format!("called {} {}: {reason}", request.method, request.url),
    }
}

fn who(record: &Record) -> String {
    record.user_id.clone().unwrap_or_else(|| "-".to_owned())
}

/// `1.25 ms`.
#[must_use]
pub fn milliseconds(microseconds: u64) -> String {
    format!("{:.2} ms", std::time::Duration::from_micros(microseconds).as_secs_f64() * 1_000.0)
}

/// `1 action`, `3 actions`.
#[must_use]
pub fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
