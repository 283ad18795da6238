//! `grant_type=password` (RFC 6749 section 4.3) and Auth0's password-realm, which names the connection.
//!
//! Only for clients that have the grant. The same throttling, actions and bookkeeping as a login in the browser, without a
//! session.

use std::sync::Arc;

use crate::app::App;
use crate::domain::client::Client;
use crate::domain::grant::Grant;
use crate::domain::resource_server::ResourceServer;
use crate::domain::scope::Scopes;
use crate::domain::session::AuthenticationMethod;
use crate::domain::user::{CONNECTION, User};
use crate::flow::Event;
use crate::flow::event::Transaction;

use super::error::{Error, Result};
use super::fold::Party;
use super::login::MAX_PASSWORD_BYTES;
use super::mint::{self, Minted, Order};
use super::parameters::Parameters;
use super::refresh_grant::{self, NewRefreshToken};
use super::session::Browser;
use super::token::Answer;
use super::verdict::{self, Question, Subject};
use super::{RequestContext, event, scopes, throttle};

/// `event.transaction.protocol` and the grant's.
const PROTOCOL: &str = "oauth2-password";

/// Exchanges a password for tokens.
///
/// # Errors
/// `invalid_grant` for a wrong login or password and for a blocked user, `invalid_request`; `TooManyAttempts`; what the
/// actions decided; `Busy`.
pub async fn exchange(app: &App, client: &Client, parameters: &Parameters, context: &RequestContext) -> Result<Answer> {
    let login = parameters.required("username")?;
    let password = parameters.required("password")?;
    check_realm(parameters.get("realm"))?;
    let api = api_of(app, parameters.get("audience")).await?;
    let user = authenticate(app, login, password, context).await?;

    let asked = parameters.scope().unwrap_or_default();
    let requested = scopes::of_password_grant(&asked, api.as_deref());
    let methods = vec![AuthenticationMethod { name: "pwd".to_owned(), timestamp: app.clock.now_ms() }];
    let event = build_event(app, client, &user, (&asked, api.as_deref(), &methods), context);
    let question = Question {
        event,
        granted: &scopes::grantable(&requested, client, api.as_deref()),
        party: Party::Client { client, api: api.as_deref(), may_refresh: true },
        subject: Some(Subject { user_id: &user.user_id, session_id: None, grant: None }),
    };
    let (decision, scope) = verdict::reach(app, question).await?.allowed()?;

    let now = app.clock.now_ms();
    let grant = Grant {
        id: app.random.id_at(now),
        client_id: client.client_id.clone(),
        user_id: user.user_id.clone(),
        session_id: None,
        scope,
        requested_scope: requested,
        audience: api.as_deref().map(|api| api.identifier.clone()),
        authenticated_at: now,
        methods,
        nonce: None,
        acr_values: Vec::new(),
        protocol: PROTOCOL.to_owned(),
        decision,
        created_at: now,
    };
    let minted = mint::mint(app, order(&grant, client, &user, api.as_deref()))?;
    let refresh_token = refresh_grant::issue(app, client, &grant, context, None);
    store(app, &grant, &minted, refresh_token.as_ref()).await?;
    let mut members = minted.response(&grant.scope, &grant);
    if let Some(token) = refresh_token {
        members.insert("refresh_token".to_owned(), token.secret.into());
    }
    Ok(Answer::of(members, grant.decision.trace))
}

fn check_realm(realm: Option<&str>) -> Result<()> {
    match realm {
        None | Some(CONNECTION) => Ok(()),
        Some(_) => Err(Error::protocol("invalid_request", "the realm is not a connection of this tenant")),
    }
}

async fn api_of(app: &App, audience: Option<&str>) -> Result<Option<Arc<ResourceServer>>> {
    let Some(audience) = audience else { return Ok(None) };
    // The audience of `/userinfo` alone asks for the opaque token that a request without audience gets.
    if audience == mint::userinfo_audience(&app.issuer) {
        return Ok(None);
    }
    let api = app.store.resource_server(audience).await?;
    let invalid = || Error::protocol("invalid_request", "invalid audience specified for password grant exchange");
    api.map(Some).ok_or_else(invalid)
}

/// The user of the password, counted in the metrics like a login in the browser.
async fn authenticate(app: &App, login: &str, password: &str, context: &RequestContext) -> Result<User> {
    let result = check_password(app, login, password, context).await;
    app.metrics.login_tried(result.as_ref().map_or_else(Error::code, |_| "ok"));
    result
}

/// Checks the password and counts the login: before the actions run, and even if they then deny.
async fn check_password(app: &App, login: &str, password: &str, context: &RequestContext) -> Result<User> {
    let wrong = || Error::protocol("invalid_grant", "Wrong email or password.");
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(wrong());
    }
    // No browser is here, so that the network alone tells who has logged in before.
    let attempt = throttle::attempt(app, login, &Browser::default(), context).await?;
    let found = app.store.credentials(login.trim()).await?;
    let hash = found.as_ref().and_then(|found| found.password_hash.as_deref());
    let Ok(fits) = app.passwords.verify(password, hash).await else {
        app.metrics.passwords_busy();
        return Err(Error::Busy);
    };
    let Some(found) = found.filter(|_| fits) else {
        attempt.failed(app).await?;
        return Err(wrong());
    };
    attempt.succeeded(app).await?;
    let mut user = found.user;
    if user.blocked {
        return Err(Error::protocol("invalid_grant", "user is blocked"));
    }
    let mut tx = app.store.begin().await?;
    user.logins_count = tx.count_login(&user.user_id, app.clock.now_ms()).await?;
    tx.commit().await?;
    Ok(user)
}

fn build_event(
    app: &App,
    client: &Client,
    user: &User,
    (asked, api, methods): (&Scopes, Option<&ResourceServer>, &[AuthenticationMethod]),
    context: &RequestContext,
) -> Event {
    let mut event = event::post_login(app, client, user, context);
    event.transaction = Some(Transaction {
        protocol: Some(PROTOCOL.to_owned()),
        requested_scopes: asked.to_vec(),
        ..Transaction::default()
    });
    event.resource_server = event::resource_server(api.map(|api| api.identifier.as_str()));
    event.authentication = Some(event::authentication(methods));
    event
}

fn order<'a>(grant: &'a Grant, client: &'a Client, user: &'a User, api: Option<&'a ResourceServer>) -> Order<'a> {
    Order {
        grant,
        client,
        user,
        api,
        scope: &grant.scope,
        gty: Some("password"),
        front_channel: false,
        code: None,
        access_token: true,
        id_token: true,
        session_claims: true,
    }
}

async fn store(app: &App, grant: &Grant, minted: &Minted, refresh_token: Option<&NewRefreshToken>) -> Result<()> {
    let mut tx = app.store.begin().await?;
    tx.insert_grant(grant).await?;
    if let Some((hash, row)) = &minted.opaque {
        tx.insert_access_token(hash, row).await?;
    }
    if let Some(token) = refresh_token {
        tx.insert_refresh_token(&token.hash(), &token.row).await?;
    }
    let patch = verdict::metadata(&grant.decision);
    if !patch.is_empty() {
        tx.patch_metadata(&grant.user_id, &patch, grant.created_at).await?;
    }
    tx.commit().await?;
    Ok(())
}
