//! The built binary, as a user runs it: messages, exit codes, output.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its project shall fail")]

#[path = "cli/checking.rs"]
mod checking;
#[path = "cli/serving.rs"]
mod serving;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const CONFIGURATION: &str = r#"
issuer = "http://localhost:8484/"
[[clients]]
client_id = "web"
client_secret = "web-secret"
grant_types = ["authorization_code", "refresh_token", "password"]
callbacks = ["http://localhost:3000/callback"]
[[clients]]
client_id = "machine"
client_secret = "machine-secret"
app_type = "non_interactive"
[[resource_servers]]
identifier = "https://api.example.com/"
scopes = ["read:things"]
allow_offline_access = true
[[client_grants]]
client_id = "machine"
audience = "https://api.example.com/"
scope = ["read:things"]
[[users]]
user_id = "auth0|ada"
email = "ada@example.com"
email_verified = true
password = "ada-password"
app_metadata = { region = "eu" }
[[users]]
user_id = "auth0|bob"
email = "bob@example.com"
password = "bob-password"
"#;

const ACTION: &str = r#"fn onExecutePostLogin(event, api) {
    if !event.user.email_verified {
        api.access.deny("verify first");
        return;
    }
    api.idToken.setCustomClaim("https://x.example/protocol", event.transaction.protocol);
    api.accessToken.setCustomClaim("https://x.example/region", event.user.app_metadata.region);
    api.tokenResponse.setCustomParameter("logins", event.stats.logins_count);
    print("hello from the action");
}
fn onExecuteCredentialsExchange(event, api) {
    api.accessToken.setCustomClaim("https://x.example/machine", event.client.client_id);
}
"#;

/// A directory with a configuration and one action.
fn project(configuration: &str, action: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("vestibule.toml"), configuration).unwrap();
    fs::create_dir(directory.path().join("actions")).unwrap();
    fs::write(directory.path().join("actions/10-test.rhai"), action).unwrap();
    directory
}

fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.args(arguments).current_dir(directory).stdin(Stdio::null()).env_remove("RUST_LOG");
    command
}

fn vestibule(directory: &Path, arguments: &[&str]) -> Output {
    command(directory, arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn exits(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "stdout:\n{}\nstderr:\n{}", stdout(output), stderr(output));
}

#[test]
fn check_accepts_a_good_project_and_names_its_actions() {
    let project = project(CONFIGURATION, ACTION);
    let output = vestibule(project.path(), &["check"]);
    exits(&output, 0);
    let text = stdout(&output);
    assert!(text.contains("2 clients, 1 API, 0 roles, 2 users"), "{text}");
    assert!(text.contains("actions/10-test.rhai  onExecutePostLogin, onExecuteCredentialsExchange"), "{text}");
    assert!(!project.path().join("vestibule.db").exists(), "check must not create a database");
}

#[test]
fn check_prints_every_problem_of_the_configuration_and_exits_with_one() {
    let project = project("issuer = \"nowhere\"\nlissten = 1\n", ACTION);
    let output = vestibule(project.path(), &["check"]);
    exits(&output, 1);
    let text = stderr(&output);
    assert!(text.contains(" --> vestibule.toml:1:10") && text.contains("must be an absolute URL"), "{text}");
    assert!(text.contains(" --> vestibule.toml:2:1") && text.contains("hint: did you mean `listen`?"), "{text}");
    assert!(text.ends_with("2 problems in vestibule.toml\n"), "{text}");
}

#[test]
fn check_prints_the_place_of_a_broken_action() {
    let project = project(CONFIGURATION, "fn onExecutePostLogin(event, api) {\n    let x = ;\n}\n");
    let output = vestibule(project.path(), &["check"]);
    exits(&output, 1);
    assert!(stderr(&output).contains("actions/10-test.rhai:2:"), "{}", stderr(&output));
}

#[test]
fn check_for_production_lists_what_serve_refuses() {
    let project = project(CONFIGURATION, ACTION);
    let output = vestibule(project.path(), &["check", "--production"]);
    exits(&output, 1);
    assert!(stderr(&output).contains("clients[0].client_secret: the client secret stands in the configuration file"));
    let output = vestibule(project.path(), &["serve"]);
    exits(&output, 2);
    assert!(stderr(&output).contains("users[0].password: the password stands in the configuration file"));
    assert!(!project.path().join("vestibule.db").exists(), "serve must refuse before it touches the database");
}

#[test]
fn a_missing_configuration_is_explained() {
    let directory = tempfile::tempdir().unwrap();
    let output = vestibule(directory.path(), &["check"]);
    exits(&output, 2);
    assert!(stderr(&output).contains("hint: name another file with --config PATH"), "{}", stderr(&output));
}

#[test]
fn the_environment_and_flags_reach_the_configuration() {
    let project = project(CONFIGURATION, ACTION);
    let output = command(project.path(), &["check"]).env("VESTIBULE_ACTIONS", "elsewhere").output().unwrap();
    exits(&output, 1);
    assert!(stderr(&output).contains("elsewhere"), "{}", stderr(&output));
    let output =
        command(project.path(), &["check", "--actions", "actions"]).env("VESTIBULE_ACTIONS", "elsewhere").output().unwrap();
    exits(&output, 0);
}

#[test]
fn try_prints_tokens_and_the_line_behind_each_custom_member() {
    let project = project(CONFIGURATION, ACTION);
    let output = vestibule(
        project.path(),
        &["try", "--user", "ada@example.com", "--client", "web", "--audience", "https://api.example.com/"],
    );
    exits(&output, 0);
    let text = stdout(&output);
    for expected in [
        "https://x.example/protocol: \"oidc-basic-profile\"  <- actions/10-test.rhai:6:",
        "https://x.example/region: \"eu\"  <- actions/10-test.rhai:7:",
        "logins: 1  <- actions/10-test.rhai:8:",
        "printed: hello from the action",
        "email: \"ada@example.com\"",
        "aud: [\"https://api.example.com/\",",
    ] {
        assert!(text.contains(expected), "{expected:?} not in:\n{text}");
    }
    assert!(!project.path().join("vestibule.db").exists(), "try must not write");
}

#[test]
fn try_runs_every_grant() {
    let project = project(CONFIGURATION, ACTION);
    for (grant, protocol) in [("refresh_token", "oauth2-refresh-token"), ("password", "oauth2-password")] {
        let output = vestibule(project.path(), &["try", "--user", "auth0|ada", "--grant", grant, "--json"]);
        exits(&output, 0);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["id_token"]["claims"]["https://x.example/protocol"], protocol);
        assert_eq!(report["access_token"]["opaque"], true);
    }
    let output = vestibule(project.path(), &["try", "--client", "machine", "--json"]);
    exits(&output, 0);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["access_token"]["claims"]["sub"], "machine@clients");
    assert_eq!(report["access_token"]["claims"]["https://x.example/machine"], "machine");
    assert_eq!(report["token_response"]["scope"], "read:things");
}

