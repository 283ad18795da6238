//! `vestibule test`: unit tests of actions, in the actions' own language.
//!
//! Files of `tests/` beside the actions, functions named `test_…`. Each test has a world of its own ([`world`]) and calls the
//! functions of [`functions`]; `login` and its kind go through the one `decide` and the one fold of the server. [`suite`]
//! reads and runs them, [`report`] is what came of it.

mod answers;
mod decided;
mod estimates;
mod events;
mod functions;
mod junit;
mod report;
mod snapshots;
mod suite;
#[cfg(test)]
mod tests;
mod text;
mod world;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::flow::coverage::Coverage;
use crate::flow::{FlowSet, Limits, LoadError, Settings};
use crate::kit::login::Impossible;
use crate::kit::project::Project;

pub use estimates::Estimate;
pub use report::{CoverageReport, Failure, FileCoverage, Report, Snapshots, TestResult};

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Parts of file names, function names or descriptions; empty: everything.
    pub filters: Vec<String>,
    /// Whether snapshots are stored as they are now.
    pub accept: bool,
    /// Whether to collect which lines of the actions ran.
    pub coverage: bool,
    /// Tests at the same time.
    pub jobs: NonZeroUsize,
}

impl Default for Options {
    fn default() -> Self {
        let jobs = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { filters: Vec::new(), accept: false, coverage: false, jobs }
    }
}

/// Why no test could run.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// Actions or tests that do not compile; a file of snapshots that is none.
    #[error("{0}")]
    Broken(#[from] LoadError),
    /// There is nothing to run, or a test that cannot be called.
    #[error("{0}")]
    Unusable(#[from] Impossible),
}

/// Actions under test may do as much as elsewhere; a test that calls them may do more, and not for ever.
fn limits() -> Limits {
    Limits {
        deadline_ms: PATIENCE_MS,
        max_operations: 5_000_000,
        max_string_size: 4 * 1024 * 1024,
        max_array_size: 100_000,
        max_map_size: 100_000,
        max_variables: 1_024,
        max_functions: 4_096,
        max_memory: 256 * 1024 * 1024,
        max_file_size: 4 * 1024 * 1024,
        max_log_size: 64 * 1024,
        ..Limits::default()
    }
}

/// Wall time of one test. The operations come first, unless a test calls slow things.
const PATIENCE: Duration = Duration::from_millis(PATIENCE_MS);
const PATIENCE_MS: u64 = 30_000;

/// Loads the actions and their tests, and runs them.
///
/// # Errors
/// See [`TestError`].
pub fn run(project: Project, settings: &Settings, options: &Options) -> Result<Report, TestError> {
    let set = FlowSet::load(settings)?;
    let coverage = options.coverage.then(|| Arc::new(Coverage::default()));
    let set = coverage.as_ref().map(|coverage| set.watched(coverage)).unwrap_or(set);
    let lines = coverage.as_ref().map(|_| set.lines());
    let scene = Arc::new(world::Scene { project, set });
    let suite = suite::Suite::load(&scene, settings, &options.filters)?;
    let mut report = suite.run(&scene, options)?;
    if let (Some(coverage), Some(lines)) = (coverage, lines) {
        report.coverage = Some(CoverageReport::new(&lines, &coverage.lines()));
    }
    Ok(report)
}

/// What the tests show of each action: how much it does, how much it puts into tokens.
///
/// # Errors
/// See [`TestError`].
pub fn estimates(project: Project, settings: &Settings) -> Result<Vec<Estimate>, TestError> {
    Ok(run(project, settings, &Options::default())?.estimates)
}
