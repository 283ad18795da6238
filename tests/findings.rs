//! The analysis of actions has nothing to say about good ones: those that are shipped, the examples, a set as people write
//! them; and about hostile scripts only what is true.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vestibule::config::Source;
use vestibule::flow::{FlowSet, Settings};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The findings of the project in a directory.
fn findings(directory: &Path) -> Vec<String> {
    let source = Source { path: directory.join("vestibule.toml"), ..Source::default() };
    let config = source.load().unwrap_or_else(|invalid| panic!("{invalid}"));
    let set = FlowSet::load(&config.actions).unwrap_or_else(|broken| panic!("{broken}"));
    assert!(!set.actions().is_empty(), "{}", directory.display());
    set.findings().iter().map(ToString::to_string).collect()
}

#[test]
fn the_shipped_actions_are_clean() {
    assert_eq!(findings(root()), Vec::<String>::new());
}

#[test]
fn the_examples_are_clean() {
    let examples: Vec<PathBuf> =
        std::fs::read_dir(root().join("examples")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(examples.len() >= 4);
    for example in examples {
        assert_eq!(findings(&example), Vec::<String>::new(), "{}", example.display());
    }
}

#[test]
fn actions_as_people_write_them_are_clean() {
    assert_eq!(findings(&root().join("tests/realistic")), Vec::<String>::new());
}

#[test]
fn what_is_found_in_hostile_scripts_is_true() {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("tests/hostile")).unwrap() {
        let path = entry.unwrap().path();
        let directory = tempfile::tempdir().unwrap();
        std::fs::copy(&path, directory.path().join("10-hostile.rhai")).unwrap();
        let settings =
            Settings { directory: directory.path().to_owned(), display: "actions".to_owned(), ..Settings::default() };
        if let Ok(set) = FlowSet::load(&settings) {
            let codes: Vec<String> = set.findings().iter().map(|problem| problem.code.to_string()).collect();
            if !codes.is_empty() {
                found.insert(path.file_stem().unwrap().to_string_lossy().into_owned(), codes);
            }
        }
    }
    let expected: BTreeMap<String, Vec<String>> = EXPECTED
        .iter()
        .map(|(name, codes)| ((*name).to_owned(), codes.iter().map(|code| (*code).to_owned()).collect()))
        .collect();
    assert_eq!(found, expected);
}

/// Scripts that write a claim of the protocol, reach for what `event` does not have, and call a host without permission.
const EXPECTED: [(&str, &[&str]); 5] = [
    ("s49_protected_claims", &["V0063"]),
    ("s50_other_user", &["V0031"]),
    ("s51_client_secret", &["V0031"]),
    ("s51_password", &["V0031"]),
    ("s52_http_private", &["V0069"]),
];
