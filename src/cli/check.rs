//! `vestibule check`: compiles and validates configuration and actions, prints every problem, changes nothing.

use std::process::ExitCode;

use anyhow::Context as _;

use super::{Settings, failure, logging, print, start_page};
use crate::config::Config;
use crate::flow::FlowSet;

/// What to check beyond correctness.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Also report what `serve` refuses: literal secrets, http issuers, weak client secrets …
    #[arg(long)]
    production: bool,
}

/// Reports the problems of the file and of the actions; the actions are checked even if only the rest of the file is wrong.
pub(super) async fn run(settings: &Settings, options: &Options) -> anyhow::Result<ExitCode> {
    logging::init(logging::Format::Human, "warn");
    let config = settings.load()?;
    let flow = config.actions.clone();
    let loaded = tokio::task::spawn_blocking(move || FlowSet::load(&flow)).await.context("the actions were not loaded")?;
    let mut failed = false;
    if let Err(broken) = &loaded {
        print::error(&format!("{broken}\n\n{}", failure::count(broken.problems.len(), &config.actions.display)));
        failed = true;
    }
    let warnings = loaded.as_ref().map_or(&[] as &[_], FlowSet::warnings);
    if !warnings.is_empty() {
        let listed: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        print::error(&format!("{}\n\n{}", listed.join("\n\n"), failure::count(listed.len(), &config.actions.display)));
        failed = true;
    }
    if options.production && !config.insecure.is_empty() {
        let listed: Vec<_> = config.insecure.iter().map(ToString::to_string).collect();
        let count = failure::count(listed.len(), &config.path.display().to_string());
        print::error(&format!("{}\n\n{count}", listed.join("\n\n")));
        failed = true;
    }
    match loaded {
        Ok(set) if !failed => {
            print::line(&summary(&config, &set));
            Ok(ExitCode::SUCCESS)
        }
        _ => Ok(ExitCode::FAILURE),
    }
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
