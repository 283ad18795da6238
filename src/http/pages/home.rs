//! `/`: what is running here. Under `dev` with everything that a developer looks for, otherwise with nothing to learn.

use axum::http::StatusCode;
use maud::html;

use super::Page;
use crate::domain::client::Client;
use crate::flow::{ActionInfo, Trigger};

/// For everybody.
pub(crate) fn plain() -> Page {
    let body = html! {
        h1 { "Vestibule" }
        p.soft { "This is a login server. Please open the application that you want to log in to." }
    };
    Page::new(StatusCode::OK, "Vestibule", body)
}

/// For a developer.
pub(crate) fn dev(issuer: &str, set: &str, actions: &[ActionInfo], clients: &[Client], urls: &[(&str, String)]) -> Page {
    let body = html! {
        div.wide {
            h1 { "Vestibule" }
            p.soft { "Development server for the issuer " code { (issuer) } }
            h2 { "Actions, in order " span.soft { "(set " code { (set) } ")" } }
            @if actions.is_empty() { p { "None: tokens carry the standard claims." } }
            table {
                @for action in actions { tr { td { code { (action.file) } } td { (handlers(action)) } } }
            }
            h2 { "Applications" }
            table {
                @for client in clients { tr { td { code { (client.client_id) } } td { (client.name) } td.soft { (client.callbacks.join(", ")) } } }
            }
            h2 { "Endpoints" }
            table {
                @for (name, url) in urls { tr { td { (name) } td { code { (url) } } } }
            }
        }
    };
    Page::new(StatusCode::OK, "Vestibule", body)
}

fn handlers(action: &ActionInfo) -> String {
    action.triggers.iter().copied().map(Trigger::handler).collect::<Vec<_>>().join(", ")
}
