//! What `vestibule dev` prints at the start: URLs, actions, demo data, and a command to paste.

use super::{paste, print};
use crate::config::{Config, DeclaredClient, DeclaredUser, Secret};
use crate::domain::client::{AppType, GrantType};
use crate::flow::FlowSet;

/// The whole page.
pub(super) fn render(config: &Config, set: &FlowSet, listening: &str) -> String {
    let mut parts = vec![
        format!("vestibule dev, tenant {}, listening on {listening}", config.tenant),
        urls(config),
        actions(set, &config.actions.display),
    ];
    if !config.clients.is_empty() {
        parts.push(format!("Clients\n{}", print::columns(&config.clients.iter().map(client).collect::<Vec<_>>())));
    }
    if !config.users.is_empty() {
        parts.push(format!("Users\n{}", print::columns(&config.users.iter().map(user).collect::<Vec<_>>())));
    }
    if let Some(command) = paste::command(config) {
        parts.push(format!("Paste this into another terminal to see tokens with action claims in them\n\n{command}"));
    }
    parts.push(format!(
        "Edit a file in {} and log in again: the next token is made by the new code.",
        config.actions.display
    ));
    format!("\n{}\n", parts.join("\n\n"))
}

fn urls(config: &Config) -> String {
    let issuer = &config.issuer;
    let base = issuer.trim_end_matches('/');
    let row = |name: &str, path: &str| vec![name.to_owned(), format!("{base}{path}")];
    let mut rows = vec![
        vec!["issuer".to_owned(), issuer.clone()],
        row("discovery", "/.well-known/openid-configuration"),
        row("authorize", "/authorize"),
        row("token", "/oauth/token"),
        row("userinfo", "/userinfo"),
        row("health", "/readyz"),
    ];
    if let Some(query) = config.clients.iter().find_map(login_query) {
        rows.push(row("log in", &format!("/authorize?{query}")));
    }
    format!("URLs\n{}", print::columns(&rows))
}

/// What the operator shall not forget: logins that no action sees. `None` if there are none.
pub(super) fn bypass_warning(config: &Config) -> Option<String> {
    let clients: Vec<_> = config.bypassing().map(|id| format!("`{id}`")).collect();
    let (these, have) = if clients.len() == 1 { ("client", "has") } else { ("clients", "have") };
    let hint = "for emergencies: whoever can authenticate gets in there, whatever the actions say";
    let warning = format!("warning: {these} {} {have} `bypass_actions`: no action runs\nhint: {hint}", clients.join(", "));
    (!clients.is_empty()).then_some(warning)
}

/// Shows the login page in a browser; ends at the application's callback, whether or not the application runs.
fn login_query(declared: &DeclaredClient) -> Option<String> {
    let client = &declared.client;
    let callback = client.callbacks.first()?;
    if client.must_use_pkce() || !client.allows(GrantType::AuthorizationCode) {
        return None;
    }
    let parameters = [
        ("response_type", "code"),
        ("client_id", &client.client_id),
        ("redirect_uri", callback),
        ("scope", "openid profile email"),
        ("prompt", "login"),
    ];
    serde_urlencoded::to_string(parameters).ok()
}

/// The actions in order, with their handlers and filters, under the hash of the set.
pub(super) fn actions(set: &FlowSet, directory: &str) -> String {
    let rows: Vec<_> = set
        .actions()
        .iter()
        .enumerate()
        .map(|(index, action)| {
            let handlers: Vec<_> = action.triggers.iter().map(|trigger| trigger.handler()).collect();
            let filter = action.clients.as_ref().map(|clients| format!("only for {}", clients.join(", ")));
            vec![format!("{}.", index + 1), action.file.clone(), handlers.join(", "), filter.unwrap_or_default()]
        })
        .collect();
    match rows.as_slice() {
        [] => format!("Actions: none in {directory}, set {}", set.hash()),
        rows => format!("Actions in order, set {}\n{}", set.hash(), print::columns(rows)),
    }
}

fn client(declared: &DeclaredClient) -> Vec<String> {
    let client = &declared.client;
    let app_type = match client.app_type {
        AppType::Spa => "spa",
        AppType::Native => "native",
        AppType::RegularWeb => "regular_web",
        AppType::NonInteractive => "non_interactive",
    };
    let secret = match &declared.secret {
        Some(secret) => format!("secret {}", secret.reveal()),
        None if client.is_public() => "public, PKCE".to_owned(),
        None => "private_key_jwt".to_owned(),
    };
    let callback = client.callbacks.first().map(|uri| format!("callback {uri}")).unwrap_or_default();
    let bypass = if client.bypass_actions { "runs no actions" } else { "" };
    vec![client.client_id.clone(), app_type.to_owned(), secret, callback, bypass.to_owned()]
}

fn user(declared: &DeclaredUser) -> Vec<String> {
    let user = &declared.user;
    let login = user.email.as_ref().or(user.username.as_ref()).unwrap_or(&user.user_id);
    let password = declared.password.as_ref().map_or("no password", Secret::reveal);
    let mut notes = Vec::new();
    if !user.roles.is_empty() {
        notes.push(format!("roles {}", user.roles.join(", ")));
    }
    if user.email.is_some() && !user.email_verified {
        notes.push("e-mail not verified".to_owned());
    }
    if user.blocked {
        notes.push("blocked".to_owned());
    }
    vec![login.clone(), password.to_owned(), user.user_id.clone(), notes.join("; ")]
}
