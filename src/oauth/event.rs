//! Builds the `event` of the actions from fresh rows.

use crate::app::App;
use crate::domain::client::Client;
use crate::domain::user::User;
use crate::flow::Event;

use super::RequestContext;

/// The parts that every post-login event has: user with identities, roles, client, connection, request, tenant, stats.
/// The caller adds `transaction`, `session`, `refresh_token`, `resource_server` and `authentication` as they apply.
#[must_use]
pub fn post_login(app: &App, client: &Client, user: &User, context: &RequestContext) -> Event {
    todo!("{app:?}{client:?}{user:?}{context:?}")
}

/// `event.resource_server` of an audience.
#[must_use]
pub fn resource_server(audience: Option<&str>) -> Option<crate::flow::event::ResourceServerPart> {
    audience.map(|identifier| crate::flow::event::ResourceServerPart { identifier: identifier.to_owned() })
}

/// `event.session` of a session, seen from a request.
#[must_use]
pub fn session(session: &crate::domain::session::Session, context: &RequestContext) -> crate::flow::event::SessionPart {
    todo!("{session:?}{context:?}")
}

/// `event.authentication` of a session's or grant's methods.
#[must_use]
pub fn authentication(methods: &[crate::domain::session::AuthenticationMethod]) -> crate::flow::event::Authentication {
    todo!("{methods:?}")
}
