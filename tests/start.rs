//! The way in: a project that `vestibule init` made, and what `vestibule actions` says about one.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::process::Project;

/// An empty directory and a free port.
fn empty() -> Project {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    Project { directory: tempfile::tempdir().unwrap(), port }
}

/// The project that `init` makes.
fn made() -> Project {
    let project = empty();
    exits(&run(&project, &["init", "."]), 0);
    project
}

fn run(project: &Project, arguments: &[&str]) -> Output {
    project.command(arguments).output().unwrap()
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
fn init_says_what_it_made_and_what_to_do_next() {
    let project = empty();
    let output = run(&project, &["init", "new/login"]);
    exits(&output, 0);
    let text = stdout(&output);
    assert!(text.starts_with("Made a project in new/login\n  vestibule.toml\n"), "{text}");
    for command in ["cd new/login", "vestibule check", "vestibule test", "vestibule dev"] {
        assert!(text.contains(&format!("\n  {command}")), "{text}");
    }
    let listed = text.lines().filter_map(|line| line.strip_prefix("  ")).take_while(|line| !line.is_empty());
    for file in listed.take_while(|file| !file.starts_with("cd ")) {
        assert!(project.path("new/login").join(file).is_file(), "{file} was not made");
    }
}

#[test]
fn a_new_project_passes_check_without_a_warning() {
    let project = made();
    let output = run(&project, &["check"]);
    exits(&output, 0);
    assert_eq!(stderr(&output), "");
    assert!(stdout(&output).contains("2 clients, 1 API, 1 role, 2 users"), "{}", stdout(&output));
}

#[test]
fn a_new_project_has_tests_that_pass_and_that_run_every_line() {
    let project = made();
    let output = run(&project, &["test", "--min-coverage", "100"]);
    exits(&output, 0);
    let text = stdout(&output);
    assert!(text.contains("an address that is not verified is denied") && text.contains("7 tests: passed"), "{text}");
}

#[test]
fn the_tests_of_a_new_project_notice_an_action_that_is_gone() {
    for action in ["10-verified-email", "20-roles-and-plan"] {
        let project = made();
        let file = project.path(&format!("actions/{action}.rhai"));
        std::fs::write(&file, "fn onExecutePostLogin(event, api) {}\n").unwrap();
        exits(&run(&project, &["test"]), 1);
    }
}

#[test]
fn a_new_project_serves_logins_that_its_actions_decide() {
    let project = made();
    let mut dev = project.command(&["dev", "--listen", &format!("127.0.0.1:{}", project.port)]);
    dev.env("VESTIBULE_ISSUER", project.url("/"));
    let _server = project.run(dev);
    let (status, discovery) = project.get("/.well-known/openid-configuration").unwrap();
    assert_eq!((status, &serde_json::from_str::<Value>(&discovery).unwrap()["issuer"]), (200, &json!(project.url("/"))));
    let form = [
        ("grant_type", "password"),
        ("client_id", "web"),
        ("client_secret", "web-secret-for-development-only"),
        ("username", "ada@example.com"),
        ("password", "ada-password"),
        ("audience", "https://api.example.com/"),
        ("scope", "openid read:things"),
    ];
    let (status, body) = project.token(&form).unwrap();
    assert_eq!((status, &body["plan"]), (200, &json!("pro")), "{body}");
    let claims = claims(&body["access_token"]);
    assert_eq!(claims["https://example.com/roles"], json!(["admin"]));
    let bob =
        form.map(|(name, value)| (name, value.strip_prefix("ada").map_or(value.to_owned(), |rest| format!("bob{rest}"))));
    let bob: Vec<_> = bob.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (status, body) = project.token(&bob).unwrap();
    assert_eq!((status, &body["error"]), (403, &json!("access_denied")), "{body}");
}

fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[test]
fn init_overwrites_nothing() {
    let project = made();
    std::fs::write(project.path("README.md"), "mine").unwrap();
    let output = run(&project, &["init", "."]);
    exits(&output, 2);
    let text = stderr(&output);
    assert!(text.starts_with("error: `.` is not empty") && text.contains("\nhint: name a directory"), "{text}");
    assert_eq!(std::fs::read_to_string(project.path("README.md")).unwrap(), "mine");
    let output = run(&project, &["init", "README.md"]);
    exits(&output, 2);
    assert!(stderr(&output).starts_with("error: `README.md` is no directory\nhint: "), "{}", stderr(&output));
}

#[test]
fn a_repository_without_files_counts_as_empty() {
    let project = empty();
    std::fs::create_dir(project.path(".git")).unwrap();
    exits(&run(&project, &["init", "."]), 0);
}

/// A project with every kind of setting that an action has.
fn set_up() -> Project {
    let project = Project::new(
        r#"
[actions.settings."20-call-out"]
on_error = "skip"
clients = ["demo-web", "operators"]
secrets = { API_KEY = { value = "hunter2-hunter2" } }
allow_hosts = ["crm.example.com"]
[actions.settings."30-off"]
enabled = false
[[clients]]
client_id = "operators"
client_secret = "operators-secret"
callbacks = ["http://localhost:3009/callback"]
bypass_actions = true
"#,
    );
    let login = "fn onExecutePostLogin(event, api) {\n    print(1);\n}\n";
    let machine = "fn onExecuteCredentialsExchange(event, api) {}\n";
    for (name, source) in
        [("10-both", &*format!("{login}{machine}")), ("20-call-out", login), ("30-off", login), ("_40-parked", login)]
    {
        std::fs::write(project.path(&format!("actions/{name}.rhai")), source).unwrap();
    }
    project
}

#[test]
fn actions_are_listed_in_order_with_what_concerns_each() {
    let project = set_up();
    let output = run(&project, &["actions", "list"]);
    exits(&output, 0);
    let text = stdout(&output);
    let line = |of: &str| text.lines().find(|line| line.contains(of)).unwrap_or_else(|| panic!("{of}: {text}"));
    assert!(line("10-both").starts_with("  1.  actions/10-both.rhai"), "{text}");
    assert!(line("10-both").contains("onExecutePostLogin, onExecuteCredentialsExchange"), "{text}");
    assert!(line("20-call-out").contains("only for demo-web"), "{text}");
    assert!(line("20-call-out").contains("skipped on error"), "{text}");
    assert!(line("30-off").contains("enabled = false") && line("_40-parked").contains("parked"), "{text}");
    assert!(text.contains("No action runs for operators"), "{text}");
}

#[test]
fn an_action_is_shown_with_its_settings_but_not_with_its_secrets() {
    let project = set_up();
    let output = run(&project, &["actions", "show", "20-call-out.rhai"]);
    exits(&output, 0);
    let text = stdout(&output);
    for expected in
        ["2 of 2", "actions/20-call-out.rhai, 3 lines", "demo-web\n", "operators", "skip", "API_KEY", "crm.example.com"]
    {
        assert!(text.contains(expected), "{expected:?} not in:\n{text}");
    }
    let output = run(&project, &["actions", "show", "20-call-out", "--json"]);
    exits(&output, 0);
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&shown["in"]["position"], &shown["in"]["of"]), (&json!(2), &json!(2)));
    assert_eq!(shown["action"]["clients"], json!(["demo-web"]), "the others are not named, operators run nothing");
    assert_eq!(shown["action"]["secrets"], json!(["API_KEY"]));
    for arguments in
        [&["actions", "list"][..], &["actions", "list", "--json"], &["actions", "show", "20-call-out", "--json"]]
    {
        assert!(!stdout(&run(&project, arguments)).contains("hunter2"), "{arguments:?}");
    }
}

