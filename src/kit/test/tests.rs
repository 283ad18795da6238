//! What tests of actions may rely on.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::config::Source;

const CONFIGURATION: &str = r#"
issuer = "http://localhost:8484/"
[actions.settings."10-claims"]
secrets = { KEY = { env = "NOT_SET_ANYWHERE" } }
allow_hosts = ["risk.example.com"]
[actions.settings."20-web"]
clients = ["web"]
[[clients]]
client_id = "web"
client_secret = { env = "NOT_SET_EITHER" }
client_metadata = { plan = "pro" }
callbacks = ["http://localhost/callback"]
[[clients]]
client_id = "machine"
client_secret = { file = "nowhere" }
app_type = "non_interactive"
[[resource_servers]]
identifier = "https://api.example.com/"
scopes = ["read:things", "write:things"]
[[client_grants]]
client_id = "machine"
audience = "https://api.example.com/"
scope = ["read:things"]
[[users]]
user_id = "auth0|ada"
email = "ada@example.com"
app_metadata = { plan = "free" }
[[users]]
user_id = "auth0|gone"
blocked = true
"#;

const CLAIMS: &str = r#"fn onExecutePostLogin(event, api) {
    if event.user.app_metadata.broken == true {
        throw "broken on purpose";
    }
    if event.user.app_metadata.risky == true {
        let answer = http::get("https://risk.example.com/", #{ headers: #{ authorization: event.secrets.KEY ?? "" } });
        api.idToken.setCustomClaim("risk", answer.json.risk);
    }
    if !event.user.email_verified {
        api.access.deny("verify first");
    }
    api.idToken.setCustomClaim("plan", claims::plan(event));
    api.idToken.setCustomClaim("now", time::now_iso());
    api.idToken.setCustomClaim("key", event.secrets.KEY);
    api.idToken.setCustomClaim("sub", "somebody else");
    api.accessToken.setCustomClaim("email", event.user.email);
    api.tokenResponse.setCustomParameter("random", crypto::random_uuid());
    let visits = api.cache.get("visits")?.value ?? "none";
    api.cache.set("visits", "one");
    print(`visits: ${visits}`);
}

fn onExecuteCredentialsExchange(event, api) {
    api.accessToken.setCustomClaim("scopes", event.accessToken.scope);
    api.accessToken.addScope("write:things");
}
"#;

const WEB: &str = r#"fn onExecutePostLogin(event, api) {
    api.idToken.setCustomClaim("web", event.client.metadata.plan);
}
"#;

const LIBRARY: &str = r#"fn plan(event) {
    event.user.app_metadata.plan ?? "none"
}
"#;

/// A directory of actions with one file of tests.
struct Folder(TempDir);

impl Folder {
    fn new(tests: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("actions/10-claims.rhai", CLAIMS);
        folder.write("actions/20-web.rhai", WEB);
        folder.write("actions/lib/claims.rhai", LIBRARY);
        folder.write("actions/tests/all.rhai", tests);
        folder
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.0.path().join(name)).ok()
    }

    fn run(&self, options: &Options) -> Result<Report, TestError> {
        let source = Source { path: self.0.path().join("vestibule.toml"), ..Source::default() };
        let config = source.with_stand_in_secrets().parse(CONFIGURATION).unwrap_or_else(|error| panic!("{error}"));
        let settings = Settings { display: "actions".to_owned(), ..config.actions.clone() };
        run(Project::new(&config), &settings, options)
    }
}

