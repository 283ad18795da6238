//! `private_key_jwt`: what a client's own signature must say.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use vestibule::clock::{Clock, Random};
use vestibule::domain::client::Algorithm;
use vestibule::keys::Keys;

use crate::parties::API;
use crate::support::Server;

const NOW: i64 = 1_800_000_000;

/// An Ed25519 key and its public half in PEM.
fn key_pair() -> (Keys, String, String) {
    let stored = Keys::generate(Algorithm::EdDSA, &Clock::fixed(NOW), &Random::system()).unwrap();
    let keys = Keys::new(std::slice::from_ref(&stored)).unwrap();
    let x = URL_SAFE_NO_PAD.decode(keys.jwks()["keys"][0]["x"].as_str().unwrap()).unwrap();
    // The fixed beginning of an Ed25519 SubjectPublicKeyInfo (RFC 8410).
    let spki = [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], &x].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(spki));
    (keys, stored.kid, pem)
}

#[tokio::test]
async fn p111_p138_p139_assertions_are_for_us_fresh_and_used_once() {
    let (keys, kid, pem) = key_pair();
    let client = format!(
        r#"
        [[clients]]
        client_id = "signer"
        app_type = "non_interactive"
        grant_types = ["client_credentials"]
        token_endpoint_auth_method = "private_key_jwt"
        [[clients.credentials]]
        kid = "{kid}"
        alg = "EdDSA"
        pem = """{pem}"""
        [[client_grants]]
        client_id = "signer"
        audience = "https://api.example.com/"
        scope = ["read:things"]
        "#
    );
    let server = Server::start_with(&[], &client, Clock::fixed(NOW)).await;
    let replica = server.replica().await;
    let sequence = std::cell::Cell::new(0);
    let claims = |change: &[(&str, Value)]| {
        sequence.set(sequence.get() + 1);
        let jti = format!("jti-{}", sequence.get());
        let mut claims = json!({ "iss": "signer", "sub": "signer", "aud": server.issuer, "exp": NOW + 60, "jti": jti });
        for (name, value) in change {
            claims[*name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims.as_object().unwrap().clone()
    };
    let present = async |server: &Server, assertion: &str| {
        let ask = [
            ("grant_type", "client_credentials"),
            ("audience", API),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ];
        let (status, body) = server.token(&ask).await;
        assert!(status == 200 || (status == 401 && body["error"] == "invalid_client"), "{body}");
        status
    };
    let sign = |typ: &str, change: &[(&str, Value)]| keys.sign(Algorithm::EdDSA, typ, &claims(change)).unwrap();

    let good = sign("JWT", &[]);
    assert_eq!(present(&server, &good).await, 200);
    assert_eq!(present(&server, &good).await, 401, "used before");
    assert_eq!(present(&replica, &good).await, 401, "used before at another replica");
    let accepted: [(&str, &[(&str, Value)]); 5] = [
        ("client-authentication+jwt", &[]),
        ("JWT", &[("aud", json!([server.issuer]))]),
        ("JWT", &[("iat", json!(NOW + 8))]),
        ("JWT", &[("iat", json!(NOW + 10)), ("nbf", json!(NOW + 10))]),
        ("JWT", &[("exp", json!(NOW - 5))]),
    ];
    for (typ, change) in accepted {
        assert_eq!(present(&server, &sign(typ, change)).await, 200, "{typ} {change:?}");
    }
    for change in [
        [("aud", json!(format!("{}oauth/token", server.issuer)))],
        [("aud", json!([server.issuer, "https://evil.tld/"]))],
        [("aud", json!([format!("{}oauth/token", server.issuer)]))],
        [("aud", json!(server.issuer.trim_end_matches('/')))],
        [("aud", Value::Null)],
        [("iss", json!("demo-m2m"))],
        [("sub", json!("demo-m2m"))],
        [("iss", Value::Null)],
        [("exp", Value::Null)],
        [("exp", json!("never"))],
        [("exp", json!(NOW - 11))],
        [("exp", json!(NOW + 86_400))],
        [("iat", json!(NOW + 61))],
        [("nbf", json!(NOW + 61))],
        [("nbf", json!("0"))],
        [("jti", Value::Null)],
        [("jti", json!(7))],
        [("jti", json!("x".repeat(300)))],
    ] {
        assert_eq!(present(&server, &sign("JWT", &change)).await, 401, "{change:?}");
    }

    let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let payload = encode(&Value::Object(claims(&[])));
    let hmac = |alg: &str, secret: &[u8]| {
        let input = format!("{}.{payload}", encode(&json!({ "alg": alg, "kid": kid })));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        let signature = URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, input.as_bytes()));
        format!("{input}.{signature}")
    };
    let (strangers, _, _) = key_pair();
    for forged in [
        format!("{}.{payload}.", encode(&json!({ "alg": "none" }))),
        hmac("HS256", pem.as_bytes()),
        hmac("EdDSA", pem.as_bytes()),
        strangers.sign(Algorithm::EdDSA, "JWT", &claims(&[])).unwrap(),
        format!("{}.{payload}.AAAA", encode(&json!({ "alg": "EdDSA", "kid": "other" }))),
    ] {
        assert_eq!(present(&server, &forged).await, 401, "{forged}");
    }
    let at_once = sign("JWT", &[]);
    let answers = crate::parties::futures_of(20, |n| present(if n % 2 == 0 { &server } else { &replica }, &at_once)).await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
}
