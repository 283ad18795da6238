//! `vestibule serve`: for production. Refuses insecure settings, logs JSON, reloads on SIGHUP.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::live::{Live, Voice};
use super::{Settings, logging, sealing, server};
use crate::app::{App, Surroundings};
use crate::config::{At, Config, Invalid, Place, Problem, Source, open_to_others, sqlite_file};
use crate::flow::reload::writable_by_all;

/// What may differ from one production to another.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Also reload when the files of the actions change
    #[arg(long)]
    watch: bool,
    /// Let the actions of this directory decide beside the running ones: compared and counted, never applied
    #[arg(long, value_name = "DIRECTORY")]
    shadow: Option<String>,
}

/// Serves until a signal comes.
pub(super) async fn run(settings: &Settings, options: &Options) -> anyhow::Result<ExitCode> {
    logging::init(logging::Format::Json, "info,sqlx=warn,hyper=warn,notify=error");
    let source = Source { shadow: options.shadow.clone(), ..settings.source() };
    let config = source.load()?;
    refuse_insecure(&config)?;
    let listener = server::listen(&config).await?;
    let _lock = server::lock(&config)?;
    let surroundings = Surroundings { seal: sealing::seal(&config).await?, ..Surroundings::system(false) };
    let app = App::build(&config, surroundings).await;
    let app = app.map_err(|error| server::explain_database(error, &config))?;

    tracing::info!(
        issuer = config.issuer,
        listen = %listener.local_addr()?,
        set = app.flow.current().hash(),
        actions = app.flow.current().actions().len(),
        "serving"
    );
    let live = Arc::new(Live::new(app, source, config, Voice::Log));
    live.show_findings();
    let reloading = server::Reloading { watch_actions: options.watch, watch_configuration: false, accept: refuse_insecure };
    server::run(live, listener, reloading).await?;
    Ok(ExitCode::SUCCESS)
}

/// Every insecure setting, each with a remedy.
fn refuse_insecure(config: &Config) -> Result<(), Invalid> {
    let problems = insecure(config);
    if problems.is_empty() { Ok(()) } else { Err(Invalid { problems }) }
}

/// What `serve` refuses.
pub(super) fn insecure(config: &Config) -> Vec<Problem> {
    let mut problems = config.insecure.clone();
    problems.extend(readable_by_others(config));
    problems.extend(writable_by_others(config));
    problems
}

/// The database holds password hashes, and private keys that the sealing key opens.
fn readable_by_others(config: &Config) -> Vec<Problem> {
    let database = sqlite_file(&config.database).map(Path::to_owned);
    let all = [("database.url", database), ("secrets.key", sealing::file(config))];
    let problem = |(path, file): (&str, Option<PathBuf>)| {
        let file = file.filter(|file| open_to_others(file, 0o007))?;
        let message = format!("{} may be read or written by every user of this machine", file.display());
        Some(problem(config, path, message, format!("chmod 600 {}", file.display())))
    };
    all.into_iter().filter_map(problem).collect()
}

/// Whoever writes the configuration or an action decides what is in the tokens; whoever writes one of the shadow reads what is
/// in the events.
fn writable_by_others(config: &Config) -> Vec<Problem> {
    let shadow = config.actions.shadow.iter().map(|(directory, _)| ("actions.shadow", directory));
    let actions = std::iter::once(("actions.directory", &config.actions.directory)).chain(shadow);
    let actions = actions.filter_map(|(path, directory)| Some((path, writable_by_all(directory)?)));
    let own = open_to_others(&config.path, 0o002).then(|| ("", config.path.clone()));
    let problem = |(path, place): (&str, PathBuf)| {
        let message = format!("{} may be written by every user of this machine", place.display());
        problem(config, path, message, format!("chmod o-w {}", place.display()))
    };
    own.into_iter().chain(actions).map(problem).collect()
}

fn problem(config: &Config, path: &str, message: String, remedy: String) -> Problem {
    let at = At { path: path.to_owned(), place: Place::Whole };
    Problem { file: config.path.display().to_string(), at, message, source_line: None, hint: Some(remedy) }
}
