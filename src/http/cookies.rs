//! The cookies: the session, and what ties logins under way to a browser. Opaque secrets, never readable by script.
//!
//! A browser that opens several tabs at once, as when it restores them, asks for all of them before it has the first answer. So
//! each binding has a name of its own, none takes the place of another, and from then on the browser's first one serves all.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use cookie::time::Duration;
use cookie::{Cookie, SameSite};

use crate::app::App;
use crate::domain::hash;
use crate::oauth::session::{Browser, SessionChange};

const SESSION: &str = "vestibule_session";
const BINDING: &str = "vestibule_browser_";
/// Bindings that a browser keeps: 2.5 KB of every head, so that no proxy refuses it.
const MAX_BINDINGS: usize = 32;
/// The lifetime of the binding of a browser in which somebody has logged in. Longer than the memory of where accounts have.
const BINDING_LASTS: Duration = Duration::days(100);

/// The name: with the prefix that makes browsers refuse any other scope, if the issuer is on https.
fn name(app: &App, base: &str) -> String {
    if is_secure(app) { format!("__Host-{base}") } else { base.to_owned() }
}

/// Whether the issuer is on https.
pub(super) fn is_secure(app: &App) -> bool {
    app.issuer.starts_with("https://")
}

/// The name of a binding, which tells nothing of the secret.
fn binding_name(secret: &str) -> String {
    let tag: String = hash::sha256(&format!("name {secret}")).chars().take(8).collect();
    format!("{BINDING}{tag}")
}

/// The secrets that the request carries. What cannot be one of ours is no secret.
pub(super) fn read(app: &App, headers: &HeaderMap) -> Browser {
    let session = name(app, SESSION);
    let session = all(headers).find(|cookie| cookie.name() == session).map(|cookie| cookie.value().to_owned());
    let bindings = bindings(app, headers).take(MAX_BINDINGS).collect();
    Browser { session: session.filter(|value| is_secret(value)), bindings }
}

fn all(headers: &HeaderMap) -> impl Iterator<Item = Cookie<'_>> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(Cookie::split_parse).flatten()
}

/// Every binding that is called as we call it, the oldest first: so browsers send them.
fn bindings(app: &App, headers: &HeaderMap) -> impl Iterator<Item = String> {
    let prefix = name(app, BINDING);
    let ours = all(headers).filter(move |cookie| cookie.name().starts_with(&prefix) && is_secret(cookie.value()));
    ours.filter(|cookie| cookie.name() == name(app, &binding_name(cookie.value()))).map(|cookie| cookie.value().to_owned())
}

fn is_secret(value: &str) -> bool {
    value.len() == 43 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// `Set-Cookie` of the binding of a login that begins: a new one lasts as long as that. What the browser has beyond
/// [`MAX_BINDINGS`] goes.
pub(super) fn binding(app: &App, headers: &HeaderMap, secret: &str) -> impl Iterator<Item = HeaderValue> {
    let known = bindings(app, headers).any(|own| own == secret);
    let lasts = if known { BINDING_LASTS } else { Duration::seconds(app.lifetimes.login_transaction) };
    let surplus = bindings(app, headers).skip(MAX_BINDINGS);
    let surplus = surplus.filter_map(|secret| set(app, &binding_name(&secret), "", Duration::ZERO));
    set(app, &binding_name(secret), secret, lasts).into_iter().chain(surplus)
}

/// `Set-Cookie` of the binding that outlives the browser's run once somebody has logged in, for it also tells where an account
/// has logged in before.
pub(super) fn lasting_binding(app: &App, browser: &Browser) -> Option<HeaderValue> {
    let secret = browser.own_binding()?;
    set(app, &binding_name(secret), secret, BINDING_LASTS)
}

/// `Set-Cookie` of what becomes of the session, if anything.
pub(super) fn session(app: &App, change: &SessionChange) -> Option<HeaderValue> {
    match change {
        SessionChange::Keep => None,
        SessionChange::Start(secret) => set(app, SESSION, secret, Duration::seconds(app.lifetimes.session)),
        SessionChange::End => set(app, SESSION, "", Duration::ZERO),
    }
}

fn set(app: &App, base: &str, value: &str, max_age: Duration) -> Option<HeaderValue> {
    let cookie = Cookie::build((name(app, base), value.to_owned()))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(is_secure(app))
        .max_age(max_age)
        .build();
    HeaderValue::try_from(cookie.to_string()).ok()
}
