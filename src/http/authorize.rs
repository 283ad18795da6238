//! `GET|POST /authorize`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use axum::routing::get;
use url::form_urlencoded;

use super::answer::{deliver, error_page, local, redirect, with_cookies};
use super::browser_form::Form;
use super::context::Context;
use super::cookies;
use crate::app::App;
use crate::oauth::authorize::{self, Step};
use crate::oauth::parameters::Parameters;
use crate::oauth::session::Browser;

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
    if hides_cookies(&method, &headers, &browser) && parameters.first_unusable().is_none() {
        return redirect(&method, &as_get(&app, &parameters));
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

/// Browsers send no `SameSite=Lax` cookies with a POST from another site, so single sign-on would not see its session there.
fn hides_cookies(method: &Method, headers: &HeaderMap, browser: &Browser) -> bool {
    method == Method::POST
        && browser.session.is_none()
        && headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site")
}

/// The same request by GET.
fn as_get(app: &App, parameters: &Parameters) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters.values()).finish();
    format!("{}?{query}", local(app, "/authorize"))
}
