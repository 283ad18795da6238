//! A replay has the recorded answers of clock, random, cache and HTTP, and asks nobody else.

use serde_json::Value;

use crate::answerer::Answerer;
use crate::command::{dev, export, log_in, replay, save};

const EVERYTHING: &str = r#"fn onExecutePostLogin(event, api) {
    let visits = api.cache.get("visits");
    let visits = if visits == () { 1 } else { parse_int(visits.value) + 1 };
    api.cache.set("visits", visits.to_string());
    let answer = http::get("http://HOST/plan");
    api.idToken.setCustomClaim("all", [time::now(), crypto::random_uuid(), crypto::random_hex(8), visits, answer.json.number]);
}
"#;

fn settings(answerer: &Answerer) -> String {
    format!("\n[actions.settings.\"10-plan\"]\nallow_hosts = [\"{}\"]\n", answerer.host)
}

#[test]
fn recorded_answers_are_used_and_nobody_is_asked() {
    let answerer = Answerer::start();
    let action = EVERYTHING.replace("HOST", &answerer.host);
    let (project, server) = dev(&action, &settings(&answerer));
    for _ in 0..3 {
        assert_eq!(log_in(&project, "ada"), 200, "{}", project.log());
    }
    export(&project);
    drop(server);
    assert_eq!(answerer.requests(), 3);
    for _ in 0..2 {
        let (code, out, err) = replay(&project, &["--file", "logins.jsonl"]);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        assert!(out.starts_with("3 logins: 0 differ, 3 the same"), "{out}");
    }
    assert_eq!(answerer.requests(), 3);

    // The answers that were recorded are those that the changed actions see, too.
    save(&project, "actions", &action.replace("\"all\"", "\"new\""));
    let (_, told, _) = replay(&project, &["--file", "logins.jsonl", "--json"]);
    let mut numbers = Vec::new();
    for line in told.lines().filter(|line| line.starts_with("{\"login\"")) {
        let login: Value = serde_json::from_str(line).unwrap();
        let differences = login["login"]["differences"].as_array().unwrap();
        assert_eq!(differences[0]["before"]["value"], differences[1]["after"]["value"]);
        let all = differences[1]["after"]["value"].as_array().unwrap();
        numbers.push((all[3].as_i64().unwrap(), all[4].as_i64().unwrap()));
    }
    assert_eq!(numbers, [(1, 1), (2, 2), (3, 3)]);
}

#[test]
fn a_call_that_was_not_recorded_fails_and_is_named() {
    let answerer = Answerer::start();
    let (project, server) = dev("fn onExecutePostLogin(event, api) {}", &settings(&answerer));
    assert_eq!(log_in(&project, "ada"), 200);
    export(&project);
    drop(server);
    let calls = format!("fn onExecutePostLogin(event, api) {{\n    http::get(\"http://{}/plan\");\n}}", answerer.host);
    save(&project, "next", &calls);
    let (code, out, _) = replay(&project, &["--file", "logins.jsonl", "--with", "next"]);
    assert_eq!(code, 1);
    let url = format!("GET http://{}/plan", answerer.host);
    assert!(out.contains(&format!("no recorded answer for {url}")), "{out}");
    assert!(out.contains("+ failure 10-plan: next/10-plan.rhai:2:11: "), "{out}");
    assert!(out.contains(&format!("  ! not recorded: {url}\n")), "{out}");
    assert!(out.contains("failures: 1 gained, 0 lost"), "{out}");
    assert_eq!(answerer.requests(), 0);

    save(&project, "next", "fn onExecutePostLogin(event, api) { api.cache.get(\"k\"); crypto::random_hex(4); }");
    let (code, told, _) = replay(&project, &["--file", "logins.jsonl", "--with", "next"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("  ! not recorded: cache entry `k`\n  ! not recorded: randomness\n"), "{told}");
    assert!(told.contains("1 login: 0 differ, 1 the same, 1 asked for what was not recorded"), "{told}");
}
