//! Use cases' results as HTTP answers for browsers: redirects, delivery pages, error pages. Every error of [`crate::oauth`]
//! has its page here, in one exhaustive match.

use axum::http::header::{LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::cookies;
use super::pages::{deliver, notice};
use crate::app::App;
use crate::oauth::authorize::Answer;
use crate::oauth::error::Error;
use crate::oauth::respond::{MAX_LOCATION, ResponseMode};

/// 302 after GET, 303 after POST: no browser may send a password on to the client.
pub(super) fn redirect(method: &Method, location: &str) -> Response {
    let status = if method == Method::POST { StatusCode::SEE_OTHER } else { StatusCode::FOUND };
    let unusable = |detail| notice::error(StatusCode::BAD_REQUEST, "Invalid request", detail).into_response();
    match HeaderValue::try_from(location) {
        Ok(location) if location.len() > MAX_LOCATION => unusable("The request is too long to be answered by a redirect."),
        Ok(location) => (status, [(LOCATION, location)]).into_response(),
        Err(_) => unusable("The return address cannot be used."),
    }
}

/// The authorization response in its response mode, with the session cookie.
pub(super) fn deliver(app: &App, method: &Method, answer: &Answer) -> Response {
    let response = &answer.response;
    let http = match response.mode {
        ResponseMode::Query | ResponseMode::Fragment => redirect(method, &response.location()),
        ResponseMode::FormPost => deliver::form_post(response).into_response(),
        ResponseMode::WebMessage => deliver::web_message(response).into_response(),
    };
    with_cookies(http, cookies::session(app, &answer.session))
}

/// The answer with these `Set-Cookie`s.
pub(super) fn with_cookies(mut response: Response, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// A local address as browsers see it: below the path of the issuer.
pub(super) fn local(app: &App, path: &str) -> String {
    let base = url::Url::parse(&app.issuer).map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default();
    format!("{base}{path}")
}

/// The page of an error that must not be told to a redirect URI.
pub(super) fn error_page(error: &Error) -> Response {
    const INVALID: &str = "Invalid request";
    const UNAVAILABLE: &str = "Temporarily unavailable";
    let page = |status, heading, detail: &str| notice::error(status, heading, detail).into_response();
    match error {
        Error::Protocol { description, .. } | Error::InvalidClient { description, .. } => {
            page(StatusCode::BAD_REQUEST, INVALID, description)
        }
        Error::Denied { reason, .. } => page(StatusCode::FORBIDDEN, "Access denied", reason),
        Error::ActionFailed { reference } => {
            page(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", &format!("Reference: {reference}"))
        }
        Error::Busy => retry_after(page(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, "The server is busy."), 1),
        Error::TooManyAttempts { retry_after: seconds } => {
            retry_after(page(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", "Please wait a moment."), *seconds)
        }
        Error::Store(error) => {
            tracing::error!(%error, "a browser request failed in the database");
            retry_after(page(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, "The server cannot answer at the moment."), 1)
        }
        Error::Keys(error) => {
            tracing::error!(%error, "a browser request failed at signing");
            page(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", "The server could not answer.")
        }
    }
}

/// The answer with `Retry-After`.
pub(super) fn retry_after(mut response: Response, seconds: i64) -> Response {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}
