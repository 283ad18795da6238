//! The action loader on arbitrary bytes: a set, or problems that name the file.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use vestibule::flow::{Code, Diagnostic, FlowSet, Limits, Settings, measured};

/// Loads the bytes as `actions/10-a.rhai`.
pub fn run(data: &[u8]) {
    let directory = directory();
    std::fs::write(directory.join("10-a.rhai"), data).unwrap();
    let ((), memory) = measured(|| load(directory, data));
    assert!(memory.kept < 1_024, "{} bytes kept", memory.kept);
}

fn load(directory: &Path, data: &[u8]) {
    let limits = Limits { max_file_size: 16 * 1024, ..Limits::default() };
    let settings =
        Settings { directory: directory.to_owned(), display: "actions".to_owned(), limits, ..Settings::default() };
    let (set, memory) = measured(|| FlowSet::load(&settings));
    assert!(memory.most < settings.limits.max_memory, "{} bytes", memory.most);
    match set {
        Ok(set) => assert!(!set.actions().is_empty() && set.actions().iter().all(|action| !action.triggers.is_empty())),
        Err(error) => {
            assert!((1..=60).contains(&error.problems.len()), "{} problems", error.problems.len());
            for problem in &error.problems {
                assert!(problem.file.starts_with("actions/") && !problem.message.is_empty(), "{problem:?}");
                assert!(!problem.to_string().contains('\u{1b}'), "{problem}");
                assert!(is_in(problem, data) || concerns_the_file(problem), "{problem:?}");
            }
        }
    }
}

/// Whether the place of the problem is one of the file: a reader finds it there.
fn is_in(problem: &Diagnostic, data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let line = problem.line.checked_sub(1).and_then(|above| text.split('\n').nth(above));
    // A problem at the end stands behind the last character.
    line.is_some_and(|line| (1..=line.chars().count() + 1).contains(&problem.column))
}

fn concerns_the_file(problem: &Diagnostic) -> bool {
    problem.line == 0 && matches!(problem.code, Code::NoHandler | Code::FileTooLarge)
}

/// One directory for each thread that loads.
fn directory() -> &'static PathBuf {
    static DIRECTORY: OnceLock<tempfile::TempDir> = OnceLock::new();
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        // What the first set leaves for all of them is not kept by any.
        drop(FlowSet::from_sources(&Settings::default(), &[]));
        DIRECTORY.get_or_init(|| tempfile::tempdir().unwrap()).path().to_owned()
    })
}
