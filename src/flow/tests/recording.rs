//! A recorded decision can be made again, and nothing outside notices.

use std::sync::Mutex;

use super::*;
use crate::domain::decision::Outcome;

/// Answers the number of the call and remembers the calls.
#[derive(Debug, Default)]
struct Server(Mutex<Vec<HttpRequest>>);

impl HttpAnswers for Server {
    fn answer(&self, request: &HttpRequest) -> Result<HttpAnswer, String> {
        let mut calls = self.0.lock().unwrap();
        calls.push(request.clone());
        let headers = [("content-type".to_owned(), "application/json".to_owned())].into();
        Ok(HttpAnswer { status: 200, headers, body: json!({ "number": calls.len() }).to_string() })
    }
}

/// One action with this body, that may call `api.example`.
fn networked(body: &str) -> FlowSet {
    let own = ActionSettings { allow_hosts: vec!["api.example".to_owned()], ..ActionSettings::default() };
    let settings = Settings { actions: [("10-a".to_owned(), own)].into(), ..settings() };
    FlowSet::from_sources(&settings, &[("10-a.rhai", &handler(body))]).unwrap()
}

fn recorded(set: &FlowSet, host: &Host) -> (Decision, Recording) {
    let event = Arc::new(event());
    let decision = decide(set, Trigger::PostLogin, event.clone(), host);
    let recording = Recording { trigger: Trigger::PostLogin, event, outside: decision.trace.outside.clone() };
    (decision, serde_json::from_str(&serde_json::to_string(&recording).unwrap()).unwrap())
}

const EVERYTHING: &str = r#"
    let known = api.cache.get("known");
    api.cache.set("known", "later");
    api.cache.set("new", "x");
    let gone = api.cache.delete("gone");
    let first = http::post("https://api.example/plan", #{ user: event.user.user_id });
    let second = http::get("https://api.example/plan");
    api.idToken.setCustomClaim("all", [
        time::now(), crypto::random_hex(8), crypto::random_uuid(), known.value, api.cache.get("known").value, gone.type,
        first.json.number, second.json.number,
    ]);
"#;

#[test]
fn the_same_actions_decide_the_same_on_what_was_recorded() {
    let (set, server) = (networked(EVERYTHING), Arc::new(Server::default()));
    let host = Host { clock: Clock::System, random: Random::system(), http: Http::Answers(server.clone()), ..host() };
    let now = host.clock.now_ms();
    host.cache.set(Trigger::PostLogin, "known", "before", Default::default(), (now, 10)).unwrap();
    host.cache.set(Trigger::PostLogin, "gone", "soon", Default::default(), (now, 10)).unwrap();
    let (decision, recording) = recorded(&set, &host);
    assert_eq!(decision.outcome, Outcome::Allowed, "{:?}", decision.trace);

    for _ in 0..2 {
        let again = decide(&set, recording.trigger, recording.event.clone(), &Host::replaying(&recording));
        assert_eq!(again.id_token, decision.id_token);
        assert_eq!(again.trace.outside, decision.trace.outside);
    }
    let values = decision.id_token["all"].value.as_array().unwrap();
    assert_eq!(values[3..], [json!("before"), json!("later"), json!("success"), json!(1), json!(2)]);
    assert_eq!(server.0.lock().unwrap().len(), 2, "a replay calls nobody");
    assert_eq!(host.cache.get(Trigger::PostLogin, "known", now).unwrap().value, "later");
}

#[test]
fn a_decision_that_uses_nothing_records_the_time_only() {
    let (decision, recording) = recorded(&networked("api.idToken.setCustomClaim(\"a\", 1);"), &host());
    assert_eq!(decision.trace.outside, recording.outside);
    assert_eq!(serde_json::to_value(&recording.outside).unwrap(), json!({ "now": 1_000_000_000 }));
}

#[test]
fn time_stands_still_within_a_decision() {
    let body = "let began = time::now(); for n in 0..20000 { let x = n * n; } api.idToken.setCustomClaim(\"took\", time::now() - began);";
    let host = Host { clock: Clock::System, ..host() };
    assert_eq!(claims(&decide(&networked(body), Trigger::PostLogin, event(), &host).id_token), json!({ "took": 0 }));
}

#[test]
fn a_call_that_was_not_recorded_is_an_error_of_the_action() {
    let host = Host { http: Http::Answers(Arc::new(Server::default())), ..host() };
    let (_, recording) = recorded(&networked("http::get(\"https://api.example/a\");"), &host);
    let changed = networked("http::get(\"https://api.example/a\"); http::get(\"https://api.example/b\");");
    let decision = decide(&changed, Trigger::PostLogin, event(), &Host::replaying(&recording));
    let Outcome::Failed { message, .. } = decision.outcome else { panic!("{:?}", decision.outcome) };
    assert!(message.contains("no recorded answer for GET https://api.example/b"), "{message}");
}

#[test]
fn answers_of_a_test_do_not_open_what_the_settings_close() {
    let server = Arc::new(Server::default());
    let host = Host { http: Http::Answers(server.clone()), ..host() };
    let run = |body: &str| decide(&networked(body), Trigger::PostLogin, event(), &host).trace.actions.remove(0);
    let action = run("http::get(\"https://other.example/\");");
    assert!(action.error.unwrap().contains("the host `other.example` is not in this action's `allow_hosts`"));
    let action = run("for n in 0..4 { http::get(\"https://api.example/\"); }");
    assert!(action.error.unwrap().contains("an action may make 3 calls"));
    assert_eq!(server.0.lock().unwrap().len(), 3);
}

#[test]
fn the_reference_of_a_failure_is_the_id_of_its_trace() {
    let decision = login("throw \"x\";");
    let Outcome::Failed { reference, .. } = &decision.outcome else { panic!("{:?}", decision.outcome) };
    assert_eq!((reference, reference.len()), (&decision.trace.id, 20));
    assert_ne!(login("").trace.id, "");
}