#[test]
fn try_shows_a_denial_with_its_line_and_exits_with_one() {
    let project = project(CONFIGURATION, ACTION);
    let output = vestibule(project.path(), &["try", "--user", "auth0|bob"]);
    exits(&output, 1);
    let text = stdout(&output);
    assert!(text.contains("Denied by actions/10-test.rhai:3:") && text.contains("access_denied: verify first"), "{text}");
}

#[test]
fn try_shows_a_failed_action_and_what_the_client_reads() {
    let project = project(CONFIGURATION, "fn onExecutePostLogin(event, api) {\n    throw \"broken\";\n}\n");
    let output = vestibule(project.path(), &["try"]);
    exits(&output, 1);
    let text = stdout(&output);
    assert!(
        text.contains("Failed: actions/10-test.rhai:2:") && text.contains("the client reads only server_error"),
        "{text}"
    );
}

#[test]
fn try_takes_parts_of_the_event_from_a_file() {
    let project = project(CONFIGURATION, ACTION);
    let event = project.path().join("event.json");
    fs::write(
        &event,
        r#"{ "user": { "user_id": "auth0|bob", "email_verified": true, "app_metadata": { "region": "us" } } }"#,
    )
    .unwrap();
    let arguments = ["try", "--event", "event.json", "--audience", "https://api.example.com/", "--json"];
    let output = vestibule(project.path(), &arguments);
    exits(&output, 0);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["user_id"], "auth0|bob");
    assert_eq!(report["access_token"]["claims"]["https://x.example/region"], "us");
    fs::write(&event, r#"{ "user": { "emial": "x" } }"#).unwrap();
    let output = vestibule(project.path(), &arguments);
    exits(&output, 2);
    assert!(stderr(&output).contains("hint: did you mean `email`?"), "{}", stderr(&output));
}

#[test]
fn try_explains_wrong_input_and_exits_with_two() {
    let project = project(CONFIGURATION, ACTION);
    for (arguments, expected) in [
        (&["try", "--user", "ada@exmple.com"][..], "did you mean `ada@example.com`?"),
        (&["try", "--client", "wbe"], "did you mean `web`?"),
        (&["try", "--client", "machine", "--grant", "password"], "its grant_types are client_credentials"),
        (&["try", "--audience", "https://api.example.com"], "did you mean `https://api.example.com/`?"),
        (&["try", "--grant", "device"], "possible values: authorization_code"),
    ] {
        let output = vestibule(project.path(), arguments);
        exits(&output, 2);
        assert!(stderr(&output).contains(expected), "{expected:?} not in:\n{}", stderr(&output));
    }
}

#[test]
fn keys_rotate_keeps_the_old_key_published() {
    let project = project(CONFIGURATION, ACTION);
    exits(&vestibule(project.path(), &["keys", "rotate"]), 0);
    exits(&vestibule(project.path(), &["keys", "rotate", "--now"]), 0);
    let output = vestibule(project.path(), &["keys", "list"]);
    exits(&output, 0);
    let text = stdout(&output);
    assert_eq!(
        (text.lines().count(), text.matches("signs").count(), text.matches("still published").count()),
        (2, 1, 1),
        "{text}"
    );
    exits(&vestibule(project.path(), &["keys", "rotate"]), 0);
    let text = stdout(&vestibule(project.path(), &["keys", "list"]));
    assert!(text.contains("signs until") && text.contains("published, signs next"), "clients must know it first: {text}");
}

#[test]
fn a_port_in_use_is_one_clear_message() {
    let project = project(CONFIGURATION, ACTION);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = vestibule(project.path(), &["dev", "--listen", &address]);
    exits(&output, 1);
    let text = stderr(&output);
    assert!(
        text.contains(&format!("error: cannot listen on {address}")) && text.contains("hint: stop the other process"),
        "{text}"
    );
}

#[test]
fn an_unwritable_database_is_one_clear_message() {
    let project = project(CONFIGURATION, ACTION);
    let arguments = ["dev", "--listen", "127.0.0.1:0", "--database", "sqlite:///nowhere/at/all.db"];
    let output = vestibule(project.path(), &arguments);
    exits(&output, 1);
    assert!(stderr(&output).contains("hint: check that /nowhere/at/all.db"), "{}", stderr(&output));
}
