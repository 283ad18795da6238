//! The tour of the README, as a reader would type it: every command of its `console` blocks runs, in order, in one shell and
//! one directory, and must print what stands below it. `…` stands for whatever a run may print in its place.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const HEADING: &str = "## From an empty directory to a replayed login";
/// Where the tour's server listens; the test takes another port.
const ADDRESS: &str = "localhost:8484";
/// Printed between what two commands print.
const MARK: &str = "=== the tour goes on ===";

/// A command with what it prints.
struct Step {
    command: String,
    expected: Vec<String>,
}

/// The commands of the section: a line that begins with `$ `, and those with `> ` that continue it.
fn steps(readme: &str) -> Vec<Step> {
    let section = readme.split_once(HEADING).unwrap_or_else(|| panic!("README.md has no `{HEADING}`")).1;
    let section = section.split("\n## ").next().unwrap();
    let mut steps: Vec<Step> = Vec::new();
    for block in section.split("```console\n").skip(1).map(|rest| rest.split("\n```").next().unwrap()) {
        for line in block.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step { command: command.to_owned(), expected: Vec::new() });
                continue;
            }
            let step = steps.last_mut().expect("a block begins with a command");
            match line.strip_prefix("> ").or((line == ">").then_some("")) {
                Some(more) if step.expected.is_empty() => write!(step.command, "\n{more}").unwrap(),
                _ => step.expected.push(line.to_owned()),
            }
        }
    }
    steps
}

/// Runs all commands in one shell and returns what each printed.
fn run(steps: &[Step], directory: &Path, port: u16) -> Vec<String> {
    let here = format!("localhost:{port}");
    let mut script = "exec 2>&1\n".to_owned();
    for step in steps {
        writeln!(script, "{}\nprintf '%s\\n' '{MARK}'", step.command.replace(ADDRESS, &here)).unwrap();
    }
    // Whatever the tour leaves running ends with it.
    script.push_str("kill $(jobs -p) 2>/dev/null; wait\n");
    let binary = Path::new(env!("CARGO_BIN_EXE_vestibule")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VESTIBULE_")) {
        bash.env_remove(name);
    }
    let bash = bash.args(["-c", &script]).current_dir(directory).env("PATH", path).env_remove("RUST_LOG");
    let bash = bash.env("VESTIBULE_LISTEN", format!("127.0.0.1:{port}")).env("VESTIBULE_ISSUER", format!("http://{here}/"));
    let output = bash.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap().replace(&here, ADDRESS);
    text.split(&format!("{MARK}\n")).map(str::to_owned).collect()
}

/// Whether the text is the pattern, with anything in the place of each `…`.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn the_tour_of_the_readme_prints_what_it_says() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let steps = steps(&readme);
    assert!(steps.len() > 10, "the tour has {} commands", steps.len());
    let directory = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let printed = run(&steps, directory.path(), port);
    let mut wrong = String::new();
    for (index, step) in steps.iter().enumerate() {
        let expected = step.expected.join("\n");
        let printed = printed.get(index).map_or("", |text| text.trim_end());
        if !fits(expected.trim_end(), printed) {
            write!(wrong, "$ {}\n-- README:\n{expected}\n-- now:\n{printed}\n\n", step.command).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn an_ellipsis_stands_for_anything() {
    assert!(fits("a…c", "abc") && fits("a…c", "ac") && fits("…", "") && fits("a…c…e", "a b c d e"));
    assert!(!fits("abc", "abcd") && !fits("a…c", "abcd") && !fits("a…x…c", "abc"));
}
