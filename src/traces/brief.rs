//! A Decision as a record stores it: members that say nothing are left out, for a trace is written at every login. Reading
//! gives the same Decision again.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::domain::decision::{Decision, Outcome, RefreshTokenEdits, Refusal, ScopeEdit, SessionRevocation, Setting};
use crate::domain::outside::Outside;
use crate::domain::trace::{ActionTrace, Effect, EventRead, Trace};

#[derive(Serialize)]
#[serde(remote = "Decision")]
pub(super) struct Brief {
    outcome: Outcome,
    #[serde(skip_serializing_if = "says_nothing")]
    id_token: BTreeMap<String, Setting>,
    #[serde(skip_serializing_if = "says_nothing")]
    access_token: BTreeMap<String, Setting>,
    #[serde(skip_serializing_if = "says_nothing")]
    token_response: BTreeMap<String, Setting>,
    #[serde(skip_serializing_if = "says_nothing")]
    scopes: Vec<ScopeEdit>,
    #[serde(skip_serializing_if = "says_nothing")]
    user_metadata: BTreeMap<String, Setting>,
    #[serde(skip_serializing_if = "says_nothing")]
    app_metadata: BTreeMap<String, Setting>,
    #[serde(skip_serializing_if = "says_nothing")]
    transaction_metadata: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "says_nothing")]
    refresh_token: RefreshTokenEdits,
    #[serde(skip_serializing_if = "says_nothing")]
    session_revoked: Option<SessionRevocation>,
    #[serde(skip_serializing_if = "says_nothing")]
    refused: Vec<Refusal>,
    #[serde(serialize_with = "BriefTrace::serialize")]
    trace: Trace,
}

#[derive(Serialize)]
#[serde(remote = "Trace")]
struct BriefTrace {
    id: String,
    set: String,
    trigger: String,
    #[serde(skip_serializing_if = "says_nothing")]
    bypassed: bool,
    #[serde(serialize_with = "actions")]
    actions: Vec<ActionTrace>,
    #[serde(skip_serializing_if = "says_nothing")]
    outside: Outside,
}

#[derive(Serialize)]
#[serde(remote = "ActionTrace")]
struct BriefAction {
    action: String,
    outcome: String,
    duration_us: u64,
    operations: u64,
    #[serde(skip_serializing_if = "says_nothing")]
    logs: Vec<String>,
    #[serde(skip_serializing_if = "says_nothing")]
    error: Option<String>,
    #[serde(skip_serializing_if = "says_nothing")]
    diagnostic: Option<String>,
    #[serde(skip_serializing_if = "says_nothing")]
    effects: Vec<Effect>,
    #[serde(skip_serializing_if = "says_nothing")]
    effects_left_out: usize,
    #[serde(skip_serializing_if = "says_nothing")]
    effects_dropped: bool,
    #[serde(skip_serializing_if = "says_nothing")]
    reads: Vec<EventRead>,
}

fn actions<S: Serializer>(own: &[ActionTrace], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Each<'a>(#[serde(serialize_with = "each")] &'a ActionTrace);
    fn each<S: Serializer>(own: &&ActionTrace, serializer: S) -> Result<S::Ok, S::Error> {
        BriefAction::serialize(own, serializer)
    }
    serializer.collect_seq(own.iter().map(Each))
}

/// Whether a member is what reading puts in the place of none.
fn says_nothing<T: Default + PartialEq>(member: &T) -> bool {
    *member == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decision::Provenance;
    use crate::domain::trace::EffectKind;
    use serde_json::json;

    fn written(decision: &Decision) -> Value {
        Brief::serialize(decision, serde_json::value::Serializer).unwrap()
    }

    /// With every member by name, so that a new one has to be thought of.
    fn full() -> Decision {
        let by = Provenance { action: "a".into(), file: "actions/a.rhai".into(), line: 3, column: 5 };
        let settings = |name: &str| BTreeMap::from([(name.to_owned(), Setting { value: json!([1, null]), by: by.clone() })]);
        let effect = Effect { kind: EffectKind::IdToken, name: "n".into(), value: Some(json!(null)), by: by.clone() };
        let action = ActionTrace {
            action: "a".into(),
            outcome: "ok".into(),
            duration_us: 1,
            operations: 2,
            logs: vec!["line".into()],
            error: Some("error".into()),
            diagnostic: Some("diagnostic".into()),
            effects: vec![effect],
            effects_left_out: 3,
            effects_dropped: true,
            reads: vec![EventRead { path: "event.user".into(), file: "actions/a.rhai".into(), line: 4 }],
        };
        Decision {
            outcome: Outcome::Denied { code: "c".into(), reason: "r".into(), by: by.clone() },
            id_token: settings("i"),
            access_token: settings("a"),
            token_response: settings("t"),
            scopes: vec![ScopeEdit { scope: "s".into(), add: true, by: by.clone() }],
            user_metadata: settings("u"),
            app_metadata: settings("m"),
            transaction_metadata: BTreeMap::from([("k".to_owned(), json!(false))]),
            refresh_token: RefreshTokenEdits { revoked: Some("r".into()), expires_at: Some(1), idle_expires_at: Some(2) },
            session_revoked: Some(SessionRevocation { reason: "r".into(), preserve_refresh_tokens: true }),
            refused: vec![Refusal { call: "c".into(), name: "n".into(), reason: "r".into(), by }],
            trace: Trace {
                id: "id".into(),
                set: "set".into(),
                trigger: "post-login".into(),
                bypassed: true,
                actions: vec![action, ActionTrace::default()],
                outside: Outside { now: 1, ..Outside::default() },
            },
        }
    }

    #[test]
    fn what_says_something_is_written_as_it_always_is() {
        let mut whole = serde_json::to_value(full()).unwrap();
        whole["trace"]["actions"][1] = json!({ "action": "", "outcome": "", "duration_us": 0, "operations": 0 });
        // `null` is a value to an effect: how it is read again is the business of `Effect`.
        assert_eq!(written(&full()), whole);
    }

    #[test]
    fn what_says_nothing_is_left_out_and_comes_back() {
        let brief = written(&Decision::default());
        assert_eq!(
            brief,
            json!({ "outcome": { "result": "allowed" }, "trace": { "id": "", "set": "", "trigger": "", "actions": [] } })
        );
        assert_eq!(serde_json::from_value::<Decision>(brief).unwrap(), Decision::default());
    }
}
