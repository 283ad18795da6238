//! What an access token of ours stands for, opaque or JWT: used by `/userinfo`, introspection and revocation.

use serde_json::Value;

use crate::app::App;
use crate::domain::grant::Grant;
use crate::domain::scope::Scopes;
use crate::domain::{JsonMap, hash};

use super::error::Result;
use super::mint;

/// A live access token.
#[derive(Clone, Debug)]
pub enum AccessToken {
    /// Found by its hash.
    Opaque {
        /// Its scopes.
        scope: Scopes,
        /// The authorization behind it.
        grant: Box<Grant>,
        /// Unix seconds.
        issued_at: i64,
        /// Unix seconds.
        expires_at: i64,
    },
    /// Verified by our signature.
    Jwt {
        /// As signed.
        claims: JsonMap,
        /// The authorization behind it; `None` for a machine's.
        grant: Option<Box<Grant>>,
    },
}

impl AccessToken {
    /// Its scopes.
    #[must_use]
    pub fn scope(&self) -> Scopes {
        match self {
            Self::Opaque { scope, .. } => scope.clone(),
            Self::Jwt { claims, .. } => Scopes::parse(text(claims, "scope").unwrap_or_default()),
        }
    }

    /// The client that it was issued to.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::Opaque { grant, .. } => Some(&grant.client_id),
            Self::Jwt { claims, .. } => text(claims, "azp").or_else(|| text(claims, "client_id")),
        }
    }

    /// The authorization behind it.
    #[must_use]
    pub fn grant(&self) -> Option<&Grant> {
        match self {
            Self::Opaque { grant, .. } => Some(grant),
            Self::Jwt { grant, .. } => grant.as_deref(),
        }
    }

    /// Whether `aud` names the audience. An opaque token has none.
    #[must_use]
    pub fn is_for(&self, audience: &str) -> bool {
        match self {
            Self::Opaque { .. } => false,
            Self::Jwt { claims, .. } => names(claims.get("aud"), audience),
        }
    }
}

/// The live access token behind the text; `None` for everything else: unknown, expired, revoked, foreign, an ID token.
///
/// # Errors
/// The database's.
pub async fn find(app: &App, token: &str) -> Result<Option<AccessToken>> {
    if token.contains('.') { find_jwt(app, token).await } else { find_opaque(app, token).await }
}

async fn find_opaque(app: &App, token: &str) -> Result<Option<AccessToken>> {
    let found = app.store.access_token(&hash::sha256(token), app.clock.now_ms()).await?;
    Ok(found.map(|(row, grant)| AccessToken::Opaque {
        scope: row.scope,
        grant: Box::new(grant),
        issued_at: row.issued_at.div_euclid(1000),
        expires_at: row.expires_at.div_euclid(1000),
    }))
}

async fn find_jwt(app: &App, token: &str) -> Result<Option<AccessToken>> {
    let verified = app.keys.load().verify(token, &app.issuer, app.clock.now(), false);
    let (header, claims) = match verified {
        Ok(verified) => verified,
        Err(refused) => {
            tracing::debug!(%refused, "a JWT that is no token of ours");
            return Ok(None);
        }
    };
    // Only access tokens have a `jti`: an ID token, signed with the same keys, must not pass for one.
    let (Some(jti), true) = (text(&claims, "jti"), is_access_token_type(&header)) else { return Ok(None) };
    if app.store.is_jti_revoked(jti).await? {
        return Ok(None);
    }
    let grant = match mint::grant_of_jti(jti) {
        None => None,
        Some(id) => match app.store.grant(id).await? {
            Some(grant) if belongs(&claims, &grant) => Some(Box::new(grant)),
            _ => return Ok(None),
        },
    };
    Ok(Some(AccessToken::Jwt { claims, grant }))
}

fn is_access_token_type(header: &JsonMap) -> bool {
    text(header, "typ").is_some_and(|typ| typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt"))
}

fn belongs(claims: &JsonMap, grant: &Grant) -> bool {
    text(claims, "sub") == Some(grant.user_id.as_str())
        && grant.audience.as_deref().is_some_and(|audience| names(claims.get("aud"), audience))
}

fn names(aud: Option<&Value>, audience: &str) -> bool {
    match aud {
        Some(Value::String(aud)) => aud == audience,
        Some(Value::Array(all)) => all.iter().any(|aud| aud.as_str() == Some(audience)),
        _ => false,
    }
}

fn text<'a>(claims: &'a JsonMap, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::fixtures;
    use serde_json::json;

    fn map(value: &Value) -> JsonMap {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_jwt_belongs_to_its_grant_by_subject_and_audience() {
        let mut grant = fixtures::grant("openid", "openid");
        grant.audience = Some("https://api.example.com/".into());
        let claims = |sub: &str, aud: Value| map(&json!({ "sub": sub, "aud": aud }));
        assert!(belongs(&claims("auth0|ada", json!("https://api.example.com/")), &grant));
        assert!(belongs(&claims("auth0|ada", json!(["https://api.example.com/", "x"])), &grant));
        assert!(!belongs(&claims("auth0|bob", json!("https://api.example.com/")), &grant));
        assert!(!belongs(&claims("auth0|ada", json!("https://api.example.com")), &grant));
        grant.audience = None;
        assert!(!belongs(&claims("auth0|ada", json!("https://api.example.com/")), &grant));
    }

    #[test]
    fn only_jwt_and_at_jwt_are_access_tokens() {
        assert!(is_access_token_type(&map(&json!({ "typ": "at+jwt" }))));
        assert!(is_access_token_type(&map(&json!({ "typ": "JWT" }))));
        assert!(!is_access_token_type(&map(&json!({ "typ": "logout+jwt" }))));
        assert!(!is_access_token_type(&JsonMap::new()));
    }
}
