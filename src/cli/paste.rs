//! A command to paste: it asks for tokens and decodes them with nothing but curl and what every shell has.

use crate::config::{Config, DeclaredClient, DeclaredUser};
use crate::domain::client::GrantType;

/// Prints the response and below it the payload of each JWT. A payload is base64url without padding; surplus padding only makes
/// `base64` complain after it has decoded everything. Every line but the last ends in a backslash: it is one command.
const DECODE: [&str; 4] = [
    r#"| { body=$(cat); printf '%s\n' "$body";"#,
    r#"  for part in $(printf '%s' "$body" | grep -o '"ey[^".]*[.][^".]*' | cut -d. -f2); do"#,
    r#"    printf '\npayload of a token: '; printf '%s===' "$part" | tr '_-' '/+' | base64 -d 2>/dev/null; echo;"#,
    "  done; }",
];

/// A password or client-credentials request that the configuration allows; `None` if it allows neither.
pub(super) fn command(config: &Config) -> Option<String> {
    password(config).or_else(|| machine(config))
}

fn password(config: &Config) -> Option<String> {
    let client = config.clients.iter().find(|declared| usable(declared, GrantType::Password))?;
    let user = config.users.iter().find(|declared| can_log_in(declared))?;
    let login = user.user.email.as_ref().or(user.user.username.as_ref())?;
    let mut fields = credentials(client, "password");
    fields.push(("username", login.clone()));
    fields.push(("password", user.password.as_ref()?.reveal().to_owned()));
    let mut scope = "openid profile email".to_owned();
    if let Some(api) = config.resource_servers.first() {
        fields.push(("audience", api.identifier.clone()));
        scope.extend(api.scopes.iter().map(|word| format!(" {word}")));
    }
    fields.push(("scope", scope));
    Some(curl(&config.issuer, &fields))
}

fn machine(config: &Config) -> Option<String> {
    let grant = config.client_grants.first()?;
    let client = config.clients.iter().find(|declared| declared.client.client_id == grant.client_id)?;
    if !usable(client, GrantType::ClientCredentials) {
        return None;
    }
    let mut fields = credentials(client, "client_credentials");
    fields.push(("audience", grant.audience.clone()));
    Some(curl(&config.issuer, &fields))
}

/// Somebody whom the demo's own actions let in: known, not blocked, address verified.
fn can_log_in(declared: &DeclaredUser) -> bool {
    let user = &declared.user;
    declared.password.is_some() && !user.blocked && (user.email_verified || user.email.is_none())
}

/// Whether curl can authenticate the client: public, or with a secret in the body.
fn usable(declared: &DeclaredClient, grant: GrantType) -> bool {
    use crate::domain::client::AuthMethod::{ClientSecretBasic, PrivateKeyJwt};
    let client = &declared.client;
    client.allows(grant)
        && !matches!(client.token_endpoint_auth_method, Some(ClientSecretBasic | PrivateKeyJwt))
        && (declared.secret.is_some() || client.is_public())
}

fn credentials(declared: &DeclaredClient, grant: &str) -> Vec<(&'static str, String)> {
    let mut fields = vec![("grant_type", grant.to_owned()), ("client_id", declared.client.client_id.clone())];
    fields.extend(declared.secret.as_ref().map(|secret| ("client_secret", secret.reveal().to_owned())));
    fields
}

fn curl(issuer: &str, fields: &[(&str, String)]) -> String {
    let mut lines = vec![format!("  curl -s {}/oauth/token", issuer.trim_end_matches('/'))];
    lines.extend(fields.iter().map(|(name, value)| format!("    --data-urlencode {}", quote(&format!("{name}={value}")))));
    lines.extend(DECODE.iter().map(|line| format!("    {line}")));
    lines.join(" \\\n")
}

/// Quotes for a POSIX shell where it is needed.
fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=.:/@+".contains(c);
    match text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        assert_eq!(quote("scope=openid profile"), "'scope=openid profile'");
        assert_eq!(quote("password=it's $HOME"), r"'password=it'\''s $HOME'");
    }
}
