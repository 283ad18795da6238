//! `api`: effects, refusals, places.

use super::*;

#[test]
fn every_call_of_post_login_has_its_effect() {
    let decision = login(
        "api.idToken.setCustomClaim(\"a\", 1).accessToken.setCustomClaim(\"b\", #{ c: [true] }).tokenResponse.setCustomParameter(\"region\", \"eu\");
        api.accessToken.addScope(\" read:x \").accessToken.removeScope(\"write:x\");
        api.user.setUserMetadata(\"theme\", \"light\").user.setAppMetadata(\"plan\", ());
        api.transaction.setMetadata(\"step\", 2);
        api.refreshToken.setExpiresAt(5000); api.refreshToken.setExpiresAt(4000.0); api.refreshToken.setIdleExpiresAt(3000);",
    );
    assert_eq!(decision.outcome, Outcome::Allowed, "{:?}", decision.trace);
    assert_eq!(decision.refused, []);
    assert_eq!(claims(&decision.id_token), json!({"a": 1}));
    assert_eq!(claims(&decision.access_token), json!({"b": {"c": [true]}}));
    assert_eq!(claims(&decision.token_response), json!({"region": "eu"}));
    let scopes: Vec<(&str, bool)> = decision.scopes.iter().map(|edit| (edit.scope.as_str(), edit.add)).collect();
    assert_eq!(scopes, [("read:x", true), ("write:x", false)]);
    assert_eq!(claims(&decision.user_metadata), json!({"theme": "light"}));
    assert_eq!(claims(&decision.app_metadata), json!({"plan": null}));
    assert_eq!(decision.transaction_metadata["step"], json!(2));
    assert_eq!((decision.refresh_token.expires_at, decision.refresh_token.idle_expires_at), (Some(4000), Some(3000)));
}

#[test]
fn effects_carry_the_place_of_their_call() {
    let sources = [
        ("lib/l.rhai", "fn claim(api) {\n  api.idToken.setCustomClaim(\"lib\", 1);\n}"),
        (
            "10-a.rhai",
            "fn onExecutePostLogin(event, api) {\n  api.idToken.setCustomClaim(\"own\", 1);\n  l::claim(api);\n  [1].map(|x| api.accessToken.setCustomClaim(\"c\", x));\n}",
        ),
    ];
    let decision = decide(&set(&sources), Trigger::PostLogin, event(), &host());
    let place = |setting: &crate::domain::decision::Setting| (setting.by.to_string(), setting.by.action.clone());
    assert_eq!(place(&decision.id_token["own"]), ("actions/10-a.rhai:2:15".into(), "10-a".into()));
    assert_eq!(place(&decision.id_token["lib"]), ("actions/lib/l.rhai:2:15".into(), "10-a".into()));
    assert_eq!(place(&decision.access_token["c"]).0, "actions/10-a.rhai:4:31");
}

#[test]
fn refused_names_and_values_are_recorded_and_the_login_goes_on() {
    let decision = login(
        "api.idToken.setCustomClaim(\"sub\", 1);
        api.accessToken.setCustomClaim(\"https://x.auth0.com/r\", 1);
        api.tokenResponse.setCustomParameter(\"access_token\", 1);
        api.idToken.setCustomClaim(\"nan\", 0.0 / 0.0);
        api.user.setAppMetadata(\"blocked\", true);
        api.user.setUserMetadata(\"a.b\", 1);
        api.transaction.setMetadata(\"m\", #{});
        api.refreshToken.revoke(\"no\");
        api.idToken.setCustomClaim(\"good\", 1);",
    );
    assert_eq!(decision.outcome, Outcome::Allowed);
    let refused: Vec<(&str, &str)> =
        decision.refused.iter().map(|refusal| (refusal.call.as_str(), refusal.name.as_str())).collect();
    let expected = [
        ("api.idToken.setCustomClaim", "sub"),
        ("api.accessToken.setCustomClaim", "https://x.auth0.com/r"),
        ("api.tokenResponse.setCustomParameter", "access_token"),
        ("api.idToken.setCustomClaim", "nan"),
        ("api.user.setAppMetadata", "blocked"),
        ("api.user.setUserMetadata", "a.b"),
        ("api.transaction.setMetadata", "m"),
        ("api.refreshToken.revoke", ""),
    ];
    assert_eq!(refused, expected);
    assert!(decision.refused.iter().all(|refusal| refusal.by.line > 0 && !refusal.reason.is_empty()));
    assert_eq!(claims(&decision.id_token), json!({"good": 1}));
}

#[test]
fn unit_takes_away_what_an_earlier_action_set() {
    let sources = [
        ("1.rhai", handler("api.idToken.setCustomClaim(\"a\", 1); api.idToken.setCustomClaim(\"b\", 1);")),
        ("2.rhai", handler("api.idToken.setCustomClaim(\"a\", ()); api.idToken.setCustomClaim(\"b\", 2);")),
    ];
    let sources: Vec<(&str, &str)> = sources.iter().map(|(name, source)| (*name, source.as_str())).collect();
    assert_eq!(claims(&decide(&set(&sources), Trigger::PostLogin, event(), &host()).id_token), json!({"b": 2}));
}

#[test]
fn wrong_calls_say_what_is_right() {
    assert!(failure("api.idToken.addScope(\"x\");").contains("unknown method `addScope` of `api.idToken`"));
    let trace = login("api.idToken.deny(\"x\")").trace.actions.remove(0);
    assert!(trace.diagnostic.unwrap().contains("hint: known are: setCustomClaim"));
    assert!(failure("api.idToken.setCustomClaim(\"x\");").contains("`api.idToken.setCustomClaim` does not take (string)"));
    assert!(failure("api.idToken.setCustomClaim(1, 2);").contains("the claim name must be a string, not i64"));
    let text = login("api.idtoken.setCustomClaim(\"a\", 1);").trace.actions[0].diagnostic.clone().unwrap();
    assert!(
        text.contains("unknown property `idtoken` of `api` in post-login") && text.contains("did you mean `idToken`?"),
        "{text}"
    );
    for scope in ["\"\"", "\"a b\"", "1", "\"x\".pad(281, 'x')"] {
        let body = if scope.contains("pad") {
            "let s = \"\"; s.pad(281, 'x'); api.accessToken.addScope(s);".to_owned()
        } else {
            format!("api.accessToken.addScope({scope});")
        };
        assert!(failure(&body).contains("api.accessToken.addScope"), "{scope}");
    }
}

#[test]
fn deny_has_a_code_a_reason_and_a_place() {
    let decision = login("api.access.deny(\"no\"); api.access.deny(\"late\"); api.idToken.setCustomClaim(\"a\", 1);");
    let Outcome::Denied { code, reason, by } = &decision.outcome else { panic!("{:?}", decision.outcome) };
    assert_eq!((code.as_str(), reason.as_str(), by.line), ("access_denied", "no", 2));
    assert_eq!(decision.trace.actions[0].outcome, "denied");
    let decision = login("api.access.deny(\"login_required\", \"again\");");
    assert!(matches!(decision.outcome, Outcome::Denied { code, .. } if code == "login_required"));
    let text = login("api.access.deny(\"invalid_scop\", \"x\");").trace.actions[0].diagnostic.clone().unwrap();
    assert!(text.contains("unknown code `invalid_scop`") && text.contains("did you mean `invalid_scope`?"), "{text}");
    assert!(failure("api.access.deny(1);").contains("the reason must be a string"));
}

#[test]
fn machines_have_their_own_api() {
    let run = |body: &str| {
        let source = format!("fn onExecuteCredentialsExchange(event, api) {{ {body} }}");
        decide(&set(&[("a.rhai", &source)]), Trigger::CredentialsExchange, machine(), &host())
    };
    let decision = run(
        "api.accessToken.setCustomClaim(\"a\", event.accessToken.scope).accessToken.removeScope(\"x\").tokenResponse.setCustomParameter(\"p\", event.user == ());",
    );
    assert_eq!(
        (claims(&decision.access_token), claims(&decision.token_response)),
        (json!({"a": ["read:things"]}), json!({"p": true}))
    );
    assert!(
        matches!(run("api.access.deny(\"invalid_scope\", \"x\");").outcome, Outcome::Denied { code, .. } if code == "invalid_scope")
    );
    assert!(
        matches!(run("api.access.deny(\"invalid_scope\");").outcome, Outcome::Denied { code, reason, .. } if code == "invalid_scope" && reason.is_empty())
    );
    assert!(
        matches!(run("api.access.deny(\"because\");").outcome, Outcome::Denied { code, reason, .. } if code == "access_denied" && reason == "because")
    );
    assert!(matches!(run("api.access.deny(\"login_required\", \"x\");").outcome, Outcome::Failed { .. }));
    let text = run("api.idToken.setCustomClaim(\"a\", 1);").trace.actions[0].diagnostic.clone().unwrap();
    assert!(text.contains("`api.idToken` exists in post-login only"), "{text}");
}

#[test]
fn revoking_denies() {
    let decision = login("api.session.revoke(\"bye\", #{ preserveRefreshTokens: true });");
    assert!(matches!(&decision.outcome, Outcome::Denied { reason, .. } if reason == "bye"));
    assert!(decision.session_revoked.unwrap().preserve_refresh_tokens);
    let mut event = event();
    event.refresh_token = Some(crate::flow::event::RefreshTokenPart::default());
    let set = set(&[("a.rhai", &handler("api.refreshToken.revoke(\"stolen\");"))]);
    let decision = decide(&set, Trigger::PostLogin, event, &host());
    assert_eq!(decision.refresh_token.revoked.as_deref(), Some("stolen"));
    assert!(matches!(&decision.outcome, Outcome::Denied { code, .. } if code == "access_denied"));
}

#[test]
fn transaction_metadata_are_visible_at_once_and_bounded() {
    let body = "api.transaction.setMetadata(\"a\", \"x\"); api.transaction.setMetadata(\"step\", ());
        api.idToken.setCustomClaim(\"v\", event.transaction.metadata);
        api.transaction.setMetadata(\"\", 1);
        let s = \"\"; s.pad(6000, 'x');
        api.transaction.setMetadata(\"b\", s); api.transaction.setMetadata(\"c\", s); api.transaction.setMetadata(\"d\", s);
        s.pad(9000, 'x'); api.transaction.setMetadata(\"e\", s);";
    let decision = login(body);
    assert_eq!(claims(&decision.id_token), json!({"v": {"a": "x"}}));
    assert_eq!(decision.transaction_metadata.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(decision.refused.len(), 3);
}

#[test]
fn the_cache_answers_with_records_and_codes() {
    let host = host();
    let set = set(&[(
        "a.rhai",
        &handler(
            "api.idToken.setCustomClaim(\"before\", api.cache.get(\"k\"));
        api.idToken.setCustomClaim(\"set\", api.cache.set(\"k\", \"v\", #{ ttl: 1000 }));
        api.idToken.setCustomClaim(\"bad\", api.cache.set(\"k2\", \"v\", #{ ttl: -1 }).code);
        api.idToken.setCustomClaim(\"gone\", api.cache.delete(\"none\").code);",
        ),
    )]);
    let first = decide(&set, Trigger::PostLogin, event(), &host);
    let record = json!({"value": "v", "expires_at": 1_000_001_000});
    assert_eq!(
        claims(&first.id_token),
        json!({"set": {"type": "success", "record": record}, "bad": "InvalidExpiry", "gone": "CacheKeyDoesNotExist"})
    );
    assert_eq!(decide(&set, Trigger::PostLogin, event(), &host).id_token["before"].value, record);
    host.clock.advance(2);
    assert!(!decide(&set, Trigger::PostLogin, event(), &host).id_token.contains_key("before"));
}

#[test]
fn token_response_parameters_are_bounded_together() {
    let decision =
        login("let s = \"\"; s.pad(16000, 'x'); for i in 0..10 { api.tokenResponse.setCustomParameter(\"p\" + i, s); }");
    assert_eq!((decision.token_response.len(), decision.refused.len()), (6, 4), "{:?}", decision.trace);
}

#[test]
fn integral_floats_leave_as_integers() {
    assert_eq!(eval("[3.0, 2.5, 1, 'c', ()]"), json!([3, 2.5, 1, "c", null]));
}
