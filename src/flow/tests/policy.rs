//! How the actions of a trigger work together.

use super::*;

fn run(settings: &Settings, sources: &[(&str, String)]) -> Decision {
    let sources: Vec<(&str, &str)> = sources.iter().map(|(name, source)| (*name, source.as_str())).collect();
    let set = FlowSet::from_sources(settings, &sources).unwrap_or_else(|error| panic!("{error}"));
    decide(&set, Trigger::PostLogin, event(), &host())
}

fn with(name: &str, own: ActionSettings) -> Settings {
    Settings { actions: BTreeMap::from([(name.to_owned(), own)]), ..settings() }
}

#[test]
fn later_actions_see_metadata_of_earlier_ones_and_the_same_does_not() {
    let decision = run(
        &settings(),
        &[
            (
                "1.rhai",
                handler(
                    "api.user.setAppMetadata(\"region\", \"us\"); api.user.setUserMetadata(\"theme\", ()); api.idToken.setCustomClaim(\"same\", event.user.app_metadata.region);",
                ),
            ),
            (
                "2.rhai",
                handler(
                    "api.idToken.setCustomClaim(\"later\", [event.user.app_metadata.region, \"theme\" in event.user.user_metadata]);",
                ),
            ),
        ],
    );
    assert_eq!(claims(&decision.id_token), json!({"same": "eu", "later": ["us", false]}));
}

#[test]
fn changes_of_event_do_not_carry_over() {
    let decision = run(
        &settings(),
        &[
            ("1.rhai", handler("event.user.email = \"x\"; let e = event; e = 1;")),
            ("2.rhai", handler("api.idToken.setCustomClaim(\"v\", event.user.email);")),
        ],
    );
    assert_eq!(claims(&decision.id_token), json!({"v": "ada@example.com"}));
}

#[test]
fn a_denial_keeps_metadata_and_stops_later_actions() {
    let decision = run(
        &settings(),
        &[
            (
                "1.rhai",
                handler("api.user.setAppMetadata(\"a\", 1); api.access.deny(\"no\"); api.user.setAppMetadata(\"b\", 2);"),
            ),
            ("2.rhai", handler("api.user.setAppMetadata(\"c\", 3);")),
        ],
    );
    assert_eq!(claims(&decision.app_metadata), json!({"a": 1, "b": 2}));
    assert_eq!(decision.trace.actions.len(), 1);
}

#[test]
fn a_failed_action_has_no_effects_and_fails_the_login() {
    let decision = run(
        &settings(),
        &[
            ("1.rhai", handler("api.idToken.setCustomClaim(\"kept\", 1);")),
            ("2.rhai", handler("api.idToken.setCustomClaim(\"lost\", 1); api.access.deny(\"x\"); throw \"secret text\";")),
            ("3.rhai", handler("api.idToken.setCustomClaim(\"never\", 1);")),
        ],
    );
    let Outcome::Failed { reference, message } = &decision.outcome else { panic!("{:?}", decision.outcome) };
    assert!(reference.len() >= 16 && message.contains("secret text"));
    assert_eq!(claims(&decision.id_token), json!({"kept": 1}));
    let outcomes: Vec<&str> = decision.trace.actions.iter().map(|action| action.outcome.as_str()).collect();
    assert_eq!(outcomes, ["ok", "error"]);
}

#[test]
fn an_action_that_may_be_skipped_loses_its_own_effects_only() {
    let skip = with("2", ActionSettings { on_error: OnError::Skip, ..ActionSettings::default() });
    let decision = run(
        &skip,
        &[
            ("1.rhai", handler("api.idToken.setCustomClaim(\"a\", 1);")),
            (
                "2.rhai",
                handler(
                    "api.idToken.setCustomClaim(\"a\", 2); api.transaction.setMetadata(\"x\", 1); api.user.setAppMetadata(\"region\", \"us\"); api.access.deny(\"x\"); throw 1;",
                ),
            ),
            (
                "3.rhai",
                handler(
                    "api.idToken.setCustomClaim(\"b\", [event.user.app_metadata.region, event.transaction.metadata.x]);",
                ),
            ),
        ],
    );
    assert_eq!(decision.outcome, Outcome::Allowed);
    assert_eq!(claims(&decision.id_token), json!({"a": 1, "b": ["eu", null]}));
    assert_eq!(decision.trace.actions[1].outcome, "skipped");
    assert!(decision.trace.actions[1].error.is_some());
    assert!(decision.app_metadata.is_empty());
}

#[test]
fn an_action_whose_turn_comes_too_late_does_not_begin_and_is_not_blamed() {
    let mut settings = with("1-slow", ActionSettings { on_error: OnError::Skip, ..ActionSettings::default() });
    settings.limits = Limits { deadline_ms: 20, max_operations: 100_000_000, ..settings.limits };
    let decision = run(&settings, &[("1-slow.rhai", handler("while true {}")), ("2-next.rhai", handler("print(1);"))]);
    let late = &decision.trace.actions[1];
    assert_eq!((late.outcome.as_str(), late.operations, &late.logs[..]), ("timeout", 0, &[][..]));
    let told = late.diagnostic.as_ref().unwrap();
    assert!(told.contains("the 20 ms of all actions were over before this one began"), "{told}");
    assert!(told.contains("hint: `1-slow` took "), "{told}");
}

#[test]
fn an_action_runs_for_its_clients_only_and_not_when_it_is_off() {
    let for_client =
        |id: &str| with("1", ActionSettings { clients: Some(vec![id.to_owned()]), ..ActionSettings::default() });
    let source = [("1.rhai", handler("api.idToken.setCustomClaim(\"a\", 1);"))];
    assert_eq!(run(&for_client("web"), &source).trace.actions.len(), 1);
    assert_eq!(run(&for_client("other"), &source).trace.actions.len(), 0);
    let off = with("1", ActionSettings { enabled: false, ..ActionSettings::default() });
    assert_eq!(run(&off, &source).trace.actions.len(), 0);
}

#[test]
fn the_trace_names_set_trigger_outcome_and_output() {
    let decision = login("print(\"hello\"); debug(1); let i = 0; while i < 100 { i += 1 }");
    assert_eq!((decision.trace.trigger.as_str(), decision.trace.set.len()), ("post-login", 12));
    let action = &decision.trace.actions[0];
    assert_eq!((action.action.as_str(), action.outcome.as_str()), ("10-a", "ok"));
    assert_eq!(action.logs, ["hello", "actions/10-a.rhai:2: 1"]);
    assert!(action.operations > 100 && action.duration_us > 0);
}

#[test]
fn a_decision_survives_storage() {
    let decision = login("api.idToken.setCustomClaim(\"a\", #{ b: [1, 2.5, ()] }); api.idToken.setCustomClaim(\"sub\", 1);");
    let text = serde_json::to_string(&decision).unwrap();
    assert_eq!(serde_json::from_str::<Decision>(&text).unwrap(), decision);
}

#[test]
fn nothing_is_kept_between_runs() {
    let set = set(&[(
        "a.rhai",
        "const SEEN = #{ n: 0 }; fn onExecutePostLogin(event, api) { let s = SEEN; s.n += 1; api.idToken.setCustomClaim(\"n\", s.n); }",
    )]);
    for _ in 0..2 {
        assert_eq!(claims(&decide(&set, Trigger::PostLogin, event(), &host()).id_token), json!({"n": 1}));
    }
}
