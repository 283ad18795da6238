//! `grant_type=refresh_token`.

use serde_json::{Value, json};
use vestibule::clock::Clock;

use crate::parties::{API, OTHER, WEB, form, futures_of, introspect, jwt, refresh, text, tokens, userinfo};
use crate::support::Server;

const OFFLINE: &str = "openid offline_access";

#[tokio::test]
async fn c37_a_refresh_rotates_and_keeps_the_identity() {
    let server = Server::start(&[]).await;
    let first = tokens(&server, OFFLINE, Some(API)).await;
    let (status, second) = refresh(&server, text(&first, "refresh_token"), &[]).await;
    assert_eq!(status, 200);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let (before, after) = (jwt(&first["id_token"]).1, jwt(&second["id_token"]).1);
    assert_eq!((&before["sub"], &before["auth_time"]), (&after["sub"], &after["auth_time"]));
    assert_eq!((&after["nonce"], &after["sid"]), (&Value::Null, &Value::Null));
    assert_eq!(jwt(&second["access_token"]).1["gty"], "refresh_token");
}

#[tokio::test]
async fn p080_a_replayed_refresh_token_ends_the_family_and_its_access_tokens() {
    for audience in [None, Some(API)] {
        let server = Server::start(&[]).await;
        let first = tokens(&server, OFFLINE, audience).await;
        let (_, second) = refresh(&server, text(&first, "refresh_token"), &[]).await;
        assert_eq!(userinfo(&server, text(&second, "access_token")).await.0, 200);
        let (status, body) = refresh(&server, text(&first, "refresh_token"), &[]).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
        assert_eq!(refresh(&server, text(&second, "refresh_token"), &[]).await.0, 400);
        for body in [&first, &second] {
            assert_eq!(userinfo(&server, text(body, "access_token")).await.0, 401);
            assert_eq!(introspect(&server, &WEB, text(body, "access_token")).await, json!({ "active": false }));
        }
    }
}

#[tokio::test]
async fn p081_of_parallel_refreshes_one_wins() {
    let server = Server::start(&[]).await;
    let first = tokens(&server, OFFLINE, None).await;
    let token = text(&first, "refresh_token");
    let answers = futures_of(50, |_| refresh(&server, token, &[])).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1);
    assert!(answers.iter().all(|(status, body)| *status == 200 || body["error"] == "invalid_grant"));
    let (_, winner) = answers.iter().find(|(status, _)| *status == 200).unwrap();
    let (status, body) = refresh(&server, text(winner, "refresh_token"), &[]).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")), "the losers were replays: the family is revoked");
}

#[tokio::test]
async fn p084_the_scope_may_narrow_but_not_widen() {
    let server = Server::start(&[]).await;
    let first = tokens(&server, "offline_access read:things write:things", Some(API)).await;
    let (status, second) = refresh(&server, text(&first, "refresh_token"), &[("scope", "read:things")]).await;
    assert_eq!((status, &second["scope"]), (200, &json!("read:things")));
    let (status, body) = refresh(&server, text(&second, "refresh_token"), &[("scope", "read:things email")]).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_scope")));
    let (_, third) = refresh(&server, text(&second, "refresh_token"), &[]).await;
    assert_eq!(third["scope"], "offline_access read:things write:things");
}

#[tokio::test]
async fn p084_words_that_the_login_did_not_get_are_ignored_beside_granted_ones_and_refused_alone() {
    let server = Server::start(&[]).await;
    let first = tokens(&server, "openid offline_access admin", None).await;
    let token = text(&first, "refresh_token");
    let (status, body) = refresh(&server, token, &[("scope", "admin")]).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_scope")));
    let (status, body) = refresh(&server, token, &[("scope", "openid admin")]).await;
    assert_eq!((status, &body["scope"]), (200, &json!("openid")), "and the token is not spent");
    let (status, body) = refresh(&server, text(&body, "refresh_token"), &[("scope", " ")]).await;
    assert_eq!((status, &body["scope"]), (200, &first["scope"]), "nothing but spaces asks for nothing");
}

