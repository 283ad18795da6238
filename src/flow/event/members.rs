//! The members of each part of `event`, converted when they are read. What they are and mean is in `description`.

use std::collections::BTreeSet;
use std::sync::Arc;

use rhai::Dynamic;
use serde::Serialize;
use serde_json::Value;

use super::description::{self, Holds, part};
use super::metadata::Metadata;
use super::script::Part;
use super::secrets::Secrets;
use super::{Device, Transaction, UserPart};
use crate::domain::JsonMap;

/// Which part; elements of lists by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Event,
    Authentication,
    Method(usize),
    Authorization,
    Client,
    Connection,
    RefreshToken,
    RefreshTokenDevice,
    RefreshTokenResourceServer(usize),
    Request,
    ResourceServer,
    Session,
    SessionDevice,
    SessionClient(usize),
    Stats,
    Tenant,
    Transaction,
    User,
    Identity(usize),
    AccessToken,
}

/// Every name of a member of any part.
pub(super) fn every_name() -> BTreeSet<&'static str> {
    description::PARTS.iter().flat_map(description::Part::names).collect()
}

impl Kind {
    /// Its description.
    pub(super) fn part(self) -> &'static description::Part {
        match self {
            Self::Event => const { part("event") },
            Self::Authentication => const { part("event.authentication") },
            Self::Method(_) => const { part("event.authentication.methods[]") },
            Self::Authorization => const { part("event.authorization") },
            Self::Client => const { part("event.client") },
            Self::Connection => const { part("event.connection") },
            Self::RefreshToken => const { part("event.refresh_token") },
            Self::RefreshTokenDevice => const { part("event.refresh_token.device") },
            Self::RefreshTokenResourceServer(_) => const { part("event.refresh_token.resource_servers[]") },
            Self::Request => const { part("event.request") },
            Self::ResourceServer => const { part("event.resource_server") },
            Self::Session => const { part("event.session") },
            Self::SessionDevice => const { part("event.session.device") },
            Self::SessionClient(_) => const { part("event.session.clients[]") },
            Self::Stats => const { part("event.stats") },
            Self::Tenant => const { part("event.tenant") },
            Self::Transaction => const { part("event.transaction") },
            Self::User => const { part("event.user") },
            Self::Identity(_) => const { part("event.user.identities[]") },
            Self::AccessToken => const { part("event.accessToken") },
        }
    }

    /// How scripts reach it.
    pub(super) fn path(self) -> &'static str {
        self.part().path
    }

    /// The name as the description has it, if it is one of its own.
    pub(super) fn known(self, name: &str) -> Option<&'static str> {
        self.part().member(name).map(|member| member.name)
    }
}

/// The members of the part at a path such as `event.user` or `event.user.identities[]`; `None` where the names are free.
pub(crate) fn names_at(path: &str) -> Option<Vec<&'static str>> {
    description::Part::of(path).map(|part| part.names().collect())
}

/// Every path of `event` that has a name of ours; of lists of parts the elements as `[]`.
pub(super) fn paths() -> impl Iterator<Item = String> {
    description::PARTS.iter().flat_map(|part| part.names().map(move |name| format!("{}.{name}", part.path)))
}

/// Whether the member is free-form: below it any name may come.
pub(super) fn is_free(path: &str) -> bool {
    let described = path.rsplit_once('.').and_then(|(part, name)| description::Part::of(part)?.member(name));
    described.is_some_and(|member| member.holds == Holds::Map)
}

/// The member; `()` if it is absent, `None` if there is none of this name.
pub(super) fn get(part: &Part, name: &str) -> Option<Dynamic> {
    filled(part, name).or_else(|| {
        let described = part.kind.part().member(name)?;
        (described.holds == Holds::Nothing).then_some(Dynamic::UNIT)
    })
}

/// The member, unless it is one that we never fill.
fn filled(part: &Part, name: &str) -> Option<Dynamic> {
    let event = part.run.event();
    match part.kind {
        Kind::Event => of_event(part, name),
        Kind::User => of_user(part, event.user.as_ref()?, name),
        Kind::Transaction => of_transaction(part, event.transaction.as_ref()?, name),
        Kind::Session | Kind::RefreshToken => of_session_or_refresh_token(part, name),
        Kind::RefreshTokenDevice => of_device(&event.refresh_token.as_ref()?.device, name),
        Kind::SessionDevice => of_device(&event.session.as_ref()?.device, name),
        Kind::Request => of_request(part, name),
        _ => of_small(part, name),
    }
}

fn of_event(part: &Part, name: &str) -> Option<Dynamic> {
    let event = part.run.event();
    let (there, kind) = match name {
        "accessToken" => (event.access_token.is_some(), Kind::AccessToken),
        "authentication" => (event.authentication.is_some(), Kind::Authentication),
        "authorization" => (event.authorization.is_some(), Kind::Authorization),
        "client" => (true, Kind::Client),
        "connection" => (event.connection.is_some(), Kind::Connection),
        "refresh_token" => (event.refresh_token.is_some(), Kind::RefreshToken),
        "request" => (true, Kind::Request),
        "resource_server" => (event.resource_server.is_some(), Kind::ResourceServer),
        "secrets" => return Some(Dynamic::from(Secrets(part.run.clone()))),
        "session" => (event.session.is_some(), Kind::Session),
        "stats" => (event.stats.is_some(), Kind::Stats),
        "tenant" => (true, Kind::Tenant),
        "transaction" => (event.transaction.is_some(), Kind::Transaction),
        "user" => (event.user.is_some(), Kind::User),
        _ => return None,
    };
    Some(if there { child(part, kind) } else { Dynamic::UNIT })
}

