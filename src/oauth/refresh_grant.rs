//! `grant_type=refresh_token` (RFC 6749 section 6), step by step as in the design, section 5.
//!
//! Find, check, run the actions, rotate, sign. Nothing is spent before everything is decided, so a refresh that an action
//! denies leaves the presented token usable; a replayed token revokes its whole family (RFC 9700 section 4.14.2).

use std::sync::Arc;

use crate::app::App;
use crate::clock::iso8601;
use crate::domain::client::{Client, ExpirationType, GrantType, RotationType};
use crate::domain::decision::RefreshTokenEdits;
use crate::domain::grant::{Grant, Redemption, RefreshToken};
use crate::domain::hash;
use crate::domain::resource_server::ResourceServer;
use crate::domain::scope::Scopes;
use crate::domain::user::User;
use crate::flow::Event;
use crate::flow::event::{Device, RefreshTokenPart, RefreshTokenResourceServer, Transaction};
use crate::store::FoundRefreshToken;

use super::error::{Error, Result};
use super::fold::Party;
use super::mint::{self, Minted, Order};
use super::parameters::Parameters;
use super::token::Answer;
use super::verdict::{self, Question, Subject};
use super::{RequestContext, event, scopes};

/// A refresh token about to be handed out.
#[derive(Clone)]
pub struct NewRefreshToken {
    /// Told to the client, never stored.
    pub secret: String,
    /// Stored under [`NewRefreshToken::hash`].
    pub row: RefreshToken,
}

impl NewRefreshToken {
    /// The key of the row.
    #[must_use]
    pub fn hash(&self) -> String {
        hash::sha256(&self.secret)
    }
}

/// A presented token that may be used, with everything that the exchange needs.
struct Presented {
    hash: String,
    found: FoundRefreshToken,
    user: User,
    api: Option<Arc<ResourceServer>>,
}

/// Exchanges a refresh token.
///
/// # Errors
/// `invalid_grant`, `invalid_scope`, `invalid_request`; what the actions decided; `Busy`.
pub async fn exchange(app: &App, client: &Client, parameters: &Parameters, context: &RequestContext) -> Result<Answer> {
    let mut presented = find(app, client, parameters.required("refresh_token")?).await?;
    let asked = parameters.scope();
    let old = &presented.found.grant;
    let granted = scopes::grantable(&old.requested_scope, client, presented.api.as_deref());
    if let Some(asked) = &asked {
        check_scope(old, &granted, asked)?;
    }
    let event = build_event(app, client, &presented, asked.as_ref(), context).await?;
    let question = Question {
        event,
        granted: &granted,
        party: Party::Client { client, api: presented.api.as_deref(), may_refresh: true },
        subject: Some(Subject { user_id: &old.user_id, session_id: old.session_id.as_deref(), grant: Some(old) }),
    };
    let (decision, scope) = verdict::reach(app, question).await?.allowed()?;
    let changed = presented.found.grant.renew(scope, decision);
    let grant = &presented.found.grant;
    let narrowed = asked.map_or_else(|| grant.scope.clone(), |asked| grant.scope.both(&asked));
    let minted = mint::mint(app, order(client, &presented, &narrowed))?;
    let successor = rotate(app, client, &presented, changed, &minted, context).await?;
    // Without `scope` a refresh asks for what the login got.
    let mut members = minted.response_of(&narrowed, true, &grant.decision);
    if let Some(token) = successor {
        members.insert("refresh_token".to_owned(), token.secret.into());
    }
    Ok(Answer::of(members, presented.found.grant.decision.trace))
}

async fn find(app: &App, client: &Client, secret: &str) -> Result<Presented> {
    let hash = hash::sha256(secret);
    let found = match app.store.refresh_token(&hash, app.clock.now_ms(), leeway_ms(client)).await? {
        Redemption::Redeemed(found) => found,
        Redemption::Replayed { grant_id } => return Err(revoke_family(app, client, &grant_id).await?),
        Redemption::Unknown => return Err(unknown()),
    };
    if found.grant.client_id != client.client_id {
        tracing::warn!(client.id = client.client_id, grant.id = found.grant.id, "a refresh token of another client");
        return Err(unknown());
    }
    let user = match app.store.user(&found.grant.user_id).await? {
        Some(user) if user.blocked => return Err(Error::protocol("invalid_grant", "user is blocked")),
        Some(user) => user,
        None => return Err(unknown()),
    };
    let api = match &found.grant.audience {
        Some(audience) => Some(app.store.resource_server(audience).await?.ok_or_else(unknown)?),
        None => None,
    };
    Ok(Presented { hash, found, user, api })
}

