//! The events of tests: complete ones from the parts that a test names, and back to who asks for what.

use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::config::did_you_mean;
use crate::domain::JsonMap;
use crate::domain::client::{Algorithm, AppType, Client, GrantType};
use crate::domain::resource_server::{ClientGrant, ResourceServer, TokenDialect};
use crate::domain::scope::Scopes;
use crate::domain::user::User;
use crate::flow::event::{ClientPart, members};
use crate::flow::{Event, suggest};
use crate::kit::event;
use crate::kit::login::{self, Attempt, Grant};
use crate::kit::project::Project;
use crate::oauth::{RequestContext, scopes};

use super::world::{Failed, World};

/// The client of events that name none.
const CLIENT: &str = "test-client";
/// The user of events that name none.
const USER: &str = "auth0|test-user";
/// The API of machines that name none.
const API: &str = "https://api.example.com/";

/// A complete event of the grant with `parts` merged in: maps member by member, `()` takes away, all else replaces.
pub(super) fn build(world: &World, grant: Option<Grant>, parts: JsonMap) -> Result<Event, Failed> {
    let parts = Value::Object(parts);
    check_names("event", &parts)?;
    let text = |pointer: &str| parts.pointer(pointer).and_then(Value::as_str);
    let grant = grant.unwrap_or_else(|| match text("/transaction/protocol") {
        _ if parts.get("accessToken").is_some() => Grant::ClientCredentials,
        Some(protocol) => Grant::of_protocol(protocol),
        None => Grant::AuthorizationCode,
    });
    let asked = parts.pointer("/transaction/requested_scopes").and_then(Value::as_array);
    let asked = asked.map(|words| words.iter().filter_map(Value::as_str).collect());
    let named = Named {
        client: text("/client/client_id").unwrap_or(CLIENT),
        user: text("/user/user_id").unwrap_or(USER),
        audience: text("/resource_server/identifier"),
    };
    let mut attempt = attempt(world.project(), grant, named, asked);
    attempt.context = RequestContext {
        ip: "203.0.113.7".to_owned(),
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned()),
        ..login::context(&attempt, JsonMap::new())
    };
    let (attempt, mut event) = world.on_stage(|stage| event::build(stage, attempt));
    if grant == Grant::ClientCredentials {
        event = event::with_scopes(event, &granted(world.project(), &attempt)?);
    }
    let mut merged = serde_json::to_value(&event).unwrap_or_default();
    merge(&mut merged, parts);
    let event = parse(&merged)?;
    // The flag is the client's and no part of what scripts see; `read` looks it up again.
    Ok(Event { client: ClientPart { bypass_actions: false, ..event.client }, ..event })
}

/// The event of a value that a test made from one, and the login it describes.
pub(super) fn read(world: &World, value: &Value) -> Result<(Attempt, Event), Failed> {
    check_names("event", value)?;
    let mut event = parse(value)?;
    let grant = match (&event.access_token, &event.transaction) {
        (Some(_), _) => Grant::ClientCredentials,
        (None, Some(transaction)) => Grant::of_protocol(transaction.protocol.as_deref().unwrap_or_default()),
        (None, None) => Grant::AuthorizationCode,
    };
    if grant != Grant::ClientCredentials && event.user.is_none() {
        return Err(
            Failed::new("the event has no `user`").hint("`event()` makes a whole event, `machine_event()` a machine's")
        );
    }
    let asked: Scopes = event.transaction.iter().flat_map(|own| own.requested_scopes.iter().map(String::as_str)).collect();
    let named = Named {
        client: &event.client.client_id,
        user: event.user.as_ref().map_or(USER, |user| &user.user_id),
        audience: event.resource_server.as_ref().map(|api| api.identifier.as_str()),
    };
    let mut attempt = attempt(world.project(), grant, named, Some(asked));
    event.client.bypass_actions = attempt.client.bypass_actions;
    if let (Some(user), Some(part)) = (&mut attempt.user, &event.user) {
        *user = event::described(user, part, &event);
    }
    Ok((attempt, event))
}

/// The scopes before the actions' edits. An event of a machine says them itself.
pub(super) fn granted_by(world: &World, attempt: &Attempt, event: &Event) -> Result<Scopes, Failed> {
    match &event.access_token {
        Some(token) => Ok(token.scope.iter().map(String::as_str).collect()),
        None => granted(world.project(), attempt),
    }
}

fn granted(project: &Project, attempt: &Attempt) -> Result<Scopes, Failed> {
    let declared =
        attempt.api.as_ref().is_some_and(|api| project.grant(&attempt.client.client_id, &api.identifier).is_some());
    if declared || attempt.grant != Grant::ClientCredentials {
        return attempt.granted(project).map_err(|error| Failed::new(error.message).hint(error.hint));
    }
    // A machine that the configuration does not know may have what it asks for.
    let invented = attempt.api.iter().map(|api| ClientGrant {
        client_id: attempt.client.client_id.clone(),
        audience: api.identifier.clone(),
        scope: api.scopes.clone(),
    });
    let project = Project { grants: invented.collect(), ..project.clone() };
    attempt.granted(&project).map_err(|error| Failed::new(error.message).hint(error.hint))
}

