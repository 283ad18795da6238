//! `vestibule replay`: what differs, how it is told, and with which exit code.

use std::io::Write as _;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::support::PASSWORD;
use crate::support::process::{Process, Project};

const FREE: &str = r#"fn onExecutePostLogin(event, api) {
    if event.user.user_id == "auth0|bob" { api.access.deny("Bob waits"); return; }
    api.idToken.setCustomClaim("https://x.example/plan", "free");
    api.tokenResponse.setCustomParameter("region", event.user.app_metadata.region);
}
"#;

/// A running `dev` with one action.
pub(crate) fn dev(action: &str, configuration: &str) -> (Project, Process) {
    let project = Project::new(configuration);
    save(&project, "actions", action);
    let process = project.start();
    (project, process)
}

/// Writes `10-plan.rhai` into a directory.
pub(crate) fn save(project: &Project, directory: &str, action: &str) {
    std::fs::create_dir_all(project.path(directory)).unwrap();
    std::fs::write(project.path(directory).join("10-plan.rhai"), action).unwrap();
}

/// A login by password; the status.
pub(crate) fn log_in(project: &Project, user: &str) -> u16 {
    let email = format!("{user}@example.com");
    let form = [
        ("grant_type", "password"),
        ("client_id", "demo-web"),
        ("client_secret", "demo-web-secret"),
        ("username", &email),
        ("password", PASSWORD),
        ("audience", "https://api.example.com/"),
        ("scope", "openid read:things"),
    ];
    project.token(&form).unwrap().0
}

/// Runs `vestibule replay` beside the server: exit code, standard output, standard error.
pub(crate) fn replay(project: &Project, arguments: &[&str]) -> (i32, String, String) {
    told(command(project, arguments).output().unwrap())
}

fn command(project: &Project, arguments: &[&str]) -> std::process::Command {
    let listen = format!("127.0.0.1:{}", project.port);
    project.command(&[&["replay"], arguments, &["--listen", &listen]].concat())
}

