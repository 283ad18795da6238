//! `vestibule test` on a thousand tests, each an event, a login through three actions and two assertions.
//! `cargo bench --bench kit_test`.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark that fails may panic")]

use std::fmt::Write as _;
use std::fs;
use std::num::NonZeroUsize;
use std::time::Instant;

use vestibule::config::Source;
use vestibule::kit::project::Project;
use vestibule::kit::test::{self, Options};

const CONFIGURATION: &str = "issuer = \"http://localhost:8484/\"\n";

const ACTION: &str = r#"
const NAMESPACE = "https://example.com/NUMBER";
fn onExecutePostLogin(event, api) {
    let roles = event.user.app_metadata.roles.filter(|role| role != "banned").map(|role| role.toUpperCase());
    api.idToken.setCustomClaim(`${NAMESPACE}/roles`, roles);
    api.accessToken.setCustomClaim(`${NAMESPACE}/roles`, roles);
    api.tokenResponse.setCustomParameter(`region_NUMBER`, event.user.app_metadata.region);
}"#;

const FILES: usize = 20;
const TESTS: usize = 1_000;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let actions = directory.path().join("actions");
    fs::create_dir_all(actions.join("tests")).unwrap();
    for number in 1..=3 {
        fs::write(actions.join(format!("{number}-claims.rhai")), ACTION.replace("NUMBER", &number.to_string())).unwrap();
    }
    for file in 0..FILES {
        let mut text = String::new();
        for test in 0..TESTS / FILES {
            let _ = write!(
                text,
                r#"
/// roles of user {test} are in both tokens
fn test_{test}() {{
    let metadata = #{{ roles: ["editor", "banned", "role{test}"], region: "eu" }};
    let decision = login(event(#{{ user: #{{ app_metadata: metadata }} }}));
    assert_eq(decision.idToken["https://example.com/1/roles"], ["EDITOR", "ROLE{test}"]);
    assert_eq(decision.tokenResponse.region_3, "eu");
}}
"#
            );
        }
        fs::write(actions.join(format!("tests/{file}.rhai")), text).unwrap();
    }
    let source = Source { path: directory.path().join("vestibule.toml"), ..Source::default() };
    let config = source.parse(CONFIGURATION).unwrap();
    for (what, coverage, jobs) in
        [("one thread", false, NonZeroUsize::new(1)), ("all threads", false, None), ("all threads, coverage", true, None)]
    {
        let default = Options::default();
        let options = Options { jobs: jobs.unwrap_or(default.jobs), coverage, ..default };
        let best = (0..5).map(|_| {
            let began = Instant::now();
            let report = test::run(Project::new(&config), &config.actions, &options).unwrap();
            assert_eq!((report.results.len(), report.failed()), (TESTS, 0), "{}", report.text(true));
            (began.elapsed(), report.took)
        });
        let (all, ran) = best.min().unwrap_or_default();
        let milliseconds = |took: std::time::Duration| took.as_secs_f64() * 1e3;
        println!("{TESTS} tests, {what}: {:.0} ms, of which {:.0} to run them", milliseconds(all), milliseconds(ran));
    }
}
