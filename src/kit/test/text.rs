//! A run of the tests as people read it.

use std::fmt::Write as _;
use std::time::Duration;

use crate::domain::text::one_line;

use super::report::{CoverageReport, FileCoverage, Report, TestResult};

impl Report {
    /// Every test under its file, then each failure in full, then the sum. `quiet` leaves the tests that passed out.
    #[must_use]
    pub fn text(&self, quiet: bool) -> String {
        let mut parts = if quiet { Vec::new() } else { vec![self.listed()] };
        parts.extend(self.results.iter().filter_map(failed));
        parts.extend(self.coverage.as_ref().map(CoverageReport::text));
        if !self.snapshots.written.is_empty() {
            parts.push(format!("snapshots written: {}", self.snapshots.written.join(", ")));
        }
        if !self.snapshots.unused.is_empty() {
            let unused = self.snapshots.unused.join("\n  ");
            parts.push(format!("unused snapshots\n  {unused}\nhint: `vestibule test --accept` removes them"));
        }
        parts.push(self.sum());
        parts.join("\n\n")
    }

    fn listed(&self) -> String {
        let (mut text, mut file) = (String::new(), "");
        for result in &self.results {
            if result.file != file {
                file = &result.file;
                let _ = write!(text, "{}{file}", if text.is_empty() { "" } else { "\n" });
            }
            let word = if result.failure.is_some() { "FAIL" } else { "ok  " };
            let _ = write!(text, "\n  {word}  {}", result.title);
        }
        text
    }

    fn sum(&self) -> String {
        let (all, failed) = (self.results.len(), self.failed());
        let tests = if all == 1 { "1 test".to_owned() } else { format!("{all} tests") };
        let verdict = if failed == 0 { "passed".to_owned() } else { format!("{} passed, {failed} failed", all - failed) };
        format!("{tests}: {verdict}, in {}", time(self.took))
    }

    /// What the tests show of each action, a line each.
    #[must_use]
    pub fn estimates_text(&self) -> String {
        let lines: Vec<_> = self.estimates.iter().map(|estimate| format!("\n  {estimate}")).collect();
        format!("estimates\n{}", lines.concat().trim_start_matches('\n'))
    }
}

fn time(took: Duration) -> String {
    match took.as_millis() {
        0..10_000 => format!("{:.1} ms", took.as_secs_f64() * 1e3),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}

fn failed(result: &TestResult) -> Option<String> {
    let failure = result.failure.as_ref()?;
    let mut text = format!("FAIL {}\n{failure}", result.title);
    let lines = result.printed.iter().map(|line| format!("\nprinted: {}", one_line(line)));
    lines.chain(result.logs.iter().map(|line| format!("\nlog of {}", one_line(line)))).for_each(|line| text.push_str(&line));
    Some(text)
}

impl CoverageReport {
    fn text(&self) -> String {
        let width = self.files.iter().map(|file| file.file.chars().count()).max().unwrap_or(0).max(5);
        let mut text = "coverage".to_owned();
        for FileCoverage { file, percent, missing, .. } in &self.files {
            let _ = write!(text, "\n  {file:width$}  {percent:>3} %");
            if !missing.is_empty() {
                let _ = write!(text, "  not run: {}", ranges(missing));
            }
        }
        let _ = write!(text, "\n  {:width$}  {:>3} %", "total", self.percent);
        text
    }
}

/// `3, 7-9`: neighbours are joined.
fn ranges(lines: &[usize]) -> String {
    let joined = lines.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        [only] => only.to_string(),
        [] => String::new(),
    });
    joined.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_lines_are_joined() {
        assert_eq!(ranges(&[3, 7, 8, 9, 12]), "3, 7-9, 12");
        assert_eq!(ranges(&[]), "");
    }

    #[test]
    fn long_runs_are_told_in_seconds() {
        assert_eq!(time(Duration::from_micros(12_340)), "12.3 ms");
        assert_eq!(time(Duration::from_millis(12_340)), "12.3 s");
    }
}
