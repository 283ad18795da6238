//! What came of a run of the tests, as data; `text` and `junit` and serde show it.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use crate::domain::text::one_line;
use crate::flow::coverage::Lines;
use crate::flow::{Code, Diagnostic, Spot};

use super::estimates::Estimate;

/// A run of the tests.
#[derive(Debug)]
pub struct Report {
    /// In the order of the files.
    pub results: Vec<TestResult>,
    /// Wall time.
    pub took: Duration,
    /// What became of the snapshots.
    pub snapshots: Snapshots,
    /// What the tests show of each action.
    pub estimates: Vec<Estimate>,
    /// Which lines of the actions ran, if somebody asked.
    pub coverage: Option<CoverageReport>,
}

impl Report {
    /// How many tests failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.results.iter().filter(|result| result.failure.is_some()).count()
    }
}

/// One test.
#[derive(Clone, Debug)]
pub struct TestResult {
    /// As shown: `actions/tests/roles.rhai`.
    pub file: String,
    /// Where the function is.
    pub line: usize,
    /// Its name.
    pub function: String,
    /// Its description: the doc comment, or else the name.
    pub title: String,
    /// Wall time.
    pub took: Duration,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What the test printed.
    pub printed: Vec<String>,
    /// What the actions printed, each line with its action.
    pub logs: Vec<String>,
}

/// Why a test failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where.
    pub spot: Spot,
    /// What kind of problem; failed assertions have no code.
    pub code: Option<Code>,
    /// In one line.
    pub message: String,
    /// Values and differences, a line each.
    pub details: Vec<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl Failure {
    /// `file:line:col: message`.
    #[must_use]
    pub fn one_line(&self) -> String {
        format!("{}:{}:{}: {}", self.spot.file, self.spot.line, self.spot.column, one_line(&self.message))
    }
}

impl From<Diagnostic> for Failure {
    fn from(problem: Diagnostic) -> Self {
        let Diagnostic { code, file, line, column, message, source_line, hint, .. } = problem;
        Self {
            spot: Spot { file, line, column, source_line: source_line.map(Into::into) },
            code: Some(code),
            message,
            details: Vec::new(),
            hint,
        }
    }
}

/// Message and place as a compiler would show them, values, hint.
impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.code {
            Some(code) => write!(f, "error[{code}]: {}{}", one_line(&self.message), self.spot)?,
            None => write!(f, "error: {}{}", one_line(&self.message), self.spot)?,
        }
        self.details.iter().try_for_each(|line| write!(f, "\n{}", one_line(line)))?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\nhint: {}", one_line(hint)))
    }
}

/// What became of the snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Snapshots {
    /// Files that were written.
    pub written: Vec<String>,
    /// Stored values that no test compares with any more.
    pub unused: Vec<String>,
}

/// Which lines of the actions ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoverageReport {
    /// Over all files, rounded down.
    pub percent: usize,
    /// Each file.
    pub files: Vec<FileCoverage>,
}

/// Which lines of a file ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileCoverage {
    /// As shown.
    pub file: String,
    /// Rounded down.
    pub percent: usize,
    /// Lines that can run.
    pub lines: usize,
    /// Those that did not.
    pub missing: Vec<usize>,
}

impl CoverageReport {
    /// Of lines that can run and those that ran.
    #[must_use]
    pub(super) fn new(all: &Lines, ran: &Lines) -> Self {
        let mut files = Vec::new();
        for (file, lines) in all {
            let missing: Vec<usize> =
                lines.iter().filter(|line| !ran.get(file).is_some_and(|ran| ran.contains(line))).copied().collect();
            let percent = percent(lines.len(), missing.len());
            files.push(FileCoverage { file: file.clone(), percent, lines: lines.len(), missing });
        }
        let sum = |count: fn(&FileCoverage) -> usize| files.iter().map(count).sum();
        Self { percent: percent(sum(|file| file.lines), sum(|file| file.missing.len())), files }
    }
}

fn percent(all: usize, missing: usize) -> usize {
    ((all - missing) * 100).checked_div(all).unwrap_or(100)
}

impl Report {
    /// For programs.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let milliseconds = |took: Duration| (took.as_secs_f64() * 1e6).round() / 1e3;
        let test = |result: &TestResult| {
            let failure = result.failure.as_ref().map(|failure| {
                let Failure { spot, code, message, details, hint } = failure;
                json!({ "file": spot.file, "line": spot.line, "column": spot.column, "code": code, "message": message,
                        "details": details, "hint": hint, "text": failure.to_string() })
            });
            json!({ "file": result.file, "line": result.line, "function": result.function, "title": result.title,
                    "passed": result.failure.is_none(), "duration_ms": milliseconds(result.took), "failure": failure,
                    "printed": result.printed, "logs": result.logs })
        };
        json!({
            "passed": self.results.len() - self.failed(), "failed": self.failed(), "duration_ms": milliseconds(self.took),
            "tests": self.results.iter().map(test).collect::<Vec<_>>(), "coverage": self.coverage,
            "estimates": self.estimates, "snapshots": self.snapshots,
        })
    }
}
