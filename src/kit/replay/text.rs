//! What a replay tells, for people.

use std::fmt::Write as _;

use serde_json::Value;

use super::Login;
use crate::clock::iso8601;
use crate::domain::decision::{Provenance, Setting};
use crate::domain::difference::{Change, Difference, Part};
use crate::domain::text::one_line;
use crate::kit::traces::text::{milliseconds, short};

/// One login that differs or cannot be compared.
#[must_use]
pub fn login(login: &Login) -> String {
    let who = login.user_id.as_deref().unwrap_or("a machine");
    let mut text = one_line(&format!("{}  {}  {who} at {}", login.id, iso8601(login.at), login.client_id));
    for difference in &login.differences {
        let _ = write!(text, "\n  {}", self::difference(difference));
    }
    for reason in &login.unfaithful {
        let _ = write!(text, "\n  ! not faithful: {}", one_line(reason));
    }
    for asked in &login.unrecorded {
        let _ = write!(text, "\n  ! not recorded: {}", one_line(asked));
    }
    let _ = write!(text, "\n  {} then, {} now\n", milliseconds(login.recorded_us), milliseconds(login.now_us));
    text
}

/// The difference, and below it where it comes from.
#[must_use]
pub fn difference(difference: &Difference) -> String {
    let (change, part, name) = (difference.change(), difference.part, &difference.name);
    let mark = match change {
        Change::Added => '+',
        Change::Removed => '-',
        Change::Changed => '~',
    };
    // A reason or a message is a sentence.
    let text = |value: &Value| match (part, value) {
        (Part::Denial | Part::Failure, Value::String(sentence)) => sentence.clone(),
        _ => short(value),
    };
    let value = |side: &Option<Setting>| side.as_ref().map(|setting| text(&setting.value)).unwrap_or_default();
    let (before, after) = (value(&difference.before), value(&difference.after));
    let title = format!("{mark} {} {name}", part.as_str()).trim_end().to_owned();
    let told = match (part, change) {
        (Part::Scope, _) => title,
        (_, Change::Added) => format!("{title}: {after}"),
        (_, Change::Removed) => format!("{title}: {before}"),
        (_, Change::Changed) => format!("{title}: {before} → {after}"),
    };
    let mut text = one_line(&told);
    if let Some(places) = places(difference) {
        let _ = write!(text, "\n      {places}");
    }
    text
}

fn places(difference: &Difference) -> Option<String> {
    let place = |side: &Option<Setting>| side.as_ref().map(|setting| &setting.by).filter(|by| is_known(by)).cloned();
    Some(match (place(&difference.before), place(&difference.after)) {
        (None, None) => return None,
        (None, Some(after)) => format!("by {after}"),
        (Some(before), None) => format!("was by {before}"),
        (Some(before), Some(after)) if before == after => format!("by {after}"),
        (Some(before), Some(after)) => format!("was by {before}, now by {after}"),
    })
}

fn is_known(by: &Provenance) -> bool {
    !by.file.is_empty()
}
