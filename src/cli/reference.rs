//! `vestibule definitions` and `vestibule docs`: what an author of actions looks up, for editors and for people.

use std::path::PathBuf;
use std::process::ExitCode;

use super::failure::bad_input;
use super::print;

/// Where to.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Write to this file instead of printing
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Prints the text, or writes the file.
pub(super) fn run(options: &Options, text: &str) -> anyhow::Result<ExitCode> {
    let Some(path) = &options.out else {
        print::line(text.trim_end());
        return Ok(ExitCode::SUCCESS);
    };
    std::fs::write(path, text).map_err(|error| {
        bad_input(format!("{} cannot be written: {error}", path.display()), "name a file in a directory that exists")
    })?;
    print::line(&format!("wrote {}", path.display()));
    Ok(ExitCode::SUCCESS)
}
