//! Which scopes are granted (auth0-http 3.4) and what the actions make of them.

use std::collections::BTreeMap;

use crate::domain::claims;
use crate::domain::client::{Client, GrantType};
use crate::domain::decision::{Decision, Refusal, ScopeEdit};
use crate::domain::resource_server::{ClientGrant, ResourceServer};
use crate::domain::scope::Scopes;

/// The scopes of OpenID Connect Core section 5.4 that every client may be granted.
pub const STANDARD: [&str; 5] = ["openid", "profile", "email", "address", "phone"];
/// Asks for a refresh token.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// The requested scopes that may be granted to a user's client: standard OpenID scopes, those that the API defines, and
/// `offline_access` where API and client allow it. The rest is dropped.
#[must_use]
pub fn grantable(requested: &Scopes, client: &Client, api: Option<&ResourceServer>) -> Scopes {
    requested.filter(|word| is_grantable(word, client, api) || is_legacy_word(word, client, api))
}

/// What the password grant stands for: no page can ask which standard scopes are wanted, so `openid` brings all of them, and
/// a request without scopes for an API brings everything that the API defines (auth0-http 2.3).
#[must_use]
pub fn of_password_grant(requested: &Scopes, api: Option<&ResourceServer>) -> Scopes {
    let mut scope = requested.clone();
    if requested.contains("openid") {
        STANDARD.iter().for_each(|word| scope.insert(word));
    }
    if let (true, Some(api)) = (requested.is_empty(), api) {
        api.scopes.iter().for_each(|word| scope.insert(word));
    }
    scope
}

/// The scopes of the machine's grant that the API still defines.
#[must_use]
pub fn of_client_grant(grant: &ClientGrant, api: &ResourceServer) -> Scopes {
    grant.scope.iter().map(String::as_str).filter(|word| defines(api, word)).collect()
}

/// Applies the actions' scope edits: removals always; additions if the API defines the scope or it is a standard one (and
/// `offline_access` only where [`grantable`] would). An addition that is not granted is recorded in `decision.refused`.
#[must_use]
pub fn edited(granted: &Scopes, decision: &mut Decision, client: &Client, api: Option<&ResourceServer>) -> Scopes {
    apply(granted, decision, |word| is_grantable(word, client, api))
}

/// The same for a machine: additions are bounded by what the API defines.
#[must_use]
pub fn edited_for_machine(granted: &Scopes, decision: &mut Decision, api: &ResourceServer) -> Scopes {
    apply(granted, decision, |word| defines(api, word))
}

/// The same where nobody knows what may be added.
#[must_use]
pub fn edited_unbounded(granted: &Scopes, decision: &mut Decision) -> Scopes {
    apply(granted, decision, |_| true)
}

fn apply(granted: &Scopes, decision: &mut Decision, may_add: impl Fn(&str) -> bool) -> Scopes {
    let mut scope = granted.clone();
    let last: BTreeMap<&str, &ScopeEdit> = decision.scopes.iter().map(|edit| (edit.scope.as_str(), edit)).collect();
    let mut refused = Vec::new();
    // In the order of the calls, so that the answer's `scope` does not depend on the alphabet.
    for edit in &decision.scopes {
        if !last.get(edit.scope.as_str()).is_some_and(|kept| std::ptr::eq(*kept, edit)) {
            continue;
        }
        if !edit.add {
            scope.remove(&edit.scope);
        } else if may_add(&edit.scope) {
            scope.insert(&edit.scope);
        } else if !scope.contains(&edit.scope) {
            refused.push(refusal(edit));
        }
    }
    decision.refused.extend(refused);
    scope
}

fn refusal(edit: &ScopeEdit) -> Refusal {
    let reason = if edit.scope == OFFLINE_ACCESS {
        "the API or the client does not allow `offline_access`"
    } else {
        "neither a standard scope nor one that the API defines"
    };
    Refusal {
        call: "api.accessToken.addScope".to_owned(),
        name: edit.scope.clone(),
        reason: reason.to_owned(),
        by: edit.by.clone(),
    }
}

