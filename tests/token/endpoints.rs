//! `/userinfo`, `/oauth/introspect` and `/oauth/revoke`.

use reqwest::header::WWW_AUTHENTICATE;
use serde_json::json;

use crate::parties::{API, OTHER, WEB, form, introspect, refresh, revoke, text, tokens, userinfo};
use crate::support::Server;

#[tokio::test]
async fn p120_p121_c07_userinfo_takes_a_token_from_header_or_form_but_not_from_the_url() {
    let server = Server::start(&[]).await;
    let body = tokens(&server, "openid", None).await;
    let token = text(&body, "access_token");
    let http = reqwest::Client::new();
    let posted = http.post(server.url("/userinfo")).form(&[("access_token", token)]).send().await.unwrap();
    assert_eq!(posted.status(), 200);
    assert_eq!(posted.headers()["cache-control"], "no-store");
    let twice = http.post(server.url("/userinfo")).bearer_auth(token).form(&[("access_token", token)]).send().await.unwrap();
    assert_eq!(twice.status(), 400);
    let query = http.get(server.url(&format!("/userinfo?access_token={token}"))).send().await.unwrap();
    assert_eq!(query.status(), 400);
    let missing = http.get(server.url("/userinfo")).send().await.unwrap();
    assert_eq!((missing.status().as_u16(), missing.headers()[WWW_AUTHENTICATE].as_bytes()), (401, &b"Bearer"[..]));
    let bad = http.get(server.url("/userinfo")).bearer_auth("nonsense").send().await.unwrap();
    assert_eq!(bad.status(), 401);
    assert!(bad.headers()[WWW_AUTHENTICATE].to_str().unwrap().contains("invalid_token"));
}

#[tokio::test]
async fn p089_p106_only_access_tokens_with_openid_open_userinfo() {
    let server = Server::start(&[]).await;
    let body = tokens(&server, "openid offline_access", None).await;
    assert_eq!(userinfo(&server, text(&body, "id_token")).await.0, 401);
    assert_eq!(userinfo(&server, text(&body, "refresh_token")).await.0, 401);
    let body = tokens(&server, "profile", None).await;
    assert_eq!(userinfo(&server, text(&body, "access_token")).await.0, 403);
    let body = tokens(&server, "read:things", Some(API)).await;
    assert_eq!(userinfo(&server, text(&body, "access_token")).await.0, 401);
}

#[tokio::test]
async fn userinfo_reads_the_profile_fresh() {
    let server = Server::start(&[]).await;
    let body = tokens(&server, "openid", None).await;
    let mut ada = server.app.store.user("auth0|ada").await.unwrap().unwrap();
    ada.nickname = Some("countess".into());
    let mut tx = server.app.store.begin().await.unwrap();
    tx.put_user(&ada, None).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(userinfo(&server, text(&body, "access_token")).await.1["nickname"], "countess");
}

#[tokio::test]
async fn p123_introspection_tells_the_owner_and_nobody_else() {
    let server = Server::start(&[]).await;
    for audience in [None, Some(API)] {
        let body = tokens(&server, "openid offline_access", audience).await;
        for token in ["access_token", "refresh_token"] {
            let active = introspect(&server, &WEB, text(&body, token)).await;
            assert_eq!((&active["active"], &active["client_id"]), (&json!(true), &json!("demo-web")), "{token}");
            assert_eq!((&active["sub"], &active["iss"]), (&json!("auth0|ada"), &json!(server.issuer)));
            assert!(active["exp"].is_i64() && active["iat"].is_i64() && active["scope"].is_string());
            assert_eq!(introspect(&server, &OTHER, text(&body, token)).await, json!({ "active": false }));
        }
        assert_eq!(introspect(&server, &WEB, text(&body, "id_token")).await, json!({ "active": false }));
    }
    assert_eq!(introspect(&server, &WEB, "unknown").await, json!({ "active": false }));
    assert_eq!(introspect(&server, &WEB, "a.b.c").await, json!({ "active": false }));
    let anonymous = form(&[("client_id", "demo-spa")], &[("token", "x")]);
    let answer = reqwest::Client::new().post(server.url("/oauth/introspect")).form(&anonymous).send().await.unwrap();
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn p126_a_revoked_refresh_token_takes_its_family_along() {
    let server = Server::start(&[]).await;
    let body = tokens(&server, "openid offline_access", None).await;
    revoke(&server, &OTHER, text(&body, "refresh_token")).await;
    assert_eq!(userinfo(&server, text(&body, "access_token")).await.0, 200, "another client revokes nothing");
    revoke(&server, &WEB, text(&body, "refresh_token")).await;
    assert_eq!(userinfo(&server, text(&body, "access_token")).await.0, 401);
    assert_eq!(refresh(&server, text(&body, "refresh_token"), &[]).await.0, 400);
    revoke(&server, &WEB, "unknown").await;
}

#[tokio::test]
async fn a_revoked_access_token_dies_alone() {
    let server = Server::start(&[]).await;
    for audience in [None, Some(API)] {
        let body = tokens(&server, "openid offline_access", audience).await;
        revoke(&server, &OTHER, text(&body, "access_token")).await;
        assert_eq!(userinfo(&server, text(&body, "access_token")).await.0, 200);
        revoke(&server, &WEB, text(&body, "access_token")).await;
        assert_eq!(userinfo(&server, text(&body, "access_token")).await.0, 401);
        assert_eq!(refresh(&server, text(&body, "refresh_token"), &[]).await.0, 200);
    }
}
