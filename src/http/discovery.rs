//! Discovery (OpenID Connect Discovery 1.0, RFC 8414) and the key set. Truthful: what is listed works.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::app::App;
use crate::domain::claims;
use crate::domain::client::{Algorithm, GrantType};
use crate::oauth::authorization_request::Prompt;
use crate::oauth::mint;
use crate::oauth::respond::ResponseMode;

/// A rotated key is published long before it signs, so clients may keep the set this long.
const CACHE: &str = "public, max-age=300";

/// Where RFC 8414 looks for the document.
pub(super) const METADATA: &str = "/.well-known/oauth-authorization-server";

/// How clients authenticate at the token, revocation and introspection endpoints.
const AUTH_METHODS: [&str; 3] = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
/// The signatures of client assertions that are checked.
const ASSERTION_ALGORITHMS: [Algorithm; 5] =
    [Algorithm::RS256, Algorithm::RS512, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];

/// The routes of this file.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/.well-known/openid-configuration", get(configuration))
        .route(METADATA, get(configuration))
        .route("/.well-known/jwks.json", get(jwks))
}

async fn configuration(State(app): State<Arc<App>>) -> impl IntoResponse {
    let mut algorithms: Vec<&str> =
        ASSERTION_ALGORITHMS.into_iter().filter(|alg| app.keys.load().can_sign(*alg)).map(Algorithm::as_str).collect();
    if !app.hs256_secrets.load().is_empty() {
        algorithms.push(Algorithm::HS256.as_str());
    }
    ([(CACHE_CONTROL, CACHE)], Json(document(&app.issuer, &algorithms)))
}

async fn jwks(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(CACHE_CONTROL, CACHE)], Json(app.keys.load().jwks()))
}

/// An endpoint below the issuer.
pub(super) fn endpoint(issuer: &str, path: &str) -> String {
    format!("{}{path}", issuer.trim_end_matches('/'))
}

fn document(issuer: &str, id_token_algorithms: &[&str]) -> Value {
    let url = |path: &str| endpoint(issuer, path);
    let assertion_algorithms = ASSERTION_ALGORITHMS.map(Algorithm::as_str);
    let mut with_public_clients = AUTH_METHODS.to_vec();
    with_public_clients.push("none");
    json!({
        "issuer": issuer,
        "authorization_endpoint": url("/authorize"),
        "token_endpoint": url("/oauth/token"),
        "userinfo_endpoint": url("/userinfo"),
        "jwks_uri": url("/.well-known/jwks.json"),
        "revocation_endpoint": url("/oauth/revoke"),
        "introspection_endpoint": url("/oauth/introspect"),
        "end_session_endpoint": url("/oidc/logout"),
        "scopes_supported": ["openid", "profile", "email", "phone", "offline_access"],
        "response_types_supported":
            ["code", "token", "id_token", "code token", "code id_token", "id_token token", "code id_token token"],
        "response_modes_supported": ResponseMode::ALL.map(ResponseMode::as_str),
        "grant_types_supported": GrantType::ALL.map(GrantType::as_str),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": id_token_algorithms,
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": with_public_clients,
        "token_endpoint_auth_signing_alg_values_supported": assertion_algorithms,
        "revocation_endpoint_auth_methods_supported": with_public_clients,
        "revocation_endpoint_auth_signing_alg_values_supported": assertion_algorithms,
        "introspection_endpoint_auth_methods_supported": AUTH_METHODS,
        "introspection_endpoint_auth_signing_alg_values_supported": assertion_algorithms,
        "prompt_values_supported": Prompt::ALL.map(Prompt::as_str),
        "display_values_supported": ["page"],
        "ui_locales_supported": ["en"],
        "claim_types_supported": ["normal"],
        "claims_supported": claims::supported().chain(mint::ID_TOKEN_CLAIMS).collect::<BTreeSet<_>>(),
        "authorization_response_iss_parameter_supported": true,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_those_of_the_issuer_with_or_without_slash() {
        for issuer in ["https://login.example/", "https://login.example"] {
            let document = document(issuer, &["RS256"]);
            assert_eq!(document["issuer"], issuer);
            assert_eq!(document["token_endpoint"], "https://login.example/oauth/token");
            assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        }
    }
}
