//! `/healthz`: the process lives. `/readyz`: it can work. `/metrics`: what it has done.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::app::App;
use crate::flow::Failing;

/// The routes of this file.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).route("/metrics", get(metrics))
}

async fn healthz(State(app): State<Arc<App>>) -> Json<Value> {
    let (set, reload) = (app.flow.current(), app.reloader.state());
    Json(json!({
        "status": "ok",
        "actions": {
            "set": set.hash(),
            "count": set.actions().len(),
            // Source lines stand in the diagnostics: for developers only.
            "last_reload": if reload.last_error.is_some() { "refused" } else { "ok" },
            "last_error": reload.last_error.filter(|_| app.dev),
            "failing": app.flow.failing().iter().map(|failing| self::failing(failing, app.dev)).collect::<Vec<_>>(),
        }
    }))
}

/// An action that keeps failing; the error is for developers only, as it may quote what a script was given.
fn failing(failing: &Failing, dev: bool) -> Value {
    let Failing { action, failures, error } = failing;
    if dev { json!({ "action": action, "failures": failures, "error": error }) } else { json!({ "action": action }) }
}

async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    app.metrics.passwords_waiting(app.passwords.waiting());
    app.metrics.actions_failing(app.flow.failing().iter().map(|failing| (failing.action.as_str(), failing.failures)));
    ([(CONTENT_TYPE, crate::metrics::CONTENT_TYPE)], app.metrics.render())
}

async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    let unavailable = |reason| (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "unavailable", "reason": reason })));
    if app.draining.load(Ordering::Relaxed) {
        return unavailable("shutting down");
    }
    match app.database.ping().await {
        Ok(()) => (StatusCode::OK, Json(json!({ "status": "ready" }))),
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            unavailable("database")
        }
    }
}
