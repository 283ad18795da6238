//! Every code of a problem: its wrong example yields exactly that code, rendered as stored in `tests/codes/`, and its right
//! example none. With `VESTIBULE_ACCEPT=1` the stored renderings are written.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its directory shall fail")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use vestibule::clock::{Clock, Random};
use vestibule::config::Source;
use vestibule::flow::codes::{Explanation, Sample};
use vestibule::flow::{Code, Event, FlowSet, Host, Http, decide};

/// What a sample yields: rendered problems, of the set and of a run.
#[tokio::main(flavor = "current_thread")]
async fn problems(sample: &Sample) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let actions = directory.path().join("actions");
    std::fs::create_dir_all(actions.join("lib")).unwrap();
    for (name, text) in sample.files {
        std::fs::write(actions.join(name), text).unwrap();
    }
    let configuration = format!("issuer = \"http://localhost:8484/\"\n{}", sample.config);
    let source = Source { path: directory.path().join("vestibule.toml"), ..Source::default() };
    let config = source.parse(&configuration).unwrap_or_else(|invalid| panic!("{invalid}"));
    let mut found = match FlowSet::load(&config.actions) {
        Ok(set) => {
            let mut found: Vec<String> = set.findings().iter().map(ToString::to_string).collect();
            if let Some(trigger) = sample.runs {
                let decision = decide(&set, trigger, event(), &host());
                found.extend(decision.trace.actions.into_iter().filter_map(|action| action.diagnostic));
            }
            found
        }
        Err(broken) => broken.problems.iter().map(ToString::to_string).collect(),
    };
    for text in &mut found {
        *text = text.replace(&format!("{}/", directory.path().display()), "");
    }
    found
}

fn host() -> Host {
    Host { clock: Clock::fixed(1_795_238_074), random: Random::seeded(1), cache: Arc::default(), http: Http::Network }
}

fn event() -> Event {
    serde_json::from_value(json!({
        "client": { "client_id": "demo-web", "name": "Demo" },
        "user": { "user_id": "auth0|ada", "email": "ada@example.com", "email_verified": true },
        "authorization": { "roles": ["admin"] },
        "request": { "ip": "127.0.0.1", "method": "GET" },
        "transaction": { "protocol": "oidc-basic-profile" },
    }))
    .unwrap()
}

fn stored(row: &Explanation) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/codes/{}.txt", row.code))
}

/// All but the one that is a bug of ours, for which there is no example.
fn shown() -> impl Iterator<Item = &'static Explanation> {
    Code::all().filter(|row| row.code != Code::Panicked)
}

#[test]
fn the_wrong_example_of_each_code_yields_exactly_that_code_and_its_rendering() {
    let accept = std::env::var_os("VESTIBULE_ACCEPT").is_some();
    let mut wrong = Vec::new();
    for row in shown() {
        let found = problems(&row.wrong);
        let mark = format!("{}[{}]: ", row.severity, row.code);
        if found.is_empty() || found.iter().any(|text| !text.starts_with(&mark)) {
            wrong.push(format!("{} yields:\n{}", row.code, found.join("\n\n")));
            continue;
        }
        let text = found.join("\n\n") + "\n";
        if accept {
            std::fs::write(stored(row), &text).unwrap();
        }
        let expected = std::fs::read_to_string(stored(row)).unwrap_or_default();
        if text != expected {
            wrong.push(format!("{} is stored as:\n{expected}\nand is:\n{text}", row.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n----\n"));
}

#[test]
fn the_right_example_of_each_code_yields_nothing() {
    for row in shown() {
        assert_eq!(problems(&row.right), Vec::<String>::new(), "{}", row.code);
    }
}

#[test]
fn nothing_is_stored_for_a_code_that_does_not_exist() {
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/codes")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let code = Code::parse(name.trim_end_matches(".txt"));
        assert!(code.is_some_and(|code| name == format!("{code}.txt")), "{name}");
    }
}
