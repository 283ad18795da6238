//! Which claims an action may set, and how a Decision and the protocol's own claims become one token.
//!
//! Three layers, later ones win: standard claims of the user (by scope), what the actions set, the protocol's claims.

use std::collections::BTreeMap;

use serde_json::Value;

use super::JsonMap;
use super::decision::{Decision, Refusal, Setting};
use super::scope::Scopes;
use super::user::User;

/// The most that actions may add to one token: names and values together, in bytes.
pub const MAX_CUSTOM_CLAIMS: usize = 100 * 1024;

/// Names that belong to the protocol, so that no action may set them. (RFC 9068 defines `roles`, `groups` and `entitlements`
/// for applications: those are free.)
const RESTRICTED: [&str; 58] = [
    "acr",
    "act",
    "active",
    "amr",
    "at_hash",
    "ath",
    "attest",
    "aud",
    "auth_time",
    "authorization_details",
    "azp",
    "c_hash",
    "client_id",
    "cnf",
    "cty",
    "dest",
    "events",
    "exp",
    "gty",
    "htm",
    "htu",
    "iat",
    "internalService",
    "iss",
    "jcard",
    "jku",
    "jti",
    "jwe",
    "jwk",
    "kid",
    "may_act",
    "mky",
    "nbf",
    "nonce",
    "object_id",
    "org_id",
    "org_name",
    "orig",
    "origid",
    "permissions",
    "rph",
    "s_hash",
    "scope",
    "sid",
    "sip_callid",
    "sip_cseq_num",
    "sip_date",
    "sip_from_tag",
    "sip_via_branch",
    "sub",
    "sub_jwk",
    "toe",
    "txn",
    "typ",
    "uuid",
    "vot",
    "vtm",
    "x5t#S256",
];

/// Attributes of a profile that a legacy client (`oidc_conformant: false`) may name as scope words.
const LEGACY_ATTRIBUTES: [&str; 16] = [
    "app_metadata",
    "created_at",
    "email_verified",
    "family_name",
    "given_name",
    "identities",
    "name",
    "nickname",
    "phone_number",
    "phone_verified",
    "picture",
    "updated_at",
    "user_id",
    "user_metadata",
    "username",
    "last_password_reset",
];

/// Whether the claim belongs to the protocol: an action that sets it is refused.
#[must_use]
pub fn is_restricted(name: &str) -> bool {
    name.starts_with('$') || RESTRICTED.contains(&name)
}

/// Whether the scope word names a profile attribute in the legacy pipeline.
#[must_use]
pub fn is_legacy_attribute(word: &str) -> bool {
    LEGACY_ATTRIBUTES.contains(&word)
}

/// Claims about a user that OpenID Connect Core defines (section 5.1), but for `sub`.
pub const STANDARD: [&str; 19] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
    "updated_at",
];

/// The scope that an OpenID profile claim needs; `None` for every other claim (OpenID Connect Core section 5.4).
#[must_use]
pub fn scope_of(name: &str) -> Option<&'static str> {
    match name {
        "email" | "email_verified" => Some("email"),
        "phone_number" | "phone_number_verified" => Some("phone"),
        "address" => Some("address"),
        "name" | "family_name" | "given_name" | "middle_name" | "nickname" | "preferred_username" | "profile"
        | "picture" | "website" | "gender" | "birthdate" | "zoneinfo" | "locale" | "updated_at" => Some("profile"),
        _ => None,
    }
}

/// A claim of [`STANDARD`], and its value for a user who has one.
type ProfileClaim = (&'static str, fn(&User) -> Option<Value>);

/// The claims that a profile has. `updated_at` is a number of seconds, as OpenID has it.
const PROFILE: [ProfileClaim; 11] = [
    ("name", |user| text(user.name.as_deref())),
    ("nickname", |user| text(user.nickname.as_deref())),
    ("given_name", |user| text(user.given_name.as_deref())),
    ("family_name", |user| text(user.family_name.as_deref())),
    ("preferred_username", |user| text(user.username.as_deref())),
    ("picture", |user| text(user.picture.as_deref())),
    ("updated_at", |user| Some(user.updated_at.div_euclid(1000).into())),
    ("email", |user| text(user.email.as_deref())),
    ("email_verified", |user| user.email.as_ref().map(|_| user.email_verified.into())),
    ("phone_number", |user| text(user.phone_number.as_deref())),
    ("phone_number_verified", |user| user.phone_number.as_ref().map(|_| user.phone_verified.into())),
];

/// Every claim about a user that [`standard`] and [`legacy_attributes`] yield, for discovery.
pub fn supported() -> impl Iterator<Item = &'static str> {
    PROFILE.into_iter().map(|(name, _)| name).chain(LEGACY_ATTRIBUTES)
}

