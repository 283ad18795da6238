//! `[traces]`: what is kept of each decision.

use crate::flow::event;
use crate::traces::Settings;

use super::problem::did_you_mean;
use super::reader::{Found, Section};

/// The settings, with every path of `redact` checked.
pub(super) fn read(root: &Section<'_>) -> Settings {
    let default = Settings::default();
    let Some(section) = root.section("traces") else { return default };
    let redact = section.optional_texts("redact");
    redact.iter().flatten().for_each(|path| check_path(&section, path));
    let settings = Settings {
        keep: section.number("keep", 0..=10_000_000).and_then(|keep| usize::try_from(keep).ok()),
        retention_days: section.number("retention_days", 1..=3_650).unwrap_or(default.retention_days),
        redact: redact.map(|paths| paths.into_iter().map(|path| path.value).collect()),
    };
    section.finish();
    settings
}

fn check_path(section: &Section<'_>, path: &Found<String>) {
    if !event::is_path(&path.value) {
        let known = event::paths();
        let hint = did_you_mean(&path.value, known.iter().map(String::as_str)).unwrap_or_else(|| {
            "write a path as an action would: `event.user.email`, `event.user.app_metadata.salary`".to_owned()
        });
        section.context.problem(&path.at, format!("`{}` is no path of `event`", path.value), hint);
    }
}
