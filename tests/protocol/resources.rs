//! `/userinfo`, introspection and revocation, and the shape of access tokens.

use serde_json::{Value, json};
use vestibule::clock::Clock;

use crate::parties::{API, MACHINE, WEB, form, introspect, jwt, refresh, revoke, text, tokens, userinfo};
use crate::support::Server;
use crate::support::agent::{Agent, fragment, location};

const RFC9068: &str = "https://rfc9068.example.com/";

/// A user of whom everything is known.
pub(crate) const EVE: &str = r#"
[[users]]
user_id = "auth0|eve"
email = "eve@example.com"
email_verified = true
password = "correct horse battery"
name = "Eve Example"
given_name = "Eve"
family_name = "Example"
nickname = "eve"
picture = "https://example.com/eve.png"
phone_number = "+4912345678"
"#;

#[tokio::test]
async fn p102_the_rfc_9068_dialect_has_every_member() {
    let server = Server::start(&[]).await;
    let body = tokens(&server, "read:things", Some(RFC9068)).await;
    let (header, claims) = jwt(&body["access_token"]);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("RS256")));
    for (name, value) in [
        ("iss", json!(server.issuer)),
        ("aud", json!(RFC9068)),
        ("sub", json!("auth0|ada")),
        ("client_id", json!("demo-web")),
        ("scope", json!("read:things")),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    assert!(claims["exp"].is_i64() && claims["iat"].is_i64() && claims["jti"].is_string());
    server.stop().await;
}

