//! `vestibule actions`: what runs, in which order, for whom, with which settings.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use super::failure::bad_input;
use super::{Settings, logging, print};
use crate::config::{Config, did_you_mean};
use crate::domain::trace::TraceFilter;
use crate::flow::{FlowSet, OnError};
use crate::kit::catalogue::{Catalogue, Entry};
use crate::kit::statistics::Runs;
use crate::kit::traces;
use crate::traces::Record;

/// Logins that the figures are of.
const LOOK_BACK: usize = 1_000;

/// What to show.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the actions in order of execution
    List {
        /// Print one JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Show one action with all its settings
    Show {
        /// The name of its file, without `.rhai`
        name: String,
        /// Print one JSON object instead of text
        #[arg(long)]
        json: bool,
    },
}

/// Loads the set as `dev` and `serve` would and prints what was asked for.
pub(super) async fn run(settings: &Settings, command: &Command) -> anyhow::Result<ExitCode> {
    logging::init(logging::Format::Human, "off");
    let config = settings.load()?;
    let flow = config.actions.clone();
    let set = tokio::task::spawn_blocking(move || FlowSet::load(&flow)).await.context("the actions were not loaded")??;
    let mut catalogue = Catalogue::of(&config, &set);
    let logins = remembered(&config).await;
    let decisions = logins.as_ref().map(Vec::as_slice).unwrap_or_default().iter().map(|record| &record.decision);
    catalogue.remember(decisions.map(|decision| &decision.trace));
    let past = match &logins {
        Ok(logins) => Past::Logins(logins.len()),
        Err(error) => Past::Unknown(error.to_string()),
    };
    print::line(&match command {
        Command::List { json: true } => serde_json::to_string_pretty(&catalogue)?,
        Command::List { json: false } => list(&catalogue, &config.actions.display, &past),
        Command::Show { name, json } => {
            let (index, entry) = find(&catalogue, name)?;
            let position = json!({ "set": catalogue.set, "position": index + 1, "of": catalogue.actions.len() });
            match json {
                true => serde_json::to_string_pretty(&json!({ "in": position, "action": entry }))?,
                false => show(&catalogue, index, entry, &past),
            }
        }
    });
    Ok(ExitCode::SUCCESS)
}

/// The last logins; that they cannot be read keeps nobody from seeing the actions.
async fn remembered(config: &Config) -> Result<Vec<Record>, traces::Error> {
    let source = traces::Source::open(config).await?;
    let found = source.find(&TraceFilter { limit: LOOK_BACK, ..TraceFilter::default() }).await;
    source.close().await;
    found
}

/// What is known of past logins.
enum Past {
    Logins(usize),
    Unknown(String),
}

impl Past {
    /// The runs of an action among them.
    fn of(&self, entry: &Entry) -> String {
        match (self, &entry.runs) {
            (Self::Unknown(error), _) => format!("unknown: {error}"),
            (Self::Logins(_), None) => "no runs recorded".to_owned(),
            (Self::Logins(logins), Some(runs)) => format!(
                "{} among the last logins ({logins}), {} failed, {} denied; median {} µs and {} operations, 95 % at most {} µs, \
                 at most {} operations",
                runs.runs,
                runs.failures,
                runs.denials,
                runs.median_us,
                runs.median_operations,
                runs.p95_us,
                runs.max_operations
            ),
        }
    }
}

fn find<'a>(catalogue: &'a Catalogue, name: &str) -> anyhow::Result<(usize, &'a Entry)> {
    let stem = name.strip_suffix(".rhai").unwrap_or(name);
    if let Some(found) = catalogue.actions.iter().enumerate().find(|(_, entry)| entry.name == stem) {
        return Ok(found);
    }
    if let Some(file) = catalogue.inactive.iter().find(|file| file.name == stem) {
        let hint = "delete the `_` before its name, or `enabled = false` in its settings";
        return Err(bad_input(format!("`{stem}` takes no part: {}", file.reason), hint));
    }
    let names: Vec<_> = catalogue.names().collect();
    let hint = did_you_mean(stem, names.iter().copied()).unwrap_or_else(|| match names.as_slice() {
        [] => "the directory holds no action".to_owned(),
        names => format!("the actions are {}", names.join(", ")),
    });
    Err(bad_input(format!("there is no action `{stem}`"), hint))
}

