//! The two cookies: the session, and what ties logins under way to a browser. Opaque secrets, never readable by script.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use cookie::time::Duration;
use cookie::{Cookie, SameSite};

use crate::app::App;
use crate::oauth::session::{Browser, SessionChange};

const SESSION: &str = "vestibule_session";
const BINDING: &str = "vestibule_browser";
/// From the last login page on. Longer than the memory of where accounts have logged in.
const BINDING_LASTS: Duration = Duration::days(100);

/// The name: with the prefix that makes browsers refuse any other scope, if the issuer is on https.
fn name(app: &App, base: &str) -> String {
    if is_secure(app) { format!("__Host-{base}") } else { base.to_owned() }
}

/// Whether the issuer is on https.
pub(super) fn is_secure(app: &App) -> bool {
    app.issuer.starts_with("https://")
}

/// The secrets that the request carries. What cannot be one of ours is no secret.
pub(super) fn read(app: &App, headers: &HeaderMap) -> Browser {
    let find = |base: &str| {
        let wanted = name(app, base);
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(Cookie::split_parse).flatten().find(|cookie| cookie.name() == wanted).map(|c| c.value().to_owned())
    };
    let ours =
        |value: &String| value.len() == 43 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    Browser { session: find(SESSION).filter(ours), binding: find(BINDING).filter(ours) }
}

/// `Set-Cookie` of the binding. It outlives the browser's run, for it also tells where an account has logged in before.
pub(super) fn binding(app: &App, secret: &str) -> Option<HeaderValue> {
    set(app, BINDING, secret, BINDING_LASTS)
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
