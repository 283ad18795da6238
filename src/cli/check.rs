//! `vestibule check`: compiles, validates and analyses configuration and actions, prints every problem, changes nothing.

use std::process::ExitCode;

use anyhow::Context as _;

use super::{Settings, failure, logging, print, serve, start_page};
use crate::config::{Config, Invalid};
use crate::flow::{Diagnostic, FlowSet};
use crate::kit::findings::{self, Finding};
use crate::kit::project::Project;
use crate::kit::test;

/// What to check beyond correctness.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Also report what `serve` refuses: literal secrets, http issuers, weak client secrets …
    #[arg(long)]
    production: bool,
    /// Print the problems as one JSON array, for editors
    #[arg(long)]
    json: bool,
    /// Exit with 0 if there are warnings and no errors
    #[arg(long)]
    allow_warnings: bool,
}

/// Reports the problems of the file and of the actions; the actions are checked even if only the rest of the file is wrong.
pub(super) async fn run(settings: &Settings, options: &Options) -> anyhow::Result<ExitCode> {
    logging::init(logging::Format::Human, "warn");
    let config = match settings.load() {
        Ok(config) => config,
        Err(invalid) if invalid.is_unreadable() => return Err(invalid.into()),
        Err(invalid) if options.json => return as_json(&findings::of_configuration(&invalid.problems), options),
        Err(invalid) => {
            failure::report(&invalid.into());
            return Ok(ExitCode::FAILURE);
        }
    };
    let flow = config.actions.clone();
    let loaded = tokio::task::spawn_blocking(move || FlowSet::load(&flow)).await.context("the actions were not loaded")?;
    let problems = match &loaded {
        Ok(set) => set.findings(),
        Err(broken) => &broken.problems,
    };
    let insecure = if options.production { serve::insecure(&config) } else { Vec::new() };
    if options.json {
        let mut all = findings::of_actions(problems);
        all.extend(findings::of_configuration(&insecure));
        return as_json(&all, options);
    }
    if !problems.is_empty() {
        print::error(&report(problems, &config.actions.display));
    }
    if !insecure.is_empty() {
        print::error(&Invalid { problems: insecure.clone() }.to_string());
        print::error(&format!("\n{}", failure::count(insecure.len(), &config.path.display().to_string())));
    }
    let all = findings::of_actions(problems).into_iter().chain(findings::of_configuration(&insecure)).collect::<Vec<_>>();
    if let Ok(set) = &loaded
        && passes(&all, options)
    {
        print::line(&summary(&config, set));
        if let Some(estimates) = estimates(&config).await? {
            print::line(&estimates);
        }
    }
    Ok(code(&all, options))
}

/// What the tests of the actions show of each: operations, claims and their bytes. Nothing where there are no tests, or where
/// they do not load: `vestibule test` says why.
async fn estimates(config: &Config) -> anyhow::Result<Option<String>> {
    if !config.actions.directory.join("tests").is_dir() {
        return Ok(None);
    }
    let (project, flow) = (Project::new(config), config.actions.clone());
    let measured =
        tokio::task::spawn_blocking(move || test::estimates(project, &flow)).await.context("the tests did not run")?;
    let rows: Vec<_> = measured.unwrap_or_default().iter().map(|estimate| vec![estimate.to_string()]).collect();
    Ok((!rows.is_empty()).then(|| format!("Estimates, from the tests\n{}", print::columns(&rows))))
}

/// Every problem, their number, and where more is said about them.
fn report(problems: &[Diagnostic], directory: &str) -> String {
    let listed: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let count = failure::count(listed.len(), directory);
    format!("{}\n\n{count}; `vestibule explain {}` says more about a code", listed.join("\n\n"), problems[0].code)
}

fn as_json(findings: &[Finding], options: &Options) -> anyhow::Result<ExitCode> {
    print::line(&serde_json::to_string_pretty(findings)?);
    Ok(code(findings, options))
}

fn passes(findings: &[Finding], options: &Options) -> bool {
    findings.iter().all(|finding| options.allow_warnings && finding.is_warning())
}

fn code(findings: &[Finding], options: &Options) -> ExitCode {
    if passes(findings, options) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn summary(config: &Config, set: &FlowSet) -> String {
    let plural = |count: usize, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
    let parts = [
        plural(config.clients.len(), "client"),
        plural(config.resource_servers.len(), "API"),
        plural(config.roles.len(), "role"),
        plural(config.users.len(), "user"),
    ];
    let actions = start_page::actions(set, &config.actions.display);
    let bypass = start_page::bypass_warning(config).map(|warning| format!("\n{warning}")).unwrap_or_default();
    format!("{}: {}\n{actions}{bypass}", config.path.display(), parts.join(", "))
}
