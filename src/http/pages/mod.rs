//! The hosted pages: server-rendered, no script needed to log in, nothing loaded from elsewhere.

pub(crate) mod deliver;
pub(crate) mod home;
pub(crate) mod login;
pub(crate) mod notice;

use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::domain::hash;

const STYLE: &str = include_str!("style.css");
/// A door. In the page itself, because a policy that loads nothing lets browsers ask for no `/favicon.ico`.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
    %3Crect width='16' height='16' rx='4' fill='%232450b2'/%3E%3Cpath d='M5 13V4a1 1 0 0 1 1-1h4a1 1 0 0 1 1 1v9z' fill='%23fff'/%3E\
    %3Ccircle cx='9.3' cy='8.2' r='.8' fill='%232450b2'/%3E%3C/svg%3E";

/// A page and what its Content-Security-Policy must let through.
#[derive(Debug)]
pub(crate) struct Page {
    /// Of the answer.
    pub(crate) status: StatusCode,
    /// Of the document.
    pub(crate) title: String,
    /// Inside `main`.
    pub(crate) body: Markup,
    /// A constant script, allowed by its hash.
    pub(crate) script: Option<&'static str>,
    /// Whether forms may be sent. Not limited to targets: browsers apply `form-action` to every redirect that follows, and
    /// those belong to the client.
    pub(crate) forms: bool,
    /// The one origin that may frame the page.
    pub(crate) framed_by: Option<String>,
}

impl Page {
    /// A page with neither script nor form.
    pub(crate) fn new(status: StatusCode, title: impl Into<String>, body: Markup) -> Self {
        Self { status, title: title.into(), body, script: None, forms: false, framed_by: None }
    }

    /// The page with forms allowed.
    pub(crate) fn with_forms(self) -> Self {
        Self { forms: true, ..self }
    }

    fn policy(&self) -> String {
        let mut policy = format!("default-src 'none'; base-uri 'none'; img-src data:; style-src {}", source(STYLE));
        if let Some(script) = self.script {
            policy.push_str(&format!("; script-src {}", source(script)));
        }
        if !self.forms {
            policy.push_str("; form-action 'none'");
        }
        policy.push_str(&format!("; frame-ancestors {}", self.framed_by.as_deref().unwrap_or("'none'")));
        policy
    }

    fn document(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    title { (self.title) }
                    link rel="icon" href=(ICON);
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main { (self.body) }
                    @if let Some(script) = self.script { script { (PreEscaped(script)) } }
                }
            }
        }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.document().into_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        if let Ok(policy) = HeaderValue::try_from(self.policy()) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

/// The CSP source of an inline style or script: the hash of its text, in the alphabet that every browser takes.
fn source(text: &str) -> String {
    format!("'sha256-{}='", hash::sha256(text).replace('-', "+").replace('_', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_the_style_and_nothing_unsafe() {
        let policy = Page::new(StatusCode::OK, "t", html! {}).policy();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"));
        // echo -n '' | openssl dgst -sha256 -binary | base64
        assert_eq!(source(""), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
    }
}