fn of_user(part: &Part, user: &UserPart, name: &str) -> Option<Dynamic> {
    Some(match name {
        "user_id" => text(&user.user_id),
        "email" => maybe(&user.email),
        "email_verified" => user.email_verified.into(),
        "username" => maybe(&user.username),
        "phone_number" => maybe(&user.phone_number),
        "phone_verified" => user.phone_verified.map_or(Dynamic::UNIT, Into::into),
        "name" => maybe(&user.name),
        "nickname" => maybe(&user.nickname),
        "given_name" => maybe(&user.given_name),
        "family_name" => maybe(&user.family_name),
        "picture" => maybe(&user.picture),
        "created_at" => text(&user.created_at),
        "updated_at" => text(&user.updated_at),
        "last_password_reset" => maybe(&user.last_password_reset),
        "user_metadata" => shared(part, "user_metadata", user.user_metadata.clone()),
        "app_metadata" => shared(part, "app_metadata", user.app_metadata.clone()),
        "multifactor" => texts(&user.multifactor),
        "identities" => children(part, user.identities.len(), Kind::Identity),
        _ => return None,
    })
}

fn of_transaction(part: &Part, transaction: &Transaction, name: &str) -> Option<Dynamic> {
    Some(match name {
        "id" => maybe(&transaction.id),
        "protocol" => maybe(&transaction.protocol),
        "acr_values" => texts(&transaction.acr_values),
        "ui_locales" => texts(&transaction.ui_locales),
        "requested_scopes" => texts(&transaction.requested_scopes),
        "prompt" => texts(&transaction.prompt),
        "response_type" => texts(&transaction.response_type),
        "response_mode" => maybe(&transaction.response_mode),
        "redirect_uri" => maybe(&transaction.redirect_uri),
        "state" => maybe(&transaction.state),
        "login_hint" => maybe(&transaction.login_hint),
        "locale" => maybe(&transaction.locale),
        "correlation_id" => maybe(&transaction.correlation_id),
        // What `api.transaction.setMetadata` wrote is visible at once.
        "metadata" => pairs(part, &part.run.effects().transaction_metadata),
        _ => return None,
    })
}

fn of_session_or_refresh_token(part: &Part, name: &str) -> Option<Dynamic> {
    let event = part.run.event();
    if part.kind == Kind::RefreshToken {
        let token = event.refresh_token.as_ref()?;
        return Some(match name {
            "id" => text(&token.id),
            "client_id" => maybe(&token.client_id),
            "session_id" => maybe(&token.session_id),
            "user_id" => maybe(&token.user_id),
            "created_at" => text(&token.created_at),
            "expires_at" => maybe(&token.expires_at),
            "idle_expires_at" => maybe(&token.idle_expires_at),
            "last_exchanged_at" => maybe(&token.last_exchanged_at),
            "rotating" => token.rotating.into(),
            "resource_servers" => children(part, token.resource_servers.len(), Kind::RefreshTokenResourceServer),
            "device" => child(part, Kind::RefreshTokenDevice),
            "metadata" => pairs(part, &token.metadata),
            _ => return None,
        });
    }
    let session = event.session.as_ref()?;
    Some(match name {
        "id" => text(&session.id),
        "user_id" => maybe(&session.user_id),
        "authenticated_at" => maybe(&session.authenticated_at),
        "created_at" => maybe(&session.created_at),
        "updated_at" => maybe(&session.updated_at),
        "expires_at" => maybe(&session.expires_at),
        "idle_expires_at" => maybe(&session.idle_expires_at),
        "last_interacted_at" => maybe(&session.last_interacted_at),
        "clients" => children(part, session.clients.len(), Kind::SessionClient),
        "device" => child(part, Kind::SessionDevice),
        _ => return None,
    })
}

fn of_device(device: &Device, name: &str) -> Option<Dynamic> {
    Some(match name {
        "initial_ip" => maybe(&device.initial_ip),
        "initial_user_agent" => maybe(&device.initial_user_agent),
        "last_ip" => maybe(&device.last_ip),
        "last_user_agent" => maybe(&device.last_user_agent),
        _ => return None,
    })
}

fn of_request(part: &Part, name: &str) -> Option<Dynamic> {
    let request = &part.run.event().request;
    Some(match name {
        "ip" => text(&request.ip),
        "method" => text(&request.method),
        "hostname" => maybe(&request.hostname),
        "language" => maybe(&request.language),
        "user_agent" => maybe(&request.user_agent),
        "query" => object(part, "query", &request.query),
        "body" => object(part, "body", &request.body),
        "geoip" => object(part, "geoip", &request.geoip),
        _ => return None,
    })
}

