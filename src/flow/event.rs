//! `event`: what is happening, as plain data with Auth0's names. Built by `oauth`, read by scripts, written and read as
//! JSON by `try --event`.
//!
//! Every timestamp is ISO 8601 text, as in Auth0. Absent optional parts are `()` for a script.

pub mod description;
pub(crate) mod members;
pub(crate) mod metadata;
pub(crate) mod reads;
pub(crate) mod script;
pub(crate) mod secrets;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::JsonMap;

/// Every path of `event` that scripts may name, without what is below free-form parts.
#[must_use]
pub fn paths() -> Vec<String> {
    members::paths().collect()
}

/// Whether scripts may read the path: one of [`paths`], or something below a free-form part.
#[must_use]
pub fn is_path(path: &str) -> bool {
    let below = |known: &str| {
        members::is_free(known) && path.strip_prefix(known).is_some_and(|rest| rest.len() > 1 && rest.starts_with('.'))
    };
    members::paths().any(|known| known == path || below(&known))
}

/// The argument `event` of a handler, without `secrets` (they belong to the action and are added by the flow).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Event {
    /// How the user authenticated; absent for machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// The user's roles; absent for machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// Which application asks.
    pub client: ClientPart,
    /// Where the user comes from; absent for machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<Connection>,
    /// Only in a refresh-token exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<RefreshTokenPart>,
    /// The HTTP request.
    pub request: Request,
    /// The API that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_server: Option<ResourceServerPart>,
    /// The browser session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionPart>,
    /// Login counts; absent for machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<Stats>,
    /// The tenant.
    pub tenant: Tenant,
    /// The protocol transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Transaction>,
    /// Who logs in; absent for machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserPart>,
    /// `event.accessToken` of credentials-exchange.
    #[serde(rename = "accessToken", skip_serializing_if = "Option::is_none")]
    pub access_token: Option<AccessTokenPart>,
}

/// `event.authentication`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Authentication {
    /// In order of time.
    pub methods: Vec<Method>,
}

/// An authentication method of the session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Method {
    /// `pwd`.
    pub name: String,
    /// ISO 8601.
    pub timestamp: String,
}

/// `event.authorization`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Authorization {
    /// Names of the assigned roles.
    pub roles: Vec<String>,
}

/// `event.client`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientPart {
    /// The client id.
    pub client_id: String,
    /// Its name.
    pub name: String,
    /// `client_metadata`.
    pub metadata: BTreeMap<String, String>,
    /// Nothing runs for this client; no script sees this.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bypass_actions: bool,
}

/// `event.connection`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Connection {
    /// `con_…`.
    pub id: String,
    /// `Username-Password-Authentication`.
    pub name: String,
    /// `auth0` for a database.
    pub strategy: String,
    /// Free.
    pub metadata: BTreeMap<String, String>,
}

/// `event.refresh_token`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefreshTokenPart {
    /// Not the token itself.
    pub id: String,
    /// Its client.
    pub client_id: Option<String>,
    /// Its session.
    pub session_id: Option<String>,
    /// Its user.
    pub user_id: Option<String>,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601.
    pub expires_at: Option<String>,
    /// ISO 8601.
    pub idle_expires_at: Option<String>,
    /// ISO 8601.
    pub last_exchanged_at: Option<String>,
    /// Whether this use replaces it.
    pub rotating: bool,
    /// Audience and scopes.
    pub resource_servers: Vec<RefreshTokenResourceServer>,
    /// Where it was issued and last used.
    pub device: Device,
    /// Free.
    pub metadata: BTreeMap<String, String>,
}

/// An entry of `event.refresh_token.resource_servers`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefreshTokenResourceServer {
    /// The API.
    pub audience: String,
    /// Scopes, separated by spaces.
    pub scopes: String,
}

/// `device` of a session or refresh token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Device {
    /// Address at the beginning.
    pub initial_ip: Option<String>,
    /// User agent at the beginning.
    pub initial_user_agent: Option<String>,
    /// Address now.
    pub last_ip: Option<String>,
    /// User agent now.
    pub last_user_agent: Option<String>,
}

