//! `vestibule replay`: recorded logins, decided again by other actions. Exit code 0: nothing differs, 1: something does,
//! 2: it cannot be told.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::failure::{self, bad_input};
use super::{Settings, logging, print, replay_summary, traces};
use crate::config::Config;
use crate::domain::trace::TraceFilter;
use crate::flow::{FlowSet, Trigger};
use crate::kit::project::Project;
use crate::kit::replay::input::{Broken, Lines, Wanted};
use crate::kit::replay::summary::Summary;
use crate::kit::replay::{Login, Replay, text};
use crate::kit::traces::Source;

/// What to do about a kept trace that cannot be read.
const WRITTEN_BY_ANOTHER: &str = "it was written by another version of vestibule: use that one, or wait until it is deleted";

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

/// The recordings, and what they come from, for messages.
struct Origin {
    name: String,
    hint: &'static str,
    lines: Box<dyn Iterator<Item = io::Result<String>> + Send>,
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
    let config = settings.load()?;
    let origin = match &options.what {
        What { file: Some(path), .. } => file(path)?,
        What { trace: Some(id), .. } => trace(&config, id).await?,
        _ => everything(&config, &options).await?,
    };
    let replay = tokio::task::spawn_blocking(move || report_all(&config, &options, origin));
    replay.await.context("the replay was interrupted")?
}

fn file(path: &Path) -> anyhow::Result<Origin> {
    let hint = "recordings are what `vestibule traces export` writes: one JSON object per line";
    if path == Path::new("-") {
        let lines = Box::new(Lines(BufReader::new(io::stdin())));
        return Ok(Origin { name: "<stdin>".to_owned(), hint, lines });
    }
    let name = path.display().to_string();
    let unreadable = |error: io::Error| bad_input(format!("{name} cannot be read: {error}"), hint);
    let file = File::open(path).map_err(unreadable)?;
    Ok(Origin { name, hint, lines: Box::new(Lines(BufReader::new(file))) })
}

async fn trace(config: &Config, id: &str) -> anyhow::Result<Origin> {
    let source = traces::open(config).await?;
    let name = source.place();
    let found = traces::one(&source, id).await;
    source.close().await;
    let line = serde_json::to_string(&found?)?;
    Ok(Origin { name, hint: WRITTEN_BY_ANOTHER, lines: Box::new(std::iter::once(Ok(line))) })
}

async fn everything(config: &Config, options: &Options) -> anyhow::Result<Origin> {
    let source = traces::open(config).await?;
    // What the trigger leaves out does not count.
    let limit = options.limit.filter(|_| options.trigger.is_none()).unwrap_or(usize::MAX);
    let filter = TraceFilter { client_id: options.client.clone(), limit, ..TraceFilter::default() };
    let (name, runtime) = (source.place(), tokio::runtime::Handle::current());
    let pages = Pages { source, runtime, filter, page: Vec::new().into_iter(), broken: false };
    Ok(Origin { name, hint: WRITTEN_BY_ANOTHER, lines: Box::new(pages) })
}

/// Traces as they are kept, a page at a time, newest first.
struct Pages {
    source: Source,
    runtime: tokio::runtime::Handle,
    filter: TraceFilter,
    page: std::vec::IntoIter<String>,
    broken: bool,
}

impl Iterator for Pages {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(document) = self.page.next() {
            return Some(Ok(document));
        }
        if self.broken || self.filter.limit == 0 {
            return None;
        }
        // The threads of a replay are none of the runtime's.
        match self.runtime.block_on(self.source.page(&mut self.filter)) {
            Ok(page) => {
                self.page = page.into_iter();
                self.page.next().map(Ok)
            }
            Err(error) => {
                self.broken = true;
                Some(Err(io::Error::other(error)))
            }
        }
    }
}

fn report_all(config: &Config, options: &Options, origin: Origin) -> anyhow::Result<bool> {
    let set = FlowSet::load(&config.actions)?;
    let Origin { name, hint, lines } = origin;
    let project = Project::new(config);
    let jobs = options.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let wanted = Wanted {
        client_id: options.client.clone(),
        trigger: options.trigger,
        limit: options.limit,
        jobs: jobs.clamp(1, 256),
    };
    let (mut summary, mut shown, mut left_out) = (Summary::new(set.hash()), 0, 0);
    let replay = Replay { set: &set, project: &project };
    let told = replay.lines(lines, &wanted, |login| {
        summary.add(login);
        show(login, options, (&mut shown, &mut left_out));
    });
    told.map_err(|broken| unreadable(&name, hint, &broken))?;
    let summary = summary.finish();
    if summary.logins == 0 {
        let hint = "log in first, or ask for less with fewer options";
        return Err(bad_input(format!("there is no login to replay ({name})"), hint));
    }
    if options.json {
        print::line(&serde_json::json!({ "summary": summary }).to_string());
    } else {
        print::line(&replay_summary::summary(&summary, left_out));
    }
    Ok(summary.is_clean(options.skip_unfaithful))
}

/// Every login that has something to tell; for people only so many.
fn show(login: &Login, options: &Options, (shown, left_out): (&mut usize, &mut usize)) {
    if login.differences.is_empty() && login.unfaithful.is_empty() && login.unrecorded.is_empty() {
        return;
    }
    if options.json {
        print::line(&serde_json::json!({ "login": login }).to_string());
    } else if options.show == 0 || *shown < options.show {
        *shown += 1;
        print::line(&text::login(login));
    } else {
        *left_out += 1;
    }
}

fn unreadable(name: &str, hint: &str, broken: &Broken) -> anyhow::Error {
    let message = match broken {
        Broken::Read(line, error) => format!("{name}:{line}: {error}"),
        Broken::Line(line, error) => format!("{name}:{line}:{}: {error}", error.column),
    };
    bad_input(message, hint)
}