/// The user's standard claims that the scopes allow, without `sub`.
#[must_use]
pub fn standard(user: &User, scope: &Scopes) -> JsonMap {
    let granted = PROFILE.into_iter().filter(|(name, _)| scope_of(name).is_some_and(|needed| scope.contains(needed)));
    granted.filter_map(|(name, value)| Some((name.to_owned(), value(user)?))).collect()
}

/// The attributes that a legacy client named as scope words, copied whole (auth0-http 3.5). Only for grants without an API,
/// where no other client is ever granted such a word.
#[must_use]
pub fn legacy_attributes(user: &User, scope: &Scopes) -> JsonMap {
    let mut claims = JsonMap::new();
    for word in scope.iter().filter(|word| is_legacy_attribute(word)) {
        if let Some(value) = legacy_attribute(user, word) {
            claims.insert(word.to_owned(), value);
        }
    }
    claims
}

fn legacy_attribute(user: &User, word: &str) -> Option<Value> {
    match word {
        "app_metadata" => Some(Value::Object(user.app_metadata.clone())),
        "user_metadata" => Some(Value::Object(user.user_metadata.clone())),
        "user_id" => Some(user.user_id.clone().into()),
        "name" => text(user.name.as_deref()),
        "nickname" => text(user.nickname.as_deref()),
        "given_name" => text(user.given_name.as_deref()),
        "family_name" => text(user.family_name.as_deref()),
        "picture" => text(user.picture.as_deref()),
        "username" => text(user.username.as_deref()),
        "phone_number" => text(user.phone_number.as_deref()),
        "phone_verified" => user.phone_number.as_ref().map(|_| user.phone_verified.into()),
        "email_verified" => user.email.as_ref().map(|_| user.email_verified.into()),
        "created_at" => Some(user.created_at.div_euclid(1000).into()),
        "updated_at" => Some(user.updated_at.div_euclid(1000).into()),
        "last_password_reset" => user.last_password_reset.map(|at| at.div_euclid(1000).into()),
        "identities" => {
            let (provider, id) = user.user_id.split_once('|').unwrap_or(("auth0", &user.user_id));
            let connection = super::user::CONNECTION;
            Some(serde_json::json!([{ "connection": connection, "provider": provider, "user_id": id, "isSocial": false }]))
        }
        _ => None,
    }
}

/// Custom claims as they may appear in a token of these scopes: no protocol name, no profile claim whose scope is missing,
/// no `null` (a claim that is not known is left out, OpenID Connect Core section 5.3.2).
#[must_use]
pub fn custom(claims: &BTreeMap<String, Setting>, scope: &Scopes) -> JsonMap {
    let granted = |name: &str| scope_of(name).is_none_or(|needed| scope.contains(needed));
    visible(claims, granted)
}

/// Custom claims of a machine's token: nobody's profile, so no scope decides about names.
#[must_use]
pub fn custom_of_machine(claims: &BTreeMap<String, Setting>) -> JsonMap {
    visible(claims, |_| true)
}

fn visible(claims: &BTreeMap<String, Setting>, granted: impl Fn(&str) -> bool) -> JsonMap {
    claims
        .iter()
        .filter(|(name, setting)| !is_restricted(name) && !setting.value.is_null() && granted(name))
        .map(|(name, setting)| (name.clone(), setting.value.clone()))
        .collect()
}

/// One set of claims from its layers; of a name in several layers the last wins, so the protocol's claims come last.
#[must_use]
pub fn compose(layers: impl IntoIterator<Item = JsonMap>) -> JsonMap {
    let mut claims = JsonMap::new();
    for layer in layers {
        claims.extend(layer);
    }
    claims
}

