//! `/oauth/revoke` (RFC 7009): a refresh token ends with its family, an access token alone.
//!
//! Unknown tokens and wrong hints are answered like success; another client's token stays alive.

use serde_json::Value;

use crate::app::App;
use crate::domain::client::Client;
use crate::domain::grant::Redemption;
use crate::domain::hash;

use super::bearer::{self, AccessToken};
use super::client_authentication::{self, Presented};
use super::error::Result;
use super::parameters::Parameters;

/// Revokes the token if it is the client's, durably, before the answer.
///
/// # Errors
/// `invalid_client`, `invalid_request`; the database's, so that nobody believes in a revocation that did not happen.
pub async fn revoke(app: &App, authorization: Option<&str>, parameters: &Parameters) -> Result<()> {
    let presented = Presented::read(authorization, parameters)?;
    let client = client_authentication::authenticate(app, &presented).await?;
    let token = parameters.required("token")?;
    // The hint only orders the search; both kinds are tried either way.
    let what = match revoke_refresh_token(app, &client, token).await? {
        Outcome::Unknown => revoke_access_token(app, &client, token).await?,
        known => known,
    };
    tracing::info!(client.id = client.client_id, outcome = what.as_str(), "revocation");
    Ok(())
}

/// What became of the token; the client never learns it.
#[derive(Clone, Copy)]
enum Outcome {
    Family,
    AccessToken,
    Foreign,
    Unknown,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Family => "family revoked",
            Self::AccessToken => "access token revoked",
            Self::Foreign => "another client's token",
            Self::Unknown => "unknown token",
        }
    }
}

async fn revoke_refresh_token(app: &App, client: &Client, secret: &str) -> Result<Outcome> {
    let now = app.clock.now_ms();
    let grant_id = match app.store.refresh_token(&hash::sha256(secret), now, 0).await? {
        Redemption::Redeemed(found) if found.grant.client_id != client.client_id => return Ok(Outcome::Foreign),
        Redemption::Redeemed(found) => found.grant.id,
        // A spent token still names its family: whoever logs out with an old one wants it gone.
        Redemption::Replayed { grant_id } => match app.store.grant(&grant_id).await? {
            Some(grant) if grant.client_id == client.client_id => grant_id,
            Some(_) => return Ok(Outcome::Foreign),
            None => return Ok(Outcome::Unknown),
        },
        Redemption::Unknown => return Ok(Outcome::Unknown),
    };
    let mut tx = app.store.begin().await?;
    tx.revoke_grant(&grant_id, now).await?;
    tx.commit().await?;
    Ok(Outcome::Family)
}

async fn revoke_access_token(app: &App, client: &Client, token: &str) -> Result<Outcome> {
    let Some(found) = bearer::find(app, token).await? else { return Ok(Outcome::Unknown) };
    if found.client_id() != Some(&client.client_id) {
        return Ok(Outcome::Foreign);
    }
    let mut tx = app.store.begin().await?;
    match &found {
        AccessToken::Opaque { .. } => tx.revoke_access_token(&hash::sha256(token), app.clock.now_ms()).await?,
        AccessToken::Jwt { claims, .. } => {
            let jti = claims.get("jti").and_then(Value::as_str).unwrap_or_default();
            let expires_at = claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
            tx.revoke_jti(jti, expires_at.saturating_mul(1000)).await?;
        }
    }
    tx.commit().await?;
    Ok(Outcome::AccessToken)
}
