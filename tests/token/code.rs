//! `grant_type=authorization_code`.

use serde_json::{Value, json};

use crate::parties::{
    API, CALLBACK, OTHER, VERIFIER, WEB, code, form, futures_of, introspect, jwt, redemption, refresh, text, userinfo,
};
use crate::support::Server;

#[tokio::test]
async fn p100_a_code_yields_every_token_once() {
    let server = Server::start(&[]).await;
    let code = code(&server, "openid profile offline_access read:things", Some(API)).await;
    let (status, body) = server.token(&redemption(&code)).await;
    assert_eq!((status, &body["scope"]), (200, &json!("openid profile offline_access read:things")));
    let (_, claims) = jwt(&body["id_token"]);
    assert_eq!(
        (&claims["nonce"], &claims["aud"], &claims["iss"]),
        (&json!("n-1"), &json!("demo-web"), &json!(server.issuer))
    );
    assert!(claims["sid"].is_string() && claims["auth_time"].is_i64() && claims["at_hash"].is_string());
    let (_, claims) = jwt(&body["access_token"]);
    assert_eq!((&claims["gty"], &claims["azp"]), (&Value::Null, &json!("demo-web")));
    assert!(body["refresh_token"].is_string());
}

#[tokio::test]
async fn p050_c28_a_replayed_code_ends_everything_that_came_of_it() {
    for audience in [None, Some(API)] {
        let server = Server::start(&[]).await;
        let code = code(&server, "openid offline_access", audience).await;
        let (_, first) = server.token(&redemption(&code)).await;
        assert_eq!(userinfo(&server, text(&first, "access_token")).await.0, 200);
        let (status, body) = server.token(&redemption(&code)).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
        assert_eq!(userinfo(&server, text(&first, "access_token")).await.0, 401);
        assert_eq!(introspect(&server, &WEB, text(&first, "access_token")).await, json!({ "active": false }));
        assert_eq!(refresh(&server, text(&first, "refresh_token"), &[]).await.1["error"], "invalid_grant");
    }
}

#[tokio::test]
async fn p051_of_fifty_parallel_redemptions_one_wins() {
    let server = Server::start(&[]).await;
    let code = code(&server, "openid", None).await;
    let answers = futures_of(50, |_| async { server.token(&redemption(&code)).await }).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1);
    assert!(answers.iter().all(|(status, body)| *status == 200 || body["error"] == "invalid_grant"));
}

#[tokio::test]
async fn p041_p043_p052_p053_a_code_is_bound_to_verifier_redirect_uri_and_client_and_burnt_by_a_wrong_one() {
    let server = Server::start(&[]).await;
    let other_verifier = "eBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let wrong: [(&[(&str, &str)], Option<&str>, Option<&str>); 5] = [
        (&WEB, Some(CALLBACK), Some(other_verifier)),
        (&WEB, Some(CALLBACK), None),
        (&WEB, Some("http://localhost:3000/other"), Some(VERIFIER)),
        (&WEB, None, Some(VERIFIER)),
        (&OTHER, Some(CALLBACK), Some(VERIFIER)),
    ];
    for (client, redirect_uri, verifier) in wrong {
        let code = code(&server, "openid", None).await;
        let mut ask = vec![("grant_type", "authorization_code"), ("code", code.as_str())];
        ask.extend(redirect_uri.map(|uri| ("redirect_uri", uri)));
        ask.extend(verifier.map(|verifier| ("code_verifier", verifier)));
        let (status, body) = server.token(&form(client, &ask)).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")), "{redirect_uri:?} {verifier:?}");
        assert_eq!(server.token(&redemption(&code)).await.0, 400, "the code is burnt");
    }
}

#[tokio::test]
async fn p054_a_user_who_is_blocked_meanwhile_gets_no_tokens() {
    let server = Server::start(&[]).await;
    let code = code(&server, "openid", None).await;
    let mut ada = server.app.store.user("auth0|ada").await.unwrap().unwrap();
    ada.blocked = true;
    let mut tx = server.app.store.begin().await.unwrap();
    tx.put_user(&ada, None).await.unwrap();
    tx.commit().await.unwrap();
    let (status, body) = server.token(&redemption(&code)).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
}
