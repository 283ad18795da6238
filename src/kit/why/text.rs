//! The answer for people.

use std::fmt::Write as _;

use super::{Answer, Found, Step};
use crate::domain::decision::{Outcome, Provenance};
use crate::domain::text::one_line;
use crate::domain::trace::{EffectKind, EventRead};
use crate::kit::traces::text::{headline, place, short};
use crate::traces::Record;

/// The whole answer. `source` gives a line of an action, if the file is still what ran.
#[must_use]
pub fn render(answer: &Answer<'_>, record: &Record, source: &dyn Fn(&Provenance) -> Option<String>) -> String {
    let mut text = format!("{}\n  trace {}: {}", headline(record), record.id, verdict(record));
    for found in &answer.found {
        let _ = write!(text, "\n\n{}", of_found(found, source));
    }
    for refusal in &answer.refused {
        let name = one_line(&refusal.name);
        let _ = write!(text, "\n\nrefused: {} of `{name}` at {}", refusal.call, refusal.by);
        text.push_str(&quoted(source(&refusal.by), &refusal.by));
        let _ = write!(text, "\n  {}", one_line(&refusal.reason));
    }
    if let Some(sentence) = &answer.protocol {
        let _ = write!(text, "\n\n{}", one_line(sentence));
    }
    if answer.found.is_empty() {
        let _ = write!(text, "\n\n{}", nobody(answer, record));
    }
    text
}

fn verdict(record: &Record) -> String {
    match &record.decision.outcome {
        Outcome::Allowed => "allowed".to_owned(),
        Outcome::Denied { code, reason, by } => {
            format!("denied by {by}, so there are no tokens\n  {}", one_line(&format!("{code}: {reason}")))
        }
        Outcome::Failed { message, .. } => format!("failed, so there are no tokens\n  {}", one_line(message)),
    }
}

fn of_found(found: &Found<'_>, source: &dyn Fn(&Provenance) -> Option<String>) -> String {
    let title = match (found.kind, found.value) {
        (EffectKind::Deny, _) => format!("denial `{}`", found.name),
        (EffectKind::Session | EffectKind::RefreshToken, _) => format!("{}: {}", place(found.kind), found.name),
        (EffectKind::Scope, Some(_)) => format!("scope {}: granted", found.name),
        (EffectKind::Scope, None) => format!("scope {}: not granted", found.name),
        (kind, Some(value)) => format!("{}: {} = {}", place(kind), found.name, short(value)),
        (kind, None) => format!("{}: {} is not there", place(kind), found.name),
    };
    let mut text = one_line(&title);
    if let Some(reason) = &found.hidden {
        let _ = write!(text, "\n  but not in the answer: {}", one_line(reason));
    }
    // The last word first; then what was before it.
    let mut later: Option<&Step<'_>> = None;
    for step in found.steps.iter().rev() {
        let _ = write!(text, "\n  {}", of_step(step, later, found.kind));
        text.push_str(&quoted(source(step.by), step.by));
        if !step.dropped {
            later = Some(step);
        }
    }
    if found.steps.len() == 1 && !found.steps[0].dropped && found.value.is_some() {
        text.push_str("\n  before: nothing");
    }
    text.push_str(&reads(found));
    text
}

fn of_step(step: &Step<'_>, later: Option<&Step<'_>>, kind: EffectKind) -> String {
    let what = match (kind, step.value) {
        (EffectKind::Scope, Some(_)) => "added".to_owned(),
        (EffectKind::Scope, None) => "removed".to_owned(),
        (_, None) => "taken away".to_owned(),
        (_, Some(_)) if later.is_none() && !step.dropped => "set".to_owned(),
        (_, Some(value)) => format!("set to {}", short(value)),
    };
    let place = format!("by {}", step.by);
    match (later, step.dropped) {
        (_, true) => format!("{what} {place}, and dropped: {} failed", step.action),
        (None, false) => format!("{what} {place}"),
        (Some(later), false) if later.value.is_none() => format!("before: {what} {place}, taken away by {}", later.action),
        (Some(later), false) => format!("before: {what} {place}, overwritten by {}", later.action),
    }
}

/// What the action with the last word read of `event`.
fn reads(found: &Found<'_>) -> String {
    let Some(step) = found.steps.iter().rev().find(|step| !step.dropped).or(found.steps.last()) else {
        return String::new();
    };
    if step.reads.is_empty() {
        return format!("\n  {} read nothing of `event`", step.action);
    }
    let place = |read: &EventRead| match *read.file == *step.by.file {
        true => format!("{} (line {})", read.path, read.line),
        false => format!("{} ({}:{})", read.path, read.file, read.line),
    };
    let paths: Vec<_> = step.reads.iter().map(place).collect();
    format!("\n  {} read {}", step.action, one_line(&paths.join(", ")))
}

/// The line, with its number.
fn quoted(line: Option<String>, by: &Provenance) -> String {
    line.map_or(String::new(), |line| format!("\n    {} | {}", by.line, line.trim()))
}

fn nobody(answer: &Answer<'_>, record: &Record) -> String {
    let name = one_line(answer.name);
    let mut text = if answer.refused.is_empty() {
        format!("no action set `{name}`, and none tried")
    } else {
        format!("no action set `{name}`")
    };
    if record.decision.trace.bypassed {
        text.push_str("\n  no action ran: the client has `bypass_actions`");
    } else if answer.ran.is_empty() {
        text.push_str("\n  no action took part");
    } else {
        let ran: Vec<_> = answer
            .ran
            .iter()
            .map(|ran| if ran.outcome == "ok" { ran.action.to_owned() } else { format!("{} ({})", ran.action, ran.outcome) })
            .collect();
        let _ = write!(text, "\n  ran: {}", ran.join(", "));
    }
    if !answer.similar.is_empty() {
        let _ = write!(text, "\nhint: did you mean {}?", one_line(&answer.similar.join(", ")));
    }
    text
}
