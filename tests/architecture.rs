//! The rules of the house that the compiler does not check.

use std::fs;
use std::path::{Path, PathBuf};

/// From the outside in. A module may use what stands after it, never what stands before it.
const ORDER: [&str; 14] = [
    "cli",
    "kit",
    "http",
    "oauth",
    "app",
    "config",
    "traces",
    "flow",
    "keys",
    "store",
    "metrics",
    "passwords",
    "domain",
    "clock",
];

/// Pairs that stand side by side: neither may use the other.
const STRANGERS: [(&str, &str); 3] = [("flow", "store"), ("flow", "keys"), ("flow", "passwords")];

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("src can be listed") {
        let path = entry.expect("an entry of src").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The top-level module of a file below `src`.
fn module_of(path: &Path) -> String {
    let below = path.strip_prefix("src").expect("the path lies below src");
    let first = below.components().next().expect("a file has a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Every `crate::module` that a source names.
fn uses(source: &str) -> Vec<String> {
    source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| {
            line.match_indices("crate::").map(|(at, found)| line[at + found.len()..].to_owned()).collect::<Vec<_>>()
        })
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect())
        .collect()
}

#[test]
fn imports_run_one_way() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for path in sources(Path::new("src")) {
        let from = module_of(&path);
        let Some(level) = ORDER.iter().position(|module| *module == from) else { continue };
        for to in uses(&fs::read_to_string(&path).expect("a source can be read")) {
            let Some(target) = ORDER.iter().position(|module| *module == to) else { continue };
            seen += 1;
            let strangers = STRANGERS.iter().any(|(a, b)| (*a == from && *b == to) || (*a == to && *b == from));
            if target < level || strangers {
                wrong.push(format!("{}: `{from}` uses `{to}`", path.display()));
            }
        }
    }
    assert!(seen > 100, "the check looks at the sources: {seen} uses seen");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn sql_stands_in_the_store_alone() {
    for path in sources(Path::new("src")) {
        if module_of(&path) != "store" {
            let source = fs::read_to_string(&path).expect("a source can be read");
            for library in ["sqlx::", "rusqlite::"] {
                assert!(!source.contains(library), "{} uses {library}", path.display());
            }
        }
    }
}

#[test]
fn jsonwebtoken_stands_in_keys_alone() {
    for path in sources(Path::new("src")) {
        if module_of(&path) != "keys" {
            let source = fs::read_to_string(&path).expect("a source can be read");
            assert!(!source.contains("jsonwebtoken::"), "{} uses jsonwebtoken", path.display());
        }
    }
}