/// Whom an event names.
#[derive(Clone, Copy, Debug)]
struct Named<'a> {
    client: &'a str,
    user: &'a str,
    audience: Option<&'a str>,
}

/// Declared entities where the names are declared, invented ones otherwise.
fn attempt(project: &Project, grant: Grant, named: Named<'_>, asked: Option<Scopes>) -> Attempt {
    let machine = grant == Grant::ClientCredentials;
    let client = project.client(named.client).cloned().unwrap_or_else(|| invented_client(named.client));
    let granted = project.grants.iter().find(|grant| grant.client_id == named.client);
    let of_machine = machine.then(|| granted.map_or(API, |grant| &grant.audience));
    let api = named
        .audience
        .or(of_machine)
        .map(|identifier| project.api(identifier).cloned().unwrap_or_else(|| invented_api(identifier, asked.as_ref())));
    let user = (!machine).then(|| project.user(named.user).cloned().unwrap_or_else(|| invented_user(named.user)));
    // A machine without wishes gets everything that its grant holds.
    let asked = asked.filter(|asked| !(machine && asked.is_empty()));
    Attempt { grant, client, user, api, asked, context: RequestContext::default() }
}

fn invented_client(client_id: &str) -> Client {
    Client {
        client_id: client_id.to_owned(),
        secret_hash: None,
        name: "Test client".to_owned(),
        app_type: AppType::RegularWeb,
        grant_types: GrantType::ALL.to_vec(),
        callbacks: vec!["https://app.example.com/callback".to_owned()],
        allowed_logout_urls: Vec::new(),
        web_origins: Vec::new(),
        allowed_origins: Vec::new(),
        metadata: Default::default(),
        oidc_conformant: true,
        token_endpoint_auth_method: None,
        id_token: Default::default(),
        refresh_token: Default::default(),
        require_pkce: false,
        bypass_actions: false,
        credentials: Vec::new(),
    }
}

/// Defines whatever is asked for beyond the standard.
fn invented_api(identifier: &str, asked: Option<&Scopes>) -> ResourceServer {
    let own = |word: &&str| !scopes::STANDARD.contains(word) && *word != scopes::OFFLINE_ACCESS;
    ResourceServer {
        identifier: identifier.to_owned(),
        name: "Test API".to_owned(),
        scopes: asked.iter().flat_map(|asked| asked.iter().filter(own).map(str::to_owned)).collect(),
        signing_alg: Algorithm::RS256,
        token_lifetime: 86_400,
        token_lifetime_for_web: 7_200,
        token_dialect: TokenDialect::default(),
        allow_offline_access: true,
    }
}

fn invented_user(user_id: &str) -> User {
    let text = |text: &str| Some(text.to_owned());
    User {
        user_id: user_id.to_owned(),
        email: text("test@example.com"),
        email_verified: true,
        name: text("Test User"),
        nickname: text("test"),
        given_name: text("Test"),
        family_name: text("User"),
        picture: text("https://example.com/test.png"),
        ..User::default()
    }
}

/// A JSON merge patch (RFC 7396).
fn merge(into: &mut Value, patch: Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (name, value) in patch {
                match value {
                    Value::Null => drop(into.remove(&name)),
                    value => merge(into.entry(name).or_insert(Value::Null), value),
                }
            }
        }
        (into, Value::Object(patch)) => {
            *into = json!({});
            merge(into, Value::Object(patch));
        }
        (into, value) => *into = value,
    }
}

/// A misspelt member would silently change nothing.
fn check_names(path: &str, value: &Value) -> Result<(), Failed> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| check_names(&format!("{path}[]"), item)),
        Value::Object(given) => {
            let Some(known) = members::names_at(path) else { return Ok(()) };
            for (name, value) in given {
                if path == "event" && name == "secrets" {
                    let hint = "use `set_secrets(\"10-roles\", #{ KEY: \"value\" })`";
                    return Err(Failed::new("secrets belong to an action, not to the event").hint(hint));
                }
                if !known.contains(&name.as_str()) {
                    let hint = did_you_mean(name, known.iter().copied()).unwrap_or_else(|| suggest::hint(name, &known));
                    return Err(Failed::new(format!("`{path}` has no property `{name}`")).hint(hint));
                }
                check_names(&format!("{path}.{name}"), value)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn parse(value: &Value) -> Result<Event, Failed> {
    Event::deserialize(value).map_err(|error| {
        let place = misfit(value);
        let message = error.to_string();
        let message = message.split(" at line").next().unwrap_or(&message);
        Failed::new(format!("`{place}` does not fit: {message}")).hint("the types are those of `event` in an action")
    })
}

/// The first member that alone keeps the value from being an event.
fn misfit(value: &Value) -> String {
    let fits = |value: &Value| Event::deserialize(value).is_ok();
    for (part, members) in value.as_object().into_iter().flatten() {
        if let Some(members) = members.as_object() {
            for (name, member) in members {
                if !fits(&json!({ part: { name: member } })) {
                    return format!("event.{part}.{name}");
                }
            }
        } else if !fits(&json!({ part: members })) {
            return format!("event.{part}");
        }
    }
    "event".to_owned()
}
