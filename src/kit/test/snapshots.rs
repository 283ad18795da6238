//! What `assert_snapshot` compares with: one file for each file of tests, `tests/snapshots/roles.json`, sorted by key.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::flow::{Code, Diagnostic, LoadError};

use super::report::{Snapshots, TestResult};
use super::world::Remains;

/// The stored values of one file of tests.
#[derive(Debug)]
pub(super) struct Stored {
    /// The file of tests, as shown.
    tests: String,
    path: PathBuf,
    /// As shown.
    file: String,
    values: Arc<BTreeMap<String, Value>>,
}

impl Stored {
    /// Reads the snapshots of a file of tests; there need be none.
    pub(super) fn read(directory: &Path, tests: &str) -> Result<Self, LoadError> {
        let shown = Path::new(tests);
        let name = format!("{}.json", shown.file_stem().unwrap_or_default().to_string_lossy());
        let path = directory.join("snapshots").join(&name);
        let file = shown.with_file_name("snapshots").join(&name).display().to_string();
        let values = match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| {
                let hint = "restore it, or delete it and run `vestibule test --accept`";
                problem(&file, format!("the file holds no snapshots: {error}"), hint)
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(problem(&file, format!("the file cannot be read: {error}"), "check its permissions")),
        };
        Ok(Self { tests: tests.to_owned(), path, file, values: Arc::new(values) })
    }

    pub(super) fn values(&self) -> Arc<BTreeMap<String, Value>> {
        Arc::clone(&self.values)
    }

    /// What the file would hold after this run. Of tests that failed or did not run everything stays; `existing` are all tests
    /// of the file, and what belongs to none of them goes.
    fn renewed(&self, existing: &[String], ran: &[&(TestResult, Remains)]) -> BTreeMap<String, Value> {
        let passed = |test: &str| ran.iter().any(|(result, _)| result.function == test && result.failure.is_none());
        let stays = |key: &str| existing.iter().any(|test| test == owner(key)) && !passed(owner(key));
        let mut values: BTreeMap<_, _> =
            self.values.iter().filter(|(key, _)| stays(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
        let taken = ran.iter().filter(|(result, _)| result.failure.is_none()).flat_map(|(_, remains)| &remains.taken);
        values.extend(taken.cloned());
        values
    }

    fn write(&self, values: &BTreeMap<String, Value>) -> std::io::Result<()> {
        if values.is_empty() {
            return std::fs::remove_file(&self.path);
        }
        if let Some(directory) = self.path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let text = serde_json::to_string_pretty(values)?;
        std::fs::write(&self.path, format!("{text}\n"))
    }
}

fn problem(file: &str, message: String, hint: &str) -> LoadError {
    LoadError { problems: vec![Diagnostic::of_file(Code::Unreadable, file, message).with_hint(hint)] }
}

/// The test that took the snapshot of this key.
fn owner(key: &str) -> &str {
    key.split([':', ' ']).next().unwrap_or(key)
}

/// Stores what is new if `accept` is given, and finds what nobody compares with any more.
pub(super) fn conclude(
    files: &[(&Stored, &[String])],
    ran: &[(TestResult, Remains)],
    accept: bool,
) -> Result<Snapshots, LoadError> {
    let mut snapshots = Snapshots::default();
    for (stored, existing) in files {
        let own: Vec<_> = ran.iter().filter(|(result, _)| result.file == stored.tests).collect();
        let renewed = stored.renewed(existing, &own);
        let unused = stored.values.keys().filter(|key| !renewed.contains_key(*key));
        if !accept {
            snapshots.unused.extend(unused.map(|key| format!("{}: {key}", stored.file)));
        } else if renewed != *stored.values {
            let wrong = |error: std::io::Error| {
                problem(&stored.file, format!("the file cannot be written: {error}"), "check its permissions")
            };
            stored.write(&renewed).map_err(wrong)?;
            snapshots.written.push(stored.file.clone());
        }
    }
    Ok(snapshots)
}
