//! Pages that say something: errors, the end of a session, and the question before it.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::Page;

/// Something went wrong, and nobody may be redirected.
pub(crate) fn error(status: StatusCode, heading: &str, detail: &str) -> Page {
    let body = html! {
        h1 { (heading) }
        p.detail { (prose(detail)) }
        p.soft { "Please go back to the application and start again. If this keeps happening, tell its developers." }
    };
    Page::new(status, heading, body)
}

/// The text of an error, with what stands in backticks set as code.
fn prose(text: &str) -> Markup {
    html! {
        @for (position, part) in text.split('`').enumerate() {
            @if position % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// The session is over.
pub(crate) fn logged_out(status: StatusCode, detail: &str) -> Page {
    let body = html! {
        h1 { "You are logged out" }
        p.soft { (detail) }
    };
    Page::new(status, "Logged out", body)
}

/// Asks before the session ends.
pub(crate) fn confirm_logout(action: &str, csrf: &str, fields: &[(&str, String)]) -> Page {
    let body = html! {
        h1 { "Log out?" }
        p.soft { "An application asks to end your session." }
        form method="post" action=(action) {
            input type="hidden" name="csrf" value=(csrf);
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button type="submit" { "Log out" }
        }
        p.soft { "To stay logged in, close this page." }
    };
    Page::new(StatusCode::OK, "Log out?", body).with_forms()
}
