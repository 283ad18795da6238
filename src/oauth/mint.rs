//! Makes the tokens of a grant: protocol claims, standard claims by scope, and the Decision's custom claims.

use serde_json::{Value, json};

use crate::app::App;
use crate::domain::client::{Algorithm, Client};
use crate::domain::decision::Decision;
use crate::domain::grant::{Grant, OpaqueToken};
use crate::domain::resource_server::{ResourceServer, TokenDialect};
use crate::domain::scope::Scopes;
use crate::domain::user::User;
use crate::domain::{JsonMap, claims, hash};
use crate::keys::{self, Keys};

use super::error::{Error, Result};
use super::fold;

/// Members of a token or error response that belong to the protocol: no action sets them.
pub const PROTOCOL_MEMBERS: [&str; 14] = [
    "access_token",
    "authorization_details",
    "code",
    "error",
    "error_description",
    "error_uri",
    "expires_in",
    "id_token",
    "iss",
    "issued_token_type",
    "refresh_token",
    "scope",
    "state",
    "token_type",
];

/// Claims of an ID token that are the protocol's own.
pub const ID_TOKEN_CLAIMS: [&str; 10] =
    ["at_hash", "aud", "auth_time", "c_hash", "exp", "iat", "iss", "nonce", "sid", "sub"];

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
        self.response_of(scope, !grant.requested_scope.is_empty(), &grant.decision)
    }

    /// [`Minted::response`] where it is not the grant that tells whether scopes were `asked` for. If so, the answer names those
    /// that are granted, and be it none: without the member the client may believe that it got them all (RFC 6749 section 5.1).
    #[must_use]
    pub fn response_of(&self, scope: &Scopes, asked: bool, decision: &Decision) -> JsonMap {
        let mut members = parameters(decision);
        if let Some(token) = &self.access_token {
            members.insert("access_token".to_owned(), token.as_str().into());
            members.insert("token_type".to_owned(), "Bearer".into());
            members.insert("expires_in".to_owned(), self.expires_in.into());
        }
        if asked || !scope.is_empty() {
            members.insert("scope".to_owned(), scope.to_string().into());
        }
        if let Some(token) = &self.id_token {
            members.insert("id_token".to_owned(), token.as_str().into());
        }
        members
    }
}

/// The Decision's additional members of a token response; the protocol's own stay its own.
#[must_use]
pub fn parameters(decision: &Decision) -> JsonMap {
    let custom = decision.token_response.iter().filter(|(name, _)| !PROTOCOL_MEMBERS.contains(&name.as_str()));
    custom.map(|(name, setting)| (name.clone(), setting.value.clone())).collect()
}

/// Decisions are settled before they come here; whoever comes without is stopped.
fn check_size(decision: &Decision) -> Result<()> {
    fold::check_size(decision).map_err(|oversized| {
        let reference = decision.trace.id.clone();
        tracing::error!(reference, "{oversized}");
        Error::ActionFailed { reference }
    })
}

/// Makes the tokens. Pure but for the clock, randomness and keys of `app`.
///
/// # Errors
/// No key for the algorithm; custom claims over the limit (`server_error`).
pub fn mint(app: &App, order: Order<'_>) -> Result<Minted> {
    check_size(&order.grant.decision)?;
    let mut minted = Minted::default();
    if order.access_token {
        match order.api {
            Some(api) => (minted.access_token, minted.expires_in) = user_jwt(app, &order, api)?,
            None => opaque(app, &order, &mut minted),
        }
    }
    if order.id_token && order.scope.contains("openid") {
        minted.id_token = Some(id_token(app, &order, minted.access_token.as_deref())?);
    }
    Ok(minted)
}

/// The access token of a machine (client credentials): `sub` is `<client_id>@clients`, no grant stands behind it.
///
/// # Errors
/// As [`mint`].
pub fn mint_for_machine(
    app: &App,
    client: &Client,
    api: &ResourceServer,
    scope: &Scopes,
    decision: &Decision,
) -> Result<Minted> {
    check_size(decision)?;
    let token = AccessToken {
        sub: machine_subject(&client.client_id),
        aud: api.identifier.as_str().into(),
        client_id: &client.client_id,
        gty: Some("client-credentials"),
        scope,
        jti: app.random.id(),
        lifetime: api.token_lifetime,
        custom: claims::custom_of_machine(&decision.access_token),
    };
    Ok(Minted { expires_in: token.lifetime, access_token: Some(token.sign(app, api)?), ..Minted::default() })
}

