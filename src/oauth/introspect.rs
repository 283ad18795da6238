//! `/oauth/introspect` (RFC 7662): what a token stands for, told to the client that holds it or to the API that it is for.
//!
//! Everything else is exactly `{"active":false}`: unknown, expired, revoked, foreign and another client's token look alike.

use serde_json::Value;

use crate::app::App;
use crate::domain::client::Client;
use crate::domain::grant::{Grant, Redemption};
use crate::domain::scope::Scopes;
use crate::domain::user::User;
use crate::domain::{JsonMap, claims, hash};
use crate::store::FoundRefreshToken;

use super::bearer::{self, AccessToken};
use super::client_authentication::{self, Presented};
use super::error::{Error, Result};
use super::mint;
use super::parameters::Parameters;

/// Answers a confidential client about a token.
///
/// # Errors
/// `invalid_client`, also for a public client (RFC 7662 section 2.1); `invalid_request`; the database's.
pub async fn introspect(app: &App, authorization: Option<&str>, parameters: &Parameters) -> Result<JsonMap> {
    let presented = Presented::read(authorization, parameters)?;
    let client = client_authentication::authenticate(app, &presented).await?;
    if client.is_public() {
        let description = "introspection needs client authentication".to_owned();
        return Err(Error::InvalidClient { basic: false, description });
    }
    let token = parameters.required("token")?;
    let found = match access_token(app, &client, token).await? {
        Some(found) => Some(found),
        None => refresh_token(app, &client, token).await?,
    };
    Ok(found.unwrap_or_else(inactive))
}

fn inactive() -> JsonMap {
    let mut members = JsonMap::new();
    members.insert("active".to_owned(), false.into());
    members
}

async fn access_token(app: &App, client: &Client, token: &str) -> Result<Option<JsonMap>> {
    let Some(token) = bearer::find(app, token).await? else { return Ok(None) };
    // An API that is registered as a client under its own identifier may ask about the tokens that it receives.
    if token.client_id() != Some(&client.client_id) && !token.is_for(&client.client_id) {
        return Ok(None);
    }
    let user = match token.grant() {
        Some(grant) => match live_user(app, grant).await? {
            Some(user) => Some(user),
            None => return Ok(None),
        },
        None => None,
    };
    Ok(Some(describe(app, &token, user.as_ref())))
}

fn describe(app: &App, token: &AccessToken, user: Option<&User>) -> JsonMap {
    let mut members = match token {
        AccessToken::Jwt { claims, .. } => claims.clone(),
        AccessToken::Opaque { scope, grant, issued_at, expires_at } => {
            let mut protocol = of_grant(app, grant, scope);
            protocol.insert("aud".to_owned(), mint::userinfo_audience(&app.issuer).into());
            protocol.insert("iat".to_owned(), (*issued_at).into());
            protocol.insert("exp".to_owned(), (*expires_at).into());
            claims::compose([claims::custom(&grant.decision.access_token, scope), protocol])
        }
    };
    let mut put = |name: &str, value: Option<Value>| {
        // An action's claim of the same name gives way.
        members.remove(name);
        if let Some(value) = value {
            members.insert(name.to_owned(), value);
        }
    };
    put("active", Some(true.into()));
    put("token_type", Some("Bearer".into()));
    put("client_id", token.client_id().map(Value::from));
    put("username", user.and_then(username));
    members
}

/// A refresh token of this client: `exp` is the earlier of its ends.
async fn refresh_token(app: &App, client: &Client, secret: &str) -> Result<Option<JsonMap>> {
    let found = app.store.refresh_token(&hash::sha256(secret), app.clock.now_ms(), 0).await?;
    let Redemption::Redeemed(FoundRefreshToken { token, grant }) = found else { return Ok(None) };
    if grant.client_id != client.client_id {
        return Ok(None);
    }
    let Some(user) = live_user(app, &grant).await? else { return Ok(None) };
    let mut members = of_grant(app, &grant, &grant.scope);
    members.insert("active".to_owned(), true.into());
    members.insert("client_id".to_owned(), grant.client_id.as_str().into());
    members.insert("iat".to_owned(), token.last_exchanged_at.unwrap_or(token.created_at).div_euclid(1000).into());
    if let Some(end) = [token.expires_at, token.idle_expires_at].into_iter().flatten().min() {
        members.insert("exp".to_owned(), end.div_euclid(1000).into());
    }
    if let Some(username) = username(&user) {
        members.insert("username".to_owned(), username);
    }
    Ok(Some(members))
}

fn of_grant(app: &App, grant: &Grant, scope: &Scopes) -> JsonMap {
    let mut members = JsonMap::new();
    members.insert("iss".to_owned(), app.issuer.as_str().into());
    members.insert("sub".to_owned(), grant.user_id.as_str().into());
    if !scope.is_empty() {
        members.insert("scope".to_owned(), scope.to_string().into());
    }
    if let Some(audience) = &grant.audience {
        members.insert("aud".to_owned(), audience.as_str().into());
    }
    members
}

/// `username` of RFC 7662: what the user logs in with.
fn username(user: &User) -> Option<Value> {
    user.username.as_deref().or(user.email.as_deref()).map(Value::from)
}

async fn live_user(app: &App, grant: &Grant) -> Result<Option<User>> {
    Ok(app.store.user(&grant.user_id).await?.filter(|user| !user.blocked))
}