/// `event.request`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// The peer's address.
    pub ip: String,
    /// `GET` or `POST`.
    pub method: String,
    /// The `Host` of the issuer.
    pub hostname: Option<String>,
    /// The first language of `Accept-Language` or `ui_locales`.
    pub language: Option<String>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// Every parameter of the authorization request, unknown ones too.
    pub query: JsonMap,
    /// The body of the token request without credentials and tokens.
    pub body: JsonMap,
    /// Always empty: there is no location database.
    pub geoip: JsonMap,
}

/// `event.resource_server`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceServerPart {
    /// The audience.
    pub identifier: String,
}

/// `event.session`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionPart {
    /// `sid`.
    pub id: String,
    /// Its user.
    pub user_id: Option<String>,
    /// ISO 8601.
    pub authenticated_at: Option<String>,
    /// ISO 8601.
    pub created_at: Option<String>,
    /// ISO 8601.
    pub updated_at: Option<String>,
    /// ISO 8601.
    pub expires_at: Option<String>,
    /// ISO 8601.
    pub idle_expires_at: Option<String>,
    /// ISO 8601.
    pub last_interacted_at: Option<String>,
    /// Clients that took part.
    pub clients: Vec<SessionClient>,
    /// Where it was begun and last used.
    pub device: Device,
}

/// An entry of `event.session.clients`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionClient {
    /// The client id.
    pub client_id: String,
}

/// `event.stats`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stats {
    /// Incremented before the actions run; not by single sign-on or refresh.
    pub logins_count: i64,
}

/// `event.tenant`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tenant {
    /// The tenant's name.
    pub id: String,
}

/// `event.transaction`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Transaction {
    /// In browser flows.
    pub id: Option<String>,
    /// `oidc-basic-profile`, `oidc-implicit-profile`, `oidc-hybrid-profile`, `oauth2-refresh-token`, `oauth2-password`; absent for machines.
    pub protocol: Option<String>,
    /// Of the request.
    pub acr_values: Vec<String>,
    /// Of the request.
    pub ui_locales: Vec<String>,
    /// Of the request, before anything was dropped.
    pub requested_scopes: Vec<String>,
    /// Of the request.
    pub prompt: Vec<String>,
    /// `code`, `token`, `id_token`.
    pub response_type: Vec<String>,
    /// `query`, `fragment`, `form_post`, `web_message`.
    pub response_mode: Option<String>,
    /// Of the request.
    pub redirect_uri: Option<String>,
    /// Of the request.
    pub state: Option<String>,
    /// Of the request.
    pub login_hint: Option<String>,
    /// The language of the page.
    pub locale: Option<String>,
    /// Of the request.
    pub correlation_id: Option<String>,
    /// What actions leave for later actions of the same transaction.
    pub metadata: BTreeMap<String, Value>,
}

/// `event.user`. Metadata are shared, not copied: they may be large.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserPart {
    /// The subject.
    pub user_id: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether it is proven.
    pub email_verified: bool,
    /// Login name.
    pub username: Option<String>,
    /// Phone number.
    pub phone_number: Option<String>,
    /// Whether it is proven.
    pub phone_verified: Option<bool>,
    /// Full name.
    pub name: Option<String>,
    /// Casual name.
    pub nickname: Option<String>,
    /// First name.
    pub given_name: Option<String>,
    /// Last name.
    pub family_name: Option<String>,
    /// URL.
    pub picture: Option<String>,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601.
    pub updated_at: String,
    /// ISO 8601.
    pub last_password_reset: Option<String>,
    /// Always defined.
    pub user_metadata: Arc<JsonMap>,
    /// Always defined.
    pub app_metadata: Arc<JsonMap>,
    /// Providers of enrolled second factors: none in this version.
    pub multifactor: Vec<String>,
    /// The accounts behind the user.
    pub identities: Vec<Identity>,
}

/// An entry of `event.user.identities`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// `Username-Password-Authentication`.
    pub connection: String,
    /// `auth0`.
    pub provider: String,
    /// The id without the provider's prefix.
    pub user_id: String,
    /// `false` for a database.
    #[serde(rename = "isSocial")]
    pub is_social: bool,
}

/// `event.accessToken` (credentials-exchange).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessTokenPart {
    /// Scopes about to be granted.
    pub scope: Vec<String>,
    /// Claims so far.
    #[serde(rename = "customClaims")]
    pub custom_claims: JsonMap,
}
