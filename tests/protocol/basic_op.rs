//! The modules of the OpenID Basic OP certification plan that no other test covers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use vestibule::clock::Clock;
use vestibule::domain::hash;

use crate::interaction::redeem;
use crate::parties::{CALLBACK, OTHER, VERIFIER, WEB, code, form, jwt, redemption, text, userinfo};
use crate::support::Server;
use crate::support::agent::{Agent, authorize_url, query};

#[tokio::test]
async fn c01_c32_the_whole_flow_with_secrets_in_header_and_body() {
    let server = Server::start(&[]).await;
    let http = reqwest::Client::new();
    let agent = Agent::new();
    let discovery: Value = agent.get(server.url("/.well-known/openid-configuration")).await.json().await.unwrap();
    for in_header in [true, false] {
        let answer = if in_header {
            agent.log_in(&server, &[("nonce", "n-0S6")]).await
        } else {
            agent.authorize(&server, &[("nonce", "n-0S6")]).await
        };
        let code = query(&answer)["code"].clone();
        let ask = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", CALLBACK)];
        let endpoint = discovery["token_endpoint"].as_str().unwrap();
        let request = if in_header {
            http.post(endpoint).basic_auth("demo-web", Some("demo-web-secret")).form(&ask)
        } else {
            http.post(endpoint).form(&form(&WEB, &ask))
        };
        let body: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(body["token_type"], "Bearer");
        let (header, claims) = jwt(&body["id_token"]);
        assert_eq!(header["alg"], "RS256");
        assert_eq!((&claims["iss"], &claims["aud"]), (&discovery["issuer"], &json!("demo-web")));
        assert_eq!(claims["nonce"], "n-0S6");
        let subject = text(&claims, "sub");
        assert!(subject.is_ascii() && subject.len() <= 255);
        let now = Clock::System.now();
        assert!(claims["exp"].as_i64().unwrap() > now && (claims["iat"].as_i64().unwrap() - now).abs() < 60);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text(&body, "access_token").as_bytes());
        assert_eq!(claims["at_hash"], URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16]));
        let (status, info) = userinfo(&server, text(&body, "access_token")).await;
        assert_eq!((status, &info["sub"]), (200, &claims["sub"]));
    }
    server.stop().await;
}

#[tokio::test]
async fn c02_c30_bad_requests_go_where_they_must() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    assert_eq!(query(&agent.authorize(&server, &[("response_type", "")]).await)["error"], "invalid_request");
    let foreign = agent.authorize(&server, &[("redirect_uri", "https://evil.example/")]).await;
    assert_eq!((foreign.status().as_u16(), foreign.headers().contains_key("location")), (400, false));
    server.stop().await;
}

#[tokio::test]
async fn c04_unsigned_id_tokens_cannot_be_configured() {
    let text = "issuer = \"http://localhost:1/\"\ntenant = \"x\"\n[database]\nurl = \"sqlite://x.db\"\n[[clients]]\nclient_id = \"x\"\n\
                client_secret = \"x\"\njwt_configuration = { alg = \"none\" }\n";
    let problems = vestibule::config::Source::default().parse(text).expect_err("`none` is no algorithm");
    assert!(problems.to_string().contains("none"), "{problems}");
}

#[tokio::test]
async fn c05_c06_c08_c14_c22_c31_happy_flows() {
    let server = Server::start(&[]).await;
    let http = reqwest::Client::new();
    let agent = Agent::new();
    let body = redeem(&server, &agent.log_in(&server, &[("extra", "foobar")]).await).await;
    assert_eq!(jwt(&body["id_token"]).1["nonce"], Value::Null, "no nonce asked, none told");
    let token = text(&body, "access_token");
    assert_eq!(http.get(server.url("/userinfo")).bearer_auth(token).send().await.unwrap().status(), 200);
    let posted = http.post(server.url("/userinfo")).bearer_auth(token).send().await.unwrap();
    assert_eq!(posted.status(), 200);
    assert!(posted.headers()["content-type"].to_str().unwrap().starts_with("application/json"));
    let reversed = agent.authorize(&server, &[("scope", "profile openid")]).await;
    let body = redeem(&server, &reversed).await;
    let words: std::collections::BTreeSet<&str> = text(&body, "scope").split(' ').collect();
    assert_eq!(words, ["openid", "profile"].into());
    let form: Vec<(String, String)> = authorize_url(&server, &[]).query_pairs().into_owned().collect();
    let posted = agent.0.post(server.url("/authorize")).form(&form).send().await.unwrap();
    redeem(&server, &posted).await;
    server.stop().await;
}

#[tokio::test]
async fn c29_a_code_stays_spent() {
    let clock = Clock::fixed(1_800_000_000);
    let server = Server::start_with(&[], "", clock.clone()).await;
    let code = code(&server, "openid", None).await;
    let (_, body) = server.token(&redemption(&code)).await;
    clock.advance(30);
    assert_eq!(server.token(&redemption(&code)).await.1["error"], "invalid_grant");
    assert_eq!(userinfo(&server, text(&body, "access_token")).await.0, 401);
    server.stop().await;
}

#[tokio::test]
async fn c35_an_essential_claim_is_no_error() {
    let server = Server::start(&[]).await;
    let claims = r#"{"userinfo":{"name":{"essential":true}}}"#;
    let body = redeem(&server, &Agent::new().log_in(&server, &[("claims", claims)]).await).await;
    assert_eq!(userinfo(&server, text(&body, "access_token")).await.0, 200);
    server.stop().await;
}

#[tokio::test]
async fn c37_refresh_tokens_rotate_and_belong_to_their_client() {
    let server = Server::start(&[]).await;
    let answer = Agent::new().log_in(&server, &[("scope", "openid offline_access")]).await;
    let body = redeem(&server, &answer).await;
    let ask = [("grant_type", "refresh_token"), ("refresh_token", text(&body, "refresh_token"))];
    assert_eq!(server.token(&form(&OTHER, &ask)).await.1["error"], "invalid_grant");
    let (status, next) = server.token(&form(&WEB, &ask)).await;
    assert_eq!(status, 200);
    assert_ne!(next["refresh_token"], body["refresh_token"]);
    let (old, new) = (jwt(&body["id_token"]).1, jwt(&next["id_token"]).1);
    for same in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(old[same], new[same], "{same}");
    }
    assert_eq!(new["nonce"], Value::Null);
    server.stop().await;
}

#[tokio::test]
async fn c38_valid_pkce_is_accepted() {
    let server = Server::start(&[]).await;
    let code = code(&server, "openid", None).await;
    assert_eq!(server.token(&redemption(&code)).await.0, 200);
    assert_eq!(hash::sha256(VERIFIER).len(), 43);
    server.stop().await;
}