#[tokio::test]
async fn p112_p113_actions_cannot_take_the_protocols_names_or_burst_a_token() {
    let action = r#"
        fn onExecutePostLogin(event, api) {
            for name in ["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "nonce", "azp", "at_hash", "c_hash", "auth_time",
                         "sid", "client_id", "scope", "cnf", "act", "gty"] {
                api.idToken.setCustomClaim(name, "forged");
                api.accessToken.setCustomClaim(name, "forged");
            }
            for name in ["access_token", "id_token", "refresh_token", "token_type", "expires_in", "scope", "error", "state"] {
                api.tokenResponse.setCustomParameter(name, "forged");
            }
        }
    "#;
    let server = Server::start(&[("a", action)]).await;
    for audience in [API, RFC9068] {
        let body = tokens(&server, "openid offline_access", Some(audience)).await;
        for token in ["id_token", "access_token"] {
            let claims = jwt(&body[token]).1;
            assert!(!claims.to_string().contains("forged"), "{token}: {claims}");
        }
        assert!(!body.to_string().contains("forged"), "{body}");
        if audience == API {
            let (_, info) = userinfo(&server, text(&body, "access_token")).await;
            assert!(!info.to_string().contains("forged"), "{info}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn p113_an_answer_that_no_redirect_can_carry_is_an_error_and_leaves_nothing_behind() {
    let action = r#"
        fn onExecutePostLogin(event, api) {
            let parts = parseInt(event.request.query.parts);
            for part in 0..parts { api.idToken.setCustomClaim("https://example.com/" + part, "x".repeat(9000)); }
            api.user.setAppMetadata("parts", parts);
        }
    "#;
    let server = Server::start(&[("a", action)]).await;
    let agent = Agent::new();
    let implicit = |parts, mode| {
        [
            ("client_id", "demo-implicit"),
            ("redirect_uri", "http://localhost:3002/callback"),
            ("response_type", "id_token"),
            ("nonce", "n"),
            ("scope", "openid"),
            ("parts", parts),
            ("response_mode", mode),
        ]
    };
    let small = fragment(&agent.log_in(&server, &implicit("2", "")).await);
    assert!(small["id_token"].len() > 20_000);
    let other = Agent::new();
    let refused = other.log_in(&server, &[&implicit("10", "")[..], &[("state", "other")]].concat()).await;
    assert!(location(&refused).len() < 1_000);
    let told = fragment(&refused);
    assert_eq!((told["error"].as_str(), told["state"].as_str()), ("server_error", "other"));
    assert!(told["error_description"].contains("form_post"), "{told:?}");
    let ada = server.app.store.user("auth0|ada").await.unwrap().unwrap();
    assert_eq!(ada.app_metadata.get("parts"), Some(&json!(2)), "of the one that was answered");
    let posted = agent.authorize(&server, &implicit("10", "form_post")).await;
    assert_eq!(posted.status(), 200);
    assert!(posted.text().await.unwrap().len() > 90_000, "a form has no such bound");
    server.stop().await;
}

#[tokio::test]
async fn p113_a_request_whose_answer_would_not_fit_is_refused_before_anybody_logs_in() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let long = "s".repeat(40_000);
    let answer = agent.authorize(&server, &[("state", &long)]).await;
    assert_eq!(answer.status(), 400);
    assert!(!answer.headers().contains_key("location"));
    assert_eq!(agent.authorize(&server, &[("state", &long), ("response_mode", "form_post")]).await.status(), 302);
    let posted = [("client_id", "demo-web"), ("redirect_uri", "http://localhost:3000/callback"), ("login_hint", &long)];
    let request = agent.0.post(server.url("/authorize")).header("sec-fetch-site", "cross-site").form(&posted);
    assert_eq!(request.send().await.unwrap().status(), 400, "nor is it turned into a GET");
    server.stop().await;
}

#[tokio::test]
async fn p121_every_refusal_has_its_status_and_challenge() {
    let clock = Clock::fixed(1_800_000_000);
    let server = Server::start_with(&[], "", clock.clone()).await;
    let http = reqwest::Client::new();
    let opaque = tokens(&server, "openid", None).await;
    let signed = tokens(&server, "openid", Some(API)).await;
    let machine = server.token(&form(&MACHINE, &[("grant_type", "client_credentials"), ("audience", API)])).await.1;
    let ask = async |token: &str| {
        let answer = http.get(server.url("/userinfo")).bearer_auth(token).send().await.unwrap();
        let challenge = answer.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), challenge.unwrap_or_default())
    };
    for bad in ["nonsense", "a.b.c", text(&machine, "access_token")] {
        let (status, challenge) = ask(bad).await;
        assert_eq!(status, 401, "{bad}");
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
    assert_eq!(ask(text(&opaque, "access_token")).await.0, 200);
    clock.advance(25 * 3_600);
    for expired in [&opaque, &signed] {
        let (status, challenge) = ask(text(expired, "access_token")).await;
        assert_eq!(status, 401);
        assert!(challenge.contains("invalid_token"));
        let seen = introspect(&server, &WEB, text(expired, "access_token")).await;
        assert_eq!(seen, json!({ "active": false }));
    }
    server.stop().await;
}

#[tokio::test]
async fn p122_c09_c10_c11_c12_c13_claims_follow_the_scopes() {
    let server = Server::start_with(&[], EVE, Clock::System).await;
    let agent = crate::support::agent::Agent::new();
    let seen = async |scope: &str| {
        let (page, html) = agent.login_page(&server, &[("scope", scope), ("prompt", "login")]).await;
        let right = [("username", "eve@example.com"), ("password", crate::support::PASSWORD)];
        let body = crate::interaction::redeem(&server, &agent.submit(&page, &html, &right).await).await;
        let (status, info) = userinfo(&server, text(&body, "access_token")).await;
        assert_eq!(status, 200);
        let token = jwt(&body["id_token"]).1;
        assert_eq!(info["sub"], token["sub"]);
        let mut names: Vec<String> = info.as_object().unwrap().keys().filter(|name| *name != "sub").cloned().collect();
        names.sort();
        names
    };
    let profile = ["family_name", "given_name", "name", "nickname", "picture", "updated_at"];
    let email = ["email", "email_verified"];
    let phone = ["phone_number", "phone_number_verified"];
    assert_eq!(seen("openid").await, [""; 0]);
    assert_eq!(seen("openid profile").await, profile);
    assert_eq!(seen("openid email").await, email);
    assert_eq!(seen("openid phone").await, phone);
    assert_eq!(seen("openid address").await, [""; 0], "there is no address in a profile");
    let mut all: Vec<&str> = [&profile[..], &email, &phone].concat();
    all.sort_unstable();
    assert_eq!(seen("openid profile email address phone").await, all);
    server.stop().await;
}

#[tokio::test]
async fn p123_p124_strangers_learn_nothing() {
    let server = Server::start(&[]).await;
    let body = tokens(&server, "openid offline_access", Some(API)).await;
    let http = reqwest::Client::new();
    let post = async |form: &[(&str, &str)]| {
        let answer = http.post(server.url("/oauth/introspect")).form(form).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let token = text(&body, "access_token");
    for credentials in [vec![], vec![("client_id", "demo-web")], vec![("client_id", "demo-web"), ("client_secret", "x")]] {
        assert_eq!(post(&form(&credentials, &[("token", token)])).await.0, 401, "{credentials:?}");
    }
    revoke(&server, &WEB, token).await;
    let foreign = format!("{}x", text(&body, "id_token"));
    for unusable in [token, "unknown", "a.b.c", "..", text(&body, "id_token"), &foreign, "ü", "\u{1}"] {
        for hint in ["access_token", "refresh_token", "magic"] {
            let answer = post(&form(&WEB, &[("token", unusable), ("token_type_hint", hint)])).await;
            assert_eq!(answer, (200, r#"{"active":false}"#.to_owned()), "{unusable}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn p126_revocation_ignores_wrong_hints_and_strangers() {
    let server = Server::start(&[]).await;
    let body = tokens(&server, "openid offline_access", Some(API)).await;
    let http = reqwest::Client::new();
    let anonymous = http.post(server.url("/oauth/revoke")).form(&[("token", text(&body, "refresh_token"))]);
    assert_eq!(anonymous.send().await.unwrap().status(), 401);
    let hinted = form(&WEB, &[("token", text(&body, "refresh_token")), ("token_type_hint", "access_token")]);
    assert_eq!(http.post(server.url("/oauth/revoke")).form(&hinted).send().await.unwrap().status(), 200);
    assert_eq!(refresh(&server, text(&body, "refresh_token"), &[]).await.0, 400);
    assert_eq!(userinfo(&server, text(&body, "access_token")).await.0, 401);
    server.stop().await;
}

#[tokio::test]
async fn p127_without_a_database_nothing_is_promised() {
    let server = Server::start(&[]).await;
    let body = tokens(&server, "openid offline_access", Some(API)).await;
    server.app.database.close().await;
    let http = reqwest::Client::new();
    for path in ["/oauth/revoke", "/oauth/introspect", "/oauth/token"] {
        let secret = text(&body, "refresh_token");
        let ask = form(&WEB, &[("token", secret), ("refresh_token", secret), ("grant_type", "refresh_token")]);
        let answer = http.post(server.url(path)).form(&ask).send().await.unwrap();
        assert_eq!(answer.status(), 503, "{path}");
        assert!(answer.headers().contains_key("retry-after"), "{path}");
        let body: Value = answer.json().await.unwrap();
        assert!(!body.to_string().contains("pool"), "{body}");
    }
    assert_eq!(userinfo(&server, text(&body, "access_token")).await.0, 503);
    let page = crate::support::agent::Agent::new().authorize(&server, &[]).await;
    assert_eq!(page.status(), 503);
    assert_eq!(http.get(server.url("/readyz")).send().await.unwrap().status(), 503);
    assert_eq!(http.get(server.url("/.well-known/jwks.json")).send().await.unwrap().status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn p128_only_known_origins_read_answers() {
    let server = Server::start(&[]).await;
    let http = reqwest::Client::new();
    let allowed = async |method: reqwest::Method, path: &str, origin: &str| {
        let request = http.request(method, server.url(path)).header("origin", origin);
        let answer = request.header("access-control-request-method", "POST").send().await.unwrap();
        assert!(!answer.headers().contains_key("access-control-allow-credentials"), "{path}");
        answer.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap().to_owned())
    };
    for method in [reqwest::Method::OPTIONS, reqwest::Method::POST] {
        for path in ["/oauth/token", "/oauth/revoke"] {
            let known = allowed(method.clone(), path, "http://localhost:5173").await;
            assert_eq!(known.as_deref(), Some("http://localhost:5173"), "{path}");
            for origin in ["https://evil.example", "null", "http://localhost:5173.evil.example", "http://localhost:51733"] {
                assert_eq!(allowed(method.clone(), path, origin).await, None, "{path} {origin}");
            }
        }
        for path in ["/oauth/introspect", "/authorize", "/u/login", "/oidc/logout", "/v2/logout", "/healthz"] {
            assert_eq!(allowed(method.clone(), path, "http://localhost:5173").await, None, "{path}");
        }
    }
    for path in ["/.well-known/openid-configuration", "/.well-known/jwks.json", "/userinfo"] {
        assert_eq!(allowed(reqwest::Method::GET, path, "https://any.example").await.as_deref(), Some("*"), "{path}");
    }
    server.stop().await;
}
