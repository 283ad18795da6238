//! `vestibule matrix`: prints who gets what, and compares it with what was accepted.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use super::failure::bad_input;
use super::{Settings, logging, print};
use crate::config::Config;
use crate::flow::FlowSet;
use crate::kit::matrix::{self, Change, Matrix};
use crate::kit::project::Project;

/// What to print and what to compare.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Print one JSON object instead of the table
    #[arg(long)]
    json: bool,
    /// Store the matrix beside the actions, in `matrix.json`
    #[arg(long)]
    accept: bool,
    /// Print only how it differs from the stored one, which must be there
    #[arg(long, conflicts_with_all = ["accept", "json"])]
    check: bool,
    /// The API that users' access tokens are for; that of the stored matrix or the first declared one by default
    #[arg(long, value_name = "URL")]
    audience: Option<String>,
}

/// Exit code 0: as stored, or nothing is; 1: it differs; 2: wrong input.
pub(super) async fn run(settings: &Settings, options: Options) -> anyhow::Result<ExitCode> {
    logging::init(logging::Format::Human, "off");
    let config = settings.source().with_stand_in_secrets().load()?;
    let (path, file) = Matrix::file(&config.actions);
    let stored = Matrix::stored(&config.actions)?;
    if options.check && stored.is_none() {
        return Err(bad_input(format!("there is no {file}"), "`vestibule matrix --accept` writes it"));
    }
    let audience = options.audience.clone().or_else(|| stored.as_ref()?.audience.clone());
    let matrix = decide(config, audience).await?;
    if options.accept {
        let written = matrix.store(&path);
        written.map_err(|error| bad_input(format!("{file} cannot be written: {error}"), "check the permissions"))?;
    }
    let stored = stored.filter(|_| !options.accept);
    let differences = stored.map(|stored| matrix.differences(&stored));
    if options.json {
        let report = json!({ "audience": matrix.audience, "rows": matrix.rows, "differences": differences });
        print::line(&serde_json::to_string_pretty(&report)?);
    } else {
        print::line(&text(&matrix, differences.as_deref(), &file, &options));
    }
    Ok(if differences.is_some_and(|found| !found.is_empty()) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn decide(config: Config, audience: Option<String>) -> anyhow::Result<Matrix> {
    let work = move || -> anyhow::Result<Matrix> {
        let set = FlowSet::load(&config.actions)?;
        let matrix = Matrix::of(&Project::new(&config), &set, audience.as_deref());
        matrix.map_err(|error| bad_input(error.message, error.hint))
    };
    tokio::task::spawn_blocking(work).await.context("the matrix was not made")?
}

fn text(present: &Matrix, differences: Option<&[Change]>, file: &str, options: &Options) -> String {
    let mut parts = if options.check { Vec::new() } else { vec![present.table()] };
    if options.accept {
        parts.push(format!("{file} written, {} logins", present.rows.len()));
    }
    match differences {
        Some([]) => parts.push(format!("as in {file}")),
        Some(found) => {
            let hint = "`vestibule matrix --accept` stores it as it is now";
            parts.push(format!(
                "{} of {} logins differ from {file}\n\n{}\n\nhint: {hint}",
                found.len(),
                present.rows.len(),
                matrix::text(found)
            ));
        }
        None => {}
    }
    parts.join("\n\n")
}
