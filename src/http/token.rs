//! `POST /oauth/token`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use serde_json::Value;

use crate::app::App;
use crate::oauth::token::{self, Request};

use super::errors;
use super::form::TokenForm;

/// The token endpoint; other methods are answered 405 with `Allow`.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/oauth/token", post(exchange))
}

async fn exchange(State(app): State<Arc<App>>, form: TokenForm) -> Response {
    let TokenForm { parameters, authorization, context } = form;
    let request = Request { authorization: authorization.as_deref(), parameters: &parameters, context: &context };
    match token::exchange(&app, request).await {
        Ok(answer) => errors::json_answer(StatusCode::OK, Value::Object(answer.members)),
        Err(error) => errors::token(&error),
    }
}
