//! What a trace tells of each action: its effects in order, and what it read.

use super::*;
use crate::domain::trace::{ActionTrace, EffectKind};

/// `kind name value line`.
fn effects(action: &ActionTrace) -> Vec<String> {
    let shown = |effect: &crate::domain::trace::Effect| {
        let kind = serde_json::to_value(effect.kind).unwrap();
        let value = effect.value.as_ref().map_or("-".to_owned(), ToString::to_string);
        format!("{} {} {value} {}", kind.as_str().unwrap(), effect.name, effect.by.line)
    };
    action.effects.iter().map(shown).collect()
}

fn reads(body: &str) -> Vec<String> {
    let decision = login(body);
    assert_eq!(decision.outcome, Outcome::Allowed, "{body}: {:?}", decision.trace);
    decision.trace.actions[0].reads.iter().map(|read| format!("{}:{}", read.path, read.line)).collect()
}

#[test]
fn effects_are_told_in_order_with_what_was_taken_away() {
    let decision = login(
        r#"api.idToken.setCustomClaim("a", 1).accessToken.setCustomClaim("b", [2]);
        api.idToken.setCustomClaim("a", ());
        api.tokenResponse.setCustomParameter("c", "d");
        api.accessToken.addScope("email").accessToken.removeScope("phone");
        api.user.setAppMetadata("plan", "pro").user.setUserMetadata("theme", ());
        api.transaction.setMetadata("step", 2);
        api.idToken.setCustomClaim("sub", "refused");
        api.access.deny("no");"#,
    );
    let expected = [
        "id_token a 1 2",
        "access_token b [2] 2",
        "id_token a - 3",
        "token_response c \"d\" 4",
        "scope email true 5",
        "scope phone - 5",
        "app_metadata plan \"pro\" 6",
        "user_metadata theme - 6",
        "transaction_metadata step 2 7",
        "deny access_denied \"no\" 9",
    ];
    let action = &decision.trace.actions[0];
    assert_eq!(effects(action), expected);
    assert!(!action.effects_dropped && action.effects_left_out == 0);
    assert_eq!(action.effects[0].by.to_string(), "actions/10-a.rhai:2:13");
}

#[test]
fn the_effects_of_an_action_that_fails_are_told_and_marked_as_dropped() {
    let decision = login("api.idToken.setCustomClaim(\"a\", 1); throw \"x\";");
    let action = &decision.trace.actions[0];
    assert!(action.effects_dropped && decision.id_token.is_empty());
    assert_eq!((action.effects.len(), action.effects[0].kind), (1, EffectKind::IdToken));
}

#[test]
fn a_flood_of_effects_happens_and_is_not_told_one_by_one() {
    let decision = login("for n in 0..1000 { api.idToken.setCustomClaim(\"a\", n); }");
    let action = &decision.trace.actions[0];
    assert_eq!((action.effects.len(), action.effects_left_out), (256, 744));
    assert_eq!(claims(&decision.id_token), json!({ "a": 999 }));
}

#[test]
fn what_was_read_is_told_once_by_its_path() {
    assert_eq!(
        reads("let a = event.user.email;\nlet b = event.user.app_metadata.plan ?? \"free\";\nlet c = event.user.email;"),
        ["event.user.email:2", "event.user.app_metadata.plan:3"]
    );
    assert_eq!(
        reads("for id in event.user.identities { print(id.provider); }"),
        ["event.user.identities:2", "event.user.identities[].provider:2"]
    );
    assert_eq!(
        reads("event.request.query[\"a b\"]; \"plan\" in event.client.metadata;"),
        ["event.request.query[\"a b\"]:2", "event.client.metadata.plan:2"]
    );
    assert_eq!(reads("if event.refresh_token == () { event.session?.id; }"), ["event.refresh_token:2", "event.session:2"]);
    assert_eq!(reads("let e = event.secrets.API_KEY;"), ["event.secrets.API_KEY:2"]);
}

#[test]
fn reading_everything_is_told_as_such_and_writing_back_is_no_reading() {
    assert_eq!(
        reads("print(event.user.app_metadata); event.user.app_metadata.roles;"),
        ["event.user.app_metadata:2", "event.user.app_metadata.roles:2"]
    );
    assert_eq!(reads("event.user.app_metadata.roles.filter(|role| role == \"x\");"), ["event.user.app_metadata.roles:2"]);
    assert_eq!(reads("json::stringify(event.user);"), ["event.user:2"]);
    assert_eq!(reads("").len(), 0);
}

#[test]
fn a_loop_over_many_paths_is_cut_short() {
    assert_eq!(reads("for n in 0..500 { event.user.app_metadata[`k${n}`]; }").len(), 62, "with the steps to them");
}
