//! `/healthz`: the process lives. `/readyz`: it can work. `/metrics`: what it has done.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::app::App;

/// The routes of this file.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz))
}

async fn healthz(State(app): State<Arc<App>>) -> Json<Value> {
    let set = app.flow.current();
    Json(json!({ "status": "ok", "actions": { "set": set.hash(), "count": set.actions().len() } }))
}

async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    match app.database.ping().await {
        Ok(()) => (StatusCode::OK, Json(json!({ "status": "ready" }))),
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "unavailable", "reason": "database" })))
        }
    }
}