fn is_grantable(word: &str, client: &Client, api: Option<&ResourceServer>) -> bool {
    if word == OFFLINE_ACCESS {
        return client.allows(GrantType::RefreshToken) && api.is_none_or(|api| api.allow_offline_access);
    }
    STANDARD.contains(&word) || api.is_some_and(|api| defines(api, word))
}

/// The legacy pipeline: without an API, a scope word may name an attribute of the profile.
fn is_legacy_word(word: &str, client: &Client, api: Option<&ResourceServer>) -> bool {
    !client.oidc_conformant && api.is_none() && claims::is_legacy_attribute(word)
}

fn defines(api: &ResourceServer, word: &str) -> bool {
    word != OFFLINE_ACCESS && api.scopes.iter().any(|scope| scope == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::client::Algorithm;
    use crate::oauth::fixtures;

    fn api() -> ResourceServer {
        ResourceServer {
            identifier: "https://api.example.com/".into(),
            name: "API".into(),
            scopes: vec!["read:things".into(), "write:things".into()],
            signing_alg: Algorithm::RS256,
            token_lifetime: 86_400,
            token_lifetime_for_web: 7_200,
            token_dialect: Default::default(),
            allow_offline_access: true,
        }
    }

    fn edit(scope: &str, add: bool) -> ScopeEdit {
        ScopeEdit { scope: scope.into(), add, by: Default::default() }
    }

    #[test]
    fn unknown_words_are_dropped() {
        let requested = Scopes::parse("openid user_metadata picture read:things offline_access");
        let client = fixtures::client("web");
        assert_eq!(grantable(&requested, &client, Some(&api())).to_string(), "openid read:things offline_access");
        assert_eq!(grantable(&requested, &client, None).to_string(), "openid offline_access");
    }

    #[test]
    fn offline_access_needs_api_and_client() {
        let requested = Scopes::parse("openid offline_access");
        let mut client = fixtures::client("web");
        let strict = ResourceServer { allow_offline_access: false, ..api() };
        assert_eq!(grantable(&requested, &client, Some(&strict)).to_string(), "openid");
        client.grant_types.retain(|grant| *grant != GrantType::RefreshToken);
        assert_eq!(grantable(&requested, &client, None).to_string(), "openid");
    }

    #[test]
    fn the_last_edit_of_a_scope_wins_and_unknown_additions_are_refused() {
        let mut decision = Decision {
            scopes: vec![
                edit("write:things", true),
                edit("email", true),
                edit("write:things", false),
                edit("delete:things", true),
                edit("read:things", false),
            ],
            ..Decision::default()
        };
        let granted = Scopes::parse("openid read:things");
        let scope = edited(&granted, &mut decision, &fixtures::client("web"), Some(&api()));
        assert_eq!(scope.to_string(), "openid email");
        assert_eq!(decision.refused.len(), 1);
        assert_eq!(decision.refused[0].name, "delete:things");
    }

    #[test]
    fn a_machine_gets_no_user_scopes() {
        let mut decision =
            Decision { scopes: vec![edit("openid", true), edit("write:things", true)], ..Decision::default() };
        let scope = edited_for_machine(&Scopes::parse("read:things"), &mut decision, &api());
        assert_eq!(scope.to_string(), "read:things write:things");
        assert_eq!(decision.refused.len(), 1);
    }

    #[test]
    fn the_password_grant_brings_all_standard_scopes_with_openid() {
        let scope = of_password_grant(&Scopes::parse("openid"), None);
        assert_eq!(scope.to_string(), "openid profile email address phone");
        assert_eq!(of_password_grant(&Scopes::default(), Some(&api())).to_string(), "read:things write:things");
    }

    #[test]
    fn legacy_clients_may_name_attributes_only_without_an_api() {
        let mut client = fixtures::client("web");
        client.oidc_conformant = false;
        let requested = Scopes::parse("openid app_metadata favourite_food");
        assert_eq!(grantable(&requested, &client, None).to_string(), "openid app_metadata");
        assert_eq!(grantable(&requested, &client, Some(&api())).to_string(), "openid");
    }
}
