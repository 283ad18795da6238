//! `[actions]`: where the scripts are, what they may use, and the settings of each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::flow::{ActionSettings, Limits, OnError, Settings};

use super::problem::Place;
use super::reader::{Context, Found, Section, as_section};
use super::secret;

const MEBIBYTE: i64 = 1024 * 1024;

/// The settings of the flow, and the clients that action settings name (checked against `[[clients]]` later).
pub(super) fn read(root: &Section<'_>) -> (Settings, Vec<Found<String>>) {
    let Some(section) = root.section("actions") else { return (at_directory(root.context, "actions", true), Vec::new()) };
    let directory = section.text("directory");
    let in_file = directory.as_ref().is_none_or(|found| matches!(found.at.place, Place::File { .. }));
    let name = directory.map_or_else(|| "actions".to_owned(), |found| found.value);
    let mut settings = at_directory(root.context, &name, in_file);
    if let Some(shadow) = section.text("shadow") {
        let in_file = matches!(shadow.at.place, Place::File { .. });
        let other = at_directory(root.context, &shadow.value, in_file);
        settings.shadow = Some((other.directory, other.display));
    }
    settings.limits = limits(&section);
    let mut named = Vec::new();
    if let Some(table) = section.section("settings") {
        for (stem, node) in table.entries() {
            if let Some(table) = as_section(root.context, &node) {
                settings.actions.insert(stem.to_owned(), action(&table, &mut named));
            }
        }
    }
    section.finish();
    (settings, named)
}

/// A directory named in the file is relative to the file; one named elsewhere to the working directory.
fn at_directory(context: &Context<'_>, name: &str, in_file: bool) -> Settings {
    let directory = if in_file { context.base.join(name) } else { PathBuf::from(name) };
    Settings { display: display(&directory), directory, ..Settings::default() }
}

/// `actions`, not `./actions/`.
fn display(directory: &Path) -> String {
    let plain: PathBuf = directory.components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect();
    plain.display().to_string()
}

fn action(table: &Section<'_>, named: &mut Vec<Found<String>>) -> ActionSettings {
    let clients = table.optional_texts("clients");
    if clients.as_ref().is_some_and(Vec::is_empty) {
        let hint = "without `clients` it runs for all of them; to switch it off, write `enabled = false`".to_owned();
        table.problem("clients", "an action for no client never runs", hint);
    }
    named.extend(clients.iter().flatten().cloned());
    let settings = ActionSettings {
        on_error: table.choice("on_error", &[("deny", OnError::Deny), ("skip", OnError::Skip)]).unwrap_or_default(),
        clients: clients.map(|clients| clients.into_iter().map(|client| client.value).collect()),
        secrets: secrets(table),
        allow_hosts: allow_hosts(table),
        enabled: table.flag("enabled").unwrap_or(true),
    };
    table.finish();
    settings
}

fn secrets(table: &Section<'_>) -> BTreeMap<String, String> {
    let Some(secrets) = table.section("secrets") else { return BTreeMap::new() };
    let resolve = |(name, node): (&str, Found<_>)| {
        let secret = secret::resolve(table.context, &node, &format!("secret `{name}`"))?;
        let value = if table.context.stand_in_secrets { format!("test:{name}") } else { secret.reveal().to_owned() };
        Some((name.to_owned(), value))
    };
    secrets.entries().filter_map(resolve).collect()
}

fn allow_hosts(table: &Section<'_>) -> Vec<String> {
    let hosts = table.texts("allow_hosts");
    for host in &hosts {
        if host.value.is_empty() || host.value.contains(['/', '*', ' ', '@']) {
            let hint = "write the host, or host:port, for example `api.example.com`".to_owned();
            table.context.problem(&host.at, format!("`{}` is no host", host.value), hint);
        }
    }
    hosts.into_iter().map(|host| host.value).collect()
}

/// Every limit; the upper bounds keep a script from overflowing the stack whatever is configured.
fn limits(section: &Section<'_>) -> Limits {
    let mut limits = Limits::default();
    let size = |key, max| section.number(key, 1..=max).and_then(|number| usize::try_from(number).ok());
    let count = |key, max| section.number(key, 1..=max).and_then(|number| u64::try_from(number).ok());
    set(&mut limits.deadline_ms, count("deadline_ms", 60_000));
    set(&mut limits.max_operations, count("max_operations", 100_000_000));
    set(&mut limits.max_string_size, size("max_string_size", MEBIBYTE));
    set(&mut limits.max_array_size, size("max_array_size", 1_000));
    set(&mut limits.max_map_size, size("max_map_size", 1_000));
    set(&mut limits.max_variables, size("max_variables", 1_024));
    set(&mut limits.max_functions, size("max_functions", 1_024));
    set(&mut limits.max_call_levels, size("max_call_levels", 32));
    set(&mut limits.max_memory, size("max_memory", 1_024 * MEBIBYTE));
    set(&mut limits.max_file_size, size("max_file_size", 64 * 1024));
    set(&mut limits.max_log_size, size("max_log_size", MEBIBYTE));
    set(&mut limits.max_claims_size, size("max_claims_size", MEBIBYTE));
    set(&mut limits.max_concurrent_runs, size("max_concurrent_runs", 256));
    set(&mut limits.max_waiting_runs, size("max_waiting_runs", 100_000));
    set(&mut limits.max_cache_entries, size("max_cache_entries", 1_000_000));
    set(&mut limits.report_after_failures, count("report_after_failures", 1_000_000));
    limits
}

fn set<T>(limit: &mut T, configured: Option<T>) {
    if let Some(configured) = configured {
        *limit = configured;
    }
}
