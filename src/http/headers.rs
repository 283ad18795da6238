//! What every answer has in common: security headers, no caching unless a route says otherwise, and one clean page or JSON
//! object for what is unknown, not allowed, too slow or broken.

use std::any::Any;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, PRAGMA, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::cookies;
use super::pages::notice;
use crate::app::App;

/// No request takes longer: actions have their own, shorter deadline.
const TIMEOUT: Duration = Duration::from_secs(30);
/// For everything that is no page of ours.
const NOTHING: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");

/// Marks an answer without a body of its own: an error page or object is put in its place, as the client prefers.
#[derive(Clone, Copy, Debug)]
struct Bare;

/// Around everything.
pub(super) async fn common<R>(app: &App, request: Request, next: impl FnOnce(Request) -> R) -> Response
where
    R: Future<Output = Response>,
{
    let html = prefers_html(request.headers());
    let (began, method, version) = (Instant::now(), request.method().clone(), request.version());
    let answered = tokio::time::timeout(TIMEOUT, next(request)).await;
    let mut response = answered.unwrap_or_else(|_| bare(StatusCode::SERVICE_UNAVAILABLE));
    if response.extensions().get::<Bare>().is_some() {
        let (parts, _) = response.into_parts();
        response = plain_error(parts.status, html);
        response.headers_mut().extend(parts.headers);
        response.extensions_mut().extend(parts.extensions);
    }
    secure(response.headers_mut(), cookies::is_secure(app));
    // A process that ends wants no further request on this connection; HTTP/2 says so with a frame of its own.
    if app.draining.load(Ordering::Relaxed) && version <= Version::HTTP_11 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    // Set by the router below; what it does not know has no pattern.
    let route = response.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str);
    app.metrics.request_answered(method.as_str(), route, response.status().as_u16(), began.elapsed());
    response
}

/// Middleware on the routes: tells [`common`] which pattern matched.
pub(crate) async fn matched(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(path) = path {
        response.extensions_mut().insert(path);
    }
    response
}

/// 404.
pub(crate) async fn not_found() -> Response {
    bare(StatusCode::NOT_FOUND)
}

/// 405; the router adds `Allow`.
pub(crate) async fn method_not_allowed() -> Response {
    bare(StatusCode::METHOD_NOT_ALLOWED)
}

/// 500 for a panic: one line in the log, nothing of it in the answer.
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    drop(panic);
    tracing::error!(message, "a request panicked");
    bare(StatusCode::INTERNAL_SERVER_ERROR)
}

/// An answer whose body [`common`] writes.
pub(super) fn bare(status: StatusCode) -> Response {
    let mut response = status.into_response();
    response.extensions_mut().insert(Bare);
    response
}

fn prefers_html(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

fn plain_error(status: StatusCode, html: bool) -> Response {
    let (code, text) = match status {
        StatusCode::BAD_REQUEST => {
            ("invalid_request", "The request is malformed: it needs one valid Host, and a whole body.")
        }
        StatusCode::NOT_FOUND => ("not_found", "There is nothing at this address."),
        StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "This address does not answer this method."),
        StatusCode::SERVICE_UNAVAILABLE => ("temporarily_unavailable", "The server cannot answer now, try again."),
        StatusCode::PAYLOAD_TOO_LARGE => ("invalid_request", "The body is longer than 64 KiB."),
        StatusCode::REQUEST_TIMEOUT => ("invalid_request", "The body took too long to arrive."),
        _ => ("server_error", "The server could not answer."),
    };
    if html {
        notice::error(status, status.canonical_reason().unwrap_or("Error"), text).into_response()
    } else {
        (status, Json(json!({ "error": code, "error_description": text }))).into_response()
    }
}

fn secure(headers: &mut HeaderMap, https: bool) {
    let policy = headers.entry(CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    let frameable = !policy.to_str().is_ok_and(|policy| policy.contains("frame-ancestors 'none'"));
    if !frameable {
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    }
    if https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_not_cached_framed_or_sniffed_by_default() {
        let mut headers = HeaderMap::new();
        secure(&mut headers, false);
        assert_eq!(headers[CACHE_CONTROL], "no-store");
        assert_eq!(headers[X_FRAME_OPTIONS], "DENY");
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }

    #[test]
    fn a_page_for_one_framing_origin_is_not_denied_to_it() {
        let mut headers = HeaderMap::new();
        let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors https://rp.example");
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        secure(&mut headers, true);
        assert!(!headers.contains_key(X_FRAME_OPTIONS));
        assert!(headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }
}
