//! `GET` and `POST /userinfo`: the access token comes in the header, or in the form of a POST, never in the URL.

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde_json::Value;

use crate::app::App;
use crate::oauth::userinfo::{self, Refusal};

use super::{errors, form, intake};

/// The UserInfo endpoint.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/userinfo", get(answer).post(answer))
}

async fn answer(State(app): State<Arc<App>>, request: Request) -> Response {
    let claims = match token(request).await {
        Ok(token) => userinfo::claims(&app, &token).await,
        Err(refusal) => Err(refusal),
    };
    match claims {
        Ok(claims) => errors::json_answer(StatusCode::OK, Value::Object(claims)),
        Err(refusal) => {
            tracing::info!(outcome = %refusal, "userinfo refused");
            errors::bearer(&refusal)
        }
    }
}

/// The one access token of the request (RFC 6750 section 2).
async fn token(request: Request) -> Result<String, Refusal> {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    if form::form_pairs(query.as_bytes())?.any(|(name, _)| name == "access_token") {
        return Err(Refusal::InvalidRequest("the access token belongs into the Authorization header"));
    }
    let header = from_header(&parts.headers)?;
    let posted = if parts.method == Method::POST && form::media_type(&parts.headers) == "application/x-www-form-urlencoded" {
        let bytes = to_bytes(body, intake::MAX_BODY).await.map_err(|_| Refusal::InvalidRequest("the body is too long"))?;
        from_body(&bytes)?
    } else {
        None
    };
    match (header, posted) {
        (Some(_), Some(_)) => Err(Refusal::InvalidRequest("more than one access token")),
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (None, None) => Err(Refusal::Missing),
    }
}

fn from_header(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(Refusal::InvalidRequest("more than one Authorization header"));
    }
    let text = value.to_str().map_err(|_| Refusal::InvalidToken)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Ok(Some(token.trim().to_owned()))
        }
        _ => Err(Refusal::Missing),
    }
}

fn from_body(bytes: &[u8]) -> Result<Option<String>, Refusal> {
    let mut tokens = form::form_pairs(bytes)?.filter(|(name, value)| name == "access_token" && !value.is_empty());
    let (first, second) = (tokens.next(), tokens.next());
    if second.is_some() {
        return Err(Refusal::InvalidRequest("more than one access token"));
    }
    Ok(first.map(|(_, token)| token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &str) -> Result<Option<String>, String> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        from_header(&headers).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn the_scheme_is_case_insensitive() {
        assert_eq!(header("bEaReR abc"), Ok(Some("abc".to_owned())));
        assert_eq!(header("Basic abc"), Err("no access token".to_owned()));
        assert_eq!(header("Bearer"), Err("no access token".to_owned()));
    }

    #[test]
    fn two_tokens_are_one_too_many() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, "Bearer a".parse().unwrap());
        headers.append(AUTHORIZATION, "Bearer b".parse().unwrap());
        assert!(from_header(&headers).is_err());
        assert!(from_body(b"access_token=a&access_token=b").is_err());
        assert_eq!(from_body(b"access_token=a&x=1").unwrap(), Some("a".to_owned()));
    }
}
