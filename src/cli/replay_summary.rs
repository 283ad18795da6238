//! What `replay` prints at the end.

use std::fmt::Write as _;

use super::print;
use crate::kit::replay::summary::{Balance, Group, Summary};
use crate::kit::traces::text::{many, milliseconds};

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
    if summary.unrecorded > 0 {
        let _ = write!(text, ", {} asked for what was not recorded", summary.unrecorded);
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
    let change = group.change.as_str();
    let part = group.part.as_str().to_owned();
    vec![part, group.name.clone(), change.to_owned(), many(group.logins, "login"), format!("first {}", group.first)]
}
