//! Behaviour of whole sets: sources in, Decision out.

mod analysis;
mod api;
mod constants;
mod description;
mod event;
mod failures;
mod hostile;
mod javascript;
mod load;
mod policy;
mod pool;
mod recording;
mod sort;
mod traces;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::domain::decision::Outcome;

/// A clock that stands still and seeded randomness.
fn host() -> Host {
    Host {
        clock: Clock::fixed(1_000_000),
        random: Random::seeded(1),
        cache: Arc::new(Cache::default()),
        http: Http::Network,
    }
}

fn settings() -> Settings {
    Settings { display: "actions".to_owned(), ..Settings::default() }
}

fn event() -> Event {
    serde_json::from_value(json!({
        "client": {"client_id": "web", "name": "Web", "metadata": {"plan": "pro"}},
        "user": {
            "user_id": "auth0|ada", "email": "ada@example.com", "email_verified": true,
            "app_metadata": {"roles": ["admin", "dev"], "region": "eu", "nested": {"a": {"b": 1}}, "n": 1, "f": 1.5},
            "user_metadata": {"theme": "dark"},
            "identities": [{"connection": "c", "provider": "auth0", "user_id": "ada", "isSocial": false}]
        },
        "authorization": {"roles": ["admin", "editor"]},
        "authentication": {"methods": [{"name": "pwd", "timestamp": "2026-01-01T00:00:00.000Z"}]},
        "request": {"ip": "127.0.0.1", "method": "GET", "query": {"audience": "x"}},
        "transaction": {"protocol": "oidc-basic-profile", "metadata": {"step": 1}},
        "tenant": {"id": "dev"},
        "stats": {"logins_count": 3}
    }))
    .unwrap()
}

fn machine() -> Event {
    serde_json::from_value(json!({
        "client": {"client_id": "m2m", "name": "Machine"},
        "accessToken": {"scope": ["read:things"], "customClaims": {}},
        "resource_server": {"identifier": "https://api.example.com/"}
    }))
    .unwrap()
}

fn set(sources: &[(&str, &str)]) -> FlowSet {
    FlowSet::from_sources(&settings(), sources).unwrap_or_else(|error| panic!("{error}"))
}

/// The handler of post-login with this body.
fn handler(body: &str) -> String {
    format!("fn onExecutePostLogin(event, api) {{\n{body}\n}}")
}

/// The decision of one action with this body.
fn login(body: &str) -> Decision {
    decide(&set(&[("10-a.rhai", &handler(body))]), Trigger::PostLogin, event(), &host())
}

/// The value of an expression, as it arrives in a claim; the action must succeed.
fn eval(expression: &str) -> Value {
    let decision = login(&format!("api.idToken.setCustomClaim(\"v\", {expression});"));
    assert_eq!(decision.outcome, Outcome::Allowed, "{expression}: {:?}", decision.trace.actions);
    assert_eq!(decision.refused, [], "{expression}");
    decision.id_token.get("v").map_or(Value::Null, |setting| setting.value.clone())
}

/// The text of the failure of one action with this body.
fn failure(body: &str) -> String {
    let decision = login(body);
    match decision.outcome {
        Outcome::Failed { message, .. } => message,
        other => panic!("{body}: {other:?}"),
    }
}

/// The problems of one file, as shown.
fn problems(source: &str) -> String {
    match FlowSet::from_sources(&settings(), &[("10-a.rhai", source)]) {
        Ok(_) => panic!("loaded: {source}"),
        Err(error) => error.to_string(),
    }
}

/// The problems of a handler with this body.
fn body_problems(body: &str) -> String {
    problems(&handler(body))
}

fn claims(settings: &BTreeMap<String, crate::domain::decision::Setting>) -> Value {
    settings.iter().map(|(name, setting)| (name.clone(), setting.value.clone())).collect::<crate::domain::JsonMap>().into()
}
