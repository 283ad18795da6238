//! The `event` of a rehearsed login, built as the grant's use case builds it.

use std::sync::Arc;

use serde_json::Value;

use crate::clock::{Clock, Random, iso8601};
use crate::domain::JsonMap;
use crate::domain::client::RotationType;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::scope::Scopes;
use crate::domain::session::{AuthenticationMethod, Session};
use crate::domain::user::User;
use crate::flow::Event;
use crate::flow::event::{
    AccessTokenPart, Device, RefreshTokenPart, RefreshTokenResourceServer, Tenant, Transaction, UserPart,
};
use crate::oauth::event::{self, Place};

use super::login::{Attempt, Grant};

/// Where and when a login is rehearsed.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// Whose login it is.
    pub place: Place<'a>,
    /// How long sessions last.
    pub lifetimes: &'a Lifetimes,
    /// Time.
    pub clock: &'a Clock,
    /// Identifiers.
    pub random: &'a Random,
}

/// The event of the attempt, and the attempt with the user as the database would have them: made now, and a login with
/// credentials is counted before the actions run.
#[must_use]
pub fn build(stage: Stage<'_>, mut attempt: Attempt) -> (Attempt, Event) {
    let now = stage.clock.now_ms();
    if let Some(user) = &mut attempt.user {
        (user.created_at, user.updated_at) = (now, now);
        user.logins_count += i64::from(attempt.grant != Grant::RefreshToken);
    }
    let event = match &attempt.user {
        Some(user) => post_login(stage, &attempt, user),
        None => machine(stage, &attempt),
    };
    (attempt, event)
}

/// A machine's event says which scopes are about to be granted.
#[must_use]
pub fn with_scopes(mut event: Event, scopes: &Scopes) -> Event {
    event.access_token.get_or_insert_default().scope = scopes.to_vec();
    event
}

/// The user as an event describes them, so that the standard claims agree with what the actions saw.
#[must_use]
pub fn described(user: &User, part: &UserPart, event: &Event) -> User {
    User {
        user_id: part.user_id.clone(),
        email: part.email.clone(),
        email_verified: part.email_verified,
        username: part.username.clone(),
        phone_number: part.phone_number.clone(),
        phone_verified: part.phone_verified.unwrap_or(false),
        name: part.name.clone(),
        nickname: part.nickname.clone(),
        given_name: part.given_name.clone(),
        family_name: part.family_name.clone(),
        picture: part.picture.clone(),
        roles: event.authorization.as_ref().map(|authorization| authorization.roles.clone()).unwrap_or_default(),
        user_metadata: JsonMap::clone(&Arc::clone(&part.user_metadata)),
        app_metadata: JsonMap::clone(&Arc::clone(&part.app_metadata)),
        ..user.clone()
    }
}

fn machine(stage: Stage<'_>, attempt: &Attempt) -> Event {
    Event {
        access_token: Some(AccessTokenPart::default()),
        client: event::client(&attempt.client),
        request: event::request(stage.place, &attempt.context),
        resource_server: event::resource_server(attempt.api.as_ref().map(|api| api.identifier.as_str())),
        tenant: Tenant { id: stage.place.tenant.to_owned() },
        transaction: Some(transaction(stage, attempt)),
        ..Event::default()
    }
}

fn post_login(stage: Stage<'_>, attempt: &Attempt, user: &User) -> Event {
    let methods = [AuthenticationMethod { name: "pwd".to_owned(), timestamp: stage.clock.now_ms() }];
    let mut event = event::post_login(stage.place, &attempt.client, user, &attempt.context);
    event.authentication = Some(event::authentication(&methods));
    event.resource_server = event::resource_server(attempt.api.as_ref().map(|api| api.identifier.as_str()));
    event.transaction = Some(transaction(stage, attempt));
    match attempt.grant {
        Grant::AuthorizationCode => {
            event.session = Some(event::session(&session(stage, attempt, user, &methods), &attempt.context));
        }
        Grant::RefreshToken => event.refresh_token = Some(refresh_token(stage, attempt, user)),
        _ => {}
    }
    event
}

fn transaction(stage: Stage<'_>, attempt: &Attempt) -> Transaction {
    let transaction = Transaction {
        protocol: attempt.grant.protocol().map(str::to_owned),
        requested_scopes: attempt.requested().to_vec(),
        ..Transaction::default()
    };
    if attempt.grant != Grant::AuthorizationCode {
        return transaction;
    }
    let parameter = |name: &str| attempt.context.query.get(name).and_then(Value::as_str).map(str::to_owned);
    let words = |name: &str| parameter(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    Transaction {
        id: Some(stage.random.id()),
        acr_values: words("acr_values"),
        ui_locales: words("ui_locales"),
        prompt: words("prompt"),
        login_hint: parameter("login_hint"),
        state: parameter("state"),
        response_type: vec!["code".to_owned()],
        response_mode: Some("query".to_owned()),
        redirect_uri: attempt.client.callbacks.first().cloned(),
        locale: Some("en".to_owned()),
        ..transaction
    }
}

fn session(stage: Stage<'_>, attempt: &Attempt, user: &User, methods: &[AuthenticationMethod]) -> Session {
    let now = stage.clock.now_ms();
    Session {
        id: stage.random.id(),
        user_id: user.user_id.clone(),
        methods: methods.to_vec(),
        authenticated_at: now,
        created_at: now,
        last_interacted_at: now,
        expires_at: now + stage.lifetimes.session * 1000,
        idle_expires_at: now + stage.lifetimes.idle_session * 1000,
        clients: vec![attempt.client.client_id.clone()],
        initial_ip: attempt.context.ip.clone(),
        initial_user_agent: attempt.context.user_agent.clone(),
    }
}

fn refresh_token(stage: Stage<'_>, attempt: &Attempt, user: &User) -> RefreshTokenPart {
    let (now, policy) = (stage.clock.now_ms(), &attempt.client.refresh_token);
    let audience = attempt.api.as_ref().map(|api| api.identifier.clone()).unwrap_or_default();
    RefreshTokenPart {
        id: stage.random.id(),
        client_id: Some(attempt.client.client_id.clone()),
        user_id: Some(user.user_id.clone()),
        created_at: iso8601(now),
        expires_at: Some(iso8601(now + policy.token_lifetime * 1000)),
        idle_expires_at: Some(iso8601(now + policy.idle_token_lifetime * 1000)),
        rotating: policy.rotation_type == RotationType::Rotating,
        resource_servers: vec![RefreshTokenResourceServer { audience, scopes: attempt.requested().to_string() }],
        device: Device {
            initial_ip: Some(attempt.context.ip.clone()),
            initial_user_agent: attempt.context.user_agent.clone(),
            last_ip: Some(attempt.context.ip.clone()),
            last_user_agent: attempt.context.user_agent.clone(),
        },
        ..RefreshTokenPart::default()
    }
}
