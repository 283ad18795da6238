//! `GET /_dev/traces`, under `dev` only: the traces in memory, for the command line on the same machine.
//!
//! They tell what is in people's tokens. So: this machine's processes only (peer and `Host`, so that no foreign name can be
//! made to point here), nothing that a proxy hands on, and a header that no page of another origin can send without a
//! preflight, which nobody answers.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::header::{CONTENT_TYPE, FORWARDED, HOST};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use crate::app::App;
use crate::domain::trace::TraceFilter;

use super::context::Peer;
use super::{errors, headers};

/// The path.
pub const PATH: &str = "/_dev/traces";
/// The header that a request must have, with any value.
pub const HEADER: HeaderName = HeaderName::from_static("vestibule-command");

/// The route of this file; under `serve` it is not there.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route(PATH, get(traces))
}

async fn traces(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if !app.dev {
        return headers::bare(StatusCode::NOT_FOUND);
    }
    if let Some(reason) = refusal(&parts) {
        let body = json!({ "error": "access_denied", "error_description": reason });
        return errors::json_answer(StatusCode::FORBIDDEN, body);
    }
    let filter = match Query::<TraceFilter>::try_from_uri(&parts.uri) {
        Ok(Query(filter)) => filter,
        Err(error) => {
            let body = json!({ "error": "invalid_request", "error_description": error.body_text() });
            return errors::json_answer(StatusCode::BAD_REQUEST, body);
        }
    };
    let documents: Vec<String> = app.traces.in_memory(&filter).into_iter().map(|row| row.document).collect();
    // Each is JSON already.
    let body = format!("{{\"issuer\":{},\"traces\":[{}]}}", json!(app.issuer), documents.join(","));
    errors::no_store(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// Why this is not the command line of this machine.
fn refusal(parts: &Parts) -> Option<&'static str> {
    let peer = parts.extensions.get::<Peer>();
    if !peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback()) {
        return Some("traces are told to this machine only");
    }
    if parts.headers.contains_key(FORWARDED) || parts.headers.keys().any(|name| name.as_str().starts_with("x-forwarded-")) {
        return Some("traces are not told through a proxy");
    }
    let host = parts
        .headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| parts.uri.authority().map(|own| own.as_str()));
    if !host.is_some_and(is_loopback) {
        return Some("traces are told at `localhost` only");
    }
    (!parts.headers.contains_key(HEADER)).then_some("the header `vestibule-command` is missing")
}

/// Whether `host:port` names this machine.
fn is_loopback(authority: &str) -> bool {
    url::Url::parse(&format!("http://{authority}/")).is_ok_and(|url| crate::config::is_loopback(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_told() {
        for host in ["localhost:8484", "127.0.0.1", "127.0.0.1:1", "[::1]:8484"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:8484", "10.0.0.1", "127.0.0.1.nip.io", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
