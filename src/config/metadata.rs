//! Metadata of users and clients: TOML to JSON, and the rules for names (auth0-http section 5).

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::domain::JsonMap;
use crate::domain::user::RESERVED_APP_METADATA;

use super::problem::At;
use super::reader::{Context, Found, Section, as_text, items};
use super::tree::{Node, Value};

/// `client_metadata`: at most 10 keys, keys and values at most 255 characters, values are strings.
pub(super) fn client(section: &Section<'_>) -> BTreeMap<String, String> {
    let Some(table) = section.section("client_metadata") else { return BTreeMap::new() };
    let mut metadata = BTreeMap::new();
    for (key, node) in table.entries() {
        check_name(section.context, key, &node.at);
        let Some(text) = as_text(section.context, &node) else { continue };
        if key.chars().count() > 255 || text.value.chars().count() > 255 {
            section.context.problem(&text.at, "keys and values have at most 255 characters", None);
        }
        metadata.insert(key.to_owned(), text.value);
    }
    if metadata.len() > 10 {
        section.problem("client_metadata", format!("has {} keys; at most 10 are allowed", metadata.len()), None);
    }
    metadata
}

/// `user_metadata` or `app_metadata`.
pub(super) fn user(section: &Section<'_>, key: &'static str) -> JsonMap {
    let Some(table) = section.section(key) else { return JsonMap::new() };
    let mut metadata = JsonMap::new();
    for (name, node) in table.entries() {
        if key == "app_metadata" && RESERVED_APP_METADATA.contains(&name) {
            let hint = "the profile has this field already; choose another name".to_owned();
            section.context.problem(&node.at, format!("`{name}` is reserved in app_metadata"), hint);
        }
        check_name(section.context, name, &node.at);
        metadata.insert(name.to_owned(), to_json(section.context, &node));
    }
    metadata
}

fn to_json(context: &Context<'_>, found: &Found<&Node>) -> Json {
    match &found.value.value {
        Value::Text(text) | Value::Datetime(text) => Json::String(text.clone()),
        Value::Untyped(text) => serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone())),
        Value::Integer(number) => Json::from(*number),
        Value::Flag(flag) => Json::Bool(*flag),
        Value::Float(number) => serde_json::Number::from_f64(*number).map_or_else(
            || {
                context.problem(&found.at, "JSON has no infinity and no NaN", None);
                Json::Null
            },
            Json::Number,
        ),
        Value::Array(_) => items(found).map(|item| to_json(context, &item)).collect(),
        Value::Table(table) => Json::Object(
            table
                .iter()
                .map(|(name, entry)| {
                    let at = At { path: format!("{}.{name}", found.at.path), place: entry.key.clone() };
                    check_name(context, name, &at);
                    (name.clone(), to_json(context, &Found { value: &entry.node, at }))
                })
                .collect(),
        ),
    }
}

fn check_name(context: &Context<'_>, name: &str, at: &At) {
    if name.is_empty() || name.contains(['.', '$']) {
        let message = format!("metadata key `{name}` must be non-empty and contain neither `.` nor `$`");
        context.problem(at, message, None);
    }
}