/// Committed before the answer, so that a crash cannot leave a stolen family alive.
async fn revoke_family(app: &App, client: &Client, grant_id: &str) -> Result<Error> {
    let mut tx = app.store.begin().await?;
    tx.revoke_grant(grant_id, app.clock.now_ms()).await?;
    tx.commit().await?;
    tracing::warn!(client.id = client.client_id, grant.id = grant_id, "a spent refresh token was presented: family revoked");
    Ok(unknown())
}

/// `scope` may narrow. Words that the login asked for and did not get are ignored as they were then: clients repeat them. But
/// something of it must have been granted then, or be `granted` now.
fn check_scope(grant: &Grant, granted: &Scopes, asked: &Scopes) -> Result<()> {
    let refused =
        |word: &str| Err(Error::protocol("invalid_scope", format!("scope '{word}' was not granted by the user's login")));
    let (had, requested) = (grant.scope.lookup(), grant.requested_scope.lookup());
    if let Some(word) = asked.iter().find(|word| !had.contains(word) && !requested.contains(word)) {
        return refused(word);
    }
    if asked.both(&grant.scope).is_empty() && asked.both(granted).is_empty() {
        return refused(&asked.to_string());
    }
    Ok(())
}

async fn build_event(
    app: &App,
    client: &Client,
    presented: &Presented,
    asked: Option<&Scopes>,
    context: &RequestContext,
) -> Result<Event> {
    let Presented { found: FoundRefreshToken { token, grant }, user, .. } = presented;
    let mut event = event::post_login(app, client, user, context);
    event.transaction = Some(Transaction {
        protocol: Some("oauth2-refresh-token".to_owned()),
        requested_scopes: asked.unwrap_or(&grant.requested_scope).to_vec(),
        acr_values: grant.acr_values.clone(),
        ..Transaction::default()
    });
    event.refresh_token = Some(refresh_token_part(token, grant, rotates(client, grant), context));
    event.resource_server = event::resource_server(grant.audience.as_deref());
    event.authentication = Some(event::authentication(&grant.methods));
    if let Some(id) = &grant.session_id
        && let Some(session) = app.store.session_by_id(id).await?
    {
        event.session = Some(event::session(&session, context));
    }
    Ok(event)
}

fn refresh_token_part(token: &RefreshToken, grant: &Grant, rotating: bool, context: &RequestContext) -> RefreshTokenPart {
    let audience = grant.audience.clone().unwrap_or_default();
    RefreshTokenPart {
        id: token.id.clone(),
        client_id: Some(grant.client_id.clone()),
        session_id: grant.session_id.clone(),
        user_id: Some(grant.user_id.clone()),
        created_at: iso8601(token.created_at),
        expires_at: token.expires_at.map(iso8601),
        idle_expires_at: token.idle_expires_at.map(iso8601),
        last_exchanged_at: token.last_exchanged_at.map(iso8601),
        rotating,
        resource_servers: vec![RefreshTokenResourceServer { audience, scopes: grant.scope.to_string() }],
        device: Device {
            initial_ip: Some(token.initial_ip.clone()),
            initial_user_agent: token.initial_user_agent.clone(),
            last_ip: Some(context.ip.clone()),
            last_user_agent: context.user_agent.clone(),
        },
        ..RefreshTokenPart::default()
    }
}

fn order<'a>(client: &'a Client, presented: &'a Presented, scope: &'a Scopes) -> Order<'a> {
    Order {
        grant: &presented.found.grant,
        client,
        user: &presented.user,
        api: presented.api.as_deref(),
        scope,
        gty: Some("refresh_token"),
        front_channel: false,
        code: None,
        access_token: true,
        id_token: true,
        session_claims: false,
    }
}

