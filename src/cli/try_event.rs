//! The `event` of a tried login: built as the grant's use case builds it, then overlaid with the event file.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::failure::bad_input;
use super::try_login::{Attempt, TryGrant};
use crate::app::App;
use crate::clock::iso8601;
use crate::config::did_you_mean;
use crate::domain::JsonMap;
use crate::domain::scope::Scopes;
use crate::domain::session::{AuthenticationMethod, Session};
use crate::domain::user::User;
use crate::flow::Event;
use crate::flow::event::{
    AccessTokenPart, Device, RefreshTokenPart, RefreshTokenResourceServer, Tenant, Transaction, UserPart,
};
use crate::oauth::{RequestContext, event};

/// What is asked for unless the options say otherwise.
const DEFAULT_SCOPE: &str = "openid profile email";

/// `--event FILE.json`: an object whose members replace those of the built event, part by part.
#[derive(Debug, Default)]
pub(super) struct EventFile {
    name: String,
    parts: JsonMap,
}

impl EventFile {
    /// Reads the file; without one nothing is overlaid.
    pub(super) fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let name = path.display().to_string();
        let hint = "write a JSON object such as {\"user\": {\"app_metadata\": {\"plan\": \"pro\"}}}";
        let text =
            std::fs::read_to_string(path).map_err(|error| bad_input(format!("{name} cannot be read: {error}"), hint))?;
        match serde_json::from_str(&text) {
            Ok(Value::Object(parts)) => Ok(Self { name, parts }),
            Ok(_) => Err(bad_input(format!("{name} is no JSON object"), hint)),
            Err(error) => Err(bad_input(format!("{name}:{}:{}: {error}", error.line(), error.column()), hint)),
        }
    }

    /// A text of one part.
    pub(super) fn text(&self, part: &str, name: &str) -> Option<&str> {
        self.parts.get(part)?.get(name)?.as_str()
    }

    pub(super) fn has(&self, part: &str) -> bool {
        self.parts.contains_key(part)
    }

    /// The grant that the event is of, if it tells.
    pub(super) fn grant(&self) -> Option<TryGrant> {
        if self.has("accessToken") {
            return Some(TryGrant::ClientCredentials);
        }
        match self.text("transaction", "protocol")? {
            "oauth2-refresh-token" => Some(TryGrant::RefreshToken),
            "oauth2-password" => Some(TryGrant::Password),
            _ => Some(TryGrant::AuthorizationCode),
        }
    }

    /// `event.transaction.requested_scopes`.
    pub(super) fn requested_scopes(&self) -> Option<Scopes> {
        let words = self.parts.get("transaction")?.get("requested_scopes")?.as_array()?;
        Some(words.iter().filter_map(Value::as_str).collect())
    }

    /// The event of the attempt with the file's members in it, and the attempt with the user as the event describes them.
    pub(super) fn apply(&self, app: &App, mut attempt: Attempt) -> anyhow::Result<(Attempt, Event)> {
        count_login(app, &mut attempt);
        let built = build(app, &attempt);
        if self.parts.is_empty() {
            return Ok((attempt, built));
        }
        let mut merged = serde_json::to_value(&built)?;
        for (part, value) in &self.parts {
            match (merged.get_mut(part), value) {
                (Some(Value::Object(members)), Value::Object(new)) => members.extend(new.clone()),
                _ => merged[part] = value.clone(),
            }
        }
        let wrong = |error: serde_json::Error| {
            bad_input(format!("{} is no event: {error}", self.name), "the names are those of `event` in an action")
        };
        let event: Event = serde_json::from_value(merged).map_err(wrong)?;
        self.refuse_unknown(&serde_json::to_value(&event)?)?;
        if let (Some(user), Some(part)) = (&mut attempt.user, &event.user) {
            *user = described(user, part, &event);
        }
        Ok((attempt, event))
    }

    /// A misspelt property would silently change nothing.
    fn refuse_unknown(&self, known: &Value) -> anyhow::Result<()> {
        for (part, value) in &self.parts {
            let (Some(known), Some(members)) = (known.get(part).and_then(Value::as_object), value.as_object()) else {
                continue;
            };
            if let Some(unknown) = members.keys().find(|name| !known.contains_key(*name)) {
                let names: Vec<_> = known.keys().map(String::as_str).collect();
                let hint =
                    did_you_mean(unknown, names.iter().copied()).unwrap_or_else(|| format!("known: {}", names.join(", ")));
                return Err(bad_input(format!("{}: `event.{part}` has no property `{unknown}`", self.name), hint));
            }
        }
        Ok(())
    }
}

/// The request that the grant would have come with.
pub(super) fn context(attempt: &Attempt, extra: &[String]) -> anyhow::Result<RequestContext> {
    let mut parameters = JsonMap::new();
    let mut set = |name: &str, value: &str| parameters.insert(name.to_owned(), value.into());
    set("client_id", &attempt.client.client_id);
    let requested = requested(attempt).to_string();
    if !requested.is_empty() {
        set("scope", &requested);
    }
    if let Some(api) = &attempt.api {
        set("audience", &api.identifier);
    }
    let browser = attempt.grant == TryGrant::AuthorizationCode;
    if browser {
        set("response_type", "code");
        attempt.client.callbacks.first().map(|uri| set("redirect_uri", uri));
    } else {
        set("grant_type", attempt.grant.grant_type().as_str());
    }
    for parameter in extra {
        let Some((name, value)) = parameter.split_once('=') else {
            return Err(bad_input(format!("`{parameter}` is no parameter"), "write --parameter NAME=VALUE"));
        };
        set(name, value);
    }
    let (query, body) = if browser { (parameters, JsonMap::new()) } else { (JsonMap::new(), parameters) };
    Ok(RequestContext {
        ip: "127.0.0.1".to_owned(),
        method: if browser { "GET" } else { "POST" }.to_owned(),
        user_agent: Some(concat!("vestibule-try/", env!("CARGO_PKG_VERSION")).to_owned()),
        language: Some("en".to_owned()),
        query,
        body,
    })
}