fn ran(tests: &str) -> Report {
    Folder::new(tests).run(&Options::default()).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn passes(body: &str) {
    let report = ran(&format!("fn test_it() {{ {body} }}"));
    assert_eq!(report.failed(), 0, "{}", report.text(true));
}

/// What is said about the failure.
#[track_caller]
fn fails(body: &str) -> String {
    let report = ran(&format!("fn test_it() {{ {body} }}"));
    let failure = report.results[0].failure.as_ref().unwrap_or_else(|| panic!("it passed: {body}"));
    failure.to_string()
}

#[track_caller]
fn says(body: &str, expected: &[&str]) {
    let said = fails(body);
    for text in expected {
        assert!(said.contains(text), "`{text}` is not in:\n{said}");
    }
}

#[test]
fn an_event_is_complete_and_takes_the_parts_that_the_test_names() {
    passes(
        r#"let e = event(#{ user: #{ app_metadata: #{ plan: "pro" }, picture: () }, request: #{ query: #{ a: "b" } } });
           assert_eq([e.user.app_metadata, e.user.picture, e.request.query.a], [#{ plan: "pro" }, (), "b"]);
           assert_eq([e.user.email, e.request.query.scope], ["test@example.com", "openid profile email"]);
           for part in ["authentication", "authorization", "client", "connection", "request", "session", "stats", "tenant",
                        "transaction", "user"] {
               assert(part in e, part);
           }
           assert(!("refresh_token" in e) && "refresh_token" in refresh_event() && !("user" in machine_event()));"#,
    );
}

#[test]
fn declared_clients_users_and_apis_stand_in_the_event_as_declared() {
    passes(
        r#"let e = event(#{ client: #{ client_id: "web" }, user: #{ user_id: "auth0|ada" } });
           assert_eq([e.client.metadata, e.user.email, e.user.app_metadata], [#{ plan: "pro" }, "ada@example.com", #{ plan: "free" }]);
           assert_eq(machine_event(#{ client: #{ client_id: "machine" } }).accessToken.scope, ["read:things"]);
           let scopes = #{ requested_scopes: ["openid", "read:things", "nonsense"] };
           let d = login(event(#{ user: #{ user_id: "auth0|test", email_verified: true },
                                  resource_server: #{ identifier: "https://api.example.com/" }, transaction: scopes }));
           assert_eq(d.scopes, ["openid", "read:things"]);"#,
    );
}

#[test]
fn what_does_not_fit_into_an_event_is_said_with_its_path() {
    says(r#"event(#{ user: #{ emial: "x" } });"#, &["`event.user` has no property `emial`", "did you mean `email`?"]);
    says(r#"event(#{ usr: #{} });"#, &["`event` has no property `usr`", "did you mean `user`?"]);
    says(
        r#"let e = event(); e.session.device.last_pi = "x"; login(e);"#,
        &["`event.session.device` has no property `last_pi`"],
    );
    says(
        r#"let e = event(); e.user.email_verified = "yes"; login(e);"#,
        &["`event.user.email_verified` does not fit: invalid type"],
    );
    says(r#"event(#{ secrets: #{ KEY: "x" } });"#, &["secrets belong to an action", "set_secrets("]);
    says(r#"login("me");"#, &["login: expected an event, not a text", "`event()` makes one"]);
    says(r#"login(machine_event());"#, &["the event of a machine", "use `exchange(event)`"]);
    says(r#"exchange(event());"#, &["no event of a machine", "`machine_event()`"]);
}

#[test]
fn one_action_runs_alone_and_says_why_it_does_not() {
    passes(
        r#"let d = run("20-web", event(#{ client: #{ client_id: "web" } }));
           assert_eq([d.actions, d.idToken], [["20-web"], #{ web: "pro" }]);
           assert_eq(login(event()).actions, ["10-claims"], "20-web is for another client");"#,
    );
    says(r#"run("20-wbe", event());"#, &["there is no action `20-wbe`", "did you mean `20-web`?"]);
    says(r#"run("20-web", event());"#, &["`20-web` does not run for this event", "for the clients web"]);
    says(r#"run("20-web", machine_event());"#, &["`20-web` does not run", "it has onExecutePostLogin"]);
}

#[test]
fn a_decision_holds_what_would_be_in_the_answer() {
    passes(
        r#"let d = login(event());
           assert_eq([d.denied, d.code, d.reason, d.error], [false, (), (), ()]);
           assert_eq([d.idToken.plan, d.idToken.key], ["none", "test:KEY"]);
           assert_eq(d.accessToken.email, "test@example.com");
           assert_eq(d.setBy("idToken", "plan"), "actions/10-claims.rhai:12");
           assert_eq([d.refused[0].name, d.refused[0].at], ["sub", "actions/10-claims.rhai:15"]);
           assert_eq(d.logs, ["visits: none"]);
           assert(d.operations > 10);
           let d = login(event(#{ transaction: #{ requested_scopes: ["openid"] } }));
           assert(!("email" in d.accessToken), "the scope `email` was not granted");
           assert_contains(d.refused.map(|refusal| refusal.name), "email");
           let d = exchange(machine_event(#{ client: #{ client_id: "machine" } }));
           assert_eq([d.scopes, d.accessToken], [["read:things", "write:things"], #{ scopes: ["read:things"] }]);"#,
    );
    says("login(event()).idtoken;", &["unknown property `idtoken` of a decision", "did you mean `idToken`?"]);
    says(r#"login(event()).setBy("idtoken", "plan");"#, &["nothing is set by name in `idtoken`", "did you mean `idToken`?"]);
}

#[test]
fn a_denial_has_code_and_reason_and_no_tokens() {
    passes(
        r#"let d = login(event(#{ user: #{ email_verified: false } }));
           assert_denied(d);
           assert_denied(d, "verify first");
           assert_denied(d, "access_denied");
           assert_eq([d.denied, d.code, d.reason], [true, "access_denied", "verify first"]);
           assert_eq([d.idToken, d.accessToken, d.tokenResponse, d.scopes], [#{}, #{}, #{}, []]);"#,
    );
    says("assert_denied(login(event()));", &["the login is not denied", "allowed: {"]);
    let denied = "login(event(#{ user: #{ email_verified: false } }))";
    says(
        &format!("assert_allowed({denied});"),
        &["the login is denied", "access_denied: verify first, at actions/10-claims.rhai:10:20"],
    );
    says(
        &format!("assert_denied({denied}, \"too old\");"),
        &["another reason", "expected: too old", "got: access_denied: verify first"],
    );
}

#[test]
fn a_blocked_user_is_denied_before_any_action_runs() {
    passes(
        r#"let d = login(event(#{ user: #{ user_id: "auth0|gone" } }));
           assert_denied(d, "user is blocked");
           assert_eq(d.actions, []);"#,
    );
}

#[test]
fn an_action_that_fails_passes_for_nothing_but_a_failure() {
    let broken = "let d = login(event(#{ user: #{ app_metadata: #{ broken: true } } }));";
    passes(&format!(
        "{broken} assert_failed(d); assert_failed(d, \"on purpose\"); assert_contains(d.error, \"10-claims.rhai:3\");"
    ));
    for reading in [
        "assert(!d.denied);",
        "assert(d.denied);",
        "assert_denied(d);",
        "assert_allowed(d);",
        "d.idToken;",
        "assert_snapshot(d);",
    ] {
        let expected =
            ["`10-claims` failed", "broken on purpose", " --> actions/10-claims.rhai:3:9", "`assert_failed(decision)`"];
        says(&format!("{broken} {reading}"), &expected);
    }
    says("assert_failed(login(event()));", &["no action failed"]);
    says(&format!("{broken} assert_failed(d, \"by accident\");"), &["another reason", "expected: by accident"]);
}

#[test]
fn failed_assertions_show_place_values_and_differences() {
    let said = fails(r#"assert_eq(#{ a: [1, 2], b: "x" }, #{ a: [1, 3], b: "x" });"#);
    assert_eq!(
        said,
        r#"error: the two values differ
 --> actions/tests/all.rhai:1:16
  |
1 | fn test_it() { assert_eq(#{ a: [1, 2], b: "x" }, #{ a: [1, 3], b: "x" }); }
  |                ^
   left: {"a":[1,2],"b":"x"}
  right: {"a":[1,3],"b":"x"}
  at .a[1]: 2 on the left, 3 on the right"#
    );
    says("assert(1 == 2, \"one is not two\");", &["error: one is not two"]);
    says("assert(());", &["expected a boolean, found nothing `()`", "ask `x != ()` for presence"]);
    says("assert_ne([1], [1.0]);", &["the two values are the same", "both: [1]"]);
    says("assert_contains(\"abc\", \"x\");", &["does not contain", "left: \"abc\"", "right: \"x\""]);
    passes(
        "assert_contains(\"abc\", \"b\"); assert_contains([1, #{a: 1}], #{a: 1}); assert_contains(#{a: 1, b: 2}, #{a: 1});",
    );
}

#[test]
fn a_failure_counts_even_if_the_test_catches_it_and_errors_of_scripts_have_their_codes() {
    says("try { assert(false, \"caught\"); } catch {}", &["error: caught"]);
    says("let x = (); x.y.z;", &["error[V0032]: unknown property `y`", " --> actions/tests/all.rhai:1:"]);
    says("throw \"by hand\";", &["error[V0030]: by hand"]);
    says("loop {}", &["more than 5000000 operations", "is there an endless loop?"]);
    let report = ran("fn deeper() { assert(false, \"in a helper\"); }\nfn test_it() { deeper(); }");
    assert_eq!(report.results[0].failure.as_ref().unwrap().spot.line, 1);
}

#[test]
fn time_stands_where_the_test_puts_it() {
    passes(
        r#"assert_eq(login(event()).idToken.now, "2026-01-15T12:00:00.000Z");
           set_clock("2026-11-21T05:14:34Z");
           assert_eq([login(event()).idToken.now, event().user.created_at], ["2026-11-21T05:14:34.000Z", "2026-11-21T05:14:34.000Z"]);
           advance_clock(90, "minutes");
           assert_eq([login(event()).idToken.now, time::format(now())], ["2026-11-21T06:44:34.000Z", "2026-11-21T06:44:34.000Z"]);
           set_clock(0);
           assert_eq(now(), 0);"#,
    );
    says("set_clock(\"soon\");", &["set_clock: `soon` is no ISO 8601 time"]);
    says("advance_clock(1, \"fortnight\");", &["advance_clock: unknown unit `fortnight`"]);
}

#[test]
fn the_same_seed_brings_the_same_randomness_and_another_one_does_not() {
    let tests = r#"
fn test_a() { print(login(event()).tokenResponse.random); }
fn test_b() { print(login(event()).tokenResponse.random); }
fn test_c() { set_random(2); print(login(event()).tokenResponse.random); }
fn test_d() { set_random(2); print(login(event()).tokenResponse.random); }"#;
    let report = ran(tests);
    let printed: Vec<_> = report.results.iter().map(|result| result.printed[0].clone()).collect();
    assert!(printed[0] == printed[1] && printed[2] == printed[3] && printed[0] != printed[2], "{printed:?}");
}

#[test]
fn the_cache_is_the_tests_own() {
    let tests = r#"
fn test_a() { set_cache("visits", "many"); assert_eq(login(event()).logs, ["visits: many"]); assert_eq(get_cache("visits"), "one"); }
fn test_b() { assert_eq(login(event()).logs, ["visits: none"]); assert_eq(login(event()).logs, ["visits: one"]); }
fn test_c() { login(event()); advance_clock(1, "day"); assert_eq(login(event()).logs, ["visits: none"]); }"#;
    let report = ran(tests);
    assert_eq!(report.failed(), 0, "{}", report.text(true));
}

#[test]
fn actions_see_the_secrets_of_the_test_and_never_those_of_the_configuration() {
    passes(
        r#"assert_eq(login(event()).idToken.key, "test:KEY");
           set_secrets("10-claims", #{ KEY: "mine" });
           assert_eq(login(event()).idToken.key, "mine");
           assert_eq(run("10-claims", event()).idToken.key, "mine");"#,
    );
    says(r#"set_secrets("10-clams", #{});"#, &["there is no action `10-clams`", "did you mean `10-claims`?"]);
    says(r#"set_secrets("10-claims", #{ KEY: 1 });"#, &["set_secrets: a secret must be a text, not an integer"]);
}

#[test]
fn http_is_answered_by_the_test_alone() {
    passes(
        r#"set_http("GET", "https://risk.example.com/", #{ status: 200, json: #{ risk: 7 }, headers: #{ "x-a": "b" } });
           let d = login(event(#{ user: #{ app_metadata: #{ risky: true } } }));
           assert_eq(d.idToken.risk, 7);
           let calls = http_calls();
           assert_eq([calls.len(), calls[0].method, calls[0].url], [1, "GET", "https://risk.example.com/"]);
           assert_eq(calls[0].headers.authorization, "test:KEY");"#,
    );
    let unanswered = "let d = login(event(#{ user: #{ app_metadata: #{ risky: true } } }));";
    says(
        &format!("{unanswered} assert_allowed(d);"),
        &["this test has no answer for GET https://risk.example.com/", "set_http(\"GET\", \"https://risk.example.com/\""],
    );
    says(
        r#"set_http("GET", "https://a/", #{ staus: 200 });"#,
        &["set_http: unknown member `staus`", "did you mean `status`?"],
    );
    says(r#"set_http("GET", "https://a/", #{ status: 99 });"#, &["`status` must be a number from 100 to 599"]);
    says(r#"set_http("GET", "https://a/", #{ body: #{} });"#, &["`body` must be a text", "`json: …`"]);
}

#[test]
fn a_snapshot_is_stored_on_request_and_compared_from_then_on() {
    let tests = r#"
fn test_a() { assert_snapshot(login(event())); assert_snapshot(#{ n: 1 }, "numbers"); }
fn test_b() { assert_snapshot([1]); assert_snapshot([2]); }"#;
    let folder = Folder::new(tests);
    let report = folder.run(&Options::default()).unwrap();
    assert_eq!(report.failed(), 2);
    let said = report.text(true);
    assert!(said.contains("there is no snapshot `test_a`") && said.contains("--accept"), "{said}");
    assert_eq!(folder.read("actions/tests/snapshots/all.json"), None, "nothing is written without --accept");

    let accept = Options { accept: true, ..Options::default() };
    let report = folder.run(&accept).unwrap();
    assert_eq!((report.failed(), &*report.snapshots.written), (0, &["actions/tests/snapshots/all.json".to_owned()][..]));
    let stored: serde_json::Value = serde_json::from_str(&folder.read("actions/tests/snapshots/all.json").unwrap()).unwrap();
    assert_eq!(
        (&stored["test_a: numbers"], &stored["test_b"], &stored["test_b 2"]),
        (&json!({"n": 1}), &json!([1]), &json!([2]))
    );
    assert_eq!(stored["test_a"]["idToken"]["plan"], "none");
    assert!(stored["test_a"].get("operations").is_none(), "what changes with every edit is not stored");

    let report = folder.run(&Options::default()).unwrap();
    assert_eq!((report.failed(), &report.snapshots), (0, &Snapshots::default()));
    folder.write("actions/lib/claims.rhai", "fn plan(event) { \"gold\" }");
    let said = folder.run(&Options::default()).unwrap().text(true);
    assert!(said.contains("the snapshot `test_a` differs"), "{said}");
    assert!(said.contains("at .idToken.plan: \"none\" stored, \"gold\" now"), "{said}");
}

#[test]
fn unused_snapshots_are_told_and_removed_on_request_but_not_those_of_tests_that_did_not_run() {
    let folder = Folder::new("fn test_a() { assert_snapshot(1); }\nfn test_b() { assert_snapshot(2); assert_snapshot(3); }");
    let accept = Options { accept: true, ..Options::default() };
    folder.run(&accept).unwrap();
    folder.write("actions/tests/all.rhai", "fn test_b() { assert_snapshot(2); }\nfn test_c() {}");
    let unused = |options: &Options| folder.run(options).unwrap().snapshots.unused;
    let file = "actions/tests/snapshots/all.json";
    assert_eq!(unused(&Options::default()), [format!("{file}: test_a"), format!("{file}: test_b 2")]);
    let one = Options { filters: vec!["test_c".to_owned()], ..Options::default() };
    assert_eq!(unused(&one), [format!("{file}: test_a")]);
    folder.run(&accept).unwrap();
    assert_eq!(folder.read(file).unwrap(), "{\n  \"test_b\": 2\n}\n");
    folder.write("actions/tests/all.rhai", "fn test_c() {}");
    folder.run(&accept).unwrap();
    assert_eq!(folder.read(file), None, "an empty file is none");
}

#[test]
fn accepting_keeps_what_a_failing_test_had_stored() {
    let folder = Folder::new("fn test_a() { assert_snapshot(1); }");
    let accept = Options { accept: true, ..Options::default() };
    folder.run(&accept).unwrap();
    folder.write("actions/tests/all.rhai", "fn test_a() { assert_snapshot(2); assert(false); }");
    assert_eq!(folder.run(&accept).unwrap().failed(), 1);
    assert_eq!(folder.read("actions/tests/snapshots/all.json").unwrap(), "{\n  \"test_a\": 1\n}\n");
}

#[test]
fn coverage_names_the_lines_that_did_not_run() {
    let folder = Folder::new("fn test_it() { login(event()); }");
    let options = Options { coverage: true, ..Options::default() };
    let report = folder.run(&options).unwrap();
    let coverage = report.coverage.unwrap();
    let file = |name: &str| coverage.files.iter().find(|file| file.file.ends_with(name)).unwrap().clone();
    assert_eq!(file("10-claims.rhai").missing, [3, 6, 7, 10, 24, 25]);
    assert_eq!((file("20-web.rhai").percent, file("20-web.rhai").missing), (0, vec![2]));
    assert_eq!((file("claims.rhai").lines, file("lib/claims.rhai").percent), (file("10-claims.rhai").lines, 100));
    assert!((50..100).contains(&coverage.percent), "{}", coverage.percent);
}

#[test]
fn an_action_does_the_same_whether_it_is_watched_or_not() {
    let tests = r#"
fn test_a() {
    let d = login(event(#{ client: #{ client_id: "web" }, user: #{ app_metadata: #{ plan: "pro", roles: [1, 2, 3] } } }));
    print(d);
    print(d.operations);
}
fn test_b() { print(login(event(#{ user: #{ app_metadata: #{ broken: true } } })).error); }"#;
    let folder = Folder::new(tests);
    let printed = |coverage: bool| {
        let report = folder.run(&Options { coverage, ..Options::default() }).unwrap();
        report.results.into_iter().map(|result| result.printed).collect::<Vec<_>>()
    };
    assert_eq!(printed(false), printed(true));
    assert!(!printed(true)[0].is_empty());
}

#[test]
fn arms_of_a_switch_closures_and_branches_are_lines_of_their_own() {
    let folder = Folder::new("fn test_it() { login(event()); }");
    folder.write(
        "actions/10-claims.rhai",
        r#"fn onExecutePostLogin(event, api) {
    let plan = switch event.user.email {
        "a@example.com" => first(),
        "test@example.com" => second(),
        _ => {
            third()
        }
    };
    let some = [1, 2].filter(|n|
        n > 1
    );
    let none = [].filter(|n|
        n > 1
    );
    if plan == "never" { 1 } else {
        return;
    }
}
fn first() { 1 }
fn second() { 2 }
fn third() { 3 }
"#,
    );
    let report = folder.run(&Options { coverage: true, ..Options::default() }).unwrap();
    let coverage = report.coverage.unwrap();
    assert_eq!(
        coverage.files.iter().find(|file| file.file.ends_with("10-claims.rhai")).unwrap().missing,
        [3, 6, 13, 19, 21]
    );
}

#[test]
fn estimates_tell_the_most_that_an_action_did() {
    let report = ran(
        "fn test_a() { login(event()); login(refresh_event()); }\nfn test_b() { login(event(#{ client: #{ client_id: \"web\" } })); }",
    );
    let shown: Vec<_> =
        report.estimates.iter().map(|estimate| (estimate.action.as_str(), estimate.tests, estimate.claims)).collect();
    assert_eq!(shown, [("10-claims", 2, 5), ("20-web", 1, 1)]);
    assert!(report.estimates.iter().all(|estimate| estimate.operations > 0 && estimate.bytes > 0));
    let text = report.estimates[1].to_string();
    assert!(text.starts_with("20-web: at most ") && text.ends_with(" operations, 1 claim of 8 bytes, in 1 test"), "{text}");
}

#[test]
fn results_stand_in_the_order_of_the_files_however_many_threads_run_them() {
    let folder = Folder::new("/// the first\n/// of all.\nfn test_z() {}\nfn helper(x) { x }\nfn test_a() { helper(1); }");
    folder.write("actions/tests/2-more.rhai", "fn test_m() {}");
    folder.write("actions/tests/10-more.rhai", "fn test_n() {}");
    folder.write("actions/tests/_parked.rhai", "fn test_parked() { assert(false); }");
    for jobs in [1, 7] {
        let report = folder.run(&Options { jobs: NonZeroUsize::new(jobs).unwrap(), ..Options::default() }).unwrap();
        let order: Vec<_> = report.results.iter().map(|result| (result.function.as_str(), result.title.as_str())).collect();
        assert_eq!(
            order,
            [("test_m", "test_m"), ("test_n", "test_n"), ("test_z", "the first of all"), ("test_a", "test_a")]
        );
    }
}

#[test]
fn filters_name_files_functions_or_descriptions() {
    let folder = Folder::new("/// refresh keeps the plan\nfn test_refresh() {}\nfn test_other() {}");
    folder.write("actions/tests/roles.rhai", "fn test_roles() {}");
    let functions = |filters: &[&str]| -> Vec<String> {
        let filters = filters.iter().map(|text| (*text).to_owned()).collect();
        let report = folder.run(&Options { filters, ..Options::default() }).unwrap();
        report.results.into_iter().map(|result| result.function).collect()
    };
    assert_eq!(functions(&["keeps the"]), ["test_refresh"]);
    assert_eq!(functions(&["tests/roles", "other"]), ["test_other", "test_roles"]);
    let nothing = Options { filters: vec!["test_refersh".to_owned()], ..Options::default() };
    let error = folder.run(&nothing).unwrap_err().to_string();
    assert!(error.contains("no test fits `test_refersh`") && error.contains("did you mean `test_refresh`?"), "{error}");
}

#[test]
fn what_cannot_run_is_said_before_anything_runs() {
    let error = |tests: &str| Folder::new(tests).run(&Options::default()).unwrap_err().to_string();
    let said = error("fn test_it() { loginn(event()); }");
    assert!(said.contains("unknown function `loginn`") && said.contains("did you mean `login`?"), "{said}");
    assert!(said.contains(" --> actions/tests/all.rhai:1:16"), "{said}");
    let said = error("fn login(x) { x }\nfn test_it() {}");
    assert!(said.contains("would take the place of a built-in one"), "{said}");
    let said = error("fn test_it(x) {}");
    assert!(said.contains("actions/tests/all.rhai:1: the test `test_it` has parameters"), "{said}");
    let said = error("fn helper() {}");
    assert!(said.contains("actions/tests has no test") && said.contains("hint: write actions/tests/first.rhai"), "{said}");
    let folder = Folder::new("fn test_it() {}");
    folder.write("actions/tests/snapshots/all.json", "{");
    let said = folder.run(&Options::default()).unwrap_err().to_string();
    assert!(said.contains("the file holds no snapshots") && said.contains("snapshots/all.json"), "{said}");
    fs::remove_dir_all(folder.0.path().join("actions/tests")).unwrap();
    let said = folder.run(&Options::default()).unwrap_err().to_string();
    assert!(said.contains("there is no directory actions/tests"), "{said}");
}

#[test]
fn constants_of_a_file_of_tests_may_hold_events() {
    let report = ran(
        "const ADA = event(#{ user: #{ user_id: \"auth0|ada\", email_verified: true } });\nfn test_it() { assert_eq(login(ADA).idToken.plan, \"free\"); }",
    );
    assert_eq!(report.failed(), 0, "{}", report.text(true));
}

#[test]
fn junit_names_every_test_and_escapes_what_it_says() {
    let report = ran("/// a <b> & \"c\"\nfn test_a() { print(\"<out>\"); assert(false, \"x < y\"); }\nfn test_b() {}");
    let xml = report.junit();
    for expected in [
        r#"<testsuites tests="2" failures="1""#,
        r#"<testsuite name="actions/tests/all.rhai" tests="2" failures="1""#,
        r#"<testcase name="a &lt;b&gt; &amp; &quot;c&quot;" classname="actions/tests/all.rhai""#,
        r#"<failure message="actions/tests/all.rhai:2:31: x &lt; y">"#,
        "<system-out>&lt;out&gt;</system-out>",
        r#"<testcase name="test_b""#,
    ] {
        assert!(xml.contains(expected), "`{expected}` is not in:\n{xml}");
    }
    let mut reader = quick_xml::Reader::from_str(&xml);
    reader.config_mut().check_end_names = true;
    while !matches!(reader.read_event().unwrap(), quick_xml::events::Event::Eof) {}
}
