//! Who asks: client authentication at the token, introspection and revocation endpoints (RFC 6749 section 2.3, RFC 7523).
//!
//! Exactly one method per request, and only those that the client is registered for. An unknown client, a wrong secret and a
//! bad assertion look the same from outside; the log has the fact.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::app::App;
use crate::domain::client::{AuthMethod, Client};
use crate::domain::{JsonMap, hash};

use super::assertion;
use super::error::{Error, Result};
use super::parameters::Parameters;

/// `client_assertion_type` of RFC 7523 section 2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Compared with when there is no client, so that an unknown client takes the time of a wrong secret.
const NOBODY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Credentials as presented, unverified.
#[derive(Clone)]
pub struct Presented {
    client_id: String,
    proof: Proof,
}

/// How the client wants to prove who it is.
#[derive(Clone)]
enum Proof {
    Basic(String),
    Post(String),
    Assertion(String),
    Nothing,
}

impl Presented {
    /// Reads the credentials of a request: at most one method.
    ///
    /// # Errors
    /// `invalid_request` for several methods or contradicting client ids, `invalid_client` for credentials that cannot be read
    /// or are not there at all.
    pub fn read(authorization: Option<&str>, parameters: &Parameters) -> Result<Self> {
        let body_id = parameters.get("client_id");
        let secret = parameters.get("client_secret");
        let assertion = assertion_of(parameters)?;
        if [authorization.is_some(), secret.is_some(), assertion.is_some()].iter().filter(|used| **used).count() > 1 {
            return Err(Error::protocol("invalid_request", "more than one client authentication method"));
        }
        if let Some(header) = authorization {
            return Self::basic(header, body_id);
        }
        if let Some(assertion) = assertion {
            return Self::assertion(assertion, body_id);
        }
        let client_id = body_id.ok_or_else(|| failed(false, "no client authentication"))?.to_owned();
        Ok(Self { client_id, proof: secret.map_or(Proof::Nothing, |secret| Proof::Post(secret.to_owned())) })
    }

    /// Whom the request claims to come from; for logs, where an unproven id is harmless.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    fn basic(header: &str, body_id: Option<&str>) -> Result<Self> {
        let (client_id, secret) =
            decode_basic(header).ok_or_else(|| failed(true, "the Authorization header cannot be read"))?;
        if body_id.is_some_and(|id| id != client_id) {
            return Err(Error::protocol("invalid_request", "client_id differs from the Authorization header"));
        }
        Ok(Self { client_id, proof: Proof::Basic(secret) })
    }

    fn assertion(assertion: &str, body_id: Option<&str>) -> Result<Self> {
        let client_id = unverified_subject(assertion).ok_or_else(|| failed(false, "the assertion cannot be read"))?;
        if body_id.is_some_and(|id| id != client_id) {
            return Err(Error::protocol("invalid_request", "client_id differs from the assertion"));
        }
        Ok(Self { client_id, proof: Proof::Assertion(assertion.to_owned()) })
    }

    fn used_basic(&self) -> bool {
        matches!(self.proof, Proof::Basic(_))
    }
}

/// Finds the client and checks its proof. A public client passes with its id alone: callers that need more ask
/// [`Client::is_public`].
///
/// # Errors
/// `invalid_client`, whatever is wrong; the database's.
pub async fn authenticate(app: &App, presented: &Presented) -> Result<Arc<Client>> {
    let client = app.store.client(&presented.client_id).await?;
    if let Err(fact) = check(client.as_deref(), &presented.proof) {
        return Err(refuse(presented, fact));
    }
    let Some(client) = client else { return Err(refuse(presented, "unknown client")) };
    if let Proof::Assertion(assertion) = &presented.proof
        && let Err(fact) = assertion::check(app, &client, assertion).await?
    {
        return Err(refuse(presented, &fact));
    }
    Ok(client)
}

