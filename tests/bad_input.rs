//! Wrong input to any command: one clear error that says what to do, nothing on stdout, exit code 2.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

use support::process::Project;

/// What `init` makes, with some things that are no good.
fn project() -> Project {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let project = Project { directory: tempfile::tempdir().unwrap(), port };
    assert!(project.command(&["init", "."]).output().unwrap().status.success());
    let write = |name: &str, content: &[u8]| std::fs::write(project.path(name), content).unwrap();
    write("broken.toml", b"issuer = \n");
    write("unknown.toml", b"issuer = \"http://localhost:8484/\"\nlissten = \"127.0.0.1:1\"\n");
    write("latin1.toml", b"issuer = \"http://localhost/\" # caf\xe9\n");
    write("broken.json", b"{ \"user\": ");
    write("list.json", b"[]");
    write("typo.json", br#"{ "user": { "emial": "x" } }"#);
    std::fs::create_dir(project.path("broken")).unwrap();
    write("broken/10-a.rhai", b"fn onExecutePostLogin(event, api) { let x = ; }");
    for directory in ["untested", "mistested/tests"] {
        std::fs::create_dir_all(project.path(directory)).unwrap();
    }
    write("mistested/tests/a.rhai", b"fn test_a() { let x = ; }");
    write("mistested/matrix.json", b"{");
    project
}

/// Arguments, and what must be said.
const CASES: &[(&[&str], &[&str])] = &[
    (&[], &["Usage: vestibule"]),
    (&["chekc"], &["unrecognized subcommand 'chekc'", "tip: "]),
    (&["check", "--prodction"], &["unexpected argument '--prodction'", "tip: "]),
    (&["check", "--config", "nowhere.toml"], &["nowhere.toml", "cannot be read", "hint: name another file"]),
    (&["check", "--config", "actions"], &["actions", "cannot be read", "hint: "]),
    (&["check", "--config", "latin1.toml"], &["latin1.toml", "cannot be read", "hint: save it with the encoding UTF-8"]),
    (&["dev", "--config", "nowhere.toml"], &["nowhere.toml", "cannot be read", "hint: name another file"]),
    (&["dev", "--config", "broken.toml"], &["broken.toml:1:", "hint: the file is TOML"]),
    (&["dev", "--config", "unknown.toml"], &["unknown.toml:2:1", "hint: did you mean `listen`?"]),
    (&["dev", "--actions", "broken"], &["broken/10-a.rhai:1:45"]),
    (&["dev", "--actions", "nowhere"], &["nowhere", "cannot be read", "hint: "]),
    (&["dev", "--listen", "here"], &["`here` is no address to listen on", "hint: "]),
    (&["serve", "--config", "unknown.toml"], &["unknown.toml:2:1", "hint: "]),
    (&["init", "."], &["`.` is not empty", "hint: "]),
    (&["init"], &["<DIRECTORY>"]),
    (&["actions", "show", "10-verified-emial"], &["no action `10-verified-emial`", "did you mean `10-verified-email`?"]),
    (&["actions", "list", "--actions", "broken"], &["broken/10-a.rhai:1:45"]),
    (&["actions", "list", "--config", "broken.toml"], &["broken.toml:1:", "hint: the file is TOML"]),
    (&["try", "--event", "nowhere.json"], &["nowhere.json cannot be read", "hint: "]),
    (&["try", "--event", "broken.json"], &["broken.json:1:", "hint: "]),
    (&["try", "--event", "list.json"], &["list.json is no JSON object", "hint: "]),
    (&["try", "--event", "typo.json"], &["no property `emial`", "hint: did you mean `email`?"]),
    (&["try", "--client", "wbe"], &["no client `wbe`", "hint: did you mean `web`?"]),
    (&["test", "nosuch"], &["no test fits `nosuch`", "hint: "]),
    (&["test", "--actions", "broken"], &["broken/10-a.rhai:1:45"]),
    (&["test", "--actions", "untested"], &["no directory untested/tests", "hint: "]),
    (&["test", "--actions", "mistested"], &["mistested/tests/a.rhai:1:", "hint: "]),
    (&["test", "--min-coverage", "101"], &["invalid value '101'"]),
    (&["test", "--quiet", "--junit", "none/such.xml"], &["none/such.xml cannot be written", "hint: "]),
    (&["matrix", "--check"], &["no actions/matrix.json", "hint: `vestibule matrix --accept`"]),
    (&["matrix", "--actions", "mistested"], &["mistested/matrix.json", "hint: "]),
    (&["matrix", "--audience", "https://api.exmple.com/"], &["no resource server", "hint: did you mean"]),
    (&["traces", "show", "nope"], &["no trace `nope`", "hint: `vestibule traces` lists"]),
    (&["traces", "--outcome", "maybe"], &["invalid value 'maybe'", "possible values: allowed"]),
    (&["traces", "--database", "nonsense"], &["`nonsense` is no database URL", "hint: "]),
    (&["traces", "export", "traces.jsonl"], &["no trace fits", "hint: "]),
    (&["why", "plan"], &["no trace yet", "hint: "]),
    (&["why", "plan", "--trace", "nope"], &["no trace `nope`", "hint: "]),
    (&["why"], &["<NAME>"]),
    (&["explain", "V9999"], &["no code `V9999`", "hint: "]),
    (&["definitions", "--out", "none/such.rhai"], &["none/such.rhai", "cannot be written", "hint: "]),
    (&["docs", "--out", "none/such.md"], &["none/such.md", "cannot be written", "hint: "]),
    (&["replay"], &["<TRACE|--file <PATH>|--all>"]),
    (&["replay", "nope"], &["no trace `nope`", "hint: "]),
    (&["replay", "--all"], &["no login to replay", "hint: "]),
    (&["replay", "--file", "nowhere.jsonl"], &["nowhere.jsonl cannot be read", "hint: recordings are"]),
    (&["replay", "--file", "broken.json"], &["broken.json:1:", "hint: recordings are"]),
    (&["replay", "--all", "--with", "nowhere"], &["nowhere", "cannot be read", "hint: "]),
    (&["serve", "--shadow", "nowhere", "--config", "nowhere.toml"], &["nowhere.toml", "hint: "]),
    (&["keys", "rotate", "--kind", "dsa"], &["invalid value 'dsa'", "possible values: rsa"]),
];

#[test]
fn wrong_input_is_one_clear_error_with_a_hint_and_exit_code_two() {
    let project = project();
    let mut wrong = Vec::new();
    for (arguments, expected) in CASES {
        let output = project.command(arguments).output().unwrap();
        let (said, product) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        let mut complaints = Vec::new();
        if output.status.code() != Some(2) {
            complaints.push(format!("exit code {:?}", output.status.code()));
        }
        if !product.is_empty() {
            complaints.push(format!("on stdout: {product}"));
        }
        let errors = said.lines().filter(|line| line.starts_with("error")).count();
        if errors != 1 && !arguments.is_empty() {
            complaints.push(format!("{errors} errors"));
        }
        if said.contains("panicked") || said.contains("Caused by") || said.contains("stack backtrace") {
            complaints.push("internals are shown".to_owned());
        }
        complaints.extend(expected.iter().filter(|text| !said.contains(**text)).map(|text| format!("not said: {text}")));
        if !complaints.is_empty() {
            wrong.push(format!("vestibule {}\n  {}\n{said}", arguments.join(" "), complaints.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
