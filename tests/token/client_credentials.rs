//! `grant_type=client_credentials`.

use serde_json::{Value, json};

use crate::parties::{API, MACHINE, WEB, form, introspect, jwt, revoke, text, userinfo};
use crate::support::Server;

const ASK: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("audience", API)];

#[tokio::test]
async fn p065_a_machine_gets_an_access_token_and_nothing_else() {
    let server = Server::start(&[]).await;
    let (status, body) = server.token(&form(&MACHINE, &ASK)).await;
    assert_eq!((status, &body["scope"]), (200, &json!("read:things")));
    assert_eq!((&body["id_token"], &body["refresh_token"]), (&Value::Null, &Value::Null));
    let (_, claims) = jwt(&body["access_token"]);
    assert_eq!((&claims["sub"], &claims["gty"]), (&json!("demo-m2m@clients"), &json!("client-credentials")));
    assert_eq!((&claims["aud"], &claims["azp"]), (&json!(API), &json!("demo-m2m")));
    assert_eq!(userinfo(&server, text(&body, "access_token")).await.0, 401);
    let active = introspect(&server, &MACHINE, text(&body, "access_token")).await;
    assert_eq!((&active["active"], &active["scope"]), (&json!(true), &json!("read:things")));
    revoke(&server, &MACHINE, text(&body, "access_token")).await;
    assert_eq!(introspect(&server, &MACHINE, text(&body, "access_token")).await, json!({ "active": false }));
}

#[tokio::test]
async fn p064_audiences_and_scopes_beyond_the_client_grant_are_refused() {
    let server = Server::start(&[]).await;
    let refused = async |more: &[(&str, &str)]| {
        let (status, body) = server.token(&form(&MACHINE, &[&[("grant_type", "client_credentials")], more].concat())).await;
        (status, text(&body, "error").to_owned())
    };
    assert_eq!(refused(&[]).await, (400, "invalid_request".to_owned()));
    assert_eq!(refused(&[("audience", "https://unknown.example.com/")]).await, (403, "access_denied".to_owned()));
    assert_eq!(refused(&[("audience", "https://rfc9068.example.com/")]).await, (403, "access_denied".to_owned()));
    assert_eq!(refused(&[("audience", API), ("scope", "write:things")]).await, (400, "invalid_scope".to_owned()));
    let (status, body) = server.token(&form(&WEB, &ASK)).await;
    assert_eq!((status, &body["error"]), (400, &json!("unauthorized_client")));
}

#[tokio::test]
async fn credentials_exchange_adds_claims_scopes_and_parameters() {
    let action = r#"
        fn onExecuteCredentialsExchange(event, api) {
            api.accessToken.setCustomClaim("granted", event.accessToken.scope);
            api.accessToken.addScope("write:things");
            api.accessToken.addScope("openid");
            api.tokenResponse.setCustomParameter("region", "eu");
            if event.request.body.launch == "no" { api.access.deny("invalid_request", "no launch"); }
        }
    "#;
    let server = Server::start(&[("a", action)]).await;
    let (_, body) = server.token(&form(&MACHINE, &ASK)).await;
    assert_eq!((&body["scope"], &body["region"]), (&json!("read:things write:things"), &json!("eu")));
    assert_eq!(jwt(&body["access_token"]).1["granted"], json!(["read:things"]));
    let (status, body) = server.token(&form(&MACHINE, &[&ASK[..], &[("launch", "no")]].concat())).await;
    assert_eq!((status, body), (403, json!({ "error": "invalid_request", "error_description": "no launch" })));
}