/// What can be judged without the database: the method and the secret.
fn check(client: Option<&Client>, proof: &Proof) -> std::result::Result<(), &'static str> {
    let secret_fits = match proof {
        Proof::Basic(secret) | Proof::Post(secret) => match client {
            Some(client) => client.secret_matches(secret),
            None => hash::equal(&hash::sha256(secret), NOBODY),
        },
        Proof::Assertion(_) | Proof::Nothing => true,
    };
    let Some(client) = client else { return Err("unknown client") };
    if !is_registered(client, proof) {
        return Err("not the registered authentication method");
    }
    if secret_fits { Ok(()) } else { Err("wrong secret") }
}

/// Whether the client may authenticate this way (`token_endpoint_auth_method`; Basic or body if it is not set).
fn is_registered(client: &Client, proof: &Proof) -> bool {
    match (client.token_endpoint_auth_method, proof) {
        (Some(AuthMethod::ClientSecretBasic), proof) => matches!(proof, Proof::Basic(_)),
        (Some(AuthMethod::ClientSecretPost), proof) => matches!(proof, Proof::Post(_)),
        (Some(AuthMethod::PrivateKeyJwt), proof) => matches!(proof, Proof::Assertion(_)),
        (Some(AuthMethod::None), proof) => matches!(proof, Proof::Nothing),
        (None, Proof::Basic(_) | Proof::Post(_)) => client.secret_hash.is_some(),
        (None, Proof::Assertion(_)) => !client.credentials.is_empty(),
        (None, Proof::Nothing) => client.is_public(),
    }
}

fn refuse(presented: &Presented, fact: &str) -> Error {
    tracing::warn!(client.id = presented.client_id, fact, "client authentication failed");
    failed(presented.used_basic(), "client authentication failed")
}

fn failed(basic: bool, description: &str) -> Error {
    Error::InvalidClient { basic, description: description.to_owned() }
}

fn assertion_of(parameters: &Parameters) -> Result<Option<&str>> {
    match (parameters.get("client_assertion_type"), parameters.get("client_assertion")) {
        (None, None) => Ok(None),
        (Some(JWT_BEARER), Some(assertion)) => Ok(Some(assertion)),
        (Some(JWT_BEARER), None) => Err(Error::protocol("invalid_request", "Missing required parameter: client_assertion")),
        (Some(_), _) => Err(Error::protocol("invalid_request", "unknown client_assertion_type")),
        (None, Some(_)) => Err(Error::protocol("invalid_request", "Missing required parameter: client_assertion_type")),
    }
}

/// `Basic` of RFC 6749 section 2.3.1: base64 of two form-encoded halves. `None` for anything else, also for an empty half.
fn decode_basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client_id, secret) = decoded.split_once(':')?;
    let (client_id, secret) = (form_decode(client_id)?, form_decode(secret)?);
    (!client_id.is_empty() && !secret.is_empty()).then_some((client_id, secret))
}

/// Strict: a `%` without two hexadecimal digits, bytes that are no UTF-8 and NUL are refused rather than kept.
fn form_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next()?)? * 16 + hex(rest.next()?)?,
            0 => return None,
            other => other,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// The `sub` of an assertion before its signature is checked: it only says whose keys to check with.
