//! `vestibule test`: runs the unit tests of the actions.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use super::failure::{self, bad_input};
use super::{Settings, logging, print};
use crate::config::Source;
use crate::flow::reload::Look;
use crate::kit::project::Project;
use crate::kit::test::{self, Report, TestError};

/// What to run and what to print.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Options {
    /// Only tests whose file, function or description contains one of these
    filters: Vec<String>,
    /// Run again whenever an action, a library, a test or the configuration changes
    #[arg(long, conflicts_with_all = ["json", "junit"])]
    watch: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Also write JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Tell which lines of the actions ran
    #[arg(long)]
    coverage: bool,
    /// Fail if less than this share of the lines ran, in percent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
    /// Store what `assert_snapshot` sees now, and remove what nobody compares with
    #[arg(long)]
    accept: bool,
    /// Tell how much each action did at most
    #[arg(long)]
    estimates: bool,
    /// Leave out the tests that passed
    #[arg(long, short)]
    quiet: bool,
    /// Tests at the same time; as many as there are processors by default
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

impl Options {
    fn of_kit(&self) -> test::Options {
        let default = test::Options::default();
        test::Options {
            filters: self.filters.clone(),
            accept: self.accept,
            coverage: self.coverage || self.min_coverage.is_some(),
            jobs: self.jobs.unwrap_or(default.jobs),
        }
    }
}

/// Exit code 0: all passed; 1: a test failed, or too little ran; 2: nothing could run.
pub(super) async fn run(settings: &Settings, options: Options) -> anyhow::Result<ExitCode> {
    logging::init(logging::Format::Human, "off");
    let source = settings.source().with_stand_in_secrets();
    if !options.watch {
        return once(&source, &options).await;
    }
    loop {
        let look = Look::at(&watched(&source));
        if let Err(error) = once(&source, &options).await {
            failure::report(&error);
        }
        print::line("\nwaiting for a change\n");
        changed(&source, look).await;
    }
}

async fn once(source: &Source, options: &Options) -> anyhow::Result<ExitCode> {
    let config = source.load()?;
    let (project, of_kit) = (Project::new(&config), options.of_kit());
    let ran = tokio::task::spawn_blocking(move || test::run(project, &config.actions, &of_kit)).await;
    let report = ran.context("the tests were not run")?.map_err(|error| match error {
        TestError::Broken(broken) => broken.into(),
        TestError::Unusable(problem) => bad_input(problem.message, problem.hint),
    })?;
    show(&report, options)?;
    Ok(verdict(&report, options))
}

fn show(report: &Report, options: &Options) -> anyhow::Result<()> {
    if let Some(file) = &options.junit {
        let written = std::fs::write(file, report.junit());
        written.map_err(|error| bad_input(format!("{} cannot be written: {error}", file.display()), "name another file"))?;
    }
    if options.json {
        print::line(&serde_json::to_string_pretty(&report.json())?);
        return Ok(());
    }
    if options.estimates {
        print::line(&format!("{}\n", report.estimates_text()));
    }
    print::line(&report.text(options.quiet));
    Ok(())
}

fn verdict(report: &Report, options: &Options) -> ExitCode {
    let mut failed = report.failed() > 0;
    if let (Some(least), Some(coverage)) = (options.min_coverage, &report.coverage)
        && coverage.percent < usize::from(least)
    {
        let hint = "test the lines that did not run, or lower --min-coverage";
        print::error(&format!("error: the tests cover {} %, less than {least} %\nhint: {hint}", coverage.percent));
        failed = true;
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The directories and the file that a run depends on. Without a readable configuration it is the file alone.
fn watched(source: &Source) -> Vec<PathBuf> {
    let actions = source.load().map(|config| config.actions.directory);
    let with_tests = |actions: PathBuf| [actions.join("tests"), actions];
    actions.map(with_tests).into_iter().flatten().chain([source.path.clone()]).collect()
}

/// Waits until something is other than at `look` and has stayed so for a moment: several saves are one change.
async fn changed(source: &Source, look: Look) {
    let mut last = look;
    let mut moving = false;
    loop {
        tokio::time::sleep(if moving { Duration::from_millis(50) } else { Duration::from_millis(200) }).await;
        let now = Look::at(&watched(source));
        match (now == last, moving) {
            (true, true) => return,
            (true, false) => {}
            (false, _) => (last, moving) = (now, true),
        }
    }
}