fn told(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Writes everything that is kept to `logins.jsonl`.
pub(crate) fn export(project: &Project) {
    let listen = format!("127.0.0.1:{}", project.port);
    let done = project.command(&["traces", "export", "logins.jsonl", "--listen", &listen]).output();
    assert!(done.unwrap().status.success());
}

/// The id of the only trace.
fn only(project: &Project) -> String {
    export(project);
    let line = std::fs::read_to_string(project.path("logins.jsonl")).unwrap();
    serde_json::from_str::<Value>(&line).unwrap()["id"].as_str().unwrap().to_owned()
}

#[test]
fn the_same_actions_change_nothing() {
    let (project, _server) = dev(FREE, "");
    assert_eq!((log_in(&project, "ada"), log_in(&project, "bob")), (200, 403));
    let (code, out, err) = replay(&project, &["--all"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("2 logins: 0 differ, 2 the same\n  time of the actions: "), "{out}");
    assert_eq!(replay(&project, &[&only_of(&project, "auth0|bob")]).0, 0);
}

fn only_of(project: &Project, user: &str) -> String {
    export(project);
    let text = std::fs::read_to_string(project.path("logins.jsonl")).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.find(|line| line["user_id"] == user).unwrap()["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_changed_claim_is_told_with_both_values_and_both_lines() {
    let (project, _server) = dev(FREE, "");
    assert_eq!(log_in(&project, "ada"), 200);
    let id = only(&project);
    let next = FREE.replace("\"free\"", "\"pro\"").replace("    api.tokenResponse", "    print(1);\n    api.tokenResponse");
    save(&project, "next", &next);
    let (code, out, _) = replay(&project, &[&id, "--with", "next"]);
    assert_eq!(code, 1);
    let lines: Vec<_> = out.lines().collect();
    assert!(lines[0].starts_with(&id) && lines[0].ends_with("auth0|ada at demo-web"), "{out}");
    assert_eq!(lines[1], r#"  ~ id_token https://x.example/plan: "free" → "pro""#);
    assert_eq!(lines[2], "      was by actions/10-plan.rhai:3:17, now by next/10-plan.rhai:3:17");
    assert!(
        out.contains("1 login: 1 differs, 0 the same\n  id_token  https://x.example/plan  changed  1 login  first"),
        "{out}"
    );
    assert!(!out.contains("region"), "a line that moved is no difference: {out}");

    // The current directory, after an edit.
    save(&project, "actions", &next);
    assert_eq!(replay(&project, &[&id]).0, 1);
}

#[test]
fn denials_scopes_and_parameters_are_told() {
    let (project, _server) = dev(FREE, "");
    assert_eq!((log_in(&project, "ada"), log_in(&project, "bob")), (200, 403));
    save(
        &project,
        "next",
        r#"fn onExecutePostLogin(event, api) {
            api.accessToken.removeScope("read:things");
            api.accessToken.addScope("write:things");
            api.accessToken.addScope("admin");
            api.user.setAppMetadata("seen", true);
        }"#,
    );
    let (code, out, _) = replay(&project, &["--all", "--with", "next"]);
    assert_eq!(code, 1);
    for part in [
        "  - denial access_denied: Bob waits\n      was by actions/10-plan.rhai:2:55",
        "  - id_token https://x.example/plan: \"free\"",
        "  - token_response region: \"eu\"",
        "  - scope read:things\n      by next/10-plan.rhai:2:29",
        "  + scope write:things\n      by next/10-plan.rhai:3:29",
        "  + app_metadata seen: true\n      by next/10-plan.rhai:5:22",
        "2 logins: 2 differ, 0 the same",
        "denials: 0 gained, 1 lost",
    ] {
        assert!(out.contains(part), "{part}\nis not in\n{out}");
    }
    assert!(!out.contains("admin"), "what the protocol refuses changes nothing: {out}");
}

#[test]
fn machines_are_told_the_same_things() {
    let (project, _server) = dev(FREE, "");
    assert_eq!(log_in(&project, "ada"), 200);
    save(&project, "next", &FREE.replace("\"free\"", "\"pro\""));
    let (code, told, _) = replay(&project, &["--all", "--with", "next", "--json"]);
    assert_eq!(code, 1);
    let json: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [login, summary] = &json[..] else { panic!("{told}") };
    let difference = &login["login"]["differences"][0];
    assert_eq!((&difference["part"], &difference["name"]), (&"id_token".into(), &"https://x.example/plan".into()));
    assert_eq!((&difference["before"]["value"], &difference["after"]["value"]), (&"free".into(), &"pro".into()));
    assert_eq!(
        (&difference["before"]["by"]["line"], &difference["after"]["by"]["file"]),
        (&3.into(), &"next/10-plan.rhai".into())
    );
    assert_eq!((&summary["summary"]["logins"], &summary["summary"]["different"]), (&1.into(), &1.into()));
    assert_eq!(summary["summary"]["differences"][0]["logins"], 1);
}

#[test]
fn recordings_are_read_from_a_file_and_from_standard_input_without_a_server() {
    let (project, server) = dev(FREE, "");
    assert_eq!((log_in(&project, "ada"), log_in(&project, "bob")), (200, 403));
    export(&project);
    drop(server);
    assert_eq!(replay(&project, &["--file", "logins.jsonl", "--jobs", "2"]).0, 0);
    let file = std::fs::read(project.path("logins.jsonl")).unwrap();
    let mut child = command(&project, &["--file", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&file).unwrap();
    let (code, out, _) = told(child.wait_with_output().unwrap());
    assert_eq!((code, out.lines().next()), (0, Some("2 logins: 0 differ, 2 the same")));

    let filtered = |more: &[&str]| replay(&project, &[&["--file", "logins.jsonl"], more].concat());
    assert!(filtered(&["--limit", "1"]).1.starts_with("1 login: "));
    assert!(
        filtered(&["--trigger", "credentials-exchange"]).2.contains("error: there is no login to replay (logins.jsonl)")
    );
    assert_eq!(filtered(&["--client", "nobody"]).0, 2);
}

#[test]
fn what_an_action_read_and_the_recording_hides_is_no_difference_but_said() {
    let action = r#"fn onExecutePostLogin(event, api) {
        if event.user.email.ends_with("@example.com") { api.idToken.setCustomClaim("staff", true); }
        api.idToken.setCustomClaim("mail", event.user.email);
    }"#;
    let (project, server) = dev(action, "\n[traces]\nredact = [\"event.user.email\"]\n");
    assert_eq!(log_in(&project, "ada"), 200);
    export(&project);
    drop(server);
    let text = std::fs::read_to_string(project.path("logins.jsonl")).unwrap();
    assert!(!text.contains("ada@example.com"), "{text}");
    let (code, out, _) = replay(&project, &["--file", "logins.jsonl"]);
    assert_eq!(code, 1, "the claim that is missing may be a change: {out}");
    assert!(out.contains("  - id_token staff: true"), "{out}");
    assert!(out.contains("  ! not faithful: read redacted event.user.email"), "{out}");
    assert!(out.contains("1 login: 0 differ, 0 the same, 1 not faithful (1 of them came out otherwise)"), "{out}");
    assert!(!out.contains("id_token mail"), "a redacted value fits: {out}");
    assert_eq!(replay(&project, &["--file", "logins.jsonl", "--skip-unfaithful"]).0, 0);

    // Actions that do not read it are compared as ever, but for a value that the recording hides.
    save(&project, "next", "fn onExecutePostLogin(event, api) { api.idToken.setCustomClaim(\"new\", 1); }");
    let (code, out, _) = replay(&project, &["--file", "logins.jsonl", "--with", "next", "--skip-unfaithful"]);
    assert_eq!(code, 1);
    assert!(out.contains("1 login: 1 differs, 0 the same\n"), "{out}");
    save(&project, "next", "fn onExecutePostLogin(event, api) { api.idToken.setCustomClaim(\"mail\", \"nobody\"); }");
    let (_, out, _) = replay(&project, &["--file", "logins.jsonl", "--with", "next"]);
    assert!(out.contains("  ! not faithful: id_token mail is redacted in the recording\n"), "{out}");
}

#[test]
fn bad_input_is_one_clear_error() {
    let (project, server) = dev(FREE, "");
    assert_eq!(log_in(&project, "ada"), 200);
    export(&project);
    let fails = |arguments: &[&str], parts: &[&str]| {
        let (code, _, err) = replay(&project, arguments);
        assert_eq!(code, 2, "{arguments:?}: {err}");
        parts.iter().for_each(|part| assert!(err.contains(part), "{part}\nis not in\n{err}"));
    };
    fails(
        &["nosuchtrace"],
        &["error: there is no trace `nosuchtrace` (the server at 127.0.0.1:", "hint: `vestibule traces`"],
    );
    drop(server);
    fails(&["nosuchtrace"], &["error: there is no trace `nosuchtrace`"]);
    fails(&["--all"], &["error: there is no login to replay"]);
    fails(&["--file", "nothing.jsonl"], &["error: nothing.jsonl cannot be read: No such file", "hint: recordings are what"]);
    fails(&[], &["required"]);
    fails(&["x", "--all"], &["cannot be used with"]);
    fails(&["--all", "--trigger", "login"], &["a trigger is `post-login` or `credentials-exchange`"]);

    let good = std::fs::read_to_string(project.path("logins.jsonl")).unwrap();
    let write = |text: &[u8]| std::fs::write(project.path("broken.jsonl"), text).unwrap();
    write(format!("{good}\n{{\"id\": 1}}\n").as_bytes());
    fails(&["--file", "broken.jsonl"], &["error: broken.jsonl:3:8: invalid type: integer `1`, expected a string", "hint: "]);
    write(format!("{good}{{oops\n").as_bytes());
    fails(&["--file", "broken.jsonl"], &["error: broken.jsonl:2:2: key must be a string"]);
    write(b"\xff\xfe\n");
    fails(&["--file", "broken.jsonl"], &["error: broken.jsonl:1: the line is not UTF-8"]);
    write(b"\n\n");
    fails(&["--file", "broken.jsonl"], &["error: there is no login to replay (broken.jsonl)"]);

    save(&project, "next", "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"a\", \n}");
    fails(&["--file", "logins.jsonl", "--with", "next"], &["next/10-plan.rhai:3:1", "1 problem in the actions"]);
    fails(&["--file", "logins.jsonl", "--with", "nowhere"], &["nowhere"]);
}
