//! `decide` on arbitrary source: an end, within the memory; no effect of what failed; and the same again from the same.

use std::sync::Arc;

use vestibule::clock::{Clock, Random};
use vestibule::domain::decision::{Decision, Outcome};
use vestibule::flow::{
    ActionSettings, Cache, Event, FlowSet, Host, Http, HttpAnswer, HttpAnswers, HttpRequest, Limits, Settings, Trigger,
    measured,
};

/// Answers every call with the same text.
#[derive(Debug)]
struct Echo;

impl HttpAnswers for Echo {
    fn answer(&self, request: &HttpRequest) -> Result<HttpAnswer, String> {
        Ok(HttpAnswer { status: 200, headers: Default::default(), body: request.url.clone() })
    }
}

/// Source as it is if it has a handler, else the body of one.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let source = match text.contains("onExecute") {
        true => text.to_owned(),
        false => format!("fn onExecutePostLogin(event, api) {{\n{text}\n}}"),
    };
    let settings = settings();
    let Ok(set) = FlowSet::from_sources(&settings, &[("10-a.rhai", &source)]) else { return };
    for trigger in [Trigger::PostLogin, Trigger::CredentialsExchange] {
        let ((), memory) = measured(|| decided(&set, trigger));
        assert!(memory.kept < 1_024, "{} bytes kept", memory.kept);
    }
}

fn decided(set: &FlowSet, trigger: Trigger) {
    let (first, memory) = measured(|| decide(set, trigger));
    assert!(memory.most <= settings().limits.max_memory, "{} bytes", memory.most);
    let timeout = |decision: &Decision| decision.trace.actions.iter().any(|action| action.outcome == "timeout");
    if let Outcome::Failed { message, .. } = &first.outcome {
        assert!(first.id_token.is_empty() && first.access_token.is_empty() && first.token_response.is_empty());
        assert!(first.user_metadata.is_empty() && first.app_metadata.is_empty(), "{first:?}");
        assert!(message.len() < 4_096 && !message.contains("panicked"), "{message}");
        let place = message.strip_prefix("actions/10-a.rhai:").and_then(|place| place.split(':').next());
        assert!(place.is_some_and(|line| line.parse().is_ok_and(|line: usize| line > 0)), "{message}");
    }
    let again = decide(set, trigger);
    if !timeout(&first) && !timeout(&again) {
        assert_eq!(plain(first), plain(again));
    }
}

fn settings() -> Settings {
    let limits = Limits { max_operations: 20_000, deadline_ms: 1_000, ..Limits::default() };
    let own = ActionSettings { allow_hosts: vec!["api.example.com".to_owned()], ..ActionSettings::default() };
    Settings { display: "actions".to_owned(), limits, actions: [("10-a".to_owned(), own)].into(), ..Settings::default() }
}

fn decide(set: &FlowSet, trigger: Trigger) -> Decision {
    let host = Host {
        clock: Clock::fixed(1_800_000_000),
        random: Random::seeded(1),
        cache: Arc::new(Cache::default()),
        http: Http::Answers(Arc::new(Echo)),
    };
    let event: Event = serde_json::from_value(serde_json::json!({
        "client": {"client_id": "web", "name": "Web", "metadata": {"plan": "pro"}},
        "user": {
            "user_id": "auth0|ada", "email": "ada@example.com", "name": "Ada",
            "app_metadata": {"roles": ["a", "b"], "n": 1, "nested": {"deep": [1.5, null, true]}}, "user_metadata": {"theme": "dark"}
        },
        "transaction": {"protocol": "oidc-basic-profile"}
    }))
    .unwrap();
    vestibule::flow::decide(set, trigger, event, &host)
}

/// Without what depends on the machine.
fn plain(mut decision: Decision) -> Decision {
    decision.trace.actions.iter_mut().for_each(|action| action.duration_us = 0);
    decision
}
