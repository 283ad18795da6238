//! `POST /oauth/revoke` (RFC 7009): 200 with an empty body, whether or not there was something to revoke.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use crate::app::App;
use crate::oauth::revoke;

use super::errors;
use super::form::TokenForm;

/// The revocation endpoint.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/oauth/revoke", post(answer))
}

async fn answer(State(app): State<Arc<App>>, form: TokenForm) -> Response {
    match revoke::revoke(&app, form.authorization.as_deref(), &form.parameters).await {
        Ok(()) => errors::no_store(StatusCode::OK.into_response()),
        Err(error) => errors::token(&error),
    }
}
