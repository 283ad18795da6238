//! Builds the `event` of the actions from fresh rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::app::App;
use crate::clock::iso8601;
use crate::domain::client::Client;
use crate::domain::session::{AuthenticationMethod, Session};
use crate::domain::user::{CONNECTION, CONNECTION_ID, User};
use crate::flow::Event;
use crate::flow::event::{
    Authentication, Authorization, ClientPart, Connection, Device, Identity, Method, Request, ResourceServerPart,
    SessionClient, SessionPart, Stats, Tenant, UserPart,
};

use super::RequestContext;

/// The strategy and identity provider of the database connection.
const DATABASE: &str = "auth0";

/// Whose logins the events are of. A server's are its [`App`]'s; rehearsals have no server.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// That of the issuer.
    pub hostname: Option<&'a str>,
    /// `event.tenant.id`.
    pub tenant: &'a str,
}

impl<'a> From<&'a App> for Place<'a> {
    fn from(app: &'a App) -> Self {
        Self { hostname: app.hostname.as_deref(), tenant: &app.tenant }
    }
}

/// The parts that every post-login event has: user with identities, roles, client, connection, request, tenant, stats.
/// The caller adds `transaction`, `session`, `refresh_token`, `resource_server` and `authentication` as they apply.
#[must_use]
pub fn post_login<'a>(place: impl Into<Place<'a>>, client: &Client, user: &User, context: &RequestContext) -> Event {
    let place = place.into();
    Event {
        authorization: Some(Authorization { roles: user.roles.clone() }),
        client: self::client(client),
        connection: Some(connection()),
        request: request(place, context),
        stats: Some(Stats { logins_count: user.logins_count }),
        tenant: Tenant { id: place.tenant.to_owned() },
        user: Some(self::user(user)),
        ..Event::default()
    }
}

/// `event.client`.
#[must_use]
pub fn client(client: &Client) -> ClientPart {
    ClientPart {
        client_id: client.client_id.clone(),
        name: client.name.clone(),
        metadata: client.metadata.clone(),
        bypass_actions: client.bypass_actions,
    }
}

/// `event.request`; `hostname` is that of the issuer, whatever the `Host` header says.
#[must_use]
pub fn request<'a>(place: impl Into<Place<'a>>, context: &RequestContext) -> Request {
    Request {
        ip: context.ip.clone(),
        method: context.method.clone(),
        hostname: place.into().hostname.map(str::to_owned),
        language: context.language.clone(),
        user_agent: context.user_agent.clone(),
        query: context.query.clone(),
        body: context.body.clone(),
        geoip: crate::domain::JsonMap::new(),
    }
}

/// `event.resource_server` of an audience.
#[must_use]
pub fn resource_server(audience: Option<&str>) -> Option<ResourceServerPart> {
    audience.map(|identifier| ResourceServerPart { identifier: identifier.to_owned() })
}

/// `event.session` of a session, seen from a request.
#[must_use]
pub fn session(session: &Session, context: &RequestContext) -> SessionPart {
    SessionPart {
        id: session.id.clone(),
        user_id: Some(session.user_id.clone()),
        authenticated_at: Some(iso8601(session.authenticated_at)),
        created_at: Some(iso8601(session.created_at)),
        updated_at: Some(iso8601(session.last_interacted_at)),
        expires_at: Some(iso8601(session.expires_at)),
        idle_expires_at: Some(iso8601(session.idle_expires_at)),
        last_interacted_at: Some(iso8601(session.last_interacted_at)),
        clients: session.clients.iter().map(|client_id| SessionClient { client_id: client_id.clone() }).collect(),
        device: Device {
            initial_ip: Some(session.initial_ip.clone()),
            initial_user_agent: session.initial_user_agent.clone(),
            last_ip: Some(context.ip.clone()),
            last_user_agent: context.user_agent.clone(),
        },
    }
}

/// `event.authentication` of a session's or grant's methods.
#[must_use]
pub fn authentication(methods: &[AuthenticationMethod]) -> Authentication {
    let method = |method: &AuthenticationMethod| Method { name: method.name.clone(), timestamp: iso8601(method.timestamp) };
    Authentication { methods: methods.iter().map(method).collect() }
}

fn connection() -> Connection {
    Connection {
        id: CONNECTION_ID.to_owned(),
        name: CONNECTION.to_owned(),
        strategy: DATABASE.to_owned(),
        metadata: BTreeMap::new(),
    }
}

fn user(user: &User) -> UserPart {
    UserPart {
        user_id: user.user_id.clone(),
        email: user.email.clone(),
        email_verified: user.email_verified,
        username: user.username.clone(),
        phone_number: user.phone_number.clone(),
        phone_verified: user.phone_number.is_some().then_some(user.phone_verified),
        name: user.name.clone(),
        nickname: user.nickname.clone(),
        given_name: user.given_name.clone(),
        family_name: user.family_name.clone(),
        picture: user.picture.clone(),
        created_at: iso8601(user.created_at),
        updated_at: iso8601(user.updated_at),
        last_password_reset: user.last_password_reset.map(iso8601),
        user_metadata: Arc::new(user.user_metadata.clone()),
        app_metadata: Arc::new(user.app_metadata.clone()),
        multifactor: Vec::new(),
        identities: vec![identity(&user.user_id)],
    }
}

/// `auth0|ada` is the identity `ada` of the provider `auth0`.
fn identity(user_id: &str) -> Identity {
    let (provider, bare) = user_id.split_once('|').unwrap_or((DATABASE, user_id));
    Identity { connection: CONNECTION.to_owned(), provider: provider.to_owned(), user_id: bare.to_owned(), is_social: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_carries_the_id_without_its_provider() {
        assert_eq!(identity("auth0|ada").user_id, "ada");
        assert_eq!(identity("auth0|a|b").user_id, "a|b");
        assert_eq!(identity("bare").provider, "auth0");
    }

    #[test]
    fn metadata_are_always_defined_and_absent_parts_are_absent() {
        let part = user(&User { user_id: "auth0|ada".into(), ..User::default() });
        let json = serde_json::to_value(&part).unwrap();
        assert_eq!(json["user_metadata"], serde_json::json!({}));
        assert_eq!(json["app_metadata"], serde_json::json!({}));
        assert_eq!(part.phone_verified, None);
        assert_eq!(part.created_at, "1970-01-01T00:00:00.000Z");
    }
}
