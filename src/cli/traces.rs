//! `vestibule traces`: what was decided about each login, as a list, a story, a live log, or recordings for `replay`.

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::failure::{bad_input, explained};
use super::{Settings, logging, print};
use crate::config::Config;
use crate::domain::trace::TraceFilter;
use crate::kit::traces::{Error, Source, text};
use crate::traces::Record;

/// How often the live log looks for more.
const EVERY: Duration = Duration::from_millis(250);
/// Traces that one look finds, and ids that are remembered not to be shown twice.
const AT_ONCE: usize = 200;
const REMEMBERED: usize = 10 * AT_ONCE;

/// Which traces, and how to show them.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    wanted: Wanted,
    /// Show logins as they happen, until interrupted
    #[arg(long)]
    follow: bool,
    /// Print JSON: an array, or one object per line with --follow
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Tell everything about one login
    Show {
        /// The trace's id: `Vestibule-Trace` of a token response, the reference of an error, or from `vestibule traces`
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write recordings for `vestibule replay --file`, one JSON object per line, oldest first
    Export {
        /// The file; standard output without it
        file: Option<PathBuf>,
        #[command(flatten)]
        wanted: Wanted,
    },
}

/// Which traces.
#[derive(Debug, clap::Args)]
pub(super) struct Wanted {
    /// At most so many, the newest [default: 20, all for export]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// Only logins at this client
    #[arg(long, value_name = "CLIENT_ID")]
    client: Option<String>,
    /// Only logins of this user
    #[arg(long, value_name = "USER_ID")]
    user: Option<String>,
    /// Only logins that ended so
    #[arg(long, value_parser = ["allowed", "denied", "failed"])]
    outcome: Option<String>,
}

impl Wanted {
    fn filter(&self, limit: usize) -> TraceFilter {
        TraceFilter {
            id: None,
            client_id: self.client.clone(),
            user_id: self.user.clone(),
            outcome: self.outcome.clone(),
            limit: self.limit.unwrap_or(limit),
            before: None,
        }
    }
}

/// Shows traces.
pub(super) async fn run(settings: &Settings, options: &Options) -> anyhow::Result<ExitCode> {
    logging::init(logging::Format::Human, "warn");
    let config = settings.load()?;
    let source = open(&config).await?;
    let done = match &options.command {
        Some(Command::Show { id, json }) => show(&source, id, *json).await,
        Some(Command::Export { file, wanted }) => export(&source, file.as_ref(), wanted).await,
        None if options.follow => follow(&source, options).await,
        None => list(&source, options).await,
    };
    source.close().await;
    done?;
    Ok(ExitCode::SUCCESS)
}

/// Where the traces of this configuration are.
pub(super) async fn open(config: &Config) -> anyhow::Result<Source> {
    Source::open(config).await.map_err(|error| unreadable(&error))
}

/// The trace of an id.
pub(super) async fn one(source: &Source, id: &str) -> anyhow::Result<Record> {
    let filter = TraceFilter { id: Some(id.to_owned()), limit: 1, ..TraceFilter::default() };
    let found = source.find(&filter).await.map_err(|error| unreadable(&error))?.pop();
    found.ok_or_else(|| {
        let hint = "`vestibule traces` lists those that are there; `[traces]` says how many are kept, and how long";
        bad_input(format!("there is no trace `{id}` ({})", source.place()), hint)
    })
}

/// What to do where there are no traces.
pub(super) fn first_of_all(source: &Source) -> &'static str {
    match source {
        Source::Server { .. } => "log in, and look again",
        _ => "start `vestibule dev`, or name the address of the one that runs with --listen; log in, and look again",
    }
}

/// What to do when traces cannot be read.
pub(super) fn unreadable(error: &Error) -> anyhow::Error {
    let hint = match error {
        Error::Refused { .. } => "run this on the machine of the server, and let it listen on localhost",
        Error::Http(_) => "look whether the server still runs, and try again",
        Error::Store(_) => "check `database.url`, and that the database runs and accepts this user",
        Error::Unreadable(_) => "it was written by another version of vestibule: use that one, or wait until it is deleted",
    };
    explained(error.to_string(), hint)
}

async fn list(source: &Source, options: &Options) -> anyhow::Result<()> {
    let mut records = source.find(&options.wanted.filter(20)).await.map_err(|error| unreadable(&error))?;
    // The newest last, where the eye is.
    records.reverse();
    if options.json {
        print::line(&serde_json::to_string_pretty(&records)?);
    } else if records.is_empty() {
        print::line(&format!("no traces ({})\nhint: {}", source.place(), first_of_all(source)));
    } else {
        print::line(&print::columns(&records.iter().map(text::cells).collect::<Vec<_>>()));
    }
    Ok(())
}

async fn show(source: &Source, id: &str, as_json: bool) -> anyhow::Result<()> {
    let record = one(source, id).await?;
    if as_json {
        print::line(&serde_json::to_string_pretty(&record)?);
    } else {
        print::line(&text::story(&record));
    }
    Ok(())
}

/// From the newest that is there on, until Ctrl-C.
async fn follow(source: &Source, options: &Options) -> anyhow::Result<()> {
    let mut seen = Seen::default();
    let before = options.wanted.limit.unwrap_or(0);
    let known = source
        .find(&TraceFilter { limit: AT_ONCE, ..options.wanted.filter(AT_ONCE) })
        .await
        .map_err(|error| unreadable(&error))?;
    for record in known.iter().skip(before).rev() {
        seen.is_new(&record.id);
    }
    if !options.json {
        print::error(&format!("following {}; Ctrl-C ends", source.place()));
    }
    let mut records = known;
    loop {
        for record in records.iter().rev() {
            if seen.is_new(&record.id) {
                print::line(&if options.json { serde_json::to_string(record)? } else { text::line(record) });
            }
        }
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
        let filter = TraceFilter { limit: AT_ONCE, ..options.wanted.filter(AT_ONCE) };
        records = source.find(&filter).await.map_err(|error| unreadable(&error))?;
    }
}

/// Ids that were shown.
#[derive(Default)]
struct Seen {
    ids: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Seen {
    fn is_new(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

async fn export(source: &Source, file: Option<&PathBuf>, wanted: &Wanted) -> anyhow::Result<()> {
    let mut records = source.find(&wanted.filter(10_000_000)).await.map_err(|error| unreadable(&error))?;
    records.reverse();
    if records.is_empty() {
        return Err(bad_input(format!("no trace fits ({})", source.place()), first_of_all(source)));
    }
    let lines = records.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?.join("\n");
    let Some(file) = file else {
        print::line(&lines);
        return Ok(());
    };
    std::fs::write(file, lines + "\n").map_err(|error| {
        bad_input(format!("{} cannot be written: {error}", file.display()), "check the path and its permissions")
    })?;
    print::line(&format!("{} written to {}", super::failure::count_of(records.len(), "recording"), file.display()));
    Ok(())
}

/// A trace as `why --json` names it.
pub(super) fn summary(record: &Record) -> Value {
    json!({ "id": record.id, "at": record.at, "kind": record.kind(), "client_id": record.client_id, "user_id": record.user_id })
}