/// `sub` of a machine's token.
#[must_use]
pub fn machine_subject(client_id: &str) -> String {
    format!("{client_id}@clients")
}

/// The audience of `/userinfo`: what an access token for it names in `aud`.
#[must_use]
pub fn userinfo_audience(issuer: &str) -> String {
    format!("{}/userinfo", issuer.strip_suffix('/').unwrap_or(issuer))
}

/// The grant behind a JWT access token, by its `jti`; `None` for a machine's.
#[must_use]
pub fn grant_of_jti(jti: &str) -> Option<&str> {
    jti.split_once('.').map(|(grant, _)| grant)
}

/// The claims of `/userinfo`: standard claims by scope, read fresh, and the custom ID-token claims of the grant's last
/// Decision.
#[must_use]
pub fn userinfo(grant: &Grant, user: &User, scope: &Scopes) -> JsonMap {
    let mut protocol = JsonMap::new();
    protocol.insert("sub".to_owned(), user.user_id.as_str().into());
    claims::compose([profile(grant, user, scope), claims::custom(&grant.decision.id_token, scope), protocol])
}

/// What a scope says about the user, in ID tokens and at `/userinfo` alike.
fn profile(grant: &Grant, user: &User, scope: &Scopes) -> JsonMap {
    let mut claims = claims::standard(user, scope);
    if grant.audience.is_none() {
        claims.extend(claims::legacy_attributes(user, scope));
    }
    claims
}

fn opaque(app: &App, order: &Order<'_>, minted: &mut Minted) {
    let lifetimes = &app.lifetimes;
    minted.expires_in =
        if order.front_channel { lifetimes.opaque_access_token_for_web } else { lifetimes.opaque_access_token };
    let token = app.random.secret();
    let issued_at = app.clock.now_ms();
    let row = OpaqueToken {
        grant_id: order.grant.id.clone(),
        scope: order.scope.clone(),
        issued_at,
        expires_at: issued_at + minted.expires_in * 1000,
    };
    minted.opaque = Some((hash::sha256(&token), row));
    minted.access_token = Some(token);
}

fn user_jwt(app: &App, order: &Order<'_>, api: &ResourceServer) -> Result<(Option<String>, i64)> {
    let lifetime = if order.front_channel { api.token_lifetime_for_web } else { api.token_lifetime };
    let aud = if order.scope.contains("openid") {
        json!([api.identifier, userinfo_audience(&app.issuer)])
    } else {
        json!(api.identifier)
    };
    let token = AccessToken {
        sub: order.user.user_id.clone(),
        aud,
        client_id: &order.client.client_id,
        gty: order.gty,
        scope: order.scope,
        jti: format!("{}.{}", order.grant.id, app.random.id()),
        lifetime,
        custom: claims::custom(&order.grant.decision.access_token, order.scope),
    };
    Ok((Some(token.sign(app, api)?), lifetime))
}

/// A JWT access token before it is signed.
struct AccessToken<'a> {
    sub: String,
    aud: Value,
    client_id: &'a str,
    gty: Option<&'static str>,
    scope: &'a Scopes,
    jti: String,
    lifetime: i64,
    custom: JsonMap,
}

