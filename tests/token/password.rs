//! `grant_type=password`.

use std::sync::Arc;

use serde_json::{Value, json};
use vestibule::clock::Clock;

use crate::parties::{API, OTHER, WEB, form, jwt, text, tokens, userinfo};
use crate::support::{PASSWORD, Server};

const ASK: [(&str, &str); 3] = [("grant_type", "password"), ("username", "ada@example.com"), ("password", PASSWORD)];

#[tokio::test]
async fn openid_brings_all_standard_scopes_and_an_opaque_token() {
    let server = Server::start(&[]).await;
    let body = tokens(&server, "openid user_metadata picture", None).await;
    assert_eq!(body["scope"], "openid profile email address phone");
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 86_400);
    assert!(!text(&body, "access_token").contains('.'));
    let (_, claims) = jwt(&body["id_token"]);
    assert_eq!(
        (&claims["sub"], &claims["aud"], &claims["email"]),
        (&json!("auth0|ada"), &json!("demo-web"), &json!("ada@example.com"))
    );
    assert!(claims["updated_at"].is_i64() && claims["auth_time"].is_i64() && claims["at_hash"].is_string());
    let (status, claims) = userinfo(&server, text(&body, "access_token")).await;
    assert_eq!((status, &claims["sub"], &claims["name"]), (200, &json!("auth0|ada"), &json!("Ada")));
}

#[tokio::test]
async fn an_api_yields_a_jwt_of_its_scopes_in_its_dialect() {
    let server = Server::start(&[]).await;
    let body = tokens(&server, "openid read:things delete:things", Some(API)).await;
    let (header, claims) = jwt(&body["access_token"]);
    assert_eq!(header["typ"], "JWT");
    assert_eq!(claims["aud"], json!([API, format!("{}userinfo", server.issuer)]));
    assert_eq!((&claims["azp"], &claims["gty"]), (&json!("demo-web"), &json!("password")));
    assert_eq!(claims["scope"], "openid read:things profile email address phone");
    assert_eq!(userinfo(&server, text(&body, "access_token")).await.0, 200);

    let body = tokens(&server, "", Some("https://rfc9068.example.com/")).await;
    let (header, claims) = jwt(&body["access_token"]);
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!((&claims["client_id"], &claims["azp"], &claims["gty"]), (&json!("demo-web"), &Value::Null, &Value::Null));
    assert_eq!((&claims["scope"], &claims["aud"]), (&json!("read:things"), &json!("https://rfc9068.example.com/")));
    assert!(claims["jti"].is_string());
    assert_eq!(userinfo(&server, text(&body, "access_token")).await.0, 401);
}

#[tokio::test]
async fn p165_wrong_passwords_unknown_users_and_realms_are_refused() {
    let server = Server::start(&[]).await;
    for (username, password) in [("ada@example.com", "wrong"), ("nobody@example.com", PASSWORD)] {
        let ask = [("grant_type", "password"), ("username", username), ("password", password)];
        let (status, body) = server.token(&form(&WEB, &ask)).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
        assert_eq!(body["error_description"], "Wrong email or password.");
    }
    let (status, body) = server.token(&form(&WEB, &[&ASK[..], &[("realm", "elsewhere")]].concat())).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_request")));
    let realm = [
        ("grant_type", "http://auth0.com/oauth/grant-type/password-realm"),
        ("realm", "Username-Password-Authentication"),
        ASK[1],
        ASK[2],
    ];
    assert_eq!(server.token(&form(&WEB, &realm)).await.0, 200);
    let (status, body) = server.token(&form(&OTHER, &ASK)).await;
    assert_eq!((status, &body["error"]), (400, &json!("unauthorized_client")));
    assert_eq!(body["error_description"], "Grant type 'password' not allowed for the client.");
}

#[tokio::test]
async fn p166_guessing_is_slowed_down_after_ten_wrong_passwords() {
    let server = Server::start(&[]).await;
    for _ in 0..10 {
        let wrong = [("grant_type", "password"), ("username", "bob@example.com"), ("password", "wrong")];
        assert_eq!(server.token(&form(&WEB, &wrong)).await.0, 400);
    }
    let right = [("grant_type", "password"), ("username", "bob@example.com"), ("password", PASSWORD)];
    let (status, body) = server.token(&form(&WEB, &right)).await;
    assert_eq!((status, &body["error"]), (429, &json!("too_many_attempts")));
    assert_eq!(server.token(&form(&WEB, &ASK)).await.0, 200, "others are not slowed down");
}

#[tokio::test]
async fn actions_decide_claims_scopes_and_response_parameters() {
    let action = r#"
        fn onExecutePostLogin(event, api) {
            api.idToken.setCustomClaim("https://example.com/roles", event.authorization.roles);
            api.accessToken.setCustomClaim("plan", event.client.metadata.plan);
            api.accessToken.setCustomClaim("email", "spoofed@example.com");
            api.accessToken.addScope("write:things");
            api.accessToken.addScope("delete:things");
            api.tokenResponse.setCustomParameter("protocol", event.transaction.protocol);
        }
    "#;
    let server = Server::start(&[("a", action)]).await;
    let body = tokens(&server, "read:things", Some(API)).await;
    assert_eq!(body["protocol"], "oauth2-password");
    assert_eq!(body["scope"], "read:things write:things");
    let (_, claims) = jwt(&body["access_token"]);
    assert_eq!((&claims["plan"], &claims["email"]), (&json!("pro"), &Value::Null));
    let body = tokens(&server, "openid", None).await;
    let (_, claims) = jwt(&body["id_token"]);
    assert_eq!(claims["https://example.com/roles"], json!(["admin", "intern"]));
    let (_, claims) = userinfo(&server, text(&body, "access_token")).await;
    assert_eq!(claims["https://example.com/roles"], json!(["admin", "intern"]));
}

#[tokio::test]
async fn too_many_claims_fail_with_a_reference() {
    let action = r#"
        fn onExecutePostLogin(event, api) {
            let text = "0123456789";
            for i in 0..10 { text += text; }
            for i in 0..12 { api.idToken.setCustomClaim("claim-" + i, text); }
        }
    "#;
    let server = Server::start(&[("a", action)]).await;
    let (status, body) = server.token(&form(&WEB, &[&ASK[..], &[("scope", "openid")]].concat())).await;
    assert_eq!((status, &body["error"]), (500, &json!("server_error")));
    assert!(text(&body, "error_description").contains("reference"));
}

#[tokio::test]
async fn right_passwords_at_once_are_never_slowed_down() {
    let server = Arc::new(Server::start(&[]).await);
    let mut logins = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let server = Arc::clone(&server);
        logins.spawn(async move { server.token(&form(&WEB, &ASK)).await.0 });
    }
    let statuses = logins.join_all().await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}

#[tokio::test]
async fn a_right_guess_among_many_at_once_is_not_told() {
    let server = Arc::new(Server::start_with(&[], "", Clock::fixed(1_800_000_000)).await);
    let guess = async |server: &Server, password: &str| {
        let ask = [("grant_type", "password"), ("username", "bob@example.com"), ("password", password)];
        server.token(&form(&WEB, &ask)).await.0
    };
    let mut guesses = tokio::task::JoinSet::new();
    for _ in 0..24 {
        let server = Arc::clone(&server);
        guesses.spawn(async move { guess(&server, "wrong").await });
    }
    let statuses = guesses.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 10, "{statuses:?}");
    assert_eq!(guess(&server, PASSWORD).await, 429);
}
