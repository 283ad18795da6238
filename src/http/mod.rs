//! axum and only axum: routes, extractors, answers, pages. Each sibling file offers `routes()`.

mod activity;
mod answer;
mod authorize;
mod browser_form;
pub mod context;
mod cookies;
mod cors;
mod discovery;
mod errors;
mod form;
mod headers;
mod health;
mod home;
mod intake;
mod introspect;
mod login;
mod logout;
mod pages;
mod revoke;
pub mod server;
mod token;
mod userinfo;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;

/// Every route of a tenant, with security headers and panics caught.
pub fn router(app: Arc<App>) -> Router {
    around(routes(), app)
}

fn routes() -> Router<Arc<App>> {
    Router::new()
        .merge(authorize::routes())
        .merge(login::routes())
        .merge(logout::routes())
        .merge(discovery::routes())
        .merge(health::routes())
        .merge(home::routes())
        .merge(token::routes())
        .merge(userinfo::routes())
        .merge(introspect::routes())
        .merge(revoke::routes())
}

/// What happens around every route, from the inside out.
fn around(routes: Router<Arc<App>>, app: Arc<App>) -> Router {
    let intake = intake::Intake::new(&app.server);
    routes
        .route_layer(from_fn(headers::matched))
        .fallback(headers::not_found)
        .method_not_allowed_fallback(headers::method_not_allowed)
        .layer(CatchPanicLayer::custom(headers::panicked))
        .layer(from_fn_with_state(intake, intake::admit))
        .layer(from_fn_with_state(Arc::clone(&app), cors::cross_origin))
        .layer(from_fn_with_state(Arc::clone(&app), headers::common))
        .with_state(app)
}
