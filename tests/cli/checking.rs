//! `check`, `explain`, `definitions` and `docs`: output and exit codes.

use std::fs;

use super::{ACTION, CONFIGURATION, exits, project, stderr, stdout, vestibule};

const MISSPELT: &str =
    "fn onExecutePostLogin(event, api) {\n    if event.user.emial == () {\n        api.access.deny(\"x\");\n    }\n}\n";
const AFTER_DENY: &str =
    "fn onExecutePostLogin(event, api) {\n    api.access.deny(\"x\");\n    api.idToken.setCustomClaim(\"a\", 1);\n}\n";

#[test]
fn check_finds_a_misspelt_path_in_a_branch_and_names_the_code_to_explain() {
    let project = project(CONFIGURATION, MISSPELT);
    let output = vestibule(project.path(), &["check"]);
    exits(&output, 1);
    let text = stderr(&output);
    assert!(
        text.starts_with("error[V0031]: unknown property `emial` of `event.user`\n --> actions/10-test.rhai:2:19\n"),
        "{text}"
    );
    assert!(text.ends_with("1 problem in actions; `vestibule explain V0031` says more about a code\n"), "{text}");
    assert_eq!(stdout(&output), "");
}

#[test]
fn a_warning_fails_check_unless_warnings_are_allowed() {
    let project = project(CONFIGURATION, AFTER_DENY);
    let output = vestibule(project.path(), &["check"]);
    exits(&output, 1);
    assert!(stderr(&output).starts_with("warning[V0068]: "), "{}", stderr(&output));
    let output = vestibule(project.path(), &["check", "--allow-warnings"]);
    exits(&output, 0);
    assert!(stderr(&output).contains("warning[V0068]") && stdout(&output).contains("Actions in order"));
    fs::write(project.path().join("actions/20-error.rhai"), MISSPELT).unwrap();
    exits(&vestibule(project.path(), &["check", "--allow-warnings"]), 1);
}

#[test]
fn check_prints_one_json_array_for_editors() {
    let json = |configuration: &str, action: &str, code: i32| -> serde_json::Value {
        let project = project(configuration, action);
        let output = vestibule(project.path(), &["check", "--json"]);
        exits(&output, code);
        assert_eq!(stderr(&output), "");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(json(CONFIGURATION, ACTION, 0), serde_json::json!([]));
    assert_eq!(
        json(CONFIGURATION, MISSPELT, 1),
        serde_json::json!([{
            "file": "actions/10-test.rhai", "line": 2, "column": 19, "end_column": 24, "severity": "error", "code": "V0031",
            "message": "unknown property `emial` of `event.user`", "hint": "did you mean `email`?"
        }])
    );
    let denied = json(CONFIGURATION, AFTER_DENY, 1);
    assert_eq!((&denied[0]["severity"], &denied[0]["note"]["line"]), (&"warning".into(), &2.into()));
    let broken = json(CONFIGURATION, "fn onExecutePostLogin(event, api) {\n    let x = ;\n}\n", 1);
    assert_eq!(broken[0]["code"], "V0001");
    let configuration = json("issuer = \"nowhere\"\n", ACTION, 1);
    assert_eq!((&configuration[0]["file"], &configuration[0]["code"]), (&"vestibule.toml".into(), &serde_json::Value::Null));
}

#[test]
fn explain_shows_a_code_wrong_and_right() {
    let directory = tempfile::tempdir().unwrap();
    for code in ["V0031", "v0031", "31"] {
        let output = vestibule(directory.path(), &["explain", code]);
        exits(&output, 0);
        let text = stdout(&output);
        assert!(text.starts_with("error[V0031]: unknown property of `event`\n"), "{text}");
        assert!(text.contains("Wrong\n  actions/10-mail.rhai\n    fn onExecutePostLogin(event, api) {\n"), "{text}");
        assert!(text.contains("Right\n") && text.contains("event.user.email_verified"), "{text}");
    }
}

#[test]
fn explain_without_a_code_lists_all_and_an_unknown_one_is_wrong_usage() {
    let directory = tempfile::tempdir().unwrap();
    let output = vestibule(directory.path(), &["explain"]);
    exits(&output, 0);
    let text = stdout(&output);
    assert!(text.contains("  V0001  error    the file is not valid Rhai\n") && text.contains("V0070"), "{text}");
    let output = vestibule(directory.path(), &["explain", "V0131"]);
    exits(&output, 2);
    let text = stderr(&output);
    assert!(text.starts_with("error: there is no code `V0131`\nhint: did you mean `V0"), "{text}");
}

#[test]
fn definitions_and_docs_are_printed_or_written() {
    let directory = tempfile::tempdir().unwrap();
    for (command, beginning) in [("definitions", "// What actions may use"), ("docs", "# The API of actions")] {
        let output = vestibule(directory.path(), &[command]);
        exits(&output, 0);
        assert!(stdout(&output).starts_with(beginning), "{command}");
        exits(&vestibule(directory.path(), &[command, "--out", "file"]), 0);
        assert!(fs::read_to_string(directory.path().join("file")).unwrap().starts_with(beginning), "{command}");
        let output = vestibule(directory.path(), &[command, "--out", "no/such/directory/file"]);
        exits(&output, 2);
        assert!(stderr(&output).contains("cannot be written") && stderr(&output).contains("hint: "), "{}", stderr(&output));
    }
}

#[test]
fn check_says_what_the_tests_show_of_each_action() {
    let project = project(CONFIGURATION, ACTION);
    fs::create_dir(project.path().join("actions/tests")).unwrap();
    let test = "fn test_a_login() { assert(!login(event(#{ user: #{ email_verified: true } })).denied); }\n";
    fs::write(project.path().join("actions/tests/10-test.rhai"), test).unwrap();
    let output = vestibule(project.path(), &["check"]);
    exits(&output, 0);
    let text = stdout(&output);
    assert!(text.contains("Estimates, from the tests\n  10-test: at most ") && text.contains("in 1 test\n"), "{text}");
}
