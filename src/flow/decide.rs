//! A login is a pure decision: actions, event and host in, Decision out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::effects::Effects;
use super::run::{self, Failure, Order, Report};
use super::set::Action;
use super::{Decision, Event, FlowSet, Host, OnError, Trigger, Witness};
use crate::domain::JsonMap;
use crate::domain::decision::{ActionTrace, Outcome, Trace};

/// Runs the trigger's actions in order. Pure but for `host`; blocks, so call it through [`super::Flow::decide`]. With the
/// event, which the caller may keep, `trace.outside` is all that [`super::Recording`] needs.
#[must_use]
pub fn decide(set: &FlowSet, trigger: Trigger, event: impl Into<Arc<Event>>, host: &Host) -> Decision {
    let (mut event, witness) = (event.into(), Witness::new(host, trigger));
    let deadline = Instant::now() + Duration::from_millis(set.limits.deadline_ms);
    let mut decision = Decision {
        trace: Trace {
            id: host.random.id_at(witness.now_ms()),
            set: set.hash().to_owned(),
            trigger: trigger.as_str().to_owned(),
            bypassed: event.client.bypass_actions,
            ..Trace::default()
        },
        transaction_metadata: event.transaction.as_ref().map(|own| own.metadata.clone()).unwrap_or_default(),
        ..Decision::default()
    };
    let actions: Vec<_> = set.taking_part(trigger, &event.client).collect();
    for action in actions {
        let effects = Effects::after(&decision);
        let order = Order { set, action, trigger, event: event.clone(), effects, witness: &witness, deadline };
        let mut report = if Instant::now() > deadline { run::too_late(order, &decision.trace) } else { run::run(order) };
        decision.trace.actions.push(traced(action, &mut report));
        match report.failure {
            None => {
                show_to_later_actions(&mut event, &report.effects);
                report.effects.apply(&mut decision);
            }
            Some(failure) => {
                report.effects.drop_but_refusals(&mut decision);
                if action.settings.on_error == OnError::Deny {
                    decision.outcome = failed(&decision.trace, &failure);
                }
            }
        }
        if decision.outcome != Outcome::Allowed {
            break;
        }
    }
    decision.trace.outside = witness.notes();
    set.hide_secrets(&mut decision);
    decision
}

fn traced(action: &Action, report: &mut Report) -> ActionTrace {
    let outcome = match &report.failure {
        None if report.effects.denied.is_some() => "denied",
        None => "ok",
        Some(_) if action.settings.on_error == OnError::Skip => "skipped",
        Some(failure) if failure.timeout => "timeout",
        Some(_) => "error",
    };
    let history = std::mem::take(&mut report.effects.history);
    ActionTrace {
        action: action.name.to_string(),
        outcome: outcome.to_owned(),
        duration_us: report.duration_us,
        operations: report.operations,
        logs: std::mem::take(&mut report.logs),
        error: report.failure.as_ref().map(|failure| failure.diagnostic.one_line()),
        diagnostic: report.failure.as_ref().map(|failure| failure.diagnostic.to_string()),
        effects: history.effects,
        effects_left_out: history.left_out,
        effects_dropped: report.failure.is_some(),
        reads: std::mem::take(&mut report.reads),
    }
}

fn failed(trace: &Trace, failure: &Failure) -> Outcome {
    Outcome::Failed { reference: trace.id.clone(), message: failure.diagnostic.one_line() }
}

/// Later actions see what earlier ones wrote: metadata as they will be stored, claims of the machine's token.
fn show_to_later_actions(event: &mut Arc<Event>, effects: &Effects) {
    let claims = event.access_token.is_some() && !effects.access_token.is_empty();
    if effects.user_metadata.is_empty() && effects.app_metadata.is_empty() && !claims {
        return;
    }
    let event = Arc::make_mut(event);
    if let Some(user) = &mut event.user {
        let patches = [(&mut user.user_metadata, &effects.user_metadata), (&mut user.app_metadata, &effects.app_metadata)];
        for (metadata, patch) in patches {
            if !patch.is_empty() {
                let metadata = Arc::make_mut(metadata);
                patch.iter().for_each(|(key, setting)| put(metadata, key, Some(&setting.value)));
            }
        }
    }
    if let Some(token) = &mut event.access_token {
        for (name, setting) in &effects.access_token {
            put(&mut token.custom_claims, name, setting.as_ref().map(|setting| &setting.value));
        }
    }
}

/// `null` and nothing delete.
fn put(map: &mut JsonMap, key: &str, value: Option<&serde_json::Value>) {
    match value {
        Some(value) if !value.is_null() => map.insert(key.to_owned(), value.clone()),
        _ => map.remove(key),
    };
}