/// One transaction: spend the presented token conditionally, store what takes its place. The loser of a race is a replay.
async fn rotate(
    app: &App,
    client: &Client,
    presented: &Presented,
    changed: bool,
    minted: &Minted,
    context: &RequestContext,
) -> Result<Option<NewRefreshToken>> {
    let (now, grant) = (app.clock.now_ms(), &presented.found.grant);
    let successor = issue(app, client, grant, context, Some(&presented.found.token));
    // Without a successor (the actions ended it, or took `offline_access` away) this use is the last.
    let rotating = rotates(client, grant) || successor.is_none();
    let mut tx = app.store.begin().await?;
    let won = if rotating {
        tx.spend_refresh_token(&presented.hash, now, leeway_ms(client)).await?
    } else {
        let idle = successor.as_ref().and_then(|token| earliest([token.row.idle_expires_at, token.row.expires_at]));
        tx.touch_refresh_token(&presented.hash, idle, now).await?
    };
    if !won {
        // Not just dropped: the winner's work must be there to be read.
        tx.rollback().await?;
        return Err(lost(app, client, &presented.hash).await?);
    }
    if let (true, Some(token)) = (rotating, &successor) {
        tx.insert_successor(&token.hash(), &token.row, &presented.found.token).await?;
    }
    if let Some((hash, row)) = &minted.opaque {
        tx.insert_access_token(hash, row).await?;
    }
    if changed {
        tx.update_grant(grant).await?;
    }
    let patch = verdict::metadata(&grant.decision);
    if !patch.is_empty() {
        tx.patch_metadata(&grant.user_id, &patch, now).await?;
    }
    tx.commit().await?;
    Ok(successor.filter(|_| rotating))
}

/// What became of a token that was usable a moment ago.
async fn lost(app: &App, client: &Client, hash: &str) -> Result<Error> {
    match app.store.refresh_token(hash, app.clock.now_ms(), leeway_ms(client)).await? {
        Redemption::Replayed { grant_id } => revoke_family(app, client, &grant_id).await,
        Redemption::Redeemed(_) | Redemption::Unknown => Ok(unknown()),
    }
}

/// Whether this use ends the presented token: a rotating client's, and that of a grant that lost `offline_access`.
fn rotates(client: &Client, grant: &Grant) -> bool {
    client.refresh_token.rotation_type == RotationType::Rotating || !grant.scope.contains(scopes::OFFLINE_ACCESS)
}

/// A refresh token for the grant, if it has `offline_access` and the client may refresh. The successor of a token inherits
/// the family's beginning and absolute end; actions can only shorten.
#[must_use]
pub fn issue(
    app: &App,
    client: &Client,
    grant: &Grant,
    context: &RequestContext,
    predecessor: Option<&RefreshToken>,
) -> Option<NewRefreshToken> {
    if !grant.scope.contains(scopes::OFFLINE_ACCESS) || !client.allows(GrantType::RefreshToken) {
        return None;
    }
    let now = app.clock.now_ms();
    let created_at = predecessor.map_or(grant.created_at, |token| token.created_at);
    let inherited = predecessor.and_then(|token| token.expires_at);
    let (expires_at, idle_expires_at) = ends(client, &grant.decision.refresh_token, created_at, inherited, now);
    if expires_at.is_some_and(|end| end <= now) || idle_expires_at.is_some_and(|end| end <= now) {
        return None;
    }
    let row = RefreshToken {
        id: app.random.id(),
        grant_id: grant.id.clone(),
        created_at,
        expires_at,
        idle_expires_at,
        last_exchanged_at: predecessor.map(|_| now),
        rotating: client.refresh_token.rotation_type == RotationType::Rotating,
        initial_ip: predecessor.map_or_else(|| context.ip.clone(), |token| token.initial_ip.clone()),
        initial_user_agent: predecessor.map_or_else(|| context.user_agent.clone(), |t| t.initial_user_agent.clone()),
    };
    Some(NewRefreshToken { secret: app.random.secret(), row })
}

