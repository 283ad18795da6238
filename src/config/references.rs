//! What must hold between sections: names are unique, and what is referred to exists.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::client::GrantType;
use crate::domain::resource_server::ResourceServer;
use crate::domain::user::login_key;

use super::apis::{DeclaredGrant, Role};
use super::clients::DeclaredClient;
use super::problem::did_you_mean;
use super::reader::{Context, Found};
use super::users;

/// What was read of the declared entities, with places.
pub(super) struct Declared {
    pub(super) clients: Vec<Found<DeclaredClient>>,
    pub(super) apis: Vec<Found<ResourceServer>>,
    pub(super) grants: Vec<DeclaredGrant>,
    pub(super) roles: Vec<Found<Role>>,
    pub(super) users: Vec<users::Read>,
    /// Clients that action settings name.
    pub(super) action_clients: Vec<Found<String>>,
}

/// Checks everything that needs more than one section.
pub(super) fn check(context: &Context<'_>, declared: &Declared) {
    let id = |found: &Found<DeclaredClient>| Found { value: found.value.client.client_id.clone(), at: found.at.clone() };
    let api = |found: &Found<ResourceServer>| Found { value: found.value.identifier.clone(), at: found.at.clone() };
    let role = |found: &Found<Role>| Found { value: found.value.name.clone(), at: found.at.clone() };
    let clients: Vec<_> = declared.clients.iter().map(id).collect();
    let apis: Vec<_> = declared.apis.iter().map(api).collect();
    let roles: Vec<_> = declared.roles.iter().map(role).collect();
    super::unique(context, "client", &clients);
    super::unique(context, "resource server", &apis);
    super::unique(context, "role", &roles);
    unique_users(context, &declared.users);
    declared.action_clients.iter().for_each(|client| exists(context, "client", client, &clients));
    declared.users.iter().flat_map(|user| &user.roles).for_each(|role| exists(context, "role", role, &roles));
    let mut pairs = BTreeSet::new();
    for grant in &declared.grants {
        exists(context, "client", &grant.client_id, &clients);
        exists(context, "resource server", &grant.audience, &apis);
        if !pairs.insert((&grant.client_id.value, &grant.audience.value)) {
            context.problem(&grant.client_id.at, "this client and audience have a grant already", None);
        }
        check_grant(context, grant, declared);
    }
}

fn check_grant(context: &Context<'_>, grant: &DeclaredGrant, declared: &Declared) {
    let client = declared.clients.iter().find(|client| client.value.client.client_id == grant.client_id.value);
    if client.is_some_and(|client| !client.value.client.allows(GrantType::ClientCredentials)) {
        let hint = "add \"client_credentials\" to its grant_types".to_owned();
        context.problem(&grant.client_id.at, format!("`{}` may not use client_credentials", grant.client_id.value), hint);
    }
    let Some(api) = declared.apis.iter().find(|api| api.value.identifier == grant.audience.value) else { return };
    for word in &grant.scope {
        if !api.value.scopes.contains(&word.value) {
            let known = api.value.scopes.iter().map(String::as_str);
            let hint =
                did_you_mean(&word.value, known).unwrap_or_else(|| format!("it defines {}", api.value.scopes.join(", ")));
            context.problem(&word.at, format!("`{}` is no scope of {}", word.value, api.value.identifier), hint);
        }
    }
}

fn unique_users(context: &Context<'_>, users: &[users::Read]) {
    let folded = |found: &Found<String>| Found { value: login_key(&found.value), at: found.at.clone() };
    let ids: Vec<_> = users.iter().map(|user| user.id.clone()).collect();
    let emails: Vec<_> = users.iter().filter_map(|user| user.email.as_ref()).map(folded).collect();
    let names: Vec<_> = users.iter().filter_map(|user| user.username.as_ref()).map(folded).collect();
    super::unique(context, "user", &ids);
    super::unique(context, "e-mail address", &emails);
    super::unique(context, "username", &names);
}

fn exists(context: &Context<'_>, what: &str, name: &Found<String>, known: &[Found<String>]) {
    if known.iter().any(|known| known.value == name.value) {
        return;
    }
    let names: Vec<_> = known.iter().map(|known| known.value.as_str()).collect();
    let hint = match did_you_mean(&name.value, names.iter().copied()) {
        Some(hint) => hint,
        None if names.is_empty() => format!("the file declares no {what}"),
        None => format!("the file declares {}", names.join(", ")),
    };
    context.problem(&name.at, format!("there is no {what} `{}`", name.value), hint);
}

/// Reports what occurs more than once.
pub(super) fn unique(context: &Context<'_>, what: &str, names: &[Found<String>]) {
    let mut first = BTreeMap::new();
    for name in names {
        if let Some(path) = first.insert(&name.value, &name.at.path) {
            context.problem(&name.at, format!("{what} `{}` is declared twice", name.value), format!("first at {path}"));
        }
    }
}
