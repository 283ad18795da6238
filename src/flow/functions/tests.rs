//! The examples of the descriptions, run; and what holds for the library as a whole.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rhai::{Dynamic, Engine, EvalAltResult, Module};

use super::description::Registrar;
use super::{Calls, FAMILIES, RunHandle, catalogue, names};
use crate::clock::{Clock, Random};
use crate::flow::toolbox::Toolbox;
use crate::flow::{Event, FlowSet, Host, Http, Limits, Settings, Trigger, Witness, decide, value};

/// 2026-11-21T05:14:34Z.
const NOW: i64 = 1_795_238_074;

/// As actions have it.
fn engine() -> Engine {
    let mut engine = Toolbox::new().engine(&Limits::default());
    let host = Host { clock: Clock::fixed(NOW), random: Random::seeded(7), cache: Arc::default(), http: Http::Network };
    let (witness, deadline) = (Witness::new(&host, Trigger::PostLogin), Instant::now() + Duration::from_secs(2));
    engine.set_default_tag(Dynamic::from(RunHandle {
        witness,
        allow_hosts: Arc::new([]),
        deadline,
        calls: Calls::default(),
    }));
    engine
}

fn eval(engine: &Engine, script: &str) -> Result<serde_json::Value, Box<EvalAltResult>> {
    let value = engine.eval::<Dynamic>(script)?;
    value::to_json(&value).map_err(|unfit| unfit.to_string().into())
}