/// The requested scopes: as asked, or what most applications ask for.
pub(super) fn requested(attempt: &Attempt) -> Scopes {
    match (&attempt.asked, attempt.grant) {
        (Some(asked), _) => asked.clone(),
        (None, TryGrant::ClientCredentials) => Scopes::default(),
        (None, _) => {
            let api = attempt.api.iter().flat_map(|api| api.scopes.iter().map(String::as_str));
            DEFAULT_SCOPE.split(' ').chain(api).collect()
        }
    }
}

/// `event.transaction.protocol`.
pub(super) fn protocol(grant: TryGrant) -> Option<&'static str> {
    match grant {
        TryGrant::AuthorizationCode => Some("oidc-basic-profile"),
        TryGrant::RefreshToken => Some("oauth2-refresh-token"),
        TryGrant::Password => Some("oauth2-password"),
        TryGrant::ClientCredentials => None,
    }
}

/// A machine's event says which scopes are about to be granted.
pub(super) fn with_scopes(mut event: Event, scopes: &Scopes) -> Event {
    event.access_token.get_or_insert_default().scope = scopes.to_vec();
    event
}

/// The user as the database would have them: made now, and a login with credentials is counted before the actions run.
fn count_login(app: &App, attempt: &mut Attempt) {
    let now = app.clock.now_ms();
    if let Some(user) = &mut attempt.user {
        (user.created_at, user.updated_at) = (now, now);
        user.logins_count += i64::from(attempt.grant != TryGrant::RefreshToken);
    }
}

fn build(app: &App, attempt: &Attempt) -> Event {
    let api = attempt.api.as_ref().map(|api| api.identifier.as_str());
    let Some(user) = &attempt.user else {
        return Event {
            access_token: Some(AccessTokenPart::default()),
            client: event::client(&attempt.client),
            request: event::request(app, &attempt.context),
            resource_server: event::resource_server(api),
            tenant: Tenant { id: app.tenant.clone() },
            transaction: Some(transaction(app, attempt)),
            ..Event::default()
        };
    };
    let methods = [AuthenticationMethod { name: "pwd".to_owned(), timestamp: app.clock.now_ms() }];
    let mut event = event::post_login(app, &attempt.client, user, &attempt.context);
    event.authentication = Some(event::authentication(&methods));
    event.resource_server = event::resource_server(api);
    event.transaction = Some(transaction(app, attempt));
    match attempt.grant {
        TryGrant::AuthorizationCode => {
            event.session = Some(event::session(&session(app, attempt, user, &methods), &attempt.context));
        }
        TryGrant::RefreshToken => event.refresh_token = Some(refresh_token(app, attempt, user)),
        _ => {}
    }
    event
}

fn transaction(app: &App, attempt: &Attempt) -> Transaction {
    let transaction = Transaction {
        protocol: protocol(attempt.grant).map(str::to_owned),
        requested_scopes: requested(attempt).to_vec(),
        ..Transaction::default()
    };
    if attempt.grant != TryGrant::AuthorizationCode {
        return transaction;
    }
    let parameter = |name: &str| attempt.context.query.get(name).and_then(Value::as_str).map(str::to_owned);
    let words = |name: &str| parameter(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    Transaction {
        id: Some(app.random.id()),
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

fn session(app: &App, attempt: &Attempt, user: &User, methods: &[AuthenticationMethod]) -> Session {
    let now = app.clock.now_ms();
    Session {
        id: app.random.id(),
        user_id: user.user_id.clone(),
        methods: methods.to_vec(),
        authenticated_at: now,
        created_at: now,
        last_interacted_at: now,
        expires_at: now + app.lifetimes.session * 1000,
        idle_expires_at: now + app.lifetimes.idle_session * 1000,
        clients: vec![attempt.client.client_id.clone()],
        initial_ip: attempt.context.ip.clone(),
        initial_user_agent: attempt.context.user_agent.clone(),
    }
}

fn refresh_token(app: &App, attempt: &Attempt, user: &User) -> RefreshTokenPart {
    let (now, policy) = (app.clock.now_ms(), &attempt.client.refresh_token);
    let audience = attempt.api.as_ref().map(|api| api.identifier.clone()).unwrap_or_default();
    RefreshTokenPart {
        id: app.random.id(),
        client_id: Some(attempt.client.client_id.clone()),
        user_id: Some(user.user_id.clone()),
        created_at: iso8601(now),
        expires_at: Some(iso8601(now + policy.token_lifetime * 1000)),
        idle_expires_at: Some(iso8601(now + policy.idle_token_lifetime * 1000)),
        rotating: policy.rotation_type == crate::domain::client::RotationType::Rotating,
        resource_servers: vec![RefreshTokenResourceServer { audience, scopes: requested(attempt).to_string() }],
        device: Device {
            initial_ip: Some(attempt.context.ip.clone()),
            initial_user_agent: attempt.context.user_agent.clone(),
            last_ip: Some(attempt.context.ip.clone()),
            last_user_agent: attempt.context.user_agent.clone(),
        },
        ..RefreshTokenPart::default()
    }
}

/// The user as the event describes them, so that the standard claims agree with what the actions saw.
fn described(user: &User, part: &UserPart, event: &Event) -> User {
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
