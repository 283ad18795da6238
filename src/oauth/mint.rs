//! Makes the tokens of a grant: protocol claims, standard claims by scope, and the Decision's custom claims.

use crate::app::App;
use crate::domain::JsonMap;
use crate::domain::client::Client;
use crate::domain::grant::{Grant, OpaqueToken};
use crate::domain::resource_server::ResourceServer;
use crate::domain::scope::Scopes;
use crate::domain::user::User;

use super::error::Result;

/// What shall be minted.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The authorization behind the tokens; its Decision gives the custom claims.
    pub grant: &'a Grant,
    /// To whom.
    pub client: &'a Client,
    /// For whom, fresh from the database.
    pub user: &'a User,
    /// The API of the access token; `None`: opaque.
    pub api: Option<&'a ResourceServer>,
    /// The scopes of this answer (a refresh may narrow the grant's).
    pub scope: &'a Scopes,
    /// `gty`: `password`, `refresh_token`; `None` in the code flow.
    pub gty: Option<&'static str>,
    /// From the authorization endpoint (implicit, hybrid): the shorter lifetimes hold.
    pub front_channel: bool,
    /// The code issued beside an ID token at the authorization endpoint, for `c_hash`.
    pub code: Option<&'a str>,
    /// Whether an access token is wanted.
    pub access_token: bool,
    /// Whether an ID token is wanted (only if `openid` is granted as well).
    pub id_token: bool,
    /// Whether the ID token carries `sid` and `nonce` (not after a refresh).
    pub session_claims: bool,
}

/// The tokens, and what must be stored before they are handed out.
#[derive(Clone, Debug, Default)]
pub struct Minted {
    /// JWT or opaque.
    pub access_token: Option<String>,
    /// Seconds.
    pub expires_in: i64,
    /// Compact JWS.
    pub id_token: Option<String>,
    /// The row of an opaque access token, by hash: store it in the same transaction.
    pub opaque: Option<(String, OpaqueToken)>,
}

impl Minted {
    /// The standard members of a token response (`access_token`, `token_type`, `expires_in`, `scope`, `id_token`) with the
    /// Decision's additional ones; protocol members win.
    #[must_use]
    pub fn response(&self, scope: &Scopes, grant: &Grant) -> JsonMap {
        todo!("{scope:?}{grant:?}")
    }
}

/// Makes the tokens. Pure but for the clock, randomness and keys of `app`.
///
/// # Errors
/// No key for the algorithm; custom claims over the limit (`server_error`).
pub fn mint(app: &App, order: Order<'_>) -> Result<Minted> {
    todo!("{app:?}{order:?}")
}

/// The claims of `/userinfo`: standard claims by scope, read fresh, and the custom ID-token claims of the grant's last
/// Decision.
#[must_use]
pub fn userinfo(grant: &Grant, user: &User, scope: &Scopes) -> JsonMap {
    todo!("{grant:?}{user:?}{scope:?}")
}
