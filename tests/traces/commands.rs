//! `vestibule traces` as a user runs it.

use std::io::{BufRead as _, BufReader};
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::parties::tokens;
use crate::support::process::{Project, eventually};
use crate::support::{PASSWORD, Server};

const ACTION: &str = r#"fn onExecutePostLogin(event, api) {
    if event.user.user_id == "auth0|bob" { api.access.deny("Bob waits"); return; }
    api.idToken.setCustomClaim("https://x.example/region", event.user.app_metadata.region);
    print("hello");
}
"#;

/// A running `dev` in which Ada has logged in and Bob has not.
pub(crate) fn dev(actions: &[(&str, &str)]) -> (Project, crate::support::process::Process) {
    let project = Project::new("");
    for (stem, source) in actions {
        std::fs::write(project.path("actions").join(format!("{stem}.rhai")), source).unwrap();
    }
    let process = project.start();
    assert_eq!(password(&project, "ada@example.com").0, 200, "{}", project.log());
    (project, process)
}

pub(crate) fn password(project: &Project, username: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "password"),
        ("client_id", "demo-web"),
        ("client_secret", "demo-web-secret"),
        ("username", username),
        ("password", PASSWORD),
        ("scope", "openid"),
    ];
    project.token(&form).unwrap()
}

/// Runs a command beside the server.
pub(crate) fn run(project: &Project, arguments: &[&str]) -> Output {
    let listen = format!("127.0.0.1:{}", project.port);
    project.command(&[arguments, &["--listen", &listen]].concat()).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn traces_are_listed_shown_and_exported() {
    let (project, _process) = dev(&[("10-region", ACTION)]);
    assert_eq!(password(&project, "bob@example.com").0, 403);
    let listed = stdout(&run(&project, &["traces"]));
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert!(lines[0].contains("auth0|ada") && lines[0].ends_with("allowed (1 action)"), "{listed}");
    assert!(lines[1].ends_with("denied by actions/10-region.rhai:2:55: access_denied: Bob waits"), "{listed}");

    let json: Value = serde_json::from_str(&stdout(&run(&project, &["traces", "--json", "--outcome", "denied"]))).unwrap();
    assert_eq!((json.as_array().unwrap().len(), &json[0]["user_id"]), (1, &Value::from("auth0|bob")));
    let none = stdout(&run(&project, &["traces", "--client", "nobody"]));
    assert!(none.starts_with("no traces (the server at 127.0.0.1:"), "{none}");

    let id = lines[0].split_whitespace().nth(1).unwrap();
    let story = stdout(&run(&project, &["traces", "show", id]));
    for part in [
        "password of auth0|ada at demo-web",
        "10-region: ok",
        "ID token: https://x.example/region = \"eu\"  <- actions/10-region.rhai:3",
        "read event.user.user_id, event.user.app_metadata.region",
        "printed: hello",
    ] {
        assert!(story.contains(part), "{part}: {story}");
    }

    let file = project.path("logins.jsonl");
    let output = run(&project, &["traces", "export", file.to_str().unwrap()]);
    assert!(stdout(&output).starts_with("2 recordings written to "), "{output:?}");
    let lines: Vec<Value> =
        std::fs::read_to_string(&file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["recording"]["trigger"], "post-login");
    assert_eq!(lines[0]["recording"]["event"]["user"]["user_id"], "auth0|ada");
    assert_eq!(lines[1]["outcome"], "denied");
}

#[test]
fn an_unknown_trace_and_an_unwritable_file_are_told_with_a_hint() {
    let (project, _process) = dev(&[("10-region", ACTION)]);
    let output = run(&project, &["traces", "show", "nonsense"]);
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("there is no trace `nonsense`") && told.contains("hint: `vestibule traces` lists"), "{told}");
    let output = run(&project, &["traces", "export", "/nowhere/at/all"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(run(&project, &["why", "x", "--trace", "nonsense"]).status.code(), Some(2));
}

#[test]
fn without_a_server_and_a_database_nothing_is_made_and_the_reader_hears_why() {
    let project = Project::new("");
    let listed = stdout(&run(&project, &["traces"]));
    assert!(listed.contains("no `vestibule dev` answers, and there is no database yet"), "{listed}");
    assert_eq!(run(&project, &["why", "roles"]).status.code(), Some(2));
    assert!(!project.path("vestibule.db").exists());
}

#[test]
fn the_live_log_shows_logins_as_they_happen() {
    let (project, _process) = dev(&[("10-region", ACTION)]);
    let listen = format!("127.0.0.1:{}", project.port);
    let mut command = project.command(&["traces", "--follow", "--listen", &listen]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    said.read_line(&mut first).unwrap();
    assert!(first.starts_with("following the server at 127.0.0.1:"), "{first}");
    password(&project, "bob@example.com");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains("auth0|bob at demo-web") && line.trim_end().ends_with("Bob waits"), "only what is new: {line}");
    eventually(|| true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_traces_of_serve_are_read_from_its_database() {
    let server = Server::start(&[("10-region", ACTION)]).await;
    tokens(&server, "openid", None).await;
    server.app.traces.flush().await;
    let file = server.directory().join("vestibule.toml");
    std::fs::write(&file, server.configuration()).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vestibule"));
        let listen = server.url("/").socket_addrs(|| None).unwrap()[0].to_string();
        command.args(arguments).args(["--config", file.to_str().unwrap(), "--listen", &listen]);
        command.current_dir(server.directory()).output().unwrap()
    };
    let listed = run(&["traces"]);
    assert!(stdout(&listed).contains("auth0|ada"), "{listed:?}");
    let why = run(&["why", "region"]);
    assert!(stdout(&why).contains("ID token: https://x.example/region = \"eu\""), "{why:?}");
}

/// Tells others' text wherever an action can.
const HOSTILE: &str = r#"fn onExecutePostLogin(event, api) {
    let text = "sorry\nFAKE line\x1b[31m\u009b31m\r";
    print(text);
    api.idToken.setCustomClaim("https://x.example/" + text, text);
    api.idToken.setCustomClaim("sub\nFAKE\x1b", text);
    api.tokenResponse.setCustomParameter("note" + text, text);
    api.user.setAppMetadata(text, text);
    if event.user.user_id == "auth0|bob" { api.access.deny(text); }
}
"#;

/// Fails, and tells all that it knows.
const HOSTILE_TEST: &str = r#"/// a title with \u{1b}[31m
fn test_hostile() {
    let d = login(event(#{ user: #{ user_id: "auth0|bob" } }));
    print("mine\nFAKE\x1b[31m");
    assert_denied(d, "another reason\nFAKE\x1b[31m");
}
/// another
fn test_message() { assert(false, "no\nFAKE\x1b[31m"); }
"#;

#[test]
fn text_of_scripts_neither_begins_a_line_nor_steers_the_terminal() {
    let (project, process) = dev(&[("10-hostile", HOSTILE)]);
    assert_eq!(password(&project, "bob@example.com").0, 403);
    std::fs::create_dir(project.path("actions/tests")).unwrap();
    std::fs::write(project.path("actions/tests/10-hostile.rhai"), HOSTILE_TEST.replace("\\u{1b}", "\u{1b}")).unwrap();
    std::fs::create_dir(project.path("other")).unwrap();
    std::fs::write(project.path("other/10-hostile.rhai"), HOSTILE.replace("sorry", "regrets")).unwrap();
    let listed = stdout(&run(&project, &["traces"]));
    let ids: Vec<_> = listed.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(ids.len(), 2, "{listed:?}");
    let claim = "https://x.example/sorry\nFAKE line\u{1b}[31m\u{9b}31m\r";
    for arguments in [
        &["traces"][..],
        &["traces", "show", ids[0]],
        &["traces", "show", ids[1]],
        &["why", "deny", "--trace", ids[1]],
        &["why", "sub\nFAKE\u{1b}", "--trace", ids[0]],
        &["why", claim, "--trace", ids[0]],
        &["why", "https://x.example/nothing", "--trace", ids[0]],
        &["why", "no\u{1b}such"],
        &["traces", "show", "no\u{1b}such"],
        &["replay", "--all", "--with", "other"],
        &["try", "--user", "ada@example.com"],
        &["try", "--user", "bob@example.com"],
        &["try", "--user", "no\u{1b}such"],
        &["matrix"],
        &["test"],
        &["explain", "no\u{1b}such"],
    ] {
        let output = match arguments[0] {
            "explain" => project.command(arguments).output().unwrap(),
            _ => run(&project, arguments),
        };
        let told = format!("{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
        assert!(!told.is_empty());
        assert!(!told.contains(|c: char| c.is_control() && c != '\n'), "{arguments:?}: {told:?}");
        assert!(!told.lines().any(|line| line.trim_start().starts_with("FAKE")), "{arguments:?}: {told}");
    }
    // JSON says which characters they were.
    let told: Value = serde_json::from_str(&stdout(&run(&project, &["traces", "show", ids[1], "--json"]))).unwrap();
    assert_eq!(told["decision"]["outcome"]["reason"], "sorry\nFAKE line\u{1b}[31m\u{9b}31m\r");
    drop(process);
    assert!(!project.log().contains(|c: char| c.is_control() && c != '\n'), "{:?}", project.log());
}
