//! `vestibule why`: who set a claim, what it was before, who took it away, who tried in vain, or that nobody did.

mod protocol;
pub mod text;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::domain::claims;
use crate::domain::decision::{Provenance, Refusal, Setting};
use crate::domain::scope::Scopes;
use crate::domain::trace::{ActionTrace, EffectKind, EventRead};
use crate::traces::Record;

/// The answer for one trace.
#[derive(Debug, Serialize)]
pub struct Answer<'a> {
    /// As asked.
    pub name: &'a str,
    /// The trace's id.
    pub trace: &'a str,
    /// Whether the login was allowed.
    pub outcome: &'a str,
    /// Every place where something of this name was set or taken away.
    pub found: Vec<Found<'a>>,
    /// What was asked for and not given.
    pub refused: Vec<&'a Refusal>,
    /// What the protocol has to say about the name.
    pub protocol: Option<String>,
    /// The actions that ran, in order.
    pub ran: Vec<Ran<'a>>,
    /// Names of this trace that are like the one asked for, if nobody set that.
    pub similar: Vec<&'a str>,
}

/// A claim, parameter, scope or key, and what happened to it.
#[derive(Debug, Serialize)]
pub struct Found<'a> {
    /// Where it is.
    pub kind: EffectKind,
    /// Its whole name.
    pub name: &'a str,
    /// What was decided in the end; `None`: it is not there.
    pub value: Option<&'a Value>,
    /// Why what was decided is not in the answer.
    pub hidden: Option<String>,
    /// In order.
    pub steps: Vec<Step<'a>>,
}

/// One call.
#[derive(Debug, Serialize)]
pub struct Step<'a> {
    /// The action.
    pub action: &'a str,
    /// The place.
    pub by: &'a Provenance,
    /// The new value; `None`: it was taken away.
    pub value: Option<&'a Value>,
    /// Whether it came to nothing, because the action failed later.
    pub dropped: bool,
    /// What the action read of `event`.
    pub reads: &'a [EventRead],
}

/// An action that ran.
#[derive(Debug, Serialize)]
pub struct Ran<'a> {
    /// Its name.
    pub action: &'a str,
    /// How it ended.
    pub outcome: &'a str,
}

/// Explains a name by a trace.
#[must_use]
pub fn explain<'a>(name: &'a str, record: &'a Record) -> Answer<'a> {
    let decision = &record.decision;
    let mut found = found(name, record);
    found.sort_by_key(|found| found.name != name);
    let refused: Vec<_> = decision.refused.iter().filter(|refusal| is_about(name, &refusal.name)).collect();
    let similar = if found.is_empty() && refused.is_empty() { similar(name, record) } else { Vec::new() };
    Answer {
        name,
        trace: &record.id,
        outcome: &record.outcome,
        protocol: protocol::sentence(name, record, &found),
        found,
        refused,
        ran: decision.trace.actions.iter().map(|run| Ran { action: &run.action, outcome: &run.outcome }).collect(),
        similar,
    }
}

impl Answer<'_> {
    /// Whether the trace has something to say about the name: somebody set it, or tried, or the protocol did.
    #[must_use]
    pub fn is_relevant(&self) -> bool {
        !self.found.is_empty() || !self.refused.is_empty() || self.protocol.is_some()
    }
}

fn found<'a>(name: &str, record: &'a Record) -> Vec<Found<'a>> {
    let mut found: Vec<Found<'a>> = Vec::new();
    let actions = &record.decision.trace.actions;
    for action in actions {
        for effect in action.effects.iter().filter(|effect| is_asked(name, effect.kind, &effect.name)) {
            let step = step(action, effect);
            match found.iter_mut().find(|found| found.kind == effect.kind && found.name == effect.name) {
                Some(found) => found.steps.push(step),
                None => {
                    let (value, hidden) = decided(record, effect.kind, &effect.name);
                    found.push(Found { kind: effect.kind, name: &effect.name, value, hidden, steps: vec![step] });
                }
            }
        }
    }
    // An action may do more than a trace tells one by one; what was decided has its line all the same.
    for (kind, settings) in settings(record) {
        for (own, setting) in settings.iter().filter(|(own, _)| is_asked(name, kind, own)) {
            if !found.iter().any(|found| found.kind == kind && found.name == own) {
                let (value, hidden) = decided(record, kind, own);
                let reads = actions.iter().find(|run| *run.action == *setting.by.action).map_or(&[][..], |run| &run.reads);
                let value_then = Some(&setting.value);
                let step = Step { action: &setting.by.action, by: &setting.by, value: value_then, dropped: false, reads };
                found.push(Found { kind, name: own, value, hidden, steps: vec![step] });
            }
        }
    }
    found
}

