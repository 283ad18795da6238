//! `POST /oauth/introspect` (RFC 7662).

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use serde_json::Value;

use crate::app::App;
use crate::oauth::introspect;

use super::errors;
use super::form::TokenForm;

/// The introspection endpoint.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/oauth/introspect", post(answer))
}

async fn answer(State(app): State<Arc<App>>, form: TokenForm) -> Response {
    match introspect::introspect(&app, form.authorization.as_deref(), &form.parameters).await {
        Ok(members) => errors::json_answer(StatusCode::OK, Value::Object(members)),
        Err(error) => errors::token(&error),
    }
}
