//! Bodies of the token side: form or JSON, at most 64 KiB, every parameter at most once, nothing in the URL.

use std::fmt;
use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::app::App;
use crate::domain::JsonMap;
use crate::oauth::RequestContext;
use crate::oauth::error::Error;
use crate::oauth::parameters::Parameters;

use super::context::Context;
use super::{errors, intake};

/// What an action never sees of a token request.
const CONFIDENTIAL: [&str; 16] = [
    "access_token",
    "actor_token",
    "assertion",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "id_token",
    "mfa_token",
    "oob_code",
    "otp",
    "password",
    "recovery_code",
    "refresh_token",
    "subject_token",
    "token",
];

/// More parameters than any client sends.
pub(crate) const MAX_PARAMETERS: usize = 100;

/// A request to the token, introspection or revocation endpoint. Holds secrets: not for logs.
pub(crate) struct TokenForm {
    /// The parameters of the body.
    pub(crate) parameters: Parameters,
    /// The `Authorization` header.
    pub(crate) authorization: Option<String>,
    /// Where it comes from; `body` without credentials, for the actions.
    pub(crate) context: RequestContext,
}

impl FromRequest<Arc<App>> for TokenForm {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let (mut parts, body) = request.into_parts();
        let Ok(Context(mut context)) = Context::from_request_parts(&mut parts, app).await;
        // It has arrived, and is not too long.
        let bytes = to_bytes(body, intake::MAX_BODY).await.map_err(|_| errors::token(&unreadable()))?;
        refuse_query(&parts.uri).map_err(|error| errors::token(&error))?;
        let authorization = authorization(&parts.headers).map_err(|error| errors::token(&error))?;
        let members = parse(&media_type(&parts.headers), &bytes).map_err(|error| errors::token(&error))?;
        context.body = visible(&members);
        let parameters = parameters(members).map_err(|error| errors::token(&error))?;
        Ok(Self { parameters, authorization, context })
    }
}

/// The one `Authorization` header. Two of them, or bytes that are no text, are no way to authenticate.
fn authorization(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (first, second) = (all.next(), all.next());
    if second.is_some() {
        return Err(Error::protocol("invalid_request", "more than one Authorization header"));
    }
    let text = first.map(|value| value.to_str().map(str::to_owned)).transpose();
    text.map_err(|_| Error::protocol("invalid_request", "the Authorization header is no text"))
}

/// Parameters in the URL end up in logs and histories (RFC 6749 section 2.3.1).
fn refuse_query(uri: &Uri) -> Result<(), Error> {
    match uri.query() {
        None | Some("") => Ok(()),
        Some(_) => Err(Error::protocol("invalid_request", "parameters belong into the body, not into the URL")),
    }
}

/// The media type without its parameters, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The members of a body in order, repeated ones too.
fn parse(media_type: &str, bytes: &[u8]) -> Result<Vec<(String, Value)>, Error> {
    match media_type {
        "application/x-www-form-urlencoded" => Ok(form_pairs(bytes)?.map(|(name, value)| (name, value.into())).collect()),
        "application/json" => match serde_json::from_slice(bytes) {
            Ok(Members(members)) => Ok(members),
            Err(_) => Err(Error::protocol("invalid_request", "the body is no JSON object")),
        },
        _ => {
            let description = "the body must be application/x-www-form-urlencoded or application/json";
            Err(Error::protocol("invalid_request", description))
        }
    }
}

/// Decoded pairs of a form. Bytes that decode to no UTF-8 are refused rather than replaced.
pub(crate) fn form_pairs(bytes: &[u8]) -> Result<impl Iterator<Item = (String, String)>, Error> {
    let pairs: Vec<_> = url::form_urlencoded::parse(bytes).into_owned().collect();
    let replaced = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
    if pairs.iter().any(|(name, value)| replaced(name) || replaced(value)) {
        return Err(Error::protocol("invalid_request", "the body is no UTF-8"));
    }
    Ok(pairs.into_iter())
}

