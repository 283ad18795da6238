//! What the protocol itself puts into tokens and answers, and what it has to say about a name.

use crate::domain::claims;
use crate::domain::scope::Scopes;
use crate::domain::trace::EffectKind;
use crate::flow::event::UserPart;
use crate::traces::Record;

use super::Found;

/// The protocol's word on a name; `None` if it has none.
pub(super) fn sentence(name: &str, record: &Record, found: &[Found<'_>]) -> Option<String> {
    if let Some(what) = own(name, record) {
        return Some(format!("`{name}` is set by the protocol: {what}"));
    }
    if let Some(scope) = claims::scope_of(name) {
        let replaced =
            found.iter().any(|found| found.kind == EffectKind::IdToken && found.value.is_some() && found.hidden.is_none());
        return if replaced { None } else { of_scope(name, scope, record) };
    }
    if claims::is_restricted(name) {
        return Some(format!("`{name}` belongs to the protocol, which did not need it here; no action can set it"));
    }
    of_scope_word(name, record)
}

/// Claims and members that are always the protocol's.
fn own(name: &str, record: &Record) -> Option<String> {
    let machine = record.user_id.is_none();
    Some(match name {
        "iss" => "`issuer` of the configuration".to_owned(),
        "sub" if machine => format!("`{}@clients`, the client itself", record.client_id),
        "sub" => format!("the user's id, {}", record.user_id.as_deref().unwrap_or_default()),
        "aud" => audience(record),
        "azp" | "client_id" => format!("the client, {}", record.client_id),
        "iat" | "exp" => "when the token was made, and when it ends (lifetimes of the client and of the API)".to_owned(),
        "auth_time" => "when the user last gave credentials".to_owned(),
        "nonce" => "what the client sent as `nonce`, in the ID token of a login".to_owned(),
        "sid" => "the browser session, in the ID token of a login".to_owned(),
        "at_hash" | "c_hash" => "binds the ID token to the access token or the code beside it".to_owned(),
        "jti" => "a random id of the access token".to_owned(),
        "gty" => "the grant by which the access token was asked for".to_owned(),
        "scope" => scope(record),
        "access_token" | "token_type" | "expires_in" => "a member of every token response".to_owned(),
        "id_token" => "there when the scope `openid` is granted".to_owned(),
        "refresh_token" => "there when `offline_access` is granted and the client may refresh".to_owned(),
        _ => return None,
    })
}

fn audience(record: &Record) -> String {
    let api = record.recording.event.resource_server.as_ref();
    match api {
        Some(api) => format!("the client in the ID token, {} in the access token", api.identifier),
        None => format!("the client in the ID token, {}; no API was asked for", record.client_id),
    }
}

fn scope(record: &Record) -> String {
    let transaction = record.recording.event.transaction.as_ref();
    let requested = transaction.map(|transaction| transaction.requested_scopes.join(" ")).unwrap_or_default();
    format!("requested `{requested}`, granted `{}` after the edits of the actions", record.scope)
}

/// A claim of the user's profile.
fn of_scope(name: &str, scope: &str, record: &Record) -> Option<String> {
    let user = record.recording.event.user.as_ref()?;
    Some(match (Scopes::parse(&record.scope).contains(scope), has(user, name)) {
        (true, true) => format!("`{name}` is set by the protocol: scope `{scope}`, from the user's profile"),
        (true, false) => format!("the protocol would set `{name}` by the scope `{scope}`, but the user's profile has none"),
        (false, _) => {
            format!("the protocol sets `{name}` where the scope `{scope}` is granted; granted was `{}`", record.scope)
        }
    })
}

fn has(user: &UserPart, claim: &str) -> bool {
    let field = match claim {
        "preferred_username" => "username",
        "phone_number_verified" => "phone_verified",
        "email_verified" => return user.email.is_some(),
        other => other,
    };
    serde_json::to_value(user).is_ok_and(|user| user.get(field).is_some_and(|value| !value.is_null()))
}

/// A scope that was asked for by name: `why read:things`.
fn of_scope_word(name: &str, record: &Record) -> Option<String> {
    let transaction = record.recording.event.transaction.as_ref()?;
    let requested = transaction.requested_scopes.iter().any(|word| word == name);
    match (requested, Scopes::parse(&record.scope).contains(name)) {
        (true, true) => Some(format!("the scope `{name}` was requested and granted")),
        (true, false) => Some(format!("the scope `{name}` was requested and not granted")),
        (false, true) => Some(format!("the scope `{name}` was granted without being requested")),
        (false, false) => None,
    }
}
