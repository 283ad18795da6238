use serde_json::json;

use super::*;
use crate::domain::decision::{ScopeEdit, SessionRevocation};
use crate::domain::trace::ActionTrace;

fn by(line: usize) -> Provenance {
    Provenance { action: "a".into(), file: "actions/a.rhai".into(), line, column: 5 }
}

fn claim(value: Value, line: usize) -> Setting {
    Setting { value, by: by(line) }
}

fn claims<const N: usize>(claims: [(&str, Setting); N]) -> BTreeMap<String, Setting> {
    claims.into_iter().map(|(name, setting)| (name.to_owned(), setting)).collect()
}

fn denied(code: &str, reason: &str) -> Decision {
    let outcome = Outcome::Denied { code: code.into(), reason: reason.into(), by: by(1) };
    Decision { outcome, ..Decision::default() }
}

fn failed(message: &str) -> Decision {
    let mut decision =
        Decision { outcome: Outcome::Failed { reference: "r".into(), message: message.into() }, ..Decision::default() };
    decision.trace.actions = vec![ActionTrace { action: "a".into(), error: Some(message.into()), ..ActionTrace::default() }];
    decision
}

/// `id_token plan changed`, one per difference.
fn told(before: &Decision, after: &Decision) -> Vec<String> {
    told_with((before, "openid"), (after, "openid"))
}

fn told_with(before: (&Decision, &str), after: (&Decision, &str)) -> Vec<String> {
    let scopes = [Scopes::parse(before.1), Scopes::parse(after.1)];
    let side = |decision, scope| Settled { decision, scope, refreshing: false };
    let found = differences(side(before.0, &scopes[0]), side(after.0, &scopes[1]));
    let line = |own: &Difference| format!("{} {} {:?}", own.part.as_str(), own.name, own.change()).to_lowercase();
    found.iter().map(line).collect()
}

#[test]
fn claims_and_parameters_are_added_removed_and_changed() {
    let before = Decision {
        id_token: claims([("gone", claim(json!(1), 1)), ("plan", claim(json!("free"), 2)), ("same", claim(json!([1]), 3))]),
        token_response: claims([("region", claim(json!("eu"), 4))]),
        ..Decision::default()
    };
    let after = Decision {
        id_token: claims([("new", claim(json!(1), 1)), ("plan", claim(json!("pro"), 9)), ("same", claim(json!([1]), 8))]),
        token_response: claims([("region", claim(Value::Null, 4))]),
        ..Decision::default()
    };
    let expected = ["id_token gone removed", "id_token new added", "id_token plan changed", "token_response region removed"];
    assert_eq!(told(&before, &after), expected);
    let scope = Scopes::parse("openid");
    let side = |decision| Settled { decision, scope: &scope, refreshing: false };
    let found = differences(side(&before), side(&after));
    assert_eq!(found[2].before, Some(claim(json!("free"), 2)));
    assert_eq!(found[2].after, Some(claim(json!("pro"), 9)));
}

#[test]
fn claims_of_an_id_token_that_there_is_not_are_not_compared() {
    let with = Decision { id_token: claims([("plan", claim(json!(1), 1))]), ..Decision::default() };
    assert!(told_with((&Decision::default(), "email"), (&with, "email")).is_empty());
    assert_eq!(told_with((&Decision::default(), "openid"), (&with, "openid")), ["id_token plan added"]);
}

#[test]
fn a_denial_is_told_without_the_claims_that_it_takes_away() {
    let allowed = Decision { id_token: claims([("plan", claim(json!(1), 1))]), ..Decision::default() };
    assert_eq!(told(&allowed, &denied("access_denied", "no")), ["denial access_denied added"]);
    assert_eq!(told(&denied("access_denied", "no"), &allowed), ["denial access_denied removed"]);
    assert_eq!(told(&denied("access_denied", "no"), &denied("access_denied", "never")), ["denial access_denied changed"]);
    assert!(told(&denied("access_denied", "no"), &denied("access_denied", "no")).is_empty());
}

