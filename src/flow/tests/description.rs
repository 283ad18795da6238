//! The tables of `event` and `api` against what is registered, in both directions; their examples, run.

use std::collections::BTreeSet;

use rhai::Module;

use super::*;
use crate::domain::JsonMap;
use crate::flow::api::description::{Example, OBJECTS, Object};
use crate::flow::event::description::{Holds, PARTS, Part};

/// An event with every part and every member.
fn full() -> Event {
    let device = json!({"initial_ip": "a", "initial_user_agent": "a", "last_ip": "a", "last_user_agent": "a"});
    serde_json::from_value(json!({
        "accessToken": {"scope": ["a"], "customClaims": {"a": 1}},
        "authentication": {"methods": [{"name": "pwd", "timestamp": "a"}]},
        "authorization": {"roles": ["a"]},
        "client": {"client_id": "a", "name": "a", "metadata": {"a": "b"}},
        "connection": {"id": "a", "name": "a", "strategy": "a", "metadata": {"a": "b"}},
        "refresh_token": {
            "id": "a", "client_id": "a", "session_id": "a", "user_id": "a", "created_at": "a", "expires_at": "a",
            "idle_expires_at": "a", "last_exchanged_at": "a", "rotating": true, "device": device, "metadata": {"a": "b"},
            "resource_servers": [{"audience": "a", "scopes": "b"}]
        },
        "request": {
            "ip": "a", "method": "GET", "hostname": "a", "language": "a", "user_agent": "a", "query": {"a": "b"},
            "body": {"a": "b"}, "geoip": {"a": "b"}
        },
        "resource_server": {"identifier": "a"},
        "session": {
            "id": "a", "user_id": "a", "authenticated_at": "a", "created_at": "a", "updated_at": "a", "expires_at": "a",
            "idle_expires_at": "a", "last_interacted_at": "a", "clients": [{"client_id": "a"}], "device": device
        },
        "stats": {"logins_count": 1},
        "tenant": {"id": "a"},
        "transaction": {
            "id": "a", "protocol": "a", "acr_values": ["a"], "ui_locales": ["a"], "requested_scopes": ["a"], "prompt": ["a"],
            "response_type": ["a"], "response_mode": "a", "redirect_uri": "a", "state": "a", "login_hint": "a", "locale": "a",
            "correlation_id": "a", "metadata": {"a": 1}
        },
        "user": {
            "user_id": "a", "email": "a", "email_verified": true, "username": "a", "phone_number": "a", "phone_verified": true,
            "name": "a", "nickname": "a", "given_name": "a", "family_name": "a", "picture": "a", "created_at": "a",
            "updated_at": "a", "last_password_reset": "a", "user_metadata": {"a": 1}, "app_metadata": {"a": 1},
            "multifactor": ["a"],
            "identities": [{"connection": "a", "provider": "a", "user_id": "a", "isSocial": true}]
        }
    }))
    .unwrap()
}

/// The part of the event's JSON at a path.
fn at(event: &Value, path: &str) -> Value {
    let pointer = path.trim_start_matches("event").replace("[]", ".0").replace('.', "/");
    event.pointer(&pointer).cloned().unwrap_or_else(|| panic!("the full event lacks {path}"))
}

#[test]
fn the_members_of_the_table_are_those_of_the_data() {
    let event = serde_json::to_value(full()).unwrap();
    for part in PARTS {
        let Value::Object(members) = at(&event, part.path) else { panic!("{}", part.path) };
        let data: BTreeSet<&str> = members.keys().map(String::as_str).collect();
        let table: BTreeSet<&str> = part.names().filter(|name| *name != "secrets").collect();
        assert_eq!(table, data, "{}", part.path);
        assert!(part.members.is_sorted_by_key(|member| member.name), "{}", part.path);
    }
}

#[test]
fn every_member_of_the_table_is_read_and_holds_what_it_says() {
    let mut lines = Vec::new();
    for part in PARTS {
        for member in part.members {
            let path = format!("{}.{}", part.path.replace("[]", "[0]"), member.name);
            lines.push(format!("kinds.push(type_of({path}));"));
        }
    }
    // A limit of the language holds for expressions, so one action reads a part.
    let body = format!("let kinds = []; {} api.idToken.setCustomClaim(\"kinds\", kinds);", lines.join("\n"));
    let set = set(&[("10-a.rhai", &handler(&body))]);
    let decision = decide(&set, Trigger::PostLogin, full(), &host());
    assert_eq!(decision.outcome, Outcome::Allowed);
    let kinds = decision.id_token["kinds"].value.as_array().cloned().unwrap_or_default();
    let members: Vec<_> = PARTS.iter().flat_map(|part| part.members.iter().map(move |member| (part, member))).collect();
    assert_eq!(kinds.len(), members.len());
    for ((part, member), kind) in members.into_iter().zip(kinds) {
        let expected = match member.holds {
            Holds::Text | Holds::MaybeText => "string",
            Holds::Flag | Holds::MaybeFlag => "bool",
            Holds::Integer => "i64",
            Holds::Texts | Holds::Parts(_) => "array",
            Holds::Map => "map",
            Holds::Secrets => "secrets",
            Holds::Part(_) => "event",
            Holds::Nothing => "()",
        };
        assert_eq!(kind, json!(expected), "{}.{}", part.path, member.name);
    }
}

