//! `GET|POST /authorize`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use axum::routing::get;

use super::answer::{deliver, error_page, local, redirect, with_cookies};
use super::browser_form::Form;
use super::context::Context;
use super::{cookies, cross_site};
use crate::app::App;
use crate::oauth::authorize::{self, Step};

/// The routes of this file.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/authorize", get(authorize).post(authorize))
}

async fn authorize(
    State(app): State<Arc<App>>,
    method: Method,
    headers: HeaderMap,
    Context(mut context): Context,
    Form(parameters): Form,
) -> Response {
    let browser = cookies::read(&app, &headers);
    if let Some(again) = cross_site::by_get(&app, "/authorize", (&method, &headers), &browser, &parameters) {
        return again;
    }
    context.query = parameters.to_json();
    match authorize::authorize(&app, parameters, &browser, &context).await {
        Ok(Step::Answer(answer)) => deliver(&app, &method, &answer),
        Ok(Step::Interact { handle, binding, sign_up }) => {
            let page = if sign_up { "/u/signup" } else { "/u/login" };
            let response = redirect(&method, &format!("{}?state={handle}", local(&app, page)));
            with_cookies(response, cookies::binding(&app, &headers, &binding))
        }
        Err(error) => error_page(&error),
    }
}
