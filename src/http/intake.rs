//! What happens before a route: a request that does not name its host is refused; the body is read, within bounds of size and
//! time, and only then does the request take one of the places. A slow sender holds no place, and what is beyond capacity is told so at once instead of waiting.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONNECTION, HOST, RETRY_AFTER};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode, Version};
use axum::response::Response;
use tokio::sync::Semaphore;

use super::headers::bare;
use crate::config;

/// Bytes of a request body.
pub(super) const MAX_BODY: usize = 64 * 1024;
/// Seconds after which a client that was turned away may try again.
const TRY_AGAIN: HeaderValue = HeaderValue::from_static("1");
/// Answered from memory and needed by everybody else to go on: never turned away.
const ALWAYS: [&str; 4] = ["/.well-known/", "/healthz", "/readyz", "/metrics"];

/// The bounds of requests.
#[derive(Clone, Debug)]
pub(super) struct Intake {
    places: Arc<Semaphore>,
    body_timeout: Duration,
}

impl Intake {
    /// As configured in `[server]`.
    pub(super) fn new(server: &config::Server) -> Self {
        Self { places: Arc::new(Semaphore::new(server.max_requests)), body_timeout: server.body_timeout }
    }
}

/// Around the routes.
pub(super) async fn admit<R>(intake: &Intake, request: Request, next: impl FnOnce(Request) -> R) -> Response
where
    R: Future<Output = Response>,
{
    if !names_one_host(&request) {
        return refuse(StatusCode::BAD_REQUEST);
    }
    let request = match received(request, intake.body_timeout).await {
        Ok(request) => request,
        Err(status) => return refuse(status),
    };
    if ALWAYS.iter().any(|path| request.uri().path().starts_with(path)) {
        return next(request).await;
    }
    match intake.places.try_acquire() {
        Ok(_place) => next(request).await,
        Err(_) => {
            let mut response = bare(StatusCode::SERVICE_UNAVAILABLE);
            response.headers_mut().insert(RETRY_AFTER, TRY_AGAIN);
            response
        }
    }
}

/// RFC 9112 section 3.2: one `Host`, which may be empty. HTTP/1.0 does not know it, HTTP/2 has `:authority`.
fn names_one_host(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => request.version() != Version::HTTP_11,
        (Some(host), None) => host.is_empty() || is_host(host),
        (Some(_), Some(_)) => false,
    }
}

/// A name or address, perhaps with a port.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(authority) = Authority::try_from(value.as_bytes()) else { return false };
    let port = authority.as_str().strip_prefix(authority.host());
    port.is_some_and(|port| port.strip_prefix(':').unwrap_or(port).bytes().all(|byte| byte.is_ascii_digit()))
}

/// The request with its whole body in memory.
async fn received(request: Request, timeout: Duration) -> Result<Request, StatusCode> {
    let (parts, body) = request.into_parts();
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    match tokio::time::timeout(timeout, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(bytes)) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Ok(Err(error)) if is_too_long(&error) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        // A bad chunk, or the connection broke; then nobody reads the answer.
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<http_body_util::LengthLimitError>())
}

/// The rest of the body is not read, so the connection cannot be used again.
fn refuse(status: StatusCode) -> Response {
    let mut response = bare(status);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