#[test]
fn a_part_that_is_a_member_is_described_and_the_other_way_round() {
    let named: BTreeSet<&str> = PARTS
        .iter()
        .flat_map(|part| part.members)
        .filter_map(|member| match member.holds {
            Holds::Part(path) | Holds::Parts(path) => Some(path),
            _ => None,
        })
        .collect();
    assert_eq!(named, PARTS.iter().skip(1).map(|part| part.path).collect());
    assert_eq!(Part::of("event.user.identities[]").unwrap().member("isSocial").unwrap().holds, Holds::Flag);
}

#[test]
fn the_methods_of_the_table_are_those_that_are_registered() {
    let mut module = Module::new();
    crate::flow::api::register(&mut module);
    let registered: BTreeSet<(String, usize)> =
        crate::flow::toolbox::signatures(&module).map(|(name, parameters)| (name, parameters - 1)).collect();
    let methods = OBJECTS.iter().flat_map(|object| object.methods);
    let table: BTreeSet<(String, usize)> =
        methods.flat_map(|method| method.arguments().map(|count| (method.name.to_owned(), count))).collect();
    assert_eq!(table, registered);
}

/// What an example's decision holds, as the table writes it.
fn decided(example: &Example) -> Result<Value, String> {
    let trigger = example.trigger;
    let source = format!("fn {}(event, api) {{\n{}\n}}", trigger.handler(), example.script);
    let event = if trigger == Trigger::PostLogin { event() } else { machine() };
    let decision = decide(&set(&[("10-a.rhai", &source)]), trigger, event, &host());
    let mut held = JsonMap::new();
    for (name, settings) in [
        ("idToken", &decision.id_token),
        ("accessToken", &decision.access_token),
        ("tokenResponse", &decision.token_response),
        ("appMetadata", &decision.app_metadata),
        ("userMetadata", &decision.user_metadata),
    ] {
        if !settings.is_empty() {
            held.insert(name.to_owned(), claims(settings));
        }
    }
    if !decision.scopes.is_empty() {
        let edits = decision.scopes.iter().map(|edit| format!("{}{}", if edit.add { '+' } else { '-' }, edit.scope));
        held.insert("scopes".to_owned(), edits.collect());
    }
    if !decision.refused.is_empty() {
        held.insert(
            "refused".to_owned(),
            decision.refused.iter().map(|own| format!("{}: {}", own.name, own.reason)).collect(),
        );
    }
    if let Some(revoked) = &decision.session_revoked {
        held.insert("sessionRevoked".to_owned(), revoked.reason.clone().into());
    }
    let token = serde_json::to_value(&decision.refresh_token).unwrap();
    let ends: JsonMap =
        token.as_object().unwrap().iter().filter(|(_, end)| !end.is_null()).map(|(a, b)| (a.clone(), b.clone())).collect();
    if !ends.is_empty() {
        held.insert("refreshToken".to_owned(), ends.into());
    }
    match decision.outcome {
        Outcome::Denied { code, reason, .. } => drop(held.insert("denied".to_owned(), format!("{code}: {reason}").into())),
        Outcome::Failed { message, .. } => return Err(message),
        Outcome::Allowed => {}
    }
    Ok(held.into())
}

#[test]
fn every_example_of_api_decides_what_it_says() {
    for method in OBJECTS.iter().flat_map(|object| object.methods) {
        assert!(!method.examples.is_empty(), "{}", method.name);
        for example in method.examples {
            match (example.decides.strip_prefix("error: "), decided(example)) {
                (Some(part), Err(message)) => assert!(message.contains(part), "{}\n{message}", example.script),
                (None, Ok(held)) => {
                    let says: Value = serde_json::from_str(example.decides).unwrap();
                    assert_eq!(held, says, "{}", example.script);
                }
                (_, other) => panic!("{}\n{other:?}", example.script),
            }
        }
    }
}

#[test]
fn an_object_exists_in_the_triggers_that_the_table_says() {
    for object in OBJECTS {
        for trigger in Trigger::ALL {
            let source = format!("fn {}(event, api) {{ api.{} }}", trigger.handler(), object.name);
            let event = if trigger == Trigger::PostLogin { event() } else { machine() };
            let decision = decide(&set(&[("10-a.rhai", &source)]), trigger, event, &host());
            assert_eq!(decision.outcome == Outcome::Allowed, object.exists_in(trigger), "{} {trigger:?}", object.path);
        }
        assert!(Object::of(object.name).is_some_and(|own| own == object));
    }
}
