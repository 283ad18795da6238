//! What one authorization gave: the root that codes, refresh tokens and access tokens hang on.
//!
//! Revoking a grant kills everything that came of it, which is what a replayed code or refresh token asks for
//! (RFC 6749 section 4.1.2, RFC 9700 section 4.14.2).

use serde::{Deserialize, Serialize};

use super::decision::Decision;
use super::scope::Scopes;

/// An authorization of one user for one client. Timestamps are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// Random, no secret; the first half of the `jti` of JWT access tokens, so that revoking reaches them.
    pub id: String,
    /// To whom.
    pub client_id: String,
    /// For whom.
    pub user_id: String,
    /// The browser session, if there was one.
    pub session_id: Option<String>,
    /// Granted scopes, after the actions' edits.
    pub scope: Scopes,
    /// What was requested, before anything was dropped.
    pub requested_scope: Scopes,
    /// The API; `None`: an opaque token for `/userinfo`.
    pub audience: Option<String>,
    /// `auth_time`, when the user last gave credentials; milliseconds.
    pub authenticated_at: i64,
    /// How the user authenticated.
    pub methods: Vec<super::session::AuthenticationMethod>,
    /// `nonce` of the request.
    pub nonce: Option<String>,
    /// `acr_values` of the request.
    pub acr_values: Vec<String>,
    /// `event.transaction.protocol` of the login.
    pub protocol: String,
    /// The last Decision of the actions: tokens and `/userinfo` take their custom claims from it.
    pub decision: Decision,
    /// When the login happened.
    pub created_at: i64,
}

/// An authorization code that waits for redemption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationCode {
    /// The grant that it yields.
    pub grant_id: String,
    /// Only this client may redeem it.
    pub client_id: String,
    /// Must be repeated at the token endpoint.
    pub redirect_uri: String,
    /// PKCE challenge (S256).
    pub code_challenge: Option<String>,
    /// Unix milliseconds.
    pub expires_at: i64,
}

/// A refresh token. Timestamps are Unix milliseconds; `None` of an end means none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshToken {
    /// `event.refresh_token.id`; not the secret.
    pub id: String,
    /// The family.
    pub grant_id: String,
    /// When the family began.
    pub created_at: i64,
    /// Absolute end.
    pub expires_at: Option<i64>,
    /// End unless used before.
    pub idle_expires_at: Option<i64>,
    /// Last exchange of the family, if any.
    pub last_exchanged_at: Option<i64>,
    /// Whether the next use replaces it.
    pub rotating: bool,
    /// Address at issue.
    pub initial_ip: String,
    /// User agent at issue.
    pub initial_user_agent: Option<String>,
}

/// What became of a presented one-time secret.
#[derive(Clone, Debug, PartialEq)]
pub enum Redemption<T> {
    /// It was fresh and is now spent.
    Redeemed(T),
    /// It had been spent before: whoever holds it is not alone.
    Replayed {
        /// The grant whose offspring must die.
        grant_id: String,
    },
    /// Unknown or expired.
    Unknown,
}

/// An opaque access token as found by its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpaqueToken {
    /// The grant behind it.
    pub grant_id: String,
    /// The scopes of this token (a refresh may narrow).
    pub scope: Scopes,
    /// Unix milliseconds.
    pub issued_at: i64,
    /// Unix milliseconds.
    pub expires_at: i64,
}
