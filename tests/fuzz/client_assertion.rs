//! Client assertions: arbitrary texts prove nothing; rightly signed ones prove the client if every claim is right, and once.

use axum::http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};
use vestibule::domain::client::Algorithm;

use super::provider::{ISSUER, NOW, provider};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A JSON object changes the claims of a signed assertion (`null` takes one away); anything else is the assertion.
pub fn run(data: &[u8]) {
    let change: Option<Map<String, Value>> = serde_json::from_slice(data).ok();
    match change {
        Some(change) => signed(data, change),
        None => {
            let Ok(text) = std::str::from_utf8(data) else { return };
            assert_ne!(ask(text), 200, "{text}");
        }
    }
}

fn signed(data: &[u8], change: Map<String, Value>) {
    let jti = vestibule::domain::hash::sha256(&String::from_utf8_lossy(data));
    let claims = json!({ "iss": "robot", "sub": "robot", "aud": ISSUER, "iat": NOW, "exp": NOW + 60, "jti": jti });
    let Value::Object(mut claims) = claims else { unreachable!("an object") };
    claims.extend(change);
    claims.retain(|_, value| !value.is_null());
    let assertion = provider().robot.sign(Algorithm::ES256, "JWT", &claims).unwrap();
    let first = ask(&assertion);
    if first == 200 {
        assert!(is_right(&claims), "{claims:?}");
    }
    assert_ne!(ask(&assertion), 200, "used twice: {claims:?}");
}

/// What RFC 7523 and our limits ask for, said in another way than the server does.
fn is_right(claims: &Map<String, Value>) -> bool {
    let is = |name: &str, expected: &str| claims.get(name).is_some_and(|value| *value == expected);
    let audience = is("aud", ISSUER) || claims.get("aud") == Some(&json!([ISSUER]));
    let number = |name: &str| claims.get(name).and_then(Value::as_f64);
    let exp = number("exp").is_some_and(|exp| exp > (NOW - 11) as f64 && exp < (NOW + 311) as f64);
    let begun = ["iat", "nbf"]
        .iter()
        .all(|name| !claims.contains_key(*name) || number(name).is_some_and(|at| at < (NOW + 11) as f64));
    let jti = claims.get("jti").and_then(Value::as_str).is_some_and(|jti| !jti.is_empty() && jti.chars().count() <= 255);
    is("iss", "robot") && is("sub", "robot") && audience && exp && begun && jti
}

fn ask(assertion: &str) -> u16 {
    let form = [
        ("grant_type", "client_credentials"),
        ("audience", "https://api.example.com/"),
        ("client_assertion_type", TYPE),
        ("client_assertion", assertion),
    ];
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    let body = serde_urlencoded::to_string(form).unwrap().into_bytes();
    provider().token(headers, body).0.as_u16()
}
