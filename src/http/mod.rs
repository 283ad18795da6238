//! axum and only axum: routes, extractors, answers, pages. Each sibling file offers `routes()`.

pub mod context;
mod cors;
mod errors;
mod form;
mod introspect;
mod revoke;
mod token;
mod userinfo;

use std::sync::Arc;

use axum::Router;

use crate::app::App;

/// Every route of a tenant, with security headers and panics caught.
#[must_use]
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .merge(token::routes())
        .merge(userinfo::routes())
        .merge(introspect::routes())
        .merge(revoke::routes())
        .with_state(app)
}