#[test]
fn an_action_applies_to_the_clients_whose_grants_reach_its_handlers() {
    let project = set_up();
    let output = run(&project, &["actions", "list", "--json"]);
    exits(&output, 0);
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let clients = |index: usize| listed["actions"][index]["clients"].as_array().unwrap().clone();
    assert!(clients(0).contains(&json!("demo-m2m")) && clients(0).contains(&json!("demo-spa")), "{listed}");
    assert!(!clients(0).contains(&json!("operators")), "{listed}");
    assert_eq!(listed["bypassing"], json!(["operators"]));
    let hash = |index: usize| listed["actions"][index]["hash"].as_str().unwrap().len();
    assert_eq!((hash(0), listed["set"].as_str().unwrap().len()), (12, 12));
}

#[test]
fn a_login_that_bypasses_the_actions_is_rehearsed_as_it_is_served() {
    let project = set_up();
    std::fs::write(project.path("actions/10-both.rhai"), "fn onExecutePostLogin(event, api) { api.access.deny(\"no\"); }")
        .unwrap();
    std::fs::create_dir(project.path("actions/tests")).unwrap();
    let test = r#"
/// operators get in
fn test_operators() {
    assert_allowed(login(event(#{ client: #{ client_id: "operators" } })));
    assert_denied(login(event(#{ client: #{ client_id: "demo-web" } })));
}
"#;
    std::fs::write(project.path("actions/tests/bypass.rhai"), test).unwrap();
    exits(&run(&project, &["test"]), 0);
    exits(&run(&project, &["try", "--client", "operators"]), 0);
    exits(&run(&project, &["try", "--client", "demo-web"]), 1);
}

#[test]
fn the_last_runs_of_an_action_are_told_while_they_are_remembered() {
    let project = Project::new("");
    let moody = "fn onExecutePostLogin(event, api) {\n    if event.user.name == \"Bob\" { throw \"no\"; }\n}\n";
    std::fs::write(project.path("actions/10-moody.rhai"), moody).unwrap();
    std::fs::write(project.path("actions/20-idle.rhai"), "fn onExecuteCredentialsExchange(event, api) {}\n").unwrap();
    let listen = format!("127.0.0.1:{}", project.port);
    let tell = |arguments: &[&str]| stdout(&run(&project, &[arguments, &["--listen", &listen]].concat()));
    assert!(tell(&["actions", "list"]).contains("Last runs: none recorded"));
    let _server = project.start();
    for (user, status) in [("ada@example.com", 200), ("ada@example.com", 200), ("bob@example.com", 500)] {
        let form = [
            ("grant_type", "password"),
            ("client_id", "demo-web"),
            ("client_secret", "demo-web-secret"),
            ("username", user),
            ("password", support::PASSWORD),
        ];
        assert_eq!(project.token(&form).unwrap().0, status);
    }
    let text = tell(&["actions", "list"]);
    assert!(text.contains("Runs among the last logins (3)\n  10-moody  3  1 failed  0 denied  median "), "{text}");
    let text = tell(&["actions", "show", "10-moody"]);
    assert!(text.contains("3 among the last logins (3), 1 failed, 0 denied"), "{text}");
    assert!(tell(&["actions", "show", "20-idle"]).contains("no runs recorded"));
    let shown: Value = serde_json::from_str(&tell(&["actions", "show", "10-moody", "--json"])).unwrap();
    let runs = &shown["action"]["runs"];
    assert_eq!((&runs["runs"], &runs["failures"]), (&json!(3), &json!(1)));
    assert!(runs["median_us"].as_u64() <= runs["p95_us"].as_u64() && runs["max_operations"].as_u64() > Some(0), "{runs}");
}

#[test]
fn what_an_action_sets_and_which_secrets_it_reads_is_told_from_its_text() {
    let project = set_up();
    let source = r#"const NAME = "https://x.example/plan";
fn onExecutePostLogin(event, api) {
    if event.user.email_verified { api.idToken.setCustomClaim(NAME, event.secrets.API_KEY.len()); }
    api.tokenResponse.setCustomParameter("mark", 1);
}
"#;
    std::fs::write(project.path("actions/20-call-out.rhai"), source).unwrap();
    let output = run(&project, &["actions", "show", "20-call-out"]);
    let text = stdout(&output);
    for expected in
        ["configured: API_KEY; read: API_KEY", "claim `https://x.example/plan` of the ID token", "parameter `mark`"]
    {
        assert!(text.contains(expected), "{expected:?} not in:\n{text}");
    }
}

#[test]
fn an_unknown_action_is_explained() {
    let project = set_up();
    for (name, hint) in [
        ("10-bth", "hint: did you mean `10-both`?"),
        ("nothing-like-it", "hint: the actions are 10-both, 20-call-out, 30-off, _40-parked"),
        ("30-off", "hint: delete the `_` before its name, or `enabled = false` in its settings"),
    ] {
        let output = run(&project, &["actions", "show", name]);
        exits(&output, 2);
        assert!(stderr(&output).contains(hint), "{}", stderr(&output));
    }
}
