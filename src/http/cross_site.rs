//! What the page of another site makes a browser send: which cookies are missing there, and what it may not do.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use url::form_urlencoded;

use super::answer::{local, redirect};
use crate::app::App;
use crate::oauth::authorization_request::origin;
use crate::oauth::parameters::Parameters;
use crate::oauth::session::Browser;

/// The same request by GET, if another site sent it by POST: browsers send no `SameSite=Lax` cookies then, so the session would
/// not be seen. They do with what the answer leads to.
pub(super) fn by_get(
    app: &App,
    path: &str,
    (method, headers): (&Method, &HeaderMap),
    browser: &Browser,
    parameters: &Parameters,
) -> Option<Response> {
    let hidden = method == Method::POST
        && browser.session.is_none()
        && headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    if !hidden || parameters.first_unusable().is_some() {
        return None;
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters.values()).finish();
    Some(redirect(method, &format!("{}?{query}", local(app, path))))
}

/// Whether another site sent the form. Pages with `no-referrer` send `Origin: null` to their own server, so `null` proves
/// nothing; the token in the form does.
pub(super) fn is_cross_site(app: &App, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let foreign_fetch = text("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site");
    let foreign_origin = text(ORIGIN.as_str()).filter(|sent| *sent != "null").is_some_and(|sent| {
        let own_host = text(HOST.as_str()).is_some_and(|host| sent.split_once("://").is_some_and(|(_, name)| name == host));
        !own_host && origin(&app.issuer).as_deref() != Some(sent)
    });
    foreign_fetch || foreign_origin
}
