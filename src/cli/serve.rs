//! `vestibule serve`: for production. Refuses insecure settings, logs JSON, reloads on SIGHUP.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use super::live::{Live, Voice};
use super::{Settings, logging, sealing, server};
use crate::app::{App, Surroundings};
use crate::config::{At, Config, Invalid, Place, Problem, Source, sqlite_file};

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
pub(super) fn refuse_insecure(config: &Config) -> Result<(), Invalid> {
    let mut problems = config.insecure.clone();
    problems.extend(sqlite_file(&config.database).and_then(|file| readable_by_others(config, file)));
    problems.extend(writable_by_others(config));
    if problems.is_empty() { Ok(()) } else { Err(Invalid { problems }) }
}

/// The database holds password hashes and private keys.
fn readable_by_others(config: &Config, file: &Path) -> Option<Problem> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    let message = format!("{} may be read by every user of this machine", file.display());
    (mode & 0o007 != 0).then(|| problem(config, "database.url", message, format!("chmod 600 {}", file.display())))
}

/// Whoever writes an action decides what is in the tokens; whoever writes one of the shadow reads what is in the events.
fn writable_by_others(config: &Config) -> Vec<Problem> {
    let shadow = config.actions.shadow.iter().map(|(directory, _)| ("actions.shadow", directory));
    let all = std::iter::once(("actions.directory", &config.actions.directory)).chain(shadow);
    let problem = |(path, directory): (&str, &std::path::PathBuf)| {
        let mode = std::fs::metadata(directory).ok()?.permissions().mode();
        let message = format!("{} may be written by every user of this machine", directory.display());
        (mode & 0o002 != 0).then(|| problem(config, path, message, format!("chmod o-w {}", directory.display())))
    };
    all.filter_map(problem).collect()
}

fn problem(config: &Config, path: &str, message: String, remedy: String) -> Problem {
    let at = At { path: path.to_owned(), place: Place::Whole };
    Problem { file: config.path.display().to_string(), at, message, source_line: None, hint: Some(remedy) }
}
