//! Tokens that look like ours: forged signatures, confused keys, bent claims.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use vestibule::clock::{Clock, Random};
use vestibule::domain::client::Algorithm;
use vestibule::keys::Keys;
use vestibule::store::StoredKey;

use crate::parties::{API, WEB, introspect, jwt, revoke, text, tokens, userinfo};
use crate::support::Server;
use crate::support::agent::{Agent, query};

fn encode(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// A JWS with these texts as header and payload, signed as RS256.
fn signed(key: &StoredKey, header: &str, payload: &str) -> String {
    let pair = RsaKeyPair::from_pkcs8(&key.pkcs8).unwrap();
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn hs256(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let input = format!("{}.{}", encode(header), encode(claims));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
    let signature = aws_lc_rs::hmac::sign(&key, input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn key(server: &Server) -> StoredKey {
    server.app.store.signing_keys().await.unwrap().remove(0)
}

/// Refused as an access token everywhere, and as an `id_token_hint`.
async fn refused(server: &Server, token: &str, what: &str) {
    let (status, body) = userinfo(server, token).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_token")), "{what}");
    assert_eq!(introspect(server, &WEB, token).await, json!({ "active": false }), "{what}");
    revoke(server, &WEB, token).await;
    let hinted = Agent::new().authorize(server, &[("id_token_hint", token), ("prompt", "none")]).await;
    assert_eq!(query(&hinted)["error"], "invalid_request", "{what}");
}

#[tokio::test]
async fn p101_p103_p104_forged_signatures_and_confused_keys_are_refused() {
    let server = Server::start(&[]).await;
    let body = tokens(&server, "openid", Some(API)).await;
    let good = text(&body, "access_token");
    assert_eq!(userinfo(&server, good).await.0, 200);
    let (header, claims) = jwt(&body["access_token"]);
    let (kid, key) = (header["kid"].clone(), key(&server).await);
    let (unsigned, signature) = good.rsplit_once('.').unwrap();
    let payload = encode(&claims);
    let foreign = Keys::generate(Algorithm::RS256, &Clock::System, &Random::system()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let jwks: Value = server.app.keys.load().jwks();
    let modulus = URL_SAFE_NO_PAD.decode(jwks["keys"][0]["n"].as_str().unwrap()).unwrap();
    let certificate = jwks["keys"][0]["x5c"][0].as_str().unwrap();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n");

    let mut forged: Vec<(String, String)> = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", "", "RS256 ", "rs256"] {
        let header = encode(&json!({ "alg": alg, "kid": kid, "typ": "JWT" }));
        forged.push((format!("alg {alg}"), format!("{header}.{payload}.")));
        forged.push((format!("alg {alg}, signed"), format!("{header}.{payload}.{signature}")));
    }
    for secret in [modulus.as_slice(), pem.as_bytes(), certificate.as_bytes(), jwks.to_string().as_bytes(), b""] {
        for alg in ["HS256", "RS256"] {
            let header = json!({ "alg": alg, "kid": kid, "typ": "JWT" });
            forged.push((format!("{alg} keyed with public material"), hs256(&header, &claims, secret)));
        }
    }
    let foreign_keys = Keys::new(std::slice::from_ref(&foreign)).unwrap();
    let jwk = foreign_keys.jwks()["keys"][0].clone();
    for (name, value) in [
        ("jwk", jwk.clone()),
        ("jku", json!(url)),
        ("x5u", json!(url)),
        ("x5c", jwk["x5c"].clone()),
        ("kid", json!(foreign.kid)),
    ] {
        let mut header = json!({ "alg": "RS256", "kid": kid, "typ": "JWT" });
        header[name] = value;
        forged.push((format!("foreign key by {name}"), signed(&foreign, &header.to_string(), &claims.to_string())));
    }
    for (name, value) in [("crit", json!(["exp"])), ("crit", json!([])), ("b64", json!(false)), ("alg", json!(["RS256"]))] {
        let mut header = json!({ "alg": "RS256", "kid": kid, "typ": "JWT" });
        header[name] = value;
        if name != "b64" {
            forged.push((format!("{name} in the header"), signed(&key, &header.to_string(), &claims.to_string())));
        }
    }
    let huge = "k".repeat(100_000);
    for kid in ["../../dev/null", "/dev/null", "' OR 1=1 --", "\0", "", huge.as_str()] {
        let header = json!({ "alg": "RS256", "kid": kid, "typ": "JWT" });
        forged.push((format!("kid of {} bytes", kid.len()), signed(&key, &header.to_string(), &claims.to_string())));
    }
    for kid in [json!(null), json!(7), json!([kid]), json!({ "kid": kid })] {
        let header = json!({ "alg": "RS256", "kid": kid, "typ": "JWT" });
        forged.push((format!("kid {kid}"), signed(&key, &header.to_string(), &claims.to_string())));
    }
    let zeros = URL_SAFE_NO_PAD.encode([0_u8; 256]);
    let header_text = header.to_string();
    let twice = claims.to_string().replacen('{', "{\"sub\":\"auth0|bob\",", 1);
    forged.extend([
        ("no signature".to_owned(), format!("{unsigned}.")),
        ("two parts".to_owned(), unsigned.to_owned()),
        ("four parts".to_owned(), format!("{good}.x")),
        ("zero signature".to_owned(), format!("{unsigned}.{zeros}")),
        ("padded signature".to_owned(), format!("{good}=")),
        ("white space".to_owned(), format!("{unsigned}. {signature}")),
        ("a member twice".to_owned(), signed(&key, &header_text, &twice)),
        ("no JSON".to_owned(), signed(&key, &header_text, "claims")),
        ("a list".to_owned(), signed(&key, &header_text, "[]")),
        ("trailing text".to_owned(), signed(&key, &header_text, &format!("{claims} x"))),
        ("other type".to_owned(), signed(&key, &header_text.replace("JWT", "logout+jwt"), &claims.to_string())),
        ("dots".to_owned(), "..".to_owned()),
        ("many dots".to_owned(), ".".repeat(10_000)),
        ("five parts".to_owned(), "e30.e30.e30.e30.e30".to_owned()),
    ]);
    for (what, token) in &forged {
        if token.contains('\0') || what == "other type" {
            assert_eq!(userinfo(&server, token).await.0, 401, "{what}");
        } else if token.len() > 60_000 {
            // Too long for a form, and for the head of a request.
            assert!([401, 431].contains(&userinfo(&server, token).await.0), "{what}");
        } else {
            refused(&server, token, what).await;
        }
    }
    let silence = tokio::time::timeout(std::time::Duration::from_millis(100), listener.accept()).await;
    assert!(silence.is_err(), "somebody fetched a key");
    assert_eq!(userinfo(&server, good).await.0, 200, "the real one still works");
    server.stop().await;
}

#[tokio::test]
async fn p105_claims_of_the_wrong_type_or_time_are_refused() {
    let server = Server::start(&[]).await;
    let body = tokens(&server, "openid", Some(API)).await;
    let (header, claims) = jwt(&body["access_token"]);
    let (key, header) = (key(&server).await, header.to_string());
    let accepted = signed(&key, &header, &claims.to_string());
    assert_eq!(userinfo(&server, &accepted).await.0, 200, "the forger's tools work");
    let now = Clock::System.now();
    for (name, value) in [
        ("exp", json!("never")),
        ("exp", json!(now.to_string())),
        ("exp", json!(1e308)),
        ("exp", json!(-1)),
        ("exp", json!([now + 60])),
        ("exp", json!(null)),
        ("exp", json!(true)),
        ("exp", json!(now - 1)),
        ("exp", json!(u64::MAX)),
        ("nbf", json!("99999999999")),
        ("nbf", json!(now + 3_600)),
        ("nbf", json!({})),
        ("iat", json!("yesterday")),
        ("iss", json!("https://evil.tld/")),
        ("iss", json!(server.issuer.trim_end_matches('/'))),
        ("iss", json!([server.issuer])),
        ("iss", json!(null)),
    ] {
        let mut bent = claims.clone();
        bent[name] = value.clone();
        let token = signed(&key, &header, &bent.to_string());
        assert_eq!(userinfo(&server, &token).await.0, 401, "{name} {value}");
        assert_eq!(introspect(&server, &WEB, &token).await, json!({ "active": false }), "{name} {value}");
    }
    // Signed by us, but not what the grant says: only a leaked key could do this.
    for (name, value) in [
        ("sub", json!("auth0|bob")),
        ("sub", json!(["auth0|ada"])),
        ("aud", json!("https://other.example.com/")),
        ("aud", json!([])),
        ("aud", json!({ "0": API })),
        ("aud", json!(null)),
        ("jti", json!(null)),
        ("jti", json!("unknown.unknown")),
        ("jti", json!(["x"])),
    ] {
        let mut bent = claims.clone();
        bent[name] = value.clone();
        let token = signed(&key, &header, &bent.to_string());
        assert_eq!(userinfo(&server, &token).await.0, 401, "{name} {value}");
    }
    for scope in [json!(["openid"]), json!(null), json!("OPENID")] {
        let mut bent = claims.clone();
        bent["scope"] = scope.clone();
        assert_eq!(userinfo(&server, &signed(&key, &header, &bent.to_string())).await.0, 403, "{scope}");
    }
    let mut missing = claims.clone();
    missing.as_object_mut().unwrap().remove("exp");
    assert_eq!(userinfo(&server, &signed(&key, &header, &missing.to_string())).await.0, 401);
    server.stop().await;
}
