//! `vestibule test` and `vestibule matrix`: the built binary as a developer and a CI run it, and that they say what the
//! server does.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

use std::io::Read as _;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use support::process::{Project, eventually};
use support::{PASSWORD, Server};

const ACTION: &str = r#"fn onExecutePostLogin(event, api) {
    if !event.user.email_verified {
        api.access.deny("verify first");
        return;
    }
    api.idToken.setCustomClaim("https://x.example/region", event.user.app_metadata.region);
    api.accessToken.setCustomClaim("https://x.example/roles", event.authorization.roles);
    api.accessToken.setCustomClaim("email", event.user.email);
    api.accessToken.addScope("write:things");
    api.tokenResponse.setCustomParameter("logins", event.stats.logins_count);
    api.tokenResponse.setCustomParameter("access_token", "mine");
}
fn onExecuteCredentialsExchange(event, api) {
    api.accessToken.setCustomClaim("https://x.example/machine", event.client.client_id);
}
"#;

const TESTS: &str = r#"/// ada has her region
fn test_region() {
    let d = login(event(#{ user: #{ user_id: "auth0|ada" } }));
    assert_eq(d.idToken, #{ "https://x.example/region": "eu" });
}

/// bob is asked to verify
fn test_bob() {
    assert_denied(login(event(#{ user: #{ user_id: "auth0|bob" } })), "verify first");
}
"#;

fn project(action: &str, tests: &str) -> Project {
    let project = Project::new("");
    write(&project, "actions/10-claims.rhai", action);
    write(&project, "actions/tests/claims.rhai", tests);
    project
}

fn write(project: &Project, name: &str, text: &str) {
    let path = project.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn run(project: &Project, arguments: &[&str]) -> Output {
    project.command(arguments).output().unwrap()
}

/// Output and errors, if the command ended with the code.
#[track_caller]
fn ends(output: &Output, code: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "stdout:\n{}\nstderr:\n{}", said.0, said.1);
    said
}

#[test]
fn tests_that_pass_are_listed_by_their_descriptions() {
    let project = project(ACTION, TESTS);
    let (text, _) = ends(&run(&project, &["test"]), 0);
    let expected =
        "actions/tests/claims.rhai\n  ok    ada has her region\n  ok    bob is asked to verify\n\n2 tests: passed, in ";
    assert!(text.starts_with(expected), "{text}");
    let (text, _) = ends(&run(&project, &["test", "bob", "--quiet"]), 0);
    assert!(text.starts_with("1 test: passed, in "), "{text}");
    assert!(!project.path("vestibule.db").exists(), "tests need no database");
}

#[test]
fn a_failed_test_shows_place_values_and_what_the_action_printed_and_exits_with_one() {
    let action = ACTION.replace("    if !event", "    print(`hello ${event.user.name}`);\n    if !event");
    let project = project(&action, &TESTS.replace("\": \"eu\"", "\": \"us\""));
    let (text, _) = ends(&run(&project, &["test"]), 1);
    let expected = r#"FAIL ada has her region
error: the two values differ
 --> actions/tests/claims.rhai:4:5
  |
4 |     assert_eq(d.idToken, #{ "https://x.example/region": "us" });
  |     ^
   left: {"https://x.example/region":"eu"}
  right: {"https://x.example/region":"us"}
  at ["https://x.example/region"]: "eu" on the left, "us" on the right
log of 10-claims: hello Ada

2 tests: 1 passed, 1 failed, in "#;
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_test_that_does_not_compile_is_shown_as_by_check_and_exits_with_two() {
    let project = project(ACTION, "fn test_it() {\n    logn(event());\n    lgoin(event())\n}\n");
    let (text, errors) = ends(&run(&project, &["test"]), 2);
    assert!(text.is_empty(), "{text}");
    assert!(errors.contains("error[V0004]: unknown function `lgoin`\n --> actions/tests/claims.rhai:3:5"), "{errors}");
    write(&project, "actions/10-claims.rhai", "fn onExecutePostLogin(event, api) { let x = ; }");
    let (_, errors) = ends(&run(&project, &["test"]), 2);
    assert!(errors.contains(" --> actions/10-claims.rhai:1:45"), "{errors}");
    let (_, errors) = ends(&run(&project, &["matrix"]), 2);
    assert!(errors.contains(" --> actions/10-claims.rhai:1:45"), "{errors}");
}

#[test]
fn wrong_input_is_explained_and_exits_with_two() {
    let project = project(ACTION, TESTS);
    for (arguments, expected) in [
        (&["test", "test_regoin"][..], &["no test fits `test_regoin`", "hint: did you mean `test_region`?"][..]),
        (&["test", "--jobs", "0"], &["invalid value '0'"]),
        (&["test", "--min-coverage", "101"], &["invalid value '101'"]),
        (&["test", "--watch", "--json"], &["'--watch' cannot be used with '--json'"]),
        (&["test", "--junit", "nowhere/report.xml"], &["nowhere/report.xml cannot be written", "hint: "]),
        (&["test", "--actions", "nowhere"], &["nowhere", "cannot be read", "hint: "]),
        (&["matrix", "--audience", "https://api.example.com"], &["did you mean `https://api.example.com/`?"]),
        (&["matrix", "--check"], &["there is no actions/matrix.json", "hint: `vestibule matrix --accept` writes it"]),
    ] {
        let (_, errors) = ends(&run(&project, arguments), 2);
        for text in expected {
            assert!(errors.contains(text), "{arguments:?}: `{text}` is not in:\n{errors}");
        }
    }
    std::fs::remove_dir_all(project.path("actions/tests")).unwrap();
    let (_, errors) = ends(&run(&project, &["test"]), 2);
    assert!(
        errors.contains("there is no directory actions/tests") && errors.contains("hint: write actions/tests/"),
        "{errors}"
    );
    write(&project, "actions/matrix.json", "{}");
    let (_, errors) = ends(&run(&project, &["matrix"]), 2);
    assert!(errors.contains("the file holds no matrix") && errors.contains(" --> actions/matrix.json"), "{errors}");
}

#[test]
fn json_and_junit_tell_programs_everything() {
    let project = project(ACTION, &TESTS.replace("verify first", "too young"));
    let (text, _) = ends(&run(&project, &["test", "--json", "--coverage", "--junit", "report.xml"]), 1);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&report["passed"], &report["failed"]), (&json!(1), &json!(1)));
    let failed = &report["tests"][1];
    assert_eq!(
        (&failed["function"], &failed["passed"], &failed["failure"]["line"]),
        (&json!("test_bob"), &json!(false), &json!(9))
    );
    assert_eq!(failed["failure"]["message"], "the login is denied for another reason");
    assert_eq!(report["coverage"]["files"][0]["file"], "actions/10-claims.rhai");
    assert_eq!((&report["estimates"][0]["action"], &report["estimates"][0]["tests"]), (&json!("10-claims"), &json!(2)));
    let xml = std::fs::read_to_string(project.path("report.xml")).unwrap();
    assert!(xml.contains(r#"<testsuites tests="2" failures="1""#), "{xml}");
}

#[test]
fn too_little_coverage_fails_and_names_the_lines() {
    let project = project(ACTION, TESTS);
    let (text, errors) = ends(&run(&project, &["test", "--min-coverage", "95"]), 1);
    assert!(text.contains("actions/10-claims.rhai   90 %  not run: 14"), "{text}");
    assert!(errors.contains("error: the tests cover 90 %, less than 95 %\nhint: "), "{errors}");
    ends(&run(&project, &["test", "--min-coverage", "90"]), 0);
}

#[test]
fn secrets_need_not_be_there_and_are_never_seen() {
    let project = Project::new(
        "[actions.settings.\"10-claims\"]\nsecrets = { KEY = { env = \"REAL_KEY\" }, FILE = { file = \"nowhere\" } }\n",
    );
    write(
        &project,
        "actions/10-claims.rhai",
        "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"key\", event.secrets.KEY + event.secrets.FILE);\n}\n",
    );
    write(&project, "actions/tests/key.rhai", "fn test_key() { assert_eq(login(event()).idToken.key, \"\"); }");
    for value in [None, Some("the-real-key")] {
        for command in ["test", "matrix"] {
            let mut command = project.command(&[command]);
            value.map(|value| command.env("REAL_KEY", value));
            let output = command.output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(text.contains("test:KEYtest:FILE") && !text.contains("the-real-key"), "{text}");
        }
    }
}

#[test]
fn the_matrix_is_accepted_and_a_change_of_the_actions_shown() {
    let project = project(ACTION, TESTS);
    let (table, _) = ends(&run(&project, &["matrix"]), 0);
    assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
    assert!(table.contains("refused   access_denied: verify first"), "{table}");
    assert!(table.contains("https://x.example/machine: \"demo-m2m\""), "{table}");
    let (text, _) = ends(&run(&project, &["matrix", "--accept"]), 0);
    assert!(text.contains("actions/matrix.json written, "), "{text}");
    let accepted = std::fs::read_to_string(project.path("actions/matrix.json")).unwrap();
    let (text, _) = ends(&run(&project, &["matrix", "--check"]), 0);
    assert_eq!(text, "as in actions/matrix.json\n");

    write(&project, "actions/10-claims.rhai", &ACTION.replace("event.user.app_metadata.region)", "\"moon\")"));
    let (text, _) = ends(&run(&project, &["matrix", "--check"]), 1);
    let how = "    .id_token[\"https://x.example/region\"]: \"eu\" before, \"moon\" now";
    assert!(text.contains("~ demo-web, auth0|ada, password\n") && text.contains(how), "{text}");
    assert_eq!(text.matches(how).count(), 1, "logins that change in the same way share the line: {text}");
    assert!(!text.contains("auth0|bob"), "who gets the same is not listed: {text}");
    let (text, _) = ends(&run(&project, &["matrix", "--json"]), 1);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["differences"][0]["login"], "demo-web, auth0|ada, authorization_code");

    write(&project, "actions/10-claims.rhai", ACTION);
    ends(&run(&project, &["matrix", "--accept"]), 0);
    assert_eq!(std::fs::read_to_string(project.path("actions/matrix.json")).unwrap(), accepted, "the same every time");
    let configuration = std::fs::read_to_string(project.path("vestibule.toml")).unwrap();
    let renamed = configuration.replace("auth0|bob", "auth0|eve");
    write(&project, "vestibule.toml", &renamed);
    let (text, _) = ends(&run(&project, &["matrix", "--check"]), 1);
    assert!(text.contains("+ demo-web, auth0|eve, password") && text.contains("- demo-web, auth0|bob, password"), "{text}");
}

#[test]
fn an_action_that_fails_in_the_matrix_is_told_with_its_error() {
    let action = r#"fn onExecutePostLogin(event, api) { http::get("https://risk.example.com/"); }"#;
    let project = Project::new("[actions.settings.\"10-claims\"]\nallow_hosts = [\"risk.example.com\"]\n");
    write(&project, "actions/10-claims.rhai", action);
    let (text, _) = ends(&run(&project, &["matrix", "--json"]), 0);
    let report: Value = serde_json::from_str(&text).unwrap();
    let refused = "10-claims failed: http::get: the matrix has no answer for GET https://risk.example.com/";
    assert_eq!(report["rows"][0]["refused"], refused);
}

#[test]
fn watching_runs_the_tests_again_when_something_is_saved() {
    let project = project(ACTION, TESTS);
    let mut child = project.command(&["test", "--watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let seen = Arc::new(Mutex::new(String::new()));
    let reader = std::thread::spawn({
        let seen = Arc::clone(&seen);
        move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                seen.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        }
    });
    let runs = |passed: &str, count: usize| seen.lock().unwrap().matches(passed).count() == count;
    eventually(|| runs("2 tests: passed", 1) && runs("waiting for a change", 1));
    write(&project, "actions/10-claims.rhai", &ACTION.replace("verify first", "verify now"));
    eventually(|| runs("2 tests: 1 passed, 1 failed", 1) && runs("waiting for a change", 2));
    write(&project, "actions/tests/claims.rhai", &TESTS.replace("verify first", "verify now"));
    eventually(|| runs("2 tests: passed", 2) && runs("waiting for a change", 3));
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
}

#[test]
fn tests_are_no_actions() {
    let project = project(ACTION, TESTS);
    write(&project, "actions/tests/broken.rhai", "fn onExecutePostLogin(event, api) { let x = ; }");
    write(&project, "actions/10-claims.rhai", "fn onExecutePostLogin(event, api) {}");
    ends(&run(&project, &["check"]), 0);
    let (text, _) = ends(&run(&project, &["try", "--user", "auth0|ada", "--client", "demo-web", "--json"]), 0);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["actions"].as_array().unwrap().len(), 1);
}

/// Claims of a JWT.
fn claims(token: &Value) -> Value {
    use base64::Engine as _;
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// The row of the matrix for the server's configuration and actions.
fn row<'a>(matrix: &'a Value, client: &str, user: Option<&str>, grant: &str) -> &'a Value {
    let fits = |row: &&Value| row["client_id"] == client && row["user_id"].as_str() == user && row["grant_type"] == grant;
    matrix["rows"].as_array().unwrap().iter().find(fits).unwrap()
}

#[tokio::test]
async fn the_matrix_says_what_the_server_answers() {
    let project = project(ACTION, TESTS);
    let (text, _) = ends(&run(&project, &["matrix", "--json"]), 0);
    let matrix: Value = serde_json::from_str(&text).unwrap();
    let server = Server::start(&[("10-claims", ACTION)]).await;
    let form = [
        ("grant_type", "password"),
        ("client_id", "demo-web"),
        ("client_secret", "demo-web-secret"),
        ("username", "ada@example.com"),
        ("password", PASSWORD),
        ("audience", "https://api.example.com/"),
        ("scope", "openid profile email read:things write:things"),
    ];
    let (status, answer) = server.token(&form).await;
    let row = |client, user, grant| row(&matrix, client, user, grant).clone();
    let expected = row("demo-web", Some("auth0|ada"), "password");
    assert_eq!((status, &answer["scope"]), (200, &expected["scope"]));
    let (id_token, access_token) = (claims(&answer["id_token"]), claims(&answer["access_token"]));
    assert_within(&expected["id_token"], &id_token);
    assert_within(&expected["access_token"], &access_token);
    assert_within(&expected["token_response"], &answer);
    assert!(expected["token_response"].get("access_token").is_none(), "the protocol's members stay its own");
    assert!(expected["id_token"].get("https://x.example/roles").is_none() && !expected["access_token"]["email"].is_null());

    let (status, answer) =
        server.token(&form.map(|(name, value)| (name, if name == "username" { "bob@example.com" } else { value }))).await;
    let refused = format!("{}: {}", answer["error"].as_str().unwrap(), answer["error_description"].as_str().unwrap());
    assert_eq!((status, json!(refused)), (403, row("demo-web", Some("auth0|bob"), "password")["refused"].clone()));

    let machine = [
        ("grant_type", "client_credentials"),
        ("client_id", "demo-m2m"),
        ("client_secret", "demo-m2m-secret"),
        ("audience", "https://api.example.com/"),
    ];
    let (_, answer) = server.token(&machine).await;
    let expected = row("demo-m2m", None, "client_credentials");
    assert_eq!(answer["scope"], expected["scope"]);
    assert_within(&expected["access_token"], &claims(&answer["access_token"]));
    server.stop().await;
}

#[track_caller]
fn assert_within(part: &Value, whole: &Value) {
    for (name, value) in part.as_object().expect("the matrix tells claims") {
        assert_eq!(whole.get(name), Some(value), "{name} in {whole}");
    }
}

#[test]
fn the_shipped_actions_and_examples_pass_their_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let examples = std::fs::read_dir(root.join("examples")).unwrap().map(|entry| entry.unwrap().path());
    for directory in examples.chain([root.to_owned()]).filter(|path| path.join("vestibule.toml").is_file()) {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vestibule"));
        ends(&command.arg("test").current_dir(&directory).output().unwrap(), 0);
    }
}
