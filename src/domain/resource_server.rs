//! An API that access tokens are for (Auth0's resource server), and the grants of machine clients to it.

use serde::{Deserialize, Serialize};

use super::client::Algorithm;

/// An API, named by the `audience` of requests and tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceServer {
    /// The audience, compared exactly, trailing slash included.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// The scopes that it defines; no others are granted for it.
    pub scopes: Vec<String>,
    /// How its access tokens are signed.
    pub signing_alg: Algorithm,
    /// Seconds; 86 400 by default.
    pub token_lifetime: i64,
    /// Seconds, for tokens from the authorization endpoint; 7 200 by default.
    pub token_lifetime_for_web: i64,
    /// The claims of its access tokens.
    pub token_dialect: TokenDialect,
    /// Whether `offline_access` may be granted together with it.
    pub allow_offline_access: bool,
}

/// `token_dialect`: the shape of JWT access tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenDialect {
    /// Auth0's: `typ: JWT`, `azp`, `gty`.
    #[default]
    AccessToken,
    /// RFC 9068: `typ: at+jwt`, `client_id`, `jti`.
    Rfc9068Profile,
}

/// What a machine client may ask an API for (client credentials).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientGrant {
    /// The client.
    pub client_id: String,
    /// The API.
    pub audience: String,
    /// The scopes.
    pub scope: Vec<String>,
}