impl AccessToken<'_> {
    /// Signs in the API's dialect: Auth0's (`azp`, `gty`, `typ: JWT`) or RFC 9068's (`client_id`, `typ: at+jwt`).
    fn sign(self, app: &App, api: &ResourceServer) -> Result<String> {
        let iat = app.clock.now();
        let mut protocol = JsonMap::new();
        let mut put = |name: &str, value: Value| protocol.insert(name.to_owned(), value);
        put("iss", app.issuer.as_str().into());
        put("sub", self.sub.into());
        put("aud", self.aud);
        put("iat", iat.into());
        put("exp", (iat + self.lifetime).into());
        put("jti", self.jti.into());
        if !self.scope.is_empty() {
            put("scope", self.scope.to_string().into());
        }
        let typ = match api.token_dialect {
            TokenDialect::AccessToken => {
                put("azp", self.client_id.into());
                if let Some(gty) = self.gty {
                    put("gty", gty.into());
                }
                "JWT"
            }
            TokenDialect::Rfc9068Profile => {
                put("client_id", self.client_id.into());
                "at+jwt"
            }
        };
        let claims = claims::compose([self.custom, protocol]);
        Ok(app.keys.load().sign(api.signing_alg, typ, &claims)?)
    }
}

fn id_token(app: &App, order: &Order<'_>, access_token: Option<&str>) -> Result<String> {
    let alg = id_token_alg(order.client);
    let iat = app.clock.now();
    let mut protocol = JsonMap::new();
    let mut put = |name: &str, value: Value| {
        debug_assert!(ID_TOKEN_CLAIMS.contains(&name), "discovery does not declare {name}");
        protocol.insert(name.to_owned(), value)
    };
    put("iss", app.issuer.as_str().into());
    put("sub", order.user.user_id.as_str().into());
    put("aud", order.client.client_id.as_str().into());
    put("iat", iat.into());
    put("exp", (iat + order.client.id_token.lifetime_in_seconds).into());
    put("auth_time", order.grant.authenticated_at.div_euclid(1000).into());
    if let Some(token) = access_token {
        put("at_hash", keys::half_hash(alg, token).into());
    }
    if let Some(code) = order.code {
        put("c_hash", keys::half_hash(alg, code).into());
    }
    if order.session_claims {
        if let Some(nonce) = &order.grant.nonce {
            put("nonce", nonce.as_str().into());
        }
        if let Some(sid) = &order.grant.session_id {
            put("sid", sid.as_str().into());
        }
    }
    let layers = [
        profile(order.grant, order.user, order.scope),
        claims::custom(&order.grant.decision.id_token, order.scope),
        protocol,
    ];
    sign_id_token(app, order.client, alg, &claims::compose(layers))
}

/// A public client cannot keep the secret that HS256 needs.
fn id_token_alg(client: &Client) -> Algorithm {
    match client.id_token.alg {
        Algorithm::HS256 if client.is_public() => Algorithm::RS256,
        alg => alg,
    }
}

fn sign_id_token(app: &App, client: &Client, alg: Algorithm, claims: &JsonMap) -> Result<String> {
    if alg != Algorithm::HS256 {
        return Ok(app.keys.load().sign(alg, "JWT", claims)?);
    }
    let secrets = app.hs256_secrets.load();
    let secret = secrets.get(&client.client_id).ok_or(keys::Error::Missing("HS256"))?;
    Ok(Keys::sign_hs256(secret, claims)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decision::Setting;

    #[test]
    fn additional_members_never_replace_the_protocols() {
        let set = |value: Value| Setting { value, by: Default::default() };
        let mut decision = Decision::default();
        decision.token_response.insert("region".into(), set(json!({ "name": "eu" })));
        decision.token_response.insert("access_token".into(), set(json!("stolen")));
        decision.token_response.insert("refresh_token".into(), set(json!("stolen")));
        let minted = Minted { access_token: Some("real".into()), expires_in: 60, ..Minted::default() };
        let response = minted.response_of(&Scopes::parse("openid"), true, &decision);
        assert_eq!(
            Value::Object(response),
            json!({ "access_token": "real", "token_type": "Bearer", "expires_in": 60, "scope": "openid",
                    "region": { "name": "eu" } })
        );
    }

    #[test]
    fn the_userinfo_audience_stands_below_the_issuer() {
        assert_eq!(userinfo_audience("https://id.example.com/"), "https://id.example.com/userinfo");
        assert_eq!(userinfo_audience("https://id.example.com"), "https://id.example.com/userinfo");
    }

    #[test]
    fn the_jti_leads_to_the_grant() {
        assert_eq!(grant_of_jti("grant.token"), Some("grant"));
        assert_eq!(grant_of_jti("machine"), None);
    }
}
