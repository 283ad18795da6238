//! `POST /oauth/token`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::post;
use serde_json::Value;

use crate::app::App;
use crate::oauth::token::{self, Request};

use super::errors;
use super::form::TokenForm;

/// Names the trace of the Decision behind an answer, under `dev`.
const TRACE: HeaderName = HeaderName::from_static("vestibule-trace");

/// The token endpoint; other methods are answered 405 with `Allow`.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/oauth/token", post(exchange))
}

async fn exchange(State(app): State<Arc<App>>, form: TokenForm) -> Response {
    let TokenForm { parameters, authorization, context } = form;
    let request = Request { authorization: authorization.as_deref(), parameters: &parameters, context: &context };
    match token::exchange(&app, request).await {
        Ok(answer) => {
            let mut response = errors::json_answer(StatusCode::OK, Value::Object(answer.members));
            if let Some(id) = HeaderValue::try_from(answer.trace).ok().filter(|id| app.dev && !id.is_empty()) {
                response.headers_mut().insert(TRACE, id);
            }
            response
        }
        Err(error) => errors::token(&error),
    }
}