#[test]
fn metadata_survive_a_denial_but_not_a_failure() {
    let writes = Decision { app_metadata: claims([("seen", claim(json!(1), 1))]), ..Decision::default() };
    let denies = Decision { app_metadata: BTreeMap::new(), ..denied("access_denied", "no") };
    assert_eq!(told(&writes, &denies), ["denial access_denied added", "app_metadata seen removed"]);
    assert_eq!(told(&writes, &failed("actions/a.rhai:1:2: boom")), ["failure a added"]);
}

#[test]
fn a_failure_that_moved_is_the_same_and_another_one_is_not() {
    assert!(told(&failed("actions/a.rhai:1:2: boom"), &failed("next/a.rhai:7:9: boom")).is_empty());
    assert_eq!(told(&failed("actions/a.rhai:1:2: boom"), &failed("actions/a.rhai:1:2: bang")), ["failure a changed"]);
    let mut skipped = failed("actions/a.rhai:1:2: boom");
    skipped.outcome = Outcome::Allowed;
    assert_eq!(told(&Decision::default(), &skipped), ["failure a added"]);
}

#[test]
fn scopes_tell_who_took_them_away() {
    let edit = ScopeEdit { scope: "read:things".into(), add: false, by: by(4) };
    let after = Decision { scopes: vec![edit], ..Decision::default() };
    let scopes = [Scopes::parse("openid read:things"), Scopes::parse("openid email")];
    let side = |decision, scope| Settled { decision, scope, refreshing: false };
    let found = differences(side(&Decision::default(), &scopes[0]), side(&after, &scopes[1]));
    assert_eq!(
        found.iter().map(|own| (own.name.as_str(), own.change())).collect::<Vec<_>>(),
        [("read:things", Change::Removed), ("email", Change::Added)]
    );
    assert_eq!(found[0].after.as_ref().map(|own| own.by.line), Some(4));
}

#[test]
fn the_order_of_scopes_is_no_difference() {
    assert!(told_with((&Decision::default(), "openid email"), (&Decision::default(), "email openid")).is_empty());
}

#[test]
fn refresh_token_session_and_transaction_are_compared() {
    let mut after = Decision {
        session_revoked: Some(SessionRevocation { reason: "stolen".into(), preserve_refresh_tokens: true }),
        transaction_metadata: [("step".to_owned(), json!(2))].into(),
        ..Decision::default()
    };
    after.refresh_token.expires_at = Some(7);
    let expected = [
        "transaction_metadata step added",
        "refresh_token expires_at added",
        "session preserve_refresh_tokens added",
        "session revoked added",
    ];
    assert_eq!(told(&Decision::default(), &after), expected);
}

#[test]
fn what_was_redacted_fits_anything() {
    let with = |name: &str, value| Decision { id_token: claims([(name, claim(value, 1))]), ..Decision::default() };
    assert!(told(&with("mail", json!("[redacted]")), &with("mail", json!("ada@example.com"))).is_empty());
    assert!(told(&with("[redacted]/plan", json!(1)), &with("https://example.com/plan", json!(1))).is_empty());
    assert_eq!(told(&with("[redacted]/plan", json!(1)), &with("plan", json!(1))).len(), 2);
}

#[test]
fn a_failure_of_no_action_is_one_all_the_same() {
    let outcome = Outcome::Failed { reference: "r".into(), message: "the access token is too big".into() };
    assert_eq!(told(&Decision::default(), &Decision { outcome, ..Decision::default() }), ["failure  added"]);
}

#[test]
fn a_revoked_refresh_token_denies_where_it_was_presented() {
    let claims = claims([("plan", claim(json!(1), 1))]);
    let before = Decision { id_token: claims, ..Decision::default() };
    let mut after = Decision::default();
    after.refresh_token.revoked = Some("stolen".into());
    let scope = Scopes::parse("openid");
    let count = |refreshing| {
        let side = |decision| Settled { decision, scope: &scope, refreshing };
        differences(side(&before), side(&after)).len()
    };
    assert_eq!((count(false), count(true)), (2, 1));
}
