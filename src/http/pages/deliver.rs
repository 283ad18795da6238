//! Pages that carry an authorization response: a form that posts itself, and a message to the window that asked. Their scripts
//! are constants allowed by hash; what they carry stands in escaped attributes.

use axum::http::StatusCode;
use maud::html;

use super::Page;
use crate::oauth::authorization_request::origin;
use crate::oauth::respond::Response;

const SUBMIT: &str = "document.forms[0].submit()";
const POST_MESSAGE: &str = "\
const data = document.getElementById('message').dataset;\
const message = {type: 'authorization_response', response: JSON.parse(data.response)};\
const receiver = window.opener || (window.parent !== window ? window.parent : null);\
if (receiver) receiver.postMessage(message, data.target);";

/// `response_mode=form_post`. Without script the user presses the button.
pub(crate) fn form_post(response: &Response) -> Page {
    let body = html! {
        h1 { "One moment" }
        form method="post" action=(response.redirect_uri) {
            @for (name, value) in response.fields() { input type="hidden" name=(name) value=(value); }
            noscript { p { "Your browser runs no scripts." } button type="submit" { "Continue" } }
        }
    };
    Page { script: Some(SUBMIT), ..Page::new(StatusCode::OK, "Continue", body).with_forms() }
}

/// `response_mode=web_message`: posted to the origin of the redirect URI and nowhere else, which alone may frame the page.
pub(crate) fn web_message(response: &Response) -> Page {
    let Some(target) = origin(&response.redirect_uri) else {
        return super::notice::error(StatusCode::BAD_REQUEST, "Invalid request", "The redirect URI has no origin.");
    };
    let message = serde_json::Value::Object(response.members.clone()).to_string();
    let body = html! { div id="message" data-target=(target) data-response=(message) {} };
    Page { script: Some(POST_MESSAGE), framed_by: Some(target), ..Page::new(StatusCode::OK, "Continue", body) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::respond::{Destination, ResponseMode};
    use scraper::{Html, Selector};

    fn response(mode: ResponseMode) -> Response {
        Destination {
            redirect_uri: "https://rp.example/cb".into(),
            mode,
            state: Some("\"></form><script>alert(1)</script>".into()),
            issuer: "http://localhost:8484/".into(),
        }
        .error("access_denied", "it's </script><script> \u{2028}")
    }

    #[test]
    fn a_posted_form_escapes_what_it_carries() {
        let page = form_post(&response(ResponseMode::FormPost));
        let html = Html::parse_document(&page.document().into_string());
        let select = |selector: &str| html.select(&Selector::parse(selector).unwrap()).collect::<Vec<_>>();
        assert_eq!(select("script").len(), 1);
        assert_eq!(select("form")[0].value().attr("action"), Some("https://rp.example/cb"));
        assert_eq!(select("input[name=state]")[0].value().attr("value"), Some("\"></form><script>alert(1)</script>"));
    }

    #[test]
    fn a_message_goes_to_the_origin_of_the_redirect_uri_only() {
        let page = web_message(&response(ResponseMode::WebMessage));
        assert!(page.policy().contains("frame-ancestors https://rp.example"));
        assert!(page.policy().contains("form-action 'none'"));
        let html = Html::parse_document(&page.document().into_string());
        let message = html.select(&Selector::parse("#message").unwrap()).next().unwrap().value();
        assert_eq!(message.attr("data-target"), Some("https://rp.example"));
        let carried: serde_json::Value = serde_json::from_str(message.attr("data-response").unwrap()).unwrap();
        assert_eq!(carried["state"], "\"></form><script>alert(1)</script>");
        assert_eq!(html.select(&Selector::parse("script").unwrap()).count(), 1);
    }
}