fn unverified_subject(assertion: &str) -> Option<String> {
    let payload = assertion.split('.').nth(1)?;
    let claims: JsonMap = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    claims.get("sub")?.as_str().filter(|sub| !sub.is_empty() && !sub.contains('\0')).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::client::AppType;
    use crate::oauth::fixtures;

    fn basic(plain: &str) -> String {
        format!("Basic {}", STANDARD.encode(plain))
    }

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        Parameters::from_pairs(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn code(result: Result<Presented>) -> String {
        match result {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.to_string().split(':').next().unwrap_or_default().to_owned(),
        }
    }

    #[test]
    fn basic_halves_are_form_decoded() {
        assert_eq!(decode_basic(&basic("my%3Aid:a%3Ab%25+%2B%C3%BC")), Some(("my:id".to_owned(), "a:b% +ü".to_owned())));
        assert_eq!(decode_basic(&basic("id:100%")), None);
        assert_eq!(decode_basic(&basic("id:%zz")), None);
        assert_eq!(decode_basic(&basic("id:%FF")), None);
        assert_eq!(decode_basic(&basic("id:%00")), None);
    }

    #[test]
    fn the_scheme_is_case_insensitive_and_both_halves_are_needed() {
        assert!(decode_basic(&basic("id:s").replace("Basic", "bAsIc")).is_some());
        assert_eq!(decode_basic(&basic("id:")), None);
        assert_eq!(decode_basic(&basic(":s")), None);
        assert_eq!(decode_basic(&basic("id")), None);
        assert_eq!(decode_basic("Bearer abc"), None);
        assert_eq!(decode_basic("Basic ###"), None);
    }

    #[test]
    fn one_method_only() {
        let header = basic("web:secret");
        let read = |header: Option<&str>, pairs: &[(&str, &str)]| code(Presented::read(header, &parameters(pairs)));
        assert_eq!(read(Some(&header), &[]), "ok");
        assert_eq!(read(Some(&header), &[("client_id", "web")]), "ok");
        assert_eq!(read(Some(&header), &[("client_id", "other")]), "invalid_request");
        assert_eq!(read(Some(&header), &[("client_secret", "secret")]), "invalid_request");
        assert_eq!(read(None, &[("client_id", "web"), ("client_secret", "")]), "ok");
        assert_eq!(read(None, &[]), "invalid_client");
        assert_eq!(read(None, &[("client_assertion", "x")]), "invalid_request");
        assert_eq!(read(None, &[("client_assertion", "x"), ("client_assertion_type", "saml")]), "invalid_request");
    }

    #[test]
    fn an_assertion_names_its_client() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"sub":"web"}"#);
        let jwt = format!("e30.{payload}.sig");
        let pairs = [("client_assertion", jwt.as_str()), ("client_assertion_type", JWT_BEARER)];
        assert_eq!(Presented::read(None, &parameters(&pairs)).unwrap().client_id(), "web");
        let both = [pairs[0], pairs[1], ("client_id", "other")];
        assert_eq!(code(Presented::read(None, &parameters(&both))), "invalid_request");
    }

    #[test]
    fn a_secret_is_checked_and_an_unknown_client_fails_alike() {
        let client = fixtures::client("web");
        assert!(check(Some(&client), &Proof::Post("secret".into())).is_ok());
        assert!(check(Some(&client), &Proof::Basic("secret".into())).is_ok());
        assert!(check(Some(&client), &Proof::Post("wrong".into())).is_err());
        assert!(check(Some(&client), &Proof::Nothing).is_err());
        assert!(check(None, &Proof::Post("secret".into())).is_err());
        assert!(check(None, &Proof::Nothing).is_err());
    }

    #[test]
    fn the_registered_method_is_enforced() {
        let mut client = fixtures::client("web");
        client.token_endpoint_auth_method = Some(AuthMethod::ClientSecretBasic);
        assert!(check(Some(&client), &Proof::Post("secret".into())).is_err());
        assert!(check(Some(&client), &Proof::Basic("secret".into())).is_ok());
        client.token_endpoint_auth_method = Some(AuthMethod::PrivateKeyJwt);
        assert!(check(Some(&client), &Proof::Basic("secret".into())).is_err());
        client.token_endpoint_auth_method = Some(AuthMethod::None);
        assert!(check(Some(&client), &Proof::Nothing).is_ok());
        assert!(check(Some(&client), &Proof::Post("secret".into())).is_err());
    }

    #[test]
    fn a_public_client_has_only_its_id() {
        let mut client = fixtures::client("spa");
        client.secret_hash = None;
        client.app_type = AppType::Spa;
        assert!(check(Some(&client), &Proof::Nothing).is_ok());
        assert!(check(Some(&client), &Proof::Post("secret".into())).is_err());
        assert!(check(Some(&client), &Proof::Assertion("x".into())).is_err());
    }
}
