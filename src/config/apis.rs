//! `[[resource_servers]]`, `[[client_grants]]` and `[[roles]]`.

use crate::domain::client::Algorithm;
use crate::domain::resource_server::{ClientGrant, ResourceServer, TokenDialect};

use super::clients::asymmetric;
use super::reader::{Found, Section};

/// A role of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// As users name it.
    pub name: String,
    /// For people.
    pub description: String,
}

const DIALECTS: [(&str, TokenDialect); 2] =
    [("access_token", TokenDialect::AccessToken), ("rfc9068_profile", TokenDialect::Rfc9068Profile)];

/// Thirty days, as in Auth0.
const LONGEST: i64 = 2_592_000;

/// One API.
pub(super) fn resource_server(section: &Section<'_>) -> Option<Found<ResourceServer>> {
    let identifier = section.required("identifier", "the `audience` of its tokens");
    let token_lifetime = section.number("token_lifetime", 1..=LONGEST).unwrap_or(86_400);
    let for_web = section.number("token_lifetime_for_web", 1..=LONGEST).unwrap_or(7_200.min(token_lifetime));
    let api = ResourceServer {
        identifier: identifier.as_ref().map(|id| id.value.clone()).unwrap_or_default(),
        name: section.text("name").or_else(|| identifier.clone()).map(|name| name.value).unwrap_or_default(),
        scopes: scopes(section, "scopes"),
        signing_alg: section.choice("signing_alg", asymmetric()).unwrap_or(Algorithm::RS256),
        token_lifetime,
        token_lifetime_for_web: for_web,
        token_dialect: section.choice("token_dialect", &DIALECTS).unwrap_or_default(),
        allow_offline_access: section.flag("allow_offline_access").unwrap_or(false),
    };
    section.finish();
    if for_web > token_lifetime {
        section.problem("token_lifetime_for_web", "must not be longer than token_lifetime", None);
    }
    let identifier = identifier?;
    if identifier.value.chars().count() > 600 || identifier.value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        section.context.problem(&identifier.at, "must have at most 600 characters and no white space", None);
    }
    Some(Found { value: api, at: identifier.at })
}

/// Scope words (RFC 6749 section 3.3).
fn scopes(section: &Section<'_>, key: &'static str) -> Vec<String> {
    let words = section.texts(key);
    for word in &words {
        let is_scope_character = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
        if word.value.is_empty() || word.value.len() > 280 || !word.value.chars().all(is_scope_character) {
            let hint = "a scope is one word of at most 280 printable ASCII characters".to_owned();
            section.context.problem(&word.at, format!("`{}` is no scope", word.value), hint);
        }
    }
    super::unique(section.context, "scope", &words);
    words.into_iter().map(|word| word.value).collect()
}

/// A machine's grant with the places of its parts, for checking that they exist.
#[derive(Debug)]
pub(super) struct DeclaredGrant {
    pub(super) client_id: Found<String>,
    pub(super) audience: Found<String>,
    pub(super) scope: Vec<Found<String>>,
}

impl DeclaredGrant {
    pub(super) fn grant(&self) -> ClientGrant {
        ClientGrant {
            client_id: self.client_id.value.clone(),
            audience: self.audience.value.clone(),
            scope: self.scope.iter().map(|word| word.value.clone()).collect(),
        }
    }
}

/// One grant of a machine client to an API.
pub(super) fn client_grant(section: &Section<'_>) -> Option<DeclaredGrant> {
    let client_id = section.required("client_id", "a client of [[clients]]");
    let audience = section.required("audience", "the identifier of a resource server");
    let scope = section.texts("scope");
    section.finish();
    Some(DeclaredGrant { client_id: client_id?, audience: audience?, scope })
}

/// One role.
pub(super) fn role(section: &Section<'_>) -> Option<Found<Role>> {
    let name = section.required("name", "what users list in `roles`");
    let description = section.text("description").map(|text| text.value).unwrap_or_default();
    section.finish();
    name.map(|name| Found { value: Role { name: name.value, description }, at: name.at })
}
