//! axum and only axum: routes, extractors, answers, pages. Each sibling file offers `routes()`.

mod activity;
mod answer;
mod authorize;
mod browser_form;
pub mod context;
mod cookies;
mod cors;
mod cross_site;
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
pub mod traces;
mod userinfo;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use tower::{ServiceBuilder, ServiceExt as _};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;

/// Every route of a tenant, with security headers and panics caught. If the issuer has a path, they are served below it and
/// without it: some proxies take it off, others pass it on.
pub fn router(app: Arc<App>) -> Router {
    let base: Arc<str> = answer::local(&app, "").into();
    let routes = protected(routes(), app);
    if base.is_empty() {
        return routes;
    }
    let below = routes.clone();
    routes.fallback_service(below.map_request(move |request| without_base(&base, request)))
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
        .merge(traces::routes())
}

/// The request as the routes know it, without the path of the issuer.
fn without_base(base: &str, mut request: Request) -> Request {
    let uri = request.uri();
    let Some(path) = path_below(base, uri.path()) else { return request };
    let target = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = target.try_into().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

/// What follows the issuer's path, which RFC 8414 section 3.1 puts behind the well-known one.
fn path_below<'p>(base: &str, path: &'p str) -> Option<&'p str> {
    if path.strip_suffix(base) == Some(discovery::METADATA) {
        return Some(discovery::METADATA);
    }
    match path.strip_prefix(base)? {
        "" => Some("/"),
        rest => rest.starts_with('/').then_some(rest),
    }
}

/// What stands around every route.
fn protected(routes: Router<Arc<App>>, app: Arc<App>) -> Router {
    let state = (Arc::clone(&app), intake::Intake::new(&app.server));
    let layers =
        ServiceBuilder::new().layer(from_fn_with_state(state, around)).layer(CatchPanicLayer::custom(headers::panicked));
    routes
        .route_layer(from_fn(headers::matched))
        .fallback(headers::not_found)
        .method_not_allowed_fallback(headers::method_not_allowed)
        .layer(layers)
        .with_state(app)
}

/// From the outside to the inside. One middleware, for each costs several allocations.
async fn around(State((app, intake)): State<(Arc<App>, intake::Intake)>, request: Request, next: Next) -> Response {
    let admitted = |request| intake::admit(&intake, request, |request| next.run(request));
    let shared = |request| cors::cross_origin(&app, request, admitted);
    headers::common(&app, request, shared).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Surroundings;
    use crate::config::Source;
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use axum::routing::get;
    use http_body_util::BodyExt as _;

    #[tokio::test]
    async fn r45_a_panic_is_a_clean_500_that_tells_nothing() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("actions")).unwrap();
        let source = Source { path: directory.path().join("vestibule.toml"), ..Source::default() };
        let config = source.parse("issuer = \"http://localhost/\"\n[database]\nurl = \"sqlite://test.db\"").unwrap();
        let app = App::build(&config, Surroundings::system(false)).await.unwrap();
        let routes = Router::new().route("/fall", get(async || -> StatusCode { panic!("secret of the house") }));
        let request = Request::get("/fall").header("host", "localhost").body(Body::empty()).unwrap();
        let answer = protected(routes, Arc::clone(&app)).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert!(app.metrics.render().contains("status=\"500\""), "{}", app.metrics.render());
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"], "server_error");
        assert!(!body.to_string().contains("secret"), "{body}");
    }
}