fn settings(record: &Record) -> [(EffectKind, &BTreeMap<String, Setting>); 5] {
    let decision = &record.decision;
    [
        (EffectKind::IdToken, &decision.id_token),
        (EffectKind::AccessToken, &decision.access_token),
        (EffectKind::TokenResponse, &decision.token_response),
        (EffectKind::UserMetadata, &decision.user_metadata),
        (EffectKind::AppMetadata, &decision.app_metadata),
    ]
}

fn step<'a>(action: &'a ActionTrace, effect: &'a crate::domain::trace::Effect) -> Step<'a> {
    Step {
        action: &action.action,
        by: &effect.by,
        value: effect.value.as_ref(),
        dropped: action.effects_dropped,
        reads: &action.reads,
    }
}

/// What was decided in the end, and why it is not in the answer.
fn decided<'a>(record: &'a Record, kind: EffectKind, name: &str) -> (Option<&'a Value>, Option<String>) {
    let decision = &record.decision;
    match kind {
        EffectKind::TransactionMetadata => return (decision.transaction_metadata.get(name), None),
        EffectKind::Scope => {
            let granted = Scopes::parse(&record.scope).contains(name);
            return (granted.then_some(&Value::Bool(true)), None);
        }
        _ => {}
    }
    let own = settings(record).into_iter().find(|(own, _)| *own == kind);
    let value = own.and_then(|(_, settings)| settings.get(name)).map(|setting| &setting.value);
    (value, value.and_then(|value| hidden(record, kind, name, value)))
}

fn hidden(record: &Record, kind: EffectKind, name: &str, value: &Value) -> Option<String> {
    if !matches!(kind, EffectKind::IdToken | EffectKind::AccessToken | EffectKind::TokenResponse) {
        return None;
    }
    if record.outcome != "allowed" {
        return Some(format!("the login was {}, so there are no tokens", record.outcome));
    }
    let scope = Scopes::parse(&record.scope);
    if kind != EffectKind::TokenResponse && value.is_null() {
        return Some("a claim that is `null` is left out".to_owned());
    }
    if kind == EffectKind::IdToken && !scope.contains("openid") {
        return Some("without the scope `openid` there is no ID token".to_owned());
    }
    let needed = claims::scope_of(name).filter(|_| kind != EffectKind::TokenResponse && record.user_id.is_some());
    let missing = needed.filter(|needed| !scope.contains(needed))?;
    Some(format!("the claim needs the scope `{missing}`, which was not granted"))
}

/// Whether an effect is what was asked for: by its whole name, by the last part of a claim that is named by a URL, by
/// `app_metadata.key`, or all of a kind by the kind's word.
fn is_asked(asked: &str, kind: EffectKind, name: &str) -> bool {
    let kind_word = match kind {
        EffectKind::Scope => "scope",
        EffectKind::Deny => "deny",
        EffectKind::Session => "session",
        EffectKind::RefreshToken => "refresh_token",
        EffectKind::UserMetadata => "user_metadata",
        EffectKind::AppMetadata => "app_metadata",
        _ => "",
    };
    let key = (!kind_word.is_empty()).then(|| asked.strip_prefix(kind_word)?.strip_prefix('.')).flatten();
    asked == kind_word || key == Some(name) || is_about(asked, name)
}

fn is_about(asked: &str, name: &str) -> bool {
    asked == name || (!asked.contains('/') && name.rsplit_once('/').is_some_and(|(_, last)| last == asked))
}

fn similar<'a>(name: &str, record: &'a Record) -> Vec<&'a str> {
    let effects = record.decision.trace.actions.iter().flat_map(|action| &action.effects);
    let mut names: Vec<&str> =
        effects.filter(|effect| effect.kind != EffectKind::Deny).map(|effect| effect.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let asked = name.to_lowercase();
    let distance =
        |other: &str| strsim::damerau_levenshtein(&asked, &other.rsplit('/').next().unwrap_or(other).to_lowercase());
    names.retain(|other| distance(other) <= 2 || other.to_lowercase().contains(&asked));
    names
}