/// The parts with few members.
fn of_small(part: &Part, name: &str) -> Option<Dynamic> {
    let event = part.run.event();
    Some(match (part.kind, name) {
        (Kind::Authentication, "methods") => children(part, event.authentication.as_ref()?.methods.len(), Kind::Method),
        (Kind::Method(index), _) => {
            let method = event.authentication.as_ref()?.methods.get(index)?;
            return of_pair(name, [("name", &method.name), ("timestamp", &method.timestamp)]);
        }
        (Kind::Authorization, "roles") => texts(&event.authorization.as_ref()?.roles),
        (Kind::Client, "client_id") => text(&event.client.client_id),
        (Kind::Client, "name") => text(&event.client.name),
        (Kind::Client, "metadata") => pairs(part, &event.client.metadata),
        (Kind::Connection, "id") => text(&event.connection.as_ref()?.id),
        (Kind::Connection, "name") => text(&event.connection.as_ref()?.name),
        (Kind::Connection, "strategy") => text(&event.connection.as_ref()?.strategy),
        (Kind::Connection, "metadata") => pairs(part, &event.connection.as_ref()?.metadata),
        (Kind::RefreshTokenResourceServer(index), _) => {
            let server = event.refresh_token.as_ref()?.resource_servers.get(index)?;
            return of_pair(name, [("audience", &server.audience), ("scopes", &server.scopes)]);
        }
        (Kind::ResourceServer, "identifier") => text(&event.resource_server.as_ref()?.identifier),
        (Kind::SessionClient(index), "client_id") => text(&event.session.as_ref()?.clients.get(index)?.client_id),
        (Kind::Stats, "logins_count") => event.stats.as_ref()?.logins_count.into(),
        (Kind::Tenant, "id") => text(&event.tenant.id),
        (Kind::Identity(index), _) => {
            let identity = event.user.as_ref()?.identities.get(index)?;
            match name {
                "connection" => text(&identity.connection),
                "provider" => text(&identity.provider),
                "user_id" => text(&identity.user_id),
                "isSocial" => identity.is_social.into(),
                _ => return None,
            }
        }
        (Kind::AccessToken, "scope") => texts(&event.access_token.as_ref()?.scope),
        (Kind::AccessToken, "customClaims") => object(part, "customClaims", &event.access_token.as_ref()?.custom_claims),
        _ => return None,
    })
}

fn of_pair(name: &str, members: [(&str, &String); 2]) -> Option<Dynamic> {
    members.into_iter().find(|(own, _)| *own == name).map(|(_, value)| text(value))
}

/// The part as JSON: the names that scripts use, absent members left out.
pub(super) fn json(part: &Part) -> Value {
    let event = part.run.event();
    let mut whole = to_value(event);
    if let Some(metadata) = whole.pointer_mut("/transaction/metadata") {
        *metadata = to_value(&part.run.effects().transaction_metadata);
    }
    let pointer = match part.kind {
        Kind::Event => return whole,
        Kind::Method(index) => format!("/authentication/methods/{index}"),
        Kind::RefreshTokenResourceServer(index) => format!("/refresh_token/resource_servers/{index}"),
        Kind::SessionClient(index) => format!("/session/clients/{index}"),
        Kind::Identity(index) => format!("/user/identities/{index}"),
        kind => kind.path().trim_start_matches("event").replace('.', "/"),
    };
    whole.pointer_mut(&pointer).map(Value::take).unwrap_or_default()
}

fn to_value(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn child(part: &Part, kind: Kind) -> Dynamic {
    Dynamic::from(Part { run: part.run.clone(), kind })
}

fn children(part: &Part, count: usize, kind: impl Fn(usize) -> Kind) -> Dynamic {
    Dynamic::from_array((0..count).map(|index| child(part, kind(index))).collect())
}

fn text(value: &str) -> Dynamic {
    value.into()
}

fn maybe(value: &Option<String>) -> Dynamic {
    value.as_deref().map_or(Dynamic::UNIT, Into::into)
}

fn texts(values: &[String]) -> Dynamic {
    Dynamic::from_array(values.iter().map(Into::into).collect())
}

fn object(part: &Part, name: &'static str, members: &JsonMap) -> Dynamic {
    shared(part, name, Arc::new(members.clone()))
}

/// A free-form member, which tells the run what is read of it.
fn shared(part: &Part, name: &'static str, members: Arc<JsonMap>) -> Dynamic {
    // The constant of the table, not the one here.
    let name = part.kind.known(name).unwrap_or(name);
    Dynamic::from(Metadata::of(part, name, members))
}

/// Small maps are copied; only the user's metadata may be large, and those are shared.
fn pairs<'a, V: Into<Value> + Clone + 'a>(part: &Part, members: impl IntoIterator<Item = (&'a String, &'a V)>) -> Dynamic {
    let members: JsonMap = members.into_iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
    shared(part, "metadata", Arc::new(members))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_metadata_stay_numbers() {
        assert_eq!(crate::flow::value::to_script(&Value::from(1)).as_int(), Ok(1));
    }
}