/// Texts as they are, numbers and booleans as JSON writes them, `null` as absent. A list or object cannot be a parameter of
/// ours, so it stays with the actions; where the protocol wants a text, it is absent.
fn parameters(members: Vec<(String, Value)>) -> Result<Parameters, Error> {
    if members.len() > MAX_PARAMETERS {
        return Err(Error::protocol("invalid_request", "too many parameters"));
    }
    let parameters = Parameters::from_pairs(members.into_iter().map(|(name, value)| {
        let text = match value {
            Value::String(text) => text,
            Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
        };
        (name, text)
    }));
    match parameters.first_unusable() {
        None => Ok(parameters),
        Some(name) => {
            let name: String = name.chars().take(40).collect();
            Err(Error::protocol("invalid_request", format!("parameter '{name}' is repeated or no UTF-8 text")))
        }
    }
}

/// The body as the actions see it.
fn visible(members: &[(String, Value)]) -> JsonMap {
    members.iter().filter(|(name, _)| !CONFIDENTIAL.contains(&name.as_str())).cloned().collect()
}

fn unreadable() -> Error {
    Error::protocol("invalid_request", "the body cannot be read")
}

/// The members of a JSON object, repeated ones too: a map would silently keep the last.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FORM: &str = "application/x-www-form-urlencoded";

    fn read(media: &str, body: &str) -> Result<Parameters, Error> {
        parse(media, body.as_bytes()).and_then(parameters)
    }

    #[test]
    fn form_and_json_say_the_same() {
        for (media, body) in
            [(FORM, "grant_type=password&scope=a+b"), ("application/json", r#"{"grant_type":"password","scope":"a b"}"#)]
        {
            let parameters = read(media, body).unwrap();
            assert_eq!(parameters.get("grant_type"), Some("password"));
            assert_eq!(parameters.get("scope"), Some("a b"));
        }
    }

    #[test]
    fn null_empty_and_structured_values_are_absent() {
        let parameters = read("application/json", r#"{"a":null,"b":"","c":[1],"d":{},"e":5,"f":true}"#).unwrap();
        assert_eq!([parameters.get("a"), parameters.get("b"), parameters.get("c"), parameters.get("d")], [None; 4]);
        assert_eq!((parameters.get("e"), parameters.get("f")), (Some("5"), Some("true")));
    }

    #[test]
    fn repeated_parameters_are_refused_in_both_forms() {
        assert!(read(FORM, "code=a&code=b").is_err());
        assert!(read("application/json", r#"{"code":"a","code":"b"}"#).is_err());
    }

    #[test]
    fn other_types_and_broken_bodies_are_refused() {
        assert!(read("text/plain", "code=a").is_err());
        assert!(read("", "code=a").is_err());
        assert!(read("application/json", "[1]").is_err());
        assert!(read("application/json", "{").is_err());
        assert!(read(FORM, "code=%FF").is_err());
        assert!(read(FORM, "code=%00").is_err());
    }

    #[test]
    fn a_flood_of_parameters_is_refused() {
        let body = |n: usize| (0..n).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
        assert!(read(FORM, &body(100)).is_ok());
        assert!(read(FORM, &body(101)).is_err());
    }

    #[test]
    fn the_media_type_ignores_case_and_parameters() {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, "Application/JSON; charset=utf-8".parse().unwrap())]);
        assert_eq!(media_type(&headers), "application/json");
    }

    #[test]
    fn actions_see_no_secrets() {
        let members = vec![
            ("client_secret".to_owned(), json!("x")),
            ("refresh_token".to_owned(), json!("x")),
            ("launch".to_owned(), json!({ "patient": 1 })),
        ];
        assert_eq!(Value::Object(visible(&members)), json!({ "launch": { "patient": 1 } }));
    }

    #[test]
    fn parameters_in_the_url_are_refused() {
        assert!(refuse_query(&"/oauth/token?client_secret=x".parse().unwrap()).is_err());
        assert!(refuse_query(&"/oauth/token".parse().unwrap()).is_ok());
    }
}
