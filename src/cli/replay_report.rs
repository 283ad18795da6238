//! What `replay` prints for people.

use std::fmt::Write as _;

use serde_json::Value;

use super::print;
use crate::clock::iso8601;
use crate::domain::decision::{Provenance, Setting};
use crate::domain::difference::{Change, Difference, Part};
use crate::kit::replay::Login;
use crate::kit::replay::summary::{Balance, Group, Summary};

/// Characters of a value that are shown.
const SHOWN: usize = 100;

/// One login that differs or cannot be compared.
pub(super) fn login(login: &Login) -> String {
    let who = login.user_id.as_deref().unwrap_or("a machine");
    let mut text = format!("{}  {}  {who} at {}", login.id, iso8601(login.at), login.client_id);
    for difference in &login.differences {
        let _ = write!(text, "\n  {}", of(difference));
    }
    for reason in &login.unfaithful {
        let _ = write!(text, "\n  ! not faithful: {reason}");
    }
    for asked in &login.unrecorded {
        let _ = write!(text, "\n  ! not recorded: {asked}");
    }
    let _ = write!(text, "\n  {} then, {} now\n", milliseconds(login.recorded_us), milliseconds(login.now_us));
    text
}

/// The difference, and below it where it comes from.
fn of(difference: &Difference) -> String {
    let (change, part, name) = (difference.change(), difference.part, &difference.name);
    let mark = match change {
        Change::Added => '+',
        Change::Removed => '-',
        Change::Changed => '~',
    };
    let value = |side: &Option<Setting>| side.as_ref().map(|setting| short(&setting.value)).unwrap_or_default();
    let (before, after) = (value(&difference.before), value(&difference.after));
    let title = format!("{mark} {} {name}", part.as_str()).trim_end().to_owned();
    let mut text = match (part, change) {
        (Part::Scope, _) => title,
        (_, Change::Added) => format!("{title}: {after}"),
        (_, Change::Removed) => format!("{title}: {before}"),
        (_, Change::Changed) => format!("{title}: {before} → {after}"),
    };
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

/// Everything together; `left_out` logins are not shown above.
pub(super) fn summary(summary: &Summary, left_out: usize) -> String {
    let mut text = String::new();
    if left_out > 0 {
        let _ = writeln!(text, "… and {left_out} more (`--show 0` shows all)\n");
    }
    let verb = if summary.different == 1 { "differs" } else { "differ" };
    let _ = write!(text, "{}: {} {verb}, {} the same", many(summary.logins, "login"), summary.different, summary.same);
    if summary.unfaithful > 0 {
        let _ = write!(
            text,
            ", {} not faithful ({} of them came out otherwise)",
            summary.unfaithful, summary.unfaithful_different
        );
    }
    if !summary.differences.is_empty() {
        let _ = write!(text, "\n{}", print::columns(&summary.differences.iter().map(row).collect::<Vec<_>>()));
    }
    for (what, Balance { gained, lost }) in [("denials", summary.denials), ("failures", summary.failures)] {
        if gained + lost > 0 {
            let _ = write!(text, "\n  {what}: {gained} gained, {lost} lost");
        }
    }
    let (then, now) = (summary.time.recorded_us, summary.time.now_us);
    let _ = write!(
        text,
        "\n  time of the actions: {} then, {} now (set {})",
        milliseconds(then),
        milliseconds(now),
        summary.set
    );
    text
}

fn row(group: &Group) -> Vec<String> {
    let change = match group.change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
    };
    let part = group.part.as_str().to_owned();
    vec![part, group.name.clone(), change.to_owned(), many(group.logins, "login"), format!("first {}", group.first)]
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN { text } else { text.chars().take(SHOWN).chain(['…']).collect() }
}

fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn milliseconds(microseconds: u64) -> String {
    format!("{:.2} ms", std::time::Duration::from_micros(microseconds).as_secs_f64() * 1_000.0)
}