#[tokio::test]
async fn p083_a_refresh_token_is_bound_to_its_client() {
    let server = Server::start(&[]).await;
    let first = tokens(&server, OFFLINE, None).await;
    let token = text(&first, "refresh_token");
    let foreign = form(&OTHER, &[("grant_type", "refresh_token"), ("refresh_token", token)]);
    let (status, body) = server.token(&foreign).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
    assert_eq!(refresh(&server, token, &[]).await.0, 200, "the owner is not harmed");
}

#[tokio::test]
async fn p090_a_denied_or_failed_refresh_leaves_the_token_usable() {
    let action = r#"
        fn onExecutePostLogin(event, api) {
            if event.transaction.protocol != "oauth2-refresh-token" { return; }
            if event.request.body.mood == "deny" { api.access.deny("not now"); }
            if event.request.body.mood == "fail" { throw "broken"; }
        }
    "#;
    let server = Server::start(&[("a", action)]).await;
    let first = tokens(&server, OFFLINE, None).await;
    let token = text(&first, "refresh_token");
    let (status, body) = refresh(&server, token, &[("mood", "deny")]).await;
    assert_eq!((status, body), (403, json!({ "error": "access_denied", "error_description": "not now" })));
    let (status, body) = refresh(&server, token, &[("mood", "fail")]).await;
    assert_eq!((status, &body["error"]), (500, &json!("server_error")));
    assert!(!body.to_string().contains("broken"), "an action's words stay in the log: {body}");
    assert_eq!(refresh(&server, token, &[("mood", "fine")]).await.0, 200);
}

#[tokio::test]
async fn an_action_can_revoke_the_family() {
    let action = r#"
        fn onExecutePostLogin(event, api) {
            if event.transaction.protocol == "oauth2-refresh-token" { api.refreshToken.revoke("device lost"); }
        }
    "#;
    let server = Server::start(&[("a", action)]).await;
    let first = tokens(&server, OFFLINE, None).await;
    let (status, body) = refresh(&server, text(&first, "refresh_token"), &[]).await;
    assert_eq!((status, body), (403, json!({ "error": "access_denied", "error_description": "device lost" })));
    assert_eq!(refresh(&server, text(&first, "refresh_token"), &[]).await.1["error"], "invalid_grant");
    assert_eq!(userinfo(&server, text(&first, "access_token")).await.0, 401);
}

#[tokio::test]
async fn p085_refresh_tokens_end_when_idle_and_in_the_end() {
    const DAY: i64 = 86_400;
    let clock = Clock::fixed(1_800_000_000);
    let server = Server::start_with(&[], "", clock.clone()).await;
    let idle = tokens(&server, OFFLINE, None).await;
    let mut used = text(&tokens(&server, OFFLINE, None).await, "refresh_token").to_owned();
    for _ in 0..2 {
        clock.advance(14 * DAY);
        let (status, next) = refresh(&server, &used, &[]).await;
        assert_eq!(status, 200);
        text(&next, "refresh_token").clone_into(&mut used);
    }
    assert_eq!(refresh(&server, text(&idle, "refresh_token"), &[]).await.0, 400, "idle for 28 days");
    clock.advance(2 * DAY);
    assert_eq!(refresh(&server, &used, &[]).await.0, 400, "30 days after the login");
}

#[tokio::test]
async fn p087_without_offline_access_there_is_no_refresh_token() {
    let server = Server::start(&[]).await;
    assert_eq!(tokens(&server, "openid", None).await["refresh_token"], Value::Null);
    let strict = "https://rfc9068.example.com/";
    let body = tokens(&server, "offline_access read:things", Some(strict)).await;
    assert_eq!((&body["scope"], &body["refresh_token"]), (&json!("read:things"), &Value::Null));
}
