//! The command line: one file per command.
//!
//! Product output goes to stdout, the log to stderr. Exit codes: 0 done, 1 failed, or the answer is no
//! (denied, problems, differences), 2 wrong usage or input.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

mod actions;
mod check;
mod dev;
mod explain;
mod failure;
mod init;
mod keys;
mod live;
mod logging;
mod matrix;
mod paste;
mod print;
mod reference;
mod replay;
mod replay_summary;
mod sealing;
mod serve;
mod server;
mod start_page;
mod test;
mod traces;
mod try_event;
mod try_login;
mod try_report;
mod watch;
mod why;

use crate::config::{Config, Invalid, Source};
use failure::report;

/// A login-flow runtime: small Rhai actions decide what is in the tokens, inside a correct OpenID provider.
#[derive(Debug, Parser)]
#[command(name = "vestibule", version, about, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

/// Flags that override the configuration; every setting can also come from a `VESTIBULE_…` variable.
#[derive(Clone, Debug, Args)]
struct Settings {
    /// The configuration file
    #[arg(long, global = true, value_name = "PATH", env = "VESTIBULE_CONFIG", default_value = "vestibule.toml")]
    config: PathBuf,
    /// Address and port to listen on, instead of `listen`
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Database URL, instead of `database.url`
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
    /// Directory of the actions, instead of `actions.directory`
    #[arg(long, global = true, value_name = "DIRECTORY")]
    actions: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a project to start from: configuration, two actions, their tests
    Init(init::Options),
    /// Serve for development: demo data, readable log, actions and configuration reload on save
    Dev,
    /// Serve for production: JSON log, insecure settings refused, SIGHUP reloads
    Serve(serve::Options),
    /// Compile, validate and analyse configuration and actions, print every problem
    Check(check::Options),
    /// Explain the code of a problem, with an example of wrong and right
    Explain(explain::Options),
    /// Write the definitions of `event`, `api` and the library for the Rhai language server
    Definitions(reference::Options),
    /// Write the reference of `event`, `api` and the library as Markdown
    Docs(reference::Options),
    /// Perform one login without HTTP and print the tokens, and which line of which action set what
    Try(Box<try_login::Options>),
    /// Decide recorded logins again, with these actions or others, and say what would change
    Replay(Box<replay::Options>),
    /// Run the unit tests of the actions, `actions/tests/*.rhai`
    Test(test::Options),
    /// Print what every client, grant and user gets, and compare it with what was accepted
    Matrix(matrix::Options),
    /// Show the actions: order, handlers, settings, clients
    #[command(subcommand)]
    Actions(actions::Command),
    /// List what was decided about each login, follow it live, or export it for `replay`
    Traces(traces::Options),
    /// Explain a claim: who set it, what it was before, who tried in vain
    Why(why::Options),
    /// Show or rotate the signing keys
    #[command(subcommand)]
    Keys(keys::Command),
}

impl Settings {
    /// The configuration's sources, the process environment included.
    fn source(&self) -> Source {
        Source {
            path: self.config.clone(),
            environment: environment(),
            listen: self.listen.clone(),
            database: self.database.clone(),
            actions: self.actions.clone(),
            shadow: None,
            stand_in_secrets: false,
        }
    }

    fn load(&self) -> Result<Config, Invalid> {
        self.source().load()
    }
}

/// Every variable whose name and value are Unicode; others cannot be settings of ours.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

/// Scripts recurse on the stack of the thread that runs them: four times what the limits of the flow allow.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// How long threads that are still at work when everything is answered may take to end.
const LEAVE: Duration = Duration::from_secs(1);

/// Parses the arguments and runs the command.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed pipe is no reason to fail: there is nobody left to tell.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK_BYTES).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return report(&error.into()),
    };
    let result = runtime.block_on(execute(cli));
    // A thread that is still busy with an action or a file that does not answer is left to the end of the process.
    runtime.shutdown_timeout(LEAVE);
    result.unwrap_or_else(|error| report(&error))
}

async fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    let settings = cli.settings;
    match cli.command {
        Command::Init(options) => init::run(&options),
        Command::Dev => dev::run(&settings).await,
        Command::Serve(options) => serve::run(&settings, &options).await,
        Command::Check(options) => check::run(&settings, &options).await,
        Command::Explain(options) => explain::run(&options),
        Command::Definitions(options) => reference::run(&options, &crate::kit::reference::definitions()),
        Command::Docs(options) => reference::run(&options, &crate::kit::reference::markdown()),
        Command::Try(options) => try_login::run(&settings, *options).await,
        Command::Replay(options) => replay::run(&settings, *options).await,
        Command::Test(options) => test::run(&settings, options).await,
        Command::Matrix(options) => matrix::run(&settings, options).await,
        Command::Actions(command) => actions::run(&settings, &command).await,
        Command::Traces(options) => traces::run(&settings, &options).await,
        Command::Why(options) => why::run(&settings, &options).await,
        Command::Keys(command) => keys::run(&settings, &command).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn settings_may_stand_before_and_after_the_command() {
        let before = Cli::try_parse_from(["vestibule", "--config", "a.toml", "dev"]).unwrap();
        let after = Cli::try_parse_from(["vestibule", "dev", "--config", "a.toml"]).unwrap();
        assert_eq!(before.settings.config, after.settings.config);
    }
}
