//! PKCE: required of public clients, honoured whenever it is sent, never weakened.

use serde_json::json;
use vestibule::domain::hash;

use crate::parties::{CALLBACK, VERIFIER, WEB, form};
use crate::support::Server;
use crate::support::agent::{Agent, query};

const SPA: [(&str, &str); 2] = [("client_id", "demo-spa"), ("redirect_uri", "http://localhost:5173/callback")];

#[tokio::test]
async fn p040_p044_p046_public_clients_need_s256() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let challenge = hash::sha256(VERIFIER);
    let long = format!("{challenge}A");
    for (value, method) in [
        ("", ""),
        ("", "S256"),
        (challenge.as_str(), ""),
        (&challenge, "plain"),
        (&challenge, "s256"),
        (&challenge, "none"),
        (&challenge, "S512"),
        (VERIFIER, "plain"),
        (&challenge[1..], "S256"),
        (&long, "S256"),
        ("!9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "S256"),
    ] {
        let pkce = [("code_challenge", value), ("code_challenge_method", method), ("prompt", "none")];
        let told = query(&agent.authorize(&server, &[&SPA[..], &pkce].concat()).await);
        assert_eq!(told["error"], "invalid_request", "{value} {method}");
        if !(value.is_empty() && method.is_empty()) {
            let told = query(&agent.authorize(&server, &pkce).await);
            assert_eq!(told["error"], "invalid_request", "a confidential client's {value} {method}");
        }
    }
    let told = query(&agent.authorize(&server, &[("prompt", "none")]).await);
    assert_eq!(told["error"], "login_required", "a confidential client may leave it out, as the design says");
    let discovery: serde_json::Value =
        agent.get(server.url("/.well-known/openid-configuration")).await.json().await.unwrap();
    assert_eq!(discovery["code_challenge_methods_supported"], json!(["S256"]));
    server.stop().await;
}

#[tokio::test]
async fn p041_p042_p045_a_verifier_cannot_be_left_out_put_in_or_bent() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    agent.log_in(&server, &[]).await;
    let code = async |challenge: Option<&str>| {
        let challenge = challenge.unwrap_or_default();
        let method = if challenge.is_empty() { "" } else { "S256" };
        let pkce = [("code_challenge", challenge), ("code_challenge_method", method)];
        query(&agent.authorize(&server, &pkce).await)["code"].clone()
    };
    let redeem = async |code: &str, verifier: &str| {
        let ask = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
        let (status, body) = server.token(&form(&WEB, &[&ask[..], &[("code_verifier", verifier)]].concat())).await;
        if status == 200 { "ok".to_owned() } else { body["error"].as_str().unwrap().to_owned() }
    };
    let wrong_last = format!("{}l", &VERIFIER[..42]);
    let odd: [String; 7] = [
        String::new(),
        wrong_last,
        VERIFIER[..42].to_owned(),
        format!("{VERIFIER}ü"),
        format!("{VERIFIER} "),
        VERIFIER.repeat(3),
        hash::sha256(VERIFIER),
    ];
    for verifier in &odd {
        // The challenge fits the bent verifier, except for the two wrong ones: only its form is wrong.
        for challenge in [hash::sha256(VERIFIER), hash::sha256(verifier)] {
            let fits = challenge == hash::sha256(verifier) && (43..=128).contains(&verifier.len()) && verifier.is_ascii();
            if fits && !verifier.contains(' ') {
                continue;
            }
            assert_eq!(redeem(&code(Some(&challenge)).await, verifier).await, "invalid_grant", "{verifier}");
        }
    }
    assert_eq!(redeem(&code(None).await, VERIFIER).await, "invalid_grant", "the challenge was taken out of the request");
    assert_eq!(redeem(&code(None).await, "").await, "ok");
    assert_eq!(redeem(&code(Some(&hash::sha256(VERIFIER))).await, VERIFIER).await, "ok");
    let other = "a".repeat(128);
    assert_eq!(redeem(&code(Some(&hash::sha256(&other))).await, &other).await, "ok", "128 characters are allowed");
    server.stop().await;
}