fn list(catalogue: &Catalogue, directory: &str, past: &Past) -> String {
    let mut parts = vec![match catalogue.actions.as_slice() {
        [] => format!("Actions: none in {directory}, set {}", catalogue.set),
        actions => {
            let rows: Vec<_> = actions.iter().enumerate().map(|(index, entry)| row(index, entry)).collect();
            format!("Actions in order, set {}\n{}", catalogue.set, print::columns(&rows))
        }
    }];
    parts.push(match past {
        Past::Logins(0) => "Last runs: none recorded".to_owned(),
        Past::Logins(logins) => {
            let ran = |entry: &Entry| entry.runs.as_ref().map(|runs| runs_row(entry, runs));
            let rows: Vec<_> = catalogue.actions.iter().filter_map(ran).collect();
            format!("Runs among the last logins ({logins})\n{}", print::columns(&rows))
        }
        Past::Unknown(error) => format!("Last runs: unknown: {error}"),
    });
    if !catalogue.inactive.is_empty() {
        let rows: Vec<_> = catalogue.inactive.iter().map(|file| vec![file.name.clone(), file.reason.to_owned()]).collect();
        parts.push(format!("Not in the flow\n{}", print::columns(&rows)));
    }
    if !catalogue.bypassing.is_empty() {
        parts.push(format!("No action runs for {} (bypass_actions)", catalogue.bypassing.join(", ")));
    }
    parts.join("\n")
}

fn row(index: usize, entry: &Entry) -> Vec<String> {
    let on_error = match entry.on_error {
        OnError::Deny => String::new(),
        OnError::Skip => "skipped on error".to_owned(),
    };
    let clients = if entry.restricted { format!("only for {}", clients(entry)) } else { String::new() };
    vec![format!("{}.", index + 1), entry.file.clone(), entry.handlers.join(", "), entry.hash.clone(), clients, on_error]
}

fn runs_row(entry: &Entry, runs: &Runs) -> Vec<String> {
    vec![
        entry.name.clone(),
        runs.runs.to_string(),
        format!("{} failed", runs.failures),
        format!("{} denied", runs.denials),
        format!("median {} µs", runs.median_us),
        format!("95 % {} µs", runs.p95_us),
        format!("{} operations", runs.median_operations),
    ]
}

fn clients(entry: &Entry) -> String {
    listed(&entry.clients)
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn show(catalogue: &Catalogue, index: usize, entry: &Entry, past: &Past) -> String {
    let on_error = match entry.on_error {
        OnError::Deny => "deny: the login fails with server_error",
        OnError::Skip => "skip: its effects are dropped, the login goes on",
    };
    let bypassed = if catalogue.bypassing.is_empty() { None } else { Some(catalogue.bypassing.join(", ")) };
    let rows = [
        ("file", Some(format!("{}, {} lines, hash {}", entry.file, entry.lines, entry.hash))),
        ("position", Some(format!("{} of {} in set {}", index + 1, catalogue.actions.len(), catalogue.set))),
        ("handlers", Some(entry.handlers.join(", "))),
        ("clients", Some(clients(entry))),
        ("bypassed by", bypassed),
        ("on error", Some(on_error.to_owned())),
        ("secrets", Some(secrets(entry))),
        ("allow_hosts", Some(listed(&entry.allow_hosts))),
        ("last runs", Some(past.of(entry))),
    ];
    let mut rows: Vec<_> = rows.into_iter().filter_map(|(name, value)| Some(vec![name.to_owned(), value?])).collect();
    let sets = entry.sets.iter().enumerate();
    rows.extend(sets.map(|(index, what)| vec![if index == 0 { "sets" } else { "" }.to_owned(), what.clone()]));
    format!("{}\n{}", entry.name, print::columns(&rows))
}

/// Names alone: those that are configured, and of them and others those that are read.
fn secrets(entry: &Entry) -> String {
    if entry.secrets.is_empty() && entry.secrets_used.is_empty() {
        return "none".to_owned();
    }
    format!("configured: {}; read: {}", listed(&entry.secrets), listed(&entry.secrets_used))
}
