//! `grant_type=authorization_code` (RFC 6749 section 4.1.3, RFC 7636 section 4.6).
//!
//! The code is spent first, durably: whoever presents it wrongly has burnt it, and of parallel redemptions one wins. A replay
//! revokes the grant and so everything that came of it. No action runs here: the Decision of the login comes with the grant.

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::app::App;
use crate::domain::client::Client;
use crate::domain::grant::{AuthorizationCode, Grant, Redemption};
use crate::domain::hash;
use crate::domain::resource_server::ResourceServer;
use crate::domain::user::User;

use super::RequestContext;
use super::error::{Error, Result};
use super::mint::{self, Minted, Order};
use super::parameters::Parameters;
use super::refresh_grant::{self, NewRefreshToken};
use super::token::Answer;

/// Redeems a code.
///
/// # Errors
/// `invalid_grant` for a code that is unknown, spent, expired, bound to somebody else or badly proven; `invalid_request`.
pub async fn exchange(app: &App, client: &Client, parameters: &Parameters, context: &RequestContext) -> Result<Answer> {
    let code = parameters.required("code")?;
    let (code, grant) = spend(app, &hash::sha256(code)).await?;
    check_bindings(client, &code, parameters)?;
    let user = live_user(app, &grant).await?;
    let api = api_of(app, &grant).await?;
    let minted = mint::mint(app, order(&grant, client, &user, api.as_deref()))?;
    let refresh_token = refresh_grant::issue(app, client, &grant, context, None);
    store(app, &minted, refresh_token.as_ref()).await?;
    let mut members = minted.response(&grant.scope, &grant);
    if let Some(token) = refresh_token {
        members.insert("refresh_token".to_owned(), token.secret.into());
    }
    Ok(Answer::of(members, grant.decision.trace))
}

async fn spend(app: &App, code_hash: &str) -> Result<(AuthorizationCode, Grant)> {
    let now = app.clock.now_ms();
    let mut tx = app.store.begin().await?;
    match tx.redeem_code(code_hash, now).await? {
        Redemption::Redeemed(found) => {
            tx.commit().await?;
            Ok(found)
        }
        Redemption::Replayed { grant_id } => {
            tx.revoke_grant(&grant_id, now).await?;
            tx.commit().await?;
            tracing::warn!(grant.id = grant_id, "a spent code was presented again: everything that came of it is revoked");
            Err(invalid_code())
        }
        Redemption::Unknown => Err(invalid_code()),
    }
}

fn check_bindings(client: &Client, code: &AuthorizationCode, parameters: &Parameters) -> Result<()> {
    if code.client_id != client.client_id {
        tracing::warn!(client.id = client.client_id, grant.id = code.grant_id, "a code of another client was presented");
        return Err(invalid_code());
    }
    if parameters.get("redirect_uri") != Some(code.redirect_uri.as_str()) {
        return Err(Error::protocol("invalid_grant", "redirect_uri differs from the authorization request"));
    }
    check_verifier(client, code.code_challenge.as_deref(), parameters.get("code_verifier"))
}

/// PKCE, and no way around it: a challenge needs its verifier, and a verifier without a challenge means that somebody took
/// the challenge out of the request (RFC 9700 section 4.8.2).
fn check_verifier(client: &Client, challenge: Option<&str>, verifier: Option<&str>) -> Result<()> {
    let fits = match (challenge, verifier) {
        (Some(challenge), Some(verifier)) => is_verifier(verifier) && hash::equal(challenge, &s256(verifier)),
        (None, None) => !client.must_use_pkce(),
        (Some(_), None) | (None, Some(_)) => false,
    };
    if fits { Ok(()) } else { Err(Error::protocol("invalid_grant", "Failed to verify code verifier")) }
}

/// 43 to 128 unreserved characters (RFC 7636 section 4.1).
fn is_verifier(verifier: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved)
}

fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

/// The user, who may have been blocked or deleted since the login.
async fn live_user(app: &App, grant: &Grant) -> Result<User> {
    match app.store.user(&grant.user_id).await? {
        Some(user) if !user.blocked => Ok(user),
        Some(_) => Err(Error::protocol("invalid_grant", "user is blocked")),
        None => Err(invalid_code()),
    }
}

async fn api_of(app: &App, grant: &Grant) -> Result<Option<Arc<ResourceServer>>> {
    let Some(audience) = &grant.audience else { return Ok(None) };
    let api = app.store.resource_server(audience).await?;
    api.map(Some).ok_or_else(|| Error::protocol("invalid_grant", format!("Service not found: {audience}")))
}

fn order<'a>(grant: &'a Grant, client: &'a Client, user: &'a User, api: Option<&'a ResourceServer>) -> Order<'a> {
    Order {
        grant,
        client,
        user,
        api,
        scope: &grant.scope,
        gty: None,
        front_channel: false,
        code: None,
        access_token: true,
        id_token: true,
        session_claims: true,
    }
}

async fn store(app: &App, minted: &Minted, refresh_token: Option<&NewRefreshToken>) -> Result<()> {
    if minted.opaque.is_none() && refresh_token.is_none() {
        return Ok(());
    }
    let mut tx = app.store.begin().await?;
    if let Some((hash, row)) = &minted.opaque {
        tx.insert_access_token(hash, row).await?;
    }
    if let Some(token) = refresh_token {
        tx.insert_refresh_token(&token.hash(), &token.row).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn invalid_code() -> Error {
    Error::protocol("invalid_grant", "Invalid authorization code")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::fixtures;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn fits(challenge: Option<&str>, verifier: Option<&str>) -> bool {
        check_verifier(&fixtures::client("web"), challenge, verifier).is_ok()
    }

    #[test]
    fn the_verifier_of_rfc_7636_fits_its_challenge() {
        assert!(fits(Some(CHALLENGE), Some(VERIFIER)));
        assert!(!fits(Some(CHALLENGE), Some("eBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")));
    }

    #[test]
    fn pkce_cannot_be_taken_out_or_put_in() {
        assert!(!fits(Some(CHALLENGE), None));
        assert!(!fits(None, Some(VERIFIER)));
        assert!(fits(None, None));
        let mut client = fixtures::client("web");
        client.require_pkce = true;
        assert!(check_verifier(&client, None, None).is_err());
    }

    #[test]
    fn verifiers_have_the_lengths_and_characters_of_the_rfc() {
        assert!(!is_verifier(&"a".repeat(42)) && is_verifier(&"a".repeat(43)));
        assert!(is_verifier(&"a".repeat(128)) && !is_verifier(&"a".repeat(129)));
        assert!(!is_verifier(&format!("{}ü", "a".repeat(43))) && !is_verifier(&format!("{} ", "a".repeat(43))));
    }
}
