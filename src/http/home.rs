//! `/`: says what runs here.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::answer::error_page;
use super::discovery::endpoint;
use super::pages::home as page;
use crate::app::App;

/// The routes of this file.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/", get(home))
}

async fn home(State(app): State<Arc<App>>) -> Response {
    if !app.dev {
        return page::plain().into_response();
    }
    let clients = match app.store.clients().await {
        Ok(clients) => clients,
        Err(error) => return error_page(&error.into()),
    };
    let urls = [
        ("Discovery", "/.well-known/openid-configuration"),
        ("Keys", "/.well-known/jwks.json"),
        ("Authorization", "/authorize"),
        ("Token", "/oauth/token"),
        ("User info", "/userinfo"),
        ("Logout", "/oidc/logout"),
        ("Health", "/healthz"),
        ("Metrics", "/metrics"),
    ]
    .map(|(name, path)| (name, endpoint(&app.issuer, path)));
    let set = app.flow.current();
    page::dev(&app.issuer, set.hash(), &set.actions(), &clients, &urls).into_response()
}
