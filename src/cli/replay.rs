//! `vestibule replay`: recorded logins, decided again by other actions. Exit code 0: nothing differs, 1: something does,
//! 2: it cannot be told.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;

use super::failure::{self, bad_input};
use super::{Settings, logging, print, replay_report as report};
use crate::config::Config;
use crate::flow::{FlowSet, Trigger};
use crate::kit::project::Project;
use crate::kit::replay::input::{Broken, Lines, Wanted};
use crate::kit::replay::summary::Summary;
use crate::kit::replay::{Login, Replay};

/// What to replay, and what to show.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    what: What,
    /// Replay with the actions of this directory instead of `actions.directory`
    #[arg(long, value_name = "DIRECTORY")]
    with: Option<String>,
    /// Only logins at this client
    #[arg(long, value_name = "CLIENT_ID")]
    client: Option<String>,
    /// Only these: post-login or credentials-exchange
    #[arg(long, value_name = "TRIGGER", value_parser = trigger)]
    trigger: Option<Trigger>,
    /// At most so many logins: of a file the first, of `--all` the newest
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// Threads [default: one per processor]
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<usize>,
    /// Differing logins that are shown in full; 0 for all of them
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    show: usize,
    /// Exit with 0 even if a login comes out otherwise whose actions read what the recording does not hold
    #[arg(long)]
    skip_unfaithful: bool,
    /// Print JSON, one object per line: every login that differs or cannot be compared, then the summary
    #[arg(long)]
    json: bool,
}

/// Where the recordings come from.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// The trace's id: `Vestibule-Trace` of a token response, the reference of an error, or from `vestibule traces`
    trace: Option<String>,
    /// A file that `vestibule traces export` wrote; `-` is standard input
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Every trace that is kept
    #[arg(long)]
    all: bool,
}

/// What the recordings come from, for messages: `logins.jsonl`.
struct Origin {
    name: String,
    hint: &'static str,
}

fn trigger(name: &str) -> Result<Trigger, String> {
    let all = [Trigger::PostLogin, Trigger::CredentialsExchange];
    let known = || all.map(|trigger| format!("`{}`", trigger.as_str())).join(" or ");
    all.into_iter().find(|trigger| trigger.as_str() == name).ok_or_else(|| format!("a trigger is {}", known()))
}

/// Replays and reports. Whatever is no answer is bad input.
pub(super) async fn run(settings: &Settings, options: Options) -> anyhow::Result<ExitCode> {
    logging::init(logging::Format::Human, "error");
    let clean = replay(settings, options).await;
    Ok(match clean {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            failure::report(&error);
            ExitCode::from(2)
        }
    })
}

/// Whether nothing differs.
async fn replay(settings: &Settings, options: Options) -> anyhow::Result<bool> {
    let mut settings = settings.clone();
    if let Some(directory) = &options.with {
        settings.actions = Some(directory.clone());
    }
    let config = Arc::new(settings.load()?);
    let options = Arc::new(options);
    let job = {
        let (config, options) = (Arc::clone(&config), Arc::clone(&options));
        move || {
            let (origin, lines) = open(&options.what)?;
            report_all(&config, &options, &origin, lines)
        }
    };
    tokio::task::spawn_blocking(job).await.context("the replay was interrupted")?
}

type BoxedLines = Box<dyn Iterator<Item = io::Result<String>> + Send>;

fn open(what: &What) -> anyhow::Result<(Origin, BoxedLines)> {
    let hint = "recordings are what `vestibule traces export` writes: one JSON object per line";
    match &what.file {
        Some(path) if path == Path::new("-") => {
            let lines = Lines(BufReader::new(io::stdin()));
            Ok((Origin { name: "<stdin>".to_owned(), hint }, Box::new(lines)))
        }
        Some(path) => {
            let name = path.display().to_string();
            let file = File::open(path).map_err(|error| bad_input(format!("{name} cannot be read: {error}"), hint))?;
            Ok((Origin { name, hint }, Box::new(Lines(BufReader::new(file)))))
        }
        None => todo!(),
    }
}

fn report_all(config: &Config, options: &Options, origin: &Origin, lines: BoxedLines) -> anyhow::Result<bool> {
    let set = FlowSet::load(&config.actions)?;
    let project = Project::new(config);
    let jobs = options.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let wanted = Wanted {
        client_id: options.client.clone(),
        trigger: options.trigger,
        limit: options.limit,
        jobs: jobs.clamp(1, 256),
    };
    let (mut summary, mut shown) = (Summary::new(set.hash()), 0);
    let replay = Replay { set: &set, project: &project };
    let told = replay.lines(lines, &wanted, |login| {
        summary.add(login);
        show(login, options, &mut shown);
    });
    told.map_err(|broken| unreadable(origin, &broken))?;
    let summary = summary.finish();
    if summary.logins == 0 {
        let hint = "log in first, or ask for less with fewer options";
        return Err(bad_input(format!("{} has no login to replay", origin.name), hint));
    }
    if options.json {
        print::line(&serde_json::json!({ "summary": summary }).to_string());
    } else {
        let left_out = (summary.different + summary.unfaithful).saturating_sub(shown);
        print::line(&report::summary(&summary, left_out));
    }
    Ok(summary.is_clean(options.skip_unfaithful))
}

/// Every login that has something to tell; for people only so many.
fn show(login: &Login, options: &Options, shown: &mut usize) {
    if login.differences.is_empty() && login.unfaithful.is_empty() {
        return;
    }
    if options.json {
        print::line(&serde_json::json!({ "login": login }).to_string());
    } else if options.show == 0 || *shown < options.show {
        *shown += 1;
        print::line(&report::login(login));
    }
}

fn unreadable(origin: &Origin, broken: &Broken) -> anyhow::Error {
    let message = match broken {
        Broken::Read(line, error) => format!("{}:{line}: {error}", origin.name),
        Broken::Line(line, error) => format!("{}:{line}:{}: {error}", origin.name, error.column),
    };
    bad_input(message, origin.hint)
}