/// Takes the profile claims whose scope was not granted out of the Decision, and records each as refused at the place that
/// set it. Runs before the grant is stored, so that what is stored is what appears.
pub fn refuse_ungranted(decision: &mut Decision, scope: &Scopes) {
    let Decision { id_token, access_token, refused, .. } = decision;
    for (call, claims) in [("api.idToken.setCustomClaim", id_token), ("api.accessToken.setCustomClaim", access_token)] {
        claims.retain(|name, setting| match scope_of(name) {
            Some(needed) if !scope.contains(needed) => {
                refused.push(Refusal {
                    call: call.to_owned(),
                    name: name.clone(),
                    reason: format!("the claim appears only if the scope `{needed}` is granted"),
                    by: setting.by.clone(),
                });
                false
            }
            _ => true,
        });
    }
}

/// Bytes of the custom claims of one token: names and values, as JSON has them.
#[must_use]
pub fn size(claims: &BTreeMap<String, Setting>) -> usize {
    claims.iter().map(|(name, setting)| name.len() + setting.value.to_string().len()).sum()
}

fn text(value: Option<&str>) -> Option<Value> {
    value.map(Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decision::Provenance;
    use serde_json::json;

    fn setting(value: Value) -> Setting {
        Setting { value, by: Provenance { file: "actions/a.rhai".into(), line: 3, column: 5, ..Provenance::default() } }
    }

    fn ada() -> User {
        User {
            user_id: "auth0|ada".into(),
            email: Some("ada@example.com".into()),
            email_verified: true,
            name: Some("Ada".into()),
            updated_at: 1_700_000_000_999,
            ..User::default()
        }
    }

    #[test]
    fn standard_claims_follow_their_scopes() {
        assert_eq!(standard(&ada(), &Scopes::parse("openid")), JsonMap::new());
        let claims = Value::Object(standard(&ada(), &Scopes::parse("profile email phone")));
        assert_eq!(
            claims,
            json!({ "name": "Ada", "updated_at": 1_700_000_000, "email": "ada@example.com", "email_verified": true })
        );
    }

    #[test]
    fn protocol_names_and_ungranted_profile_claims_never_appear() {
        let claims = BTreeMap::from([
            ("sub".to_owned(), setting(json!("eve"))),
            ("$x".to_owned(), setting(json!(1))),
            ("email".to_owned(), setting(json!("eve@example.com"))),
            ("gone".to_owned(), setting(Value::Null)),
            ("roles".to_owned(), setting(json!(["admin"]))),
        ]);
        assert_eq!(Value::Object(custom(&claims, &Scopes::parse("openid"))), json!({ "roles": ["admin"] }));
        let with_email = custom(&claims, &Scopes::parse("openid email"));
        assert_eq!(with_email.get("email"), Some(&json!("eve@example.com")));
    }

    #[test]
    fn an_ungranted_profile_claim_is_refused_where_it_was_set() {
        let mut decision = Decision::default();
        decision.access_token.insert("email".into(), setting(json!("x")));
        decision.id_token.insert("https://example.com/a".into(), setting(json!(1)));
        refuse_ungranted(&mut decision, &Scopes::parse("openid"));
        assert!(decision.access_token.is_empty());
        assert_eq!(decision.id_token.len(), 1);
        assert_eq!(decision.refused.len(), 1);
        assert_eq!(decision.refused[0].call, "api.accessToken.setCustomClaim");
        assert_eq!(decision.refused[0].by.to_string(), "actions/a.rhai:3:5");
    }

    #[test]
    fn the_last_layer_wins() {
        let layer = |value: Value| match value {
            Value::Object(map) => map,
            _ => JsonMap::new(),
        };
        let claims = compose([layer(json!({ "sub": "a", "name": "b" })), layer(json!({ "sub": "c" }))]);
        assert_eq!(Value::Object(claims), json!({ "sub": "c", "name": "b" }));
    }

    #[test]
    fn size_counts_names_and_values() {
        let claims = BTreeMap::from([("abc".to_owned(), setting(json!("de")))]);
        assert_eq!(size(&claims), 3 + 4);
    }

    #[test]
    fn a_legacy_scope_word_copies_the_attribute() {
        let mut user = ada();
        user.app_metadata.insert("plan".into(), json!("pro"));
        let claims = legacy_attributes(&user, &Scopes::parse("openid app_metadata nickname"));
        assert_eq!(Value::Object(claims), json!({ "app_metadata": { "plan": "pro" } }));
    }
}
