//! `vestibule init`: makes a project to start from.

use std::path::PathBuf;
use std::process::ExitCode;

use super::failure::bad_input;
use super::print;
use crate::kit::init::{Refused, scaffold};

/// Where.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The directory: a new one, or one that is empty
    directory: PathBuf,
}

/// Writes the files and says what to do with them.
pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let shown = options.directory.display();
    let files = scaffold(&options.directory).map_err(|refused| {
        let hint = match &refused {
            Refused::NoDirectory(_) | Refused::NotEmpty { .. } => "name a directory that is new or empty",
            Refused::Unwritable { .. } => "check the path and its permissions",
        };
        bad_input(refused.to_string(), hint)
    })?;
    let rows: Vec<_> = files.iter().map(|file| vec![(*file).to_owned()]).collect();
    let next = [
        ("vestibule check", "compile and validate everything"),
        ("vestibule test", "run the tests in actions/tests/"),
        ("vestibule dev", "serve it; every save is in effect at the next login"),
    ];
    let enter = (options.directory.as_os_str() != ".").then(|| vec![format!("cd {shown}")]);
    let steps = next.map(|(command, meaning)| vec![command.to_owned(), format!("# {meaning}")]);
    let steps: Vec<_> = enter.into_iter().chain(steps).collect();
    print::line(&format!("Made a project in {shown}\n{}\n\nNext\n{}", print::columns(&rows), print::columns(&steps)));
    Ok(ExitCode::SUCCESS)
}