/// Absolute and idle end of a refresh token, milliseconds: the earliest of policy, family and actions.
fn ends(
    client: &Client,
    edits: &RefreshTokenEdits,
    created_at: i64,
    inherited: Option<i64>,
    now: i64,
) -> (Option<i64>, Option<i64>) {
    let policy = &client.refresh_token;
    let expiring = policy.expiration_type == ExpirationType::Expiring;
    let absolute = (expiring && !policy.infinite_token_lifetime).then(|| created_at + policy.token_lifetime * 1000);
    let idle = (expiring && !policy.infinite_idle_token_lifetime).then(|| now + policy.idle_token_lifetime * 1000);
    (earliest([absolute, inherited, edits.expires_at]), earliest([idle, edits.idle_expires_at]))
}

fn earliest<const N: usize>(ends: [Option<i64>; N]) -> Option<i64> {
    ends.into_iter().flatten().min()
}

fn leeway_ms(client: &Client) -> i64 {
    client.refresh_token.leeway.max(0).saturating_mul(1000)
}

fn unknown() -> Error {
    Error::protocol("invalid_grant", "Unknown or invalid refresh token.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decision::Setting;
    use crate::oauth::fixtures;

    const DAY: i64 = 86_400_000;

    #[test]
    fn the_absolute_end_is_that_of_the_family() {
        let client = fixtures::client("web");
        let (absolute, idle) = ends(&client, &RefreshTokenEdits::default(), 0, None, 10 * DAY);
        assert_eq!((absolute, idle), (Some(30 * DAY), Some(25 * DAY)));
        let (absolute, _) = ends(&client, &RefreshTokenEdits::default(), 0, Some(20 * DAY), 10 * DAY);
        assert_eq!(absolute, Some(20 * DAY));
    }

    #[test]
    fn actions_only_shorten() {
        let client = fixtures::client("web");
        let edits = RefreshTokenEdits { expires_at: Some(99 * DAY), idle_expires_at: Some(DAY), ..Default::default() };
        assert_eq!(ends(&client, &edits, 0, None, 0), (Some(30 * DAY), Some(DAY)));
    }

    #[test]
    fn non_expiring_tokens_end_only_by_an_action() {
        let mut client = fixtures::client("web");
        client.refresh_token.expiration_type = ExpirationType::NonExpiring;
        assert_eq!(ends(&client, &RefreshTokenEdits::default(), 0, None, 0), (None, None));
        let edits = RefreshTokenEdits { expires_at: Some(DAY), ..Default::default() };
        assert_eq!(ends(&client, &edits, 0, None, 0), (Some(DAY), None));
    }

    #[test]
    fn infinite_lifetimes_are_taken_one_by_one() {
        let mut client = fixtures::client("web");
        client.refresh_token.infinite_token_lifetime = true;
        let (absolute, idle) = ends(&client, &RefreshTokenEdits::default(), 0, None, 0);
        assert_eq!((absolute, idle), (None, Some(15 * DAY)));
    }

    #[test]
    fn a_refresh_may_repeat_or_narrow_the_scopes_of_the_login_but_not_widen_them() {
        let grant = fixtures::grant("openid offline_access", "openid offline_access picture");
        let granted = Scopes::parse("openid offline_access");
        let check = |words: &str| check_scope(&grant, &granted, &Scopes::parse(words)).is_ok();
        assert!(check("openid") && check("openid picture"));
        assert!(!check("openid email"));
        assert!(!check("picture"), "nothing is left of it");
        let known_now = Scopes::parse("openid offline_access picture");
        assert!(check_scope(&grant, &known_now, &Scopes::parse("picture")).is_ok());
    }

    #[test]
    fn only_a_refresh_that_changes_scopes_or_claims_is_worth_writing() {
        let mut grant = fixtures::grant("openid", "openid email");
        let mut decision = grant.decision.clone();
        decision.trace.id = "another".to_owned();
        assert!(!grant.renew(grant.scope.clone(), decision.clone()));
        assert_eq!(grant.decision.trace.id, "another");
        decision.token_response.insert("region".into(), Setting { value: "eu".into(), by: Default::default() });
        assert!(grant.renew(grant.scope.clone(), decision.clone()));
        assert!(!grant.renew(grant.scope.clone(), decision.clone()));
        assert!(grant.renew(Scopes::parse("openid email"), decision.clone()));
        decision.refresh_token.expires_at = Some(1);
        assert!(grant.renew(grant.scope.clone(), decision));
    }
}
