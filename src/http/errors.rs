//! Errors of the token side as JSON: one exhaustive match from the fact to status and headers (RFC 6749 section 5.2).

use axum::Json;
use axum::http::header::{CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::oauth::error::{Error, described};
use crate::oauth::userinfo::Refusal;

/// Seconds after which a client may try again when all places are taken or the database is away.
const TRY_AGAIN: i64 = 1;
/// What Basic asks for.
const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"token\", charset=\"UTF-8\"");

/// The answer of the token, introspection and revocation endpoints. Logs what is our fault; the client's is logged by the use
/// case.
pub(crate) fn token(error: &Error) -> Response {
    log(error);
    let mut response = json_answer(status(error), body(error));
    if let Some((name, value)) = header(error) {
        response.headers_mut().insert(name, value);
    }
    response
}

fn status(error: &Error) -> StatusCode {
    match error {
        Error::Protocol { .. } => StatusCode::BAD_REQUEST,
        Error::InvalidClient { .. } => StatusCode::UNAUTHORIZED,
        Error::Denied { .. } => StatusCode::FORBIDDEN,
        Error::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::ActionFailed { .. } | Error::Keys(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Error::Busy | Error::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn body(error: &Error) -> Value {
    json!({ "error": described(error.code()), "error_description": described(&text(error)) })
}

fn text(error: &Error) -> String {
    match error {
        Error::Protocol { description, .. } | Error::InvalidClient { description, .. } => description.clone(),
        Error::Denied { reason, .. } => reason.clone(),
        Error::ActionFailed { reference } => format!("an action failed, reference {reference}"),
        Error::Busy => "the server is busy, try again".to_owned(),
        Error::TooManyAttempts { retry_after } => format!("too many wrong passwords, try again in {retry_after} seconds"),
        Error::Store(_) => "the server cannot answer now, try again".to_owned(),
        Error::Keys(_) => "the token could not be signed".to_owned(),
    }
}

fn header(error: &Error) -> Option<(HeaderName, HeaderValue)> {
    match error {
        Error::InvalidClient { basic: true, .. } => Some((WWW_AUTHENTICATE, BASIC)),
        Error::TooManyAttempts { retry_after } => Some((RETRY_AFTER, (*retry_after).max(1).into())),
        Error::Busy | Error::Store(_) => Some((RETRY_AFTER, TRY_AGAIN.into())),
        Error::InvalidClient { basic: false, .. }
        | Error::Protocol { .. }
        | Error::Denied { .. }
        | Error::ActionFailed { .. }
        | Error::Keys(_) => None,
    }
}

fn log(error: &Error) {
    match error {
        Error::Store(cause) => tracing::error!(%cause, "the database failed"),
        Error::Keys(cause) => tracing::error!(%cause, "a token could not be signed"),
        Error::Protocol { code, description } => tracing::info!(code, description, "request refused"),
        Error::Denied { code, reason } => tracing::info!(code, reason, "request denied"),
        Error::Busy => tracing::warn!("all places are taken"),
        Error::TooManyAttempts { retry_after } => tracing::warn!(retry_after, "too many wrong passwords"),
        // Logged with their cause where they arose.
        Error::InvalidClient { .. } | Error::ActionFailed { .. } => {}
    }
}

/// The answer of `/userinfo` (RFC 6750 section 3).
pub(crate) fn bearer(refusal: &Refusal) -> Response {
    let (status, code, description) = match refusal {
        Refusal::Missing => return challenge(StatusCode::UNAUTHORIZED.into_response(), "Bearer"),
        Refusal::Failed(error) => return token(error),
        Refusal::InvalidRequest(description) => (StatusCode::BAD_REQUEST, "invalid_request", *description),
        Refusal::InvalidToken => (StatusCode::UNAUTHORIZED, "invalid_token", "the access token is invalid or expired"),
        Refusal::InsufficientScope => {
            (StatusCode::FORBIDDEN, "insufficient_scope", "the access token lacks the scope openid")
        }
    };
    let response = json_answer(status, json!({ "error": code, "error_description": description }));
    let scope = if matches!(refusal, Refusal::InsufficientScope) { ", scope=\"openid\"" } else { "" };
    challenge(response, &format!("Bearer realm=\"Users\", error=\"{code}\", error_description=\"{description}\"{scope}"))
}

fn challenge(mut response: Response, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    no_store(response)
}

/// A JSON answer that nobody may keep.
pub(crate) fn json_answer(status: StatusCode, body: Value) -> Response {
    no_store((status, Json(body)).into_response())
}

/// Marks an answer as nobody's to keep (RFC 6749 section 5.1).
pub(crate) fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_the_status_of_the_rfc() {
        let answer = |error: Error| {
            let response = token(&error);
            let challenged = response.headers().contains_key(WWW_AUTHENTICATE);
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
            (response.status().as_u16(), challenged, response.headers().contains_key(RETRY_AFTER))
        };
        let invalid_client = |basic| Error::InvalidClient { basic, description: String::new() };
        assert_eq!(answer(Error::protocol("invalid_grant", "x")), (400, false, false));
        assert_eq!(answer(invalid_client(true)), (401, true, false));
        assert_eq!(answer(invalid_client(false)), (401, false, false));
        assert_eq!(answer(Error::Denied { code: "access_denied".into(), reason: "no".into() }), (403, false, false));
        assert_eq!(answer(Error::ActionFailed { reference: "r".into() }), (500, false, false));
        assert_eq!(answer(Error::Busy), (503, false, true));
        assert_eq!(answer(Error::TooManyAttempts { retry_after: 30 }), (429, false, true));
    }

    #[test]
    fn a_missing_token_is_challenged_without_an_error() {
        let response = bearer(&Refusal::Missing);
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
        let response = bearer(&Refusal::InsufficientScope);
        assert_eq!(response.status(), 403);
        assert!(response.headers()[WWW_AUTHENTICATE].to_str().unwrap().contains("insufficient_scope"));
    }
}
