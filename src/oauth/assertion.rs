//! `private_key_jwt`: a client proves itself with a JWT that it signed (RFC 7523 section 3, OpenID Connect Core section 9).
//!
//! The audience is the issuer and nothing else: an assertion made for another server's token endpoint must not work here.

use serde_json::Value;

use crate::app::App;
use crate::domain::JsonMap;
use crate::domain::client::Client;
use crate::keys;

use super::error::Result;

/// Longest accepted assertion, in bytes.
const MAX_LENGTH: usize = 8 * 1024;
/// Longest accepted `jti`, in characters.
const MAX_JTI: usize = 255;
/// How far ahead `exp` may lie, in seconds.
const MAX_LIFETIME: i64 = 300;
/// Difference between our clock and the client's that is forgiven, in seconds.
const SKEW: i64 = 10;

/// What an acceptable assertion says.
struct Assertion {
    jti: String,
    expires_at: i64,
}

/// Checks signature, claims and that the assertion was not used before. The inner error is the fact, for the log.
///
/// # Errors
/// The database's.
pub async fn check(app: &App, client: &Client, assertion: &str) -> Result<std::result::Result<(), String>> {
    if assertion.len() > MAX_LENGTH {
        return Ok(Err("the assertion is too long".to_owned()));
    }
    let claims = match keys::verify_assertion(assertion, &client.credentials) {
        Ok(claims) => claims,
        Err(refused) => return Ok(Err(refused.to_string())),
    };
    let accepted = match judge(&claims, &client.client_id, &app.issuer, app.clock.now()) {
        Ok(accepted) => accepted,
        Err(fact) => return Ok(Err(fact.to_owned())),
    };
    let mut tx = app.store.begin().await?;
    // Kept until the assertion could no longer be accepted, skew included.
    let fresh = tx.use_assertion(&client.client_id, &accepted.jti, (accepted.expires_at + SKEW + 1) * 1000).await?;
    tx.commit().await?;
    Ok(if fresh { Ok(()) } else { Err("the assertion was used before".to_owned()) })
}

fn judge(claims: &JsonMap, client_id: &str, issuer: &str, now: i64) -> std::result::Result<Assertion, &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(client_id) || text("sub") != Some(client_id) {
        return Err("iss and sub of the assertion must be the client");
    }
    if !is_sole_audience(claims.get("aud"), issuer) {
        return Err("the only audience of the assertion must be the issuer");
    }
    let expires_at = claims.get("exp").and_then(seconds).ok_or("the assertion has no exp")?;
    if expires_at <= now.saturating_sub(SKEW) {
        return Err("the assertion is expired");
    }
    if expires_at > now.saturating_add(MAX_LIFETIME + SKEW) {
        return Err("the assertion lasts longer than five minutes");
    }
    for name in ["iat", "nbf"] {
        if let Some(value) = claims.get(name)
            && seconds(value).is_none_or(|at| at > now.saturating_add(SKEW))
        {
            return Err("the assertion is not valid yet");
        }
    }
    let jti = text("jti").filter(|jti| !jti.is_empty() && jti.chars().count() <= MAX_JTI && !jti.contains('\0'));
    Ok(Assertion { jti: jti.ok_or("the assertion has no jti")?.to_owned(), expires_at })
}

/// The issuer as a string, or as the one element of an array.
fn is_sole_audience(aud: Option<&Value>, issuer: &str) -> bool {
    match aud {
        Some(Value::String(aud)) => aud == issuer,
        Some(Value::Array(all)) => all.len() == 1 && all[0].as_str() == Some(issuer),
        _ => false,
    }
}

/// A NumericDate; fractions are cut, texts and absurd values refused.
fn seconds(value: &Value) -> Option<i64> {
    let in_range = |at: &i64| (0..=253_402_300_799).contains(at);
    match value.as_i64() {
        Some(at) => Some(at).filter(in_range),
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked before the cast")]
        None => value.as_f64().filter(|at| (0.0..253_402_300_799.0).contains(at)).map(|at| at as i64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ISSUER: &str = "https://id.example.com/";
    const NOW: i64 = 1_700_000_000;

    fn verdict(change: &Value) -> std::result::Result<String, &'static str> {
        let mut claims = json!({ "iss": "web", "sub": "web", "aud": ISSUER, "exp": NOW + 60, "jti": "one" });
        if let (Some(claims), Some(change)) = (claims.as_object_mut(), change.as_object()) {
            claims.extend(change.clone());
            claims.retain(|_, value| !value.is_null());
        }
        let claims = claims.as_object().cloned().unwrap_or_default();
        judge(&claims, "web", ISSUER, NOW).map(|accepted| accepted.jti)
    }

    #[test]
    fn a_proper_assertion_is_accepted() {
        assert_eq!(verdict(&json!({})), Ok("one".to_owned()));
        assert_eq!(verdict(&json!({ "aud": [ISSUER], "iat": NOW + 9, "nbf": NOW + 10 })), Ok("one".to_owned()));
        assert_eq!(verdict(&json!({ "exp": NOW - 9 })), Ok("one".to_owned()));
    }

    #[test]
    fn only_the_issuer_is_the_audience() {
        for aud in [
            json!("https://id.example.com/oauth/token"),
            json!("https://id.example.com"),
            json!([ISSUER, "https://id.example.com/oauth/token"]),
            json!([]),
            json!(null),
        ] {
            assert!(verdict(&json!({ "aud": aud })).is_err(), "{aud}");
        }
    }

    #[test]
    fn foreign_or_shapeless_assertions_are_refused() {
        for change in [
            json!({ "iss": "other" }),
            json!({ "sub": "other" }),
            json!({ "exp": null }),
            json!({ "exp": "never" }),
            json!({ "exp": 1e308 }),
            json!({ "exp": NOW - 10 }),
            json!({ "exp": NOW + 311 }),
            json!({ "iat": NOW + 61 }),
            json!({ "nbf": "99999999999" }),
            json!({ "jti": null }),
            json!({ "jti": "" }),
            json!({ "jti": "x".repeat(256) }),
        ] {
            assert!(verdict(&change).is_err(), "{change}");
        }
    }
}