#[test]
fn every_example_yields_what_it_says() {
    let engine = engine();
    let mut wrong = Vec::new();
    for (_, function) in catalogue() {
        for example in function.examples {
            let yielded = match eval(&engine, example.script) {
                Ok(value) => value.to_string(),
                Err(error) => format!("error: {error}"),
            };
            let right = match example.yields.strip_prefix("error: ") {
                Some(part) => yielded.starts_with("error: ") && yielded.contains(part),
                None => yielded == example.yields,
            };
            if !right {
                wrong.push(format!("{}\n  says   {}\n  yields {yielded}", example.script, example.yields));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_function_is_described_with_examples_and_implemented() {
    for family in FAMILIES {
        let mut module = Module::new();
        let mut registrar = Registrar::new(&mut module, family);
        (family.register)(&mut registrar);
        let described: BTreeSet<_> = family.functions.iter().map(|function| function.name).collect();
        assert_eq!(registrar.registered, described, "{:?}", family.namespace);
        for function in family.functions {
            assert!(!function.examples.is_empty(), "{} has no example", function.name);
            assert!(!function.summary.is_empty() && function.signature.contains(function.name), "{}", function.name);
        }
    }
}

#[test]
fn names_are_those_that_a_script_could_shadow() {
    let names: BTreeSet<_> = names().collect();
    assert!(names.contains("startsWith") && names.contains("String"));
    assert!(!names.contains("sha256") && !names.contains("length"));
}

#[test]
fn errors_carry_the_position_of_the_call() {
    let error = eval(&engine(), "let a = 1;\n  json::parse(\"{\")").unwrap_err();
    assert_eq!((error.position().line(), error.position().position()), (Some(2), Some(9)));
}

#[test]
fn a_missing_run_is_an_error() {
    let mut engine = engine();
    engine.set_default_tag(Dynamic::UNIT);
    let error = eval(&engine, "crypto::random_uuid()").unwrap_err();
    assert!(error.to_string().contains("crypto::random_uuid: not available here"), "{error}");
}

#[test]
fn captured_variables_are_no_danger() {
    let script = r#"
        let banned = "b";
        let seen = [];
        let roles = ["a", "b"].filter(|role| role != banned);
        roles.forEach(|role| seen.push(role));
        seen = seen.concat(roles);
        [seen, roles.join(banned), seen.includes(banned), json::stringify(seen), banned.trim()]
    "#;
    assert_eq!(eval(&engine(), script).unwrap().to_string(), r#"[["a","a"],"a",false,"[\"a\",\"a\"]","b"]"#);
}

#[test]
fn the_objects_of_event_are_used_like_values() {
    let action = r#"
        fn onExecutePostLogin(event, api) {
            let user = event.user;
            user.email.trim();
            event.user.email.trim();
            api.idToken.setCustomClaim("a", user.email.trim().toUpperCase());
            api.idToken.setCustomClaim("b", user.app_metadata.entries());
            api.idToken.setCustomClaim("c", [user.app_metadata.hasOwnProperty("plan"), user.app_metadata.hasOwn("role")]);
            api.idToken.setCustomClaim("d", json::stringify(user.app_metadata));
            api.idToken.setCustomClaim("e", url::build_query(event.request.query));
            api.idToken.setCustomClaim("f", event.authorization.roles.includes("admin"));
            api.idToken.setCustomClaim("g", event.authorization.roles.map(|role| role.trim()).join(" "));
            api.idToken.setCustomClaim("h", user.user_id.replace("auth0|", ""));
        }
    "#;
    let settings = Settings { display: "actions".into(), ..Settings::default() };
    let set = FlowSet::from_sources(&settings, &[("a.rhai", action)]).unwrap();
    let event: Event = serde_json::from_value(serde_json::json!({
        "user": { "user_id": "auth0|ada", "email": " ada@example.com ", "app_metadata": { "plan": "pro", "seats": 3 } },
        "authorization": { "roles": ["admin", "user"] },
        "request": { "query": { "state": "a b", "nonce": "n" } },
    }))
    .unwrap();
    let host = Host { clock: Clock::fixed(NOW), random: Random::seeded(7), cache: Arc::default(), http: Http::Network };
    let decision = decide(&set, Trigger::PostLogin, event, &host);
    let claims: Vec<_> = decision.id_token.values().map(|setting| setting.value.clone()).collect();
    assert_eq!(
        serde_json::Value::from(claims),
        serde_json::json!([
            "ADA@EXAMPLE.COM",
            [["plan", "pro"], ["seats", 3]],
            [true, false],
            r#"{"plan":"pro","seats":3}"#,
            "nonce=n&state=a+b",
            true,
            "admin user",
            "ada"
        ]),
        "{:?}",
        decision.trace
    );
    assert_eq!(decision.refused, [], "trimming a copy does not change the event");
}

#[test]
fn hostile_arguments_are_errors_or_values_and_never_panics() {
    let engine = engine();
    let values = [
        "()",
        "true",
        "0",
        "-1",
        "1",
        "9223372036854775807",
        "-9223372036854775807 - 1",
        "0.5",
        "1e300",
        "0.0 / 0.0",
        "1.0 / 0.0",
        "\"\"",
        "\"ü\"",
        "\"a,b\"",
        "'x'",
        "[]",
        "[1, [2]]",
        "#{}",
        "#{a: 1}",
        "\"ab\".to_blob()",
        "|x| x",
    ];
    let mut calls = 0;
    for (namespace, function) in catalogue().filter(|(_, function)| !function.property) {
        let name = namespace.map_or(function.name.to_owned(), |namespace| format!("{namespace}::{}", function.name));
        for a in values {
            for b in values.into_iter().step_by(4) {
                for arguments in
                    [a.to_owned(), format!("{a}, {b}"), format!("\"äbc\", {a}, {b}"), format!("[1, 2], {a}, {b}")]
                {
                    // Whatever comes of it, it comes back.
                    let _ = engine.eval::<Dynamic>(&format!("{name}({arguments})"));
                    calls += 1;
                }
            }
        }
    }
    assert!(calls > 20_000, "{calls}");
}

#[test]
fn doubling_by_any_function_ends_at_the_limit() {
    let engine = engine();
    for step in [
        "t = t.concat(t)",
        "t = t.repeat(2)",
        "t = t.padEnd(t.length * 2)",
        "t = t.replaceAll(\"a\", \"aa\")",
        "t.replace('a', \"aa\")",
        "t = [t, t].join()",
        "t = json::stringify(t)",
        "t = base64::encode(t)",
        "t = url::encode(t + \"%\")",
    ] {
        let error = eval(&engine, &format!("let t = \"aaaa\"; loop {{ {step} }}")).unwrap_err();
        assert!(error.to_string().contains("longer than") || error.to_string().contains("too large"), "{step}: {error}");
    }
}

/// A server that gives each connection the next answer, and tells what it was asked.
fn server(answers: Vec<String>) -> (u16, std::sync::mpsc::Receiver<String>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut connection, _) = listener.accept().unwrap();
            let (mut request, mut part) = (Vec::new(), [0; 4096]);
            connection.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            while let Ok(length @ 1..) = connection.read(&mut part) {
                request.extend_from_slice(&part[..length]);
            }
            let _ = sender.send(String::from_utf8_lossy(&request).into_owned());
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    (port, receiver)
}

fn answer(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// Runs a script as the flow does: on a blocking thread of a runtime.
async fn run(allow_hosts: &[&str], deadline: Duration, script: String) -> Result<serde_json::Value, String> {
    let allow_hosts = allow_hosts.iter().map(ToString::to_string).collect();
    let work = move || {
        let mut engine = engine();
        let mut handle = engine.default_tag().clone().cast::<RunHandle>();
        (handle.allow_hosts, handle.deadline) = (allow_hosts, Instant::now() + deadline);
        engine.set_default_tag(Dynamic::from(handle));
        eval(&engine, &script).map_err(|error| error.to_string())
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

const LONG: Duration = Duration::from_secs(5);

#[tokio::test]
async fn http_sends_what_it_is_given_and_reads_the_answer() {
    let (port, requests) = server(vec![answer("201 Created", "application/json", r#"{"plan":"pro"}"#)]);
    let script = format!(
        r#"let r = http::post("http://127.0.0.1:{port}/x?y=1", #{{ a: [1, ()] }}, #{{ headers: #{{ Authorization: "Bearer t" }} }});
        [r.status, r.ok, r.json.plan, r.body, r.headers["content-type"]]"#
    );
    let yielded = run(&[&format!("127.0.0.1:{port}")], LONG, script).await.unwrap();
    assert_eq!(yielded.to_string(), r#"[201,true,"pro","{\"plan\":\"pro\"}","application/json"]"#);
    let request = requests.recv().unwrap();
    assert!(request.starts_with("POST /x?y=1 HTTP/1.1\r\n") && request.ends_with("\r\n\r\n{\"a\":[1,null]}"), "{request}");
    assert!(request.contains("authorization: Bearer t") && request.contains("content-type: application/json"), "{request}");
}

#[tokio::test]
async fn s52_http_does_not_follow_redirects() {
    let moved = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (port, _) = server(vec![moved.to_owned()]);
    let script = format!(r#"let r = http::get("http://localhost:{port}/"); [r.status, r.headers.location, r.ok]"#);
    let yielded = run(&["localhost"], LONG, script).await.unwrap();
    assert_eq!(yielded.to_string(), r#"[302,"http://169.254.169.254/",false]"#);
}

#[tokio::test]
async fn s52_http_ends_with_the_deadline() {
    // Accepts in the system's queue and never answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let begun = Instant::now();
    let script = format!(r#"http::get("http://127.0.0.1:{port}/", #{{ timeout: 60000 }})"#);
    let error = run(&["127.0.0.1"], Duration::from_millis(150), script).await.unwrap_err();
    assert!(error.contains("http::get: "), "{error}");
    assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());
    drop(listener);
}

#[tokio::test]
async fn s52_http_allows_three_calls_and_bounded_answers() {
    let mut answers = vec![answer("200 OK", "text/plain", "a"); 2];
    answers.push(answer("200 OK", "text/plain", &"x".repeat(300 * 1024)));
    let (port, _) = server(answers);
    let script = format!(
        r#"let url = "http://127.0.0.1:{port}/"; let seen = [];
        for n in 0..4 {{ try {{ seen.push(http::get(url).body); }} catch (e) {{ seen.push(e.toString()); }} }} seen"#
    );
    let yielded = run(&["127.0.0.1"], LONG, script).await.unwrap();
    let expected =
        r#"["a","a","http::get: the answer is longer than 262144 bytes","http::get: an action may make 3 calls"]"#;
    assert_eq!(yielded.to_string(), expected);
}

#[tokio::test]
async fn a_long_answer_is_told_by_its_json_alone_and_a_long_text_is_refused_with_the_limit() {
    let text = format!("\"{}\"", "x".repeat(12_000));
    let long = format!("[{}]", vec!["123456789"; 900].join(", ") + " ".repeat(12_000).as_str());
    let many = format!("[{}]", vec!["1"; 1_100].join(","));
    let kinds =
        [("application/json", &text), ("application/json", &long), ("application/json", &many), ("text/plain", &long)];
    for ((kind, body), expected) in kinds.into_iter().zip([
        "[12000,true]",
        "[900,true]",
        "the JSON of the answer holds more than a value of a script may",
        "the answer is a text of 21900 bytes, more than a text of a script may have",
    ]) {
        let (port, _) = server(vec![answer("200 OK", kind, body)]);
        let script = format!(r#"let r = http::get("http://127.0.0.1:{port}/"); [r.json.length, r.body == ()]"#);
        let yielded = run(&["127.0.0.1"], LONG, script).await.map_or_else(|error| error, |value| value.to_string());
        assert!(yielded.contains(expected), "{yielded}");
    }
}

#[tokio::test]
async fn s52_http_refuses_headers_that_could_change_the_request() {
    for (headers, reason) in [
        (r#"#{ host: "evil" }"#, "the header `host` cannot be set"),
        (r#"#{ "a\r\nb": "c" }"#, "cannot be set"),
        (r#"#{ a: "b\r\nc: d" }"#, "characters that no header may have"),
        (r#""a: b""#, "expected a map, not a string"),
    ] {
        let script = format!("http::get(\"http://127.0.0.1:9/\", #{{ headers: {headers} }})");
        let error = run(&["127.0.0.1"], LONG, script).await.unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}
