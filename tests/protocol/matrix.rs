//! `docs/checks.md`: which row of the checks is held by which test. Made from the names of the tests, so that it cannot lie;
//! `VESTIBULE_UPDATE_DOCS=1` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const ROWS: &str = include_str!("rows.txt");
const FILE: &str = "docs/checks.md";
const SECTIONS: [(char, &str); 4] = [
    ('P', "Protocol and endpoints"),
    ('C', "The OpenID Basic OP plan"),
    ('S', "Hostile scripts"),
    ('R', "Reload, load and crash"),
];

/// One check.
struct Row {
    id: String,
    level: String,
    what: String,
    note: String,
}

fn rows() -> Vec<Row> {
    let lines = ROWS.lines().filter(|line| !line.starts_with('#'));
    let row = |line: &str| {
        let mut parts = line.splitn(4, '|').map(|part| part.trim().to_owned());
        let mut next = || parts.next().unwrap_or_default();
        Row { id: next(), level: next(), what: next(), note: next() }
    };
    lines.map(row).collect()
}

fn sources(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path, ending));
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The ids that a name begins with: `p022_c18_prompt_none` has two.
fn ids(name: &str) -> Vec<String> {
    let is_id = |word: &&str| {
        let digits = word.get(1..).unwrap_or_default();
        word.starts_with(['p', 'c', 's', 'r']) && digits.len() >= 2 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    name.split('_').take_while(is_id).map(str::to_uppercase).collect()
}

/// Tests by id: those of `tests/`, the unit tests, and the hostile scripts, each of which `hostile.rs` runs by itself and in
/// the server.
fn tests() -> BTreeMap<String, Vec<String>> {
    let mut tests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in ["tests", "src"].into_iter().flat_map(|folder| sources(Path::new(folder), "rs")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut above = "";
        for line in text.lines() {
            let declared = line.trim_start().trim_start_matches("async ").strip_prefix("fn ");
            let is_test = above.trim_start().starts_with(['#', '/']);
            above = line;
            let Some(name) = declared.filter(|_| is_test).and_then(|rest| rest.split('(').next()) else { continue };
            for id in ids(name) {
                tests.entry(id).or_default().push(format!("`{}` {name}", shown(&path)));
            }
        }
    }
    for path in sources(Path::new("tests/hostile"), "rhai") {
        for id in ids(&path.file_stem().unwrap().to_string_lossy()) {
            tests.entry(id).or_default().push(format!("`{}`", shown(&path)));
        }
    }
    tests
}

/// A path from `tests/`, or one of the sources.
fn shown(path: &Path) -> String {
    path.strip_prefix("tests").unwrap_or(path).display().to_string()
}

fn document(rows: &[Row], tests: &BTreeMap<String, Vec<String>>) -> String {
    let mut text = String::from(
        "# Checks\n\nWhich check is held by which test. Made from the names of the tests; to renew it:\n\n\
         ```sh\nVESTIBULE_UPDATE_DOCS=1 cargo test --test protocol matrix\n```\n\n\
         Every test named here runs on SQLite, and on PostgreSQL when `VESTIBULE_TEST_POSTGRES_URL` is set. A file `hostile/….rhai` \
         is an action that `hostile.rs` runs by itself and in the real server. \"open\" has no test yet.\n",
    );
    for (letter, title) in SECTIONS {
        let section: Vec<_> = rows.iter().filter(|row| row.id.starts_with(letter)).collect();
        let held = section.iter().filter(|row| tests.contains_key(&row.id)).count();
        let count = section.len();
        write!(text, "\n## {title}: {held} of {count} have a test\n\n| id | level | about | held by |\n|---|---|---|---|\n")
            .unwrap();
        for Row { id, level, what, note } in section {
            let by = tests.get(id).map(|tests| tests.join("<br>"));
            let held = match (by, note.is_empty()) {
                (Some(by), true) => by,
                (Some(by), false) => format!("{by}<br>{note}"),
                (None, false) => note.clone(),
                (None, true) => "open".to_owned(),
            };
            writeln!(text, "| {id} | {level} | {what} | {held} |").unwrap();
        }
    }
    text
}

/// What stands for tests in a text: ids (`P001`, `R30–R37`; whether they come of a range), and names in backticks.
fn claimed(text: &str) -> (Vec<(String, bool)>, Vec<String>) {
    let number = |word: &str| word.get(1..).and_then(|digits| digits.parse::<u32>().ok());
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '–');
    let mut ids = Vec::new();
    for (first, last) in words.map(|word| word.split_once('–').unwrap_or((word, word))) {
        let is_id = |word: &str| word.starts_with(['P', 'C', 'S', 'R', 'O']) && word.len() > 2 && number(word).is_some();
        if is_id(first) && is_id(last) {
            let (letter, width) = (&first[..1], first.len() - 1);
            ids.extend(
                (number(first).unwrap()..=number(last).unwrap()).map(|n| (format!("{letter}{n:0width$}"), first != last)),
            );
        }
    }
    let is_name =
        |word: &&str| word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit());
    let names = text.split('`').skip(1).step_by(2).filter(is_name).map(str::to_owned).collect();
    (ids, names)
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let (rows, tests) = (rows(), tests());
    let sources: String = ["tests", "src"]
        .into_iter()
        .flat_map(|folder| sources(Path::new(folder), "rs"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let (ids, names) = claimed(&std::fs::read_to_string("SECURITY.md").unwrap());
    assert!(ids.len() > 60 && names.len() > 5, "{ids:?} {names:?}");
    for (id, in_range) in ids {
        // A range also spans numbers that no row has.
        let is_gap = in_range && !rows.iter().any(|row| row.id == id);
        let is_tested = tests.contains_key(&id) || sources.contains(&format!("{}_", id.to_lowercase()));
        assert!(is_tested || is_gap, "SECURITY.md names {id}, which has no test");
    }
    for name in names {
        assert!(sources.contains(&format!("fn {name}(")), "SECURITY.md names `{name}`, which is no test");
    }
}

#[test]
fn the_matrix_of_checks_is_current() {
    let (rows, tests) = (rows(), tests());
    let unknown: Vec<_> = tests.keys().filter(|id| !rows.iter().any(|row| row.id == **id)).collect();
    assert!(unknown.is_empty(), "tests carry ids that no row has: {unknown:?}");
    let document = document(&rows, &tests);
    if std::env::var_os("VESTIBULE_UPDATE_DOCS").is_some() {
        std::fs::create_dir_all("docs").unwrap();
        std::fs::write(FILE, &document).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(committed == document, "{FILE} is stale: run `VESTIBULE_UPDATE_DOCS=1 cargo test --test protocol matrix`");
}
