//! `GET /v2/logout`, `GET|POST /oidc/logout` and the form that confirms it.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::answer::{error_page, local, redirect, with_cookies};
use super::browser_form::Form;
use super::cookies;
use super::cross_site::{self, is_cross_site};
use super::pages::notice;
use crate::app::App;
use crate::oauth::error::Result;
use crate::oauth::logout::{self, Outcome};
use crate::oauth::session::SessionChange;

const RP_INITIATED: &str = "/oidc/logout";
const CONFIRM: &str = "/oidc/logout/confirm";

/// The routes of this file.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v2/logout", get(v2))
        .route(RP_INITIATED, get(rp_initiated).post(rp_initiated))
        .route(CONFIRM, post(confirmed))
}

async fn v2(State(app): State<Arc<App>>, method: Method, headers: HeaderMap, Form(parameters): Form) -> Response {
    let outcome = logout::v2(&app, &parameters, &cookies::read(&app, &headers)).await;
    answer(&app, &method, outcome)
}

async fn rp_initiated(State(app): State<Arc<App>>, method: Method, headers: HeaderMap, Form(parameters): Form) -> Response {
    let browser = cookies::read(&app, &headers);
    if let Some(again) = cross_site::by_get(&app, RP_INITIATED, (&method, &headers), &browser, &parameters) {
        return again;
    }
    let outcome = logout::rp_initiated(&app, &parameters, &browser).await;
    answer(&app, &method, outcome)
}

async fn confirmed(State(app): State<Arc<App>>, method: Method, headers: HeaderMap, Form(parameters): Form) -> Response {
    // Its token alone would not do: without a session it is everybody's, and another site's form comes without a session.
    let outcome = if is_cross_site(&app, &headers) {
        Ok(Outcome::Refused("this form was not made for this browser"))
    } else {
        logout::confirmed(&app, &parameters, &cookies::read(&app, &headers)).await
    };
    answer(&app, &method, outcome)
}

fn answer(app: &App, method: &Method, outcome: Result<Outcome>) -> Response {
    let over = |response: Response| with_cookies(response, cookies::session(app, &SessionChange::End));
    match outcome {
        Ok(Outcome::Redirect(url)) => over(redirect(method, &url)),
        Ok(Outcome::LoggedOut) => over(notice::logged_out(StatusCode::OK, "You can close this page.").into_response()),
        Ok(Outcome::LoggedOutWithoutReturn) => {
            let detail = "The address that the application wanted you to return to is not registered for it.";
            over(notice::logged_out(StatusCode::BAD_REQUEST, detail).into_response())
        }
        Ok(Outcome::Confirm(form)) => notice::confirm_logout(&local(app, CONFIRM), &form.csrf, &form.fields).into_response(),
        Ok(Outcome::Refused(detail)) => notice::error(StatusCode::BAD_REQUEST, "Invalid request", detail).into_response(),
        Err(error) => error_page(&error),
    }
}
