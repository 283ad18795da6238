//! Cross-origin access, one table by path: discovery, keys and `/userinfo` are open to every origin, the token and revocation
//! endpoints to the origins of registered clients, and nothing else (least of all `/authorize`) to any. Never with cookies.

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::domain::client::Client;
use crate::oauth::authorization_request::origin as origin_of;

/// What a path allows to scripts of other origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Policy {
    /// Every origin, or those of registered clients.
    any_origin: bool,
    methods: &'static str,
    headers: &'static str,
    expose: &'static str,
}

fn policy(path: &str) -> Option<Policy> {
    match path {
        "/oauth/token" | "/oauth/revoke" => Some(Policy {
            any_origin: false,
            methods: "POST, OPTIONS",
            headers: "content-type, auth0-client, authorization, dpop",
            expose: "dpop-nonce, retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset",
        }),
        "/userinfo" => Some(Policy {
            any_origin: true,
            methods: "GET, POST, OPTIONS",
            headers: "authorization, content-type, auth0-client, dpop",
            expose: "www-authenticate, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset",
        }),
        path if path.starts_with("/.well-known/") => {
            Some(Policy { any_origin: true, methods: "GET, OPTIONS", headers: "auth0-client, content-type", expose: "" })
        }
        _ => None,
    }
}

/// Around the whole router: answers preflights and marks the answers that a foreign origin may read.
pub(super) async fn cross_origin<R>(app: &App, request: Request, next: impl FnOnce(Request) -> R) -> Response
where
    R: Future<Output = Response>,
{
    let Some(policy) = policy(request.uri().path()) else { return next(request).await };
    let origin = request.headers().get(ORIGIN).cloned();
    let preflight = request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let allowed = match &origin {
        None => None,
        Some(_) if policy.any_origin => Some(HeaderValue::from_static("*")),
        Some(origin) => is_registered(app, origin).await.then(|| origin.clone()),
    };
    let mut response = if preflight { StatusCode::NO_CONTENT.into_response() } else { next(request).await };
    mark(response.headers_mut(), policy, allowed, preflight);
    if app.dev {
        show_trace(response.headers_mut());
    }
    response
}

fn mark(headers: &mut HeaderMap, policy: Policy, allowed: Option<HeaderValue>, preflight: bool) {
    if !policy.any_origin {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
    let Some(allowed) = allowed else { return };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    if preflight {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(policy.methods));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(policy.headers));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    } else if !policy.expose.is_empty() {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(policy.expose));
    }
}

/// Under `dev` a single-page application may read which trace its tokens came of.
fn show_trace(headers: &mut HeaderMap) {
    let exposed = headers.get(ACCESS_CONTROL_EXPOSE_HEADERS).and_then(|exposed| exposed.to_str().ok());
    if let Some(exposed) = exposed.and_then(|exposed| HeaderValue::try_from(format!("{exposed}, vestibule-trace")).ok()) {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// Whether some client registered the origin. A database that does not answer allows nobody.
async fn is_registered(app: &App, origin: &HeaderValue) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    if origin == "null" {
        return false;
    }
    match app.store.origins(origins).await {
        Ok(registered) => registered.contains(origin),
        Err(error) => {
            tracing::error!(%error, "cannot read the clients for a cross-origin request");
            false
        }
    }
}

/// Those of the client's callbacks, and its listed ones.
fn origins(client: &Client) -> Vec<String> {
    let listed = client.callbacks.iter().chain(&client.allowed_origins).chain(&client.web_origins);
    listed.filter_map(|url| origin_of(url)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorize_login_and_logout_have_no_cross_origin_policy() {
        for path in
            ["/authorize", "/u/login", "/u/signup", "/v2/logout", "/oidc/logout", "/", "/oauth/token/", "/oauth/introspect"]
        {
            assert_eq!(policy(path), None, "{path}");
        }
    }

    #[test]
    fn origins_are_compared_as_browsers_write_them() {
        assert_eq!(origin_of("https://App.example:443/callback?x=1").as_deref(), Some("https://app.example"));
        assert_eq!(origin_of("http://localhost:3000").as_deref(), Some("http://localhost:3000"));
        assert_eq!(origin_of("com.example.app:/callback"), None);
        assert_eq!(origin_of("null"), None);
    }

    #[test]
    fn an_answer_for_registered_origins_varies_by_origin_even_when_refused() {
        let mut headers = HeaderMap::new();
        mark(&mut headers, policy("/oauth/token").unwrap(), None, false);
        assert_eq!(headers.get(VARY).unwrap(), "Origin");
        assert!(headers.get(ACCESS_CONTROL_ALLOW_ORIGIN).is_none());
    }
}
