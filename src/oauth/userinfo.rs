//! `/userinfo` (OpenID Connect Core section 5.3): who the bearer's user is, as far as the scopes allow.

use crate::app::App;
use crate::domain::JsonMap;

use super::bearer::{self, AccessToken};
use super::error::Error;
use super::mint;

/// Why a bearer is not answered (RFC 6750 section 3.1).
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No token at all: 401 without an error code.
    #[error("no access token")]
    Missing,
    /// 400: a token in the wrong place, or twice.
    #[error("invalid_request: {0}")]
    InvalidRequest(&'static str),
    /// 401: not a live access token for this endpoint.
    #[error("invalid_token")]
    InvalidToken,
    /// 403: a live token without `openid`.
    #[error("insufficient_scope")]
    InsufficientScope,
    /// The database failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// The claims of the token's user.
///
/// # Errors
/// See [`Refusal`].
pub async fn claims(app: &App, token: &str) -> Result<JsonMap, Refusal> {
    let token = bearer::find(app, token).await?.ok_or(Refusal::InvalidToken)?;
    let grant = token.grant().ok_or(Refusal::InvalidToken)?;
    let scope = token.scope();
    if !scope.contains("openid") {
        return Err(without_openid(app, &token));
    }
    let user = app.store.user(&grant.user_id).await.map_err(Error::from)?;
    let user = user.filter(|user| !user.blocked).ok_or(Refusal::InvalidToken)?;
    Ok(mint::userinfo(grant, &user, &scope))
}

/// A token made for another resource is no token here (RFC 9068 section 4); one made for us lacks a scope.
fn without_openid(app: &App, token: &AccessToken) -> Refusal {
    match token {
        AccessToken::Opaque { .. } => Refusal::InsufficientScope,
        AccessToken::Jwt { .. } if token.is_for(&mint::userinfo_audience(&app.issuer)) => Refusal::InsufficientScope,
        AccessToken::Jwt { .. } => Refusal::InvalidToken,
    }
}
