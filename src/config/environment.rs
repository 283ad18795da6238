//! `VESTIBULE_…` variables and flags laid over the file: file < environment < flag.
//!
//! `__` separates the keys: `VESTIBULE_DATABASE__URL`, `VESTIBULE_ACTIONS__SETTINGS__20_API_REGION__ON_ERROR`,
//! `VESTIBULE_CLIENTS__0__CLIENT_SECRET`. A value that starts with `[` or `{` is read as TOML.

use std::collections::BTreeMap;

use super::problem::{At, Place};
use super::reader::Context;
use super::tree::{self, Entry, Node, Table, Value};

const PREFIX: &str = "VESTIBULE_";

/// Tables whose keys belong to the user: new keys keep the letter case of the variable.
const FREE_KEYS: [&str; 4] = ["secrets", "client_metadata", "user_metadata", "app_metadata"];

/// Lays the variables over the tree; unknown names are found later, when the sections report unknown keys.
pub(super) fn overlay(root: &mut Node, context: &Context<'_>) {
    for (name, value) in context.environment {
        let Some(path) = setting_of(name) else { continue };
        let place = Place::Environment(name.clone());
        match node(value, &place) {
            Ok(node) => insert(root, "vestibule.toml", &path, node, name, context),
            Err(message) => context.problem(&At { path: path.join("."), place }, message, None),
        }
    }
}

/// Lays one flag over the tree.
pub(super) fn overlay_flag(root: &mut Node, flag: &'static str, path: &[&str], value: &str, context: &Context<'_>) {
    let node = Node { value: Value::Untyped(value.to_owned()), place: Place::Flag(flag) };
    let path: Vec<_> = path.iter().map(|key| (*key).to_owned()).collect();
    insert(root, "vestibule.toml", &path, node, flag, context);
}

/// The path of the setting that a variable names; `None` for variables that are none of ours.
fn setting_of(name: &str) -> Option<Vec<String>> {
    let rest = name.strip_prefix(PREFIX)?;
    match rest {
        "CONFIG" => None,
        "DATABASE" => Some(vec!["database".into(), "url".into()]),
        // Not the table of an action, whose keys keep their case.
        "SECRETS__KEY" => Some(vec!["secrets".into(), "key".into()]),
        "SECRETS__PREVIOUS_KEY" => Some(vec!["secrets".into(), "previous_key".into()]),
        "ACTIONS" => Some(vec!["actions".into(), "directory".into()]),
        _ if rest.starts_with("TEST_") || rest == "CRASH_ROUNDS" || is_service_link(rest) => None,
        _ => Some(rest.split("__").map(str::to_owned).collect()),
    }
}

/// Kubernetes sets these in every pod beside a service that is called `vestibule`.
fn is_service_link(rest: &str) -> bool {
    rest == "SERVICE_HOST" || rest.starts_with("SERVICE_PORT") || rest == "PORT" || rest.starts_with("PORT_")
}

fn node(value: &str, place: &Place) -> Result<Node, String> {
    if value.trim_start().starts_with(['[', '{']) {
        return tree::parse_value(value.trim(), place);
    }
    Ok(Node { value: Value::Untyped(value.to_owned()), place: place.clone() })
}

fn insert(parent: &mut Node, parent_key: &str, path: &[String], node: Node, name: &str, context: &Context<'_>) {
    let place = node.place.clone();
    let at = |key: &str| At { path: key.to_owned(), place: place.clone() };
    let Some((first, rest)) = path.split_first() else { return };
    if let (Value::Table(table), Ok(0)) = (&parent.value, first.parse::<usize>())
        && table.is_empty()
    {
        parent.value = Value::Array(Vec::new());
    }
    match &mut parent.value {
        Value::Table(table) => {
            let key = known_key(table, first, FREE_KEYS.contains(&parent_key));
            match rest {
                [] => drop(table.insert(key, Entry { key: place, node })),
                _ => insert(
                    &mut table.entry(key.clone()).or_insert_with(|| empty(&place)).node,
                    &key,
                    rest,
                    node,
                    name,
                    context,
                ),
            }
        }
        Value::Array(items) => match first.parse::<usize>() {
            Ok(index) if index <= items.len() => {
                if index == items.len() {
                    items.push(empty(&place).node);
                }
                match rest {
                    [] => items[index] = node,
                    _ => insert(&mut items[index], parent_key, rest, node, name, context),
                }
            }
            _ => {
                let message = format!("`{name}` needs an index from 0 to {} after `{parent_key}`", items.len());
                context.problem(&at(parent_key), message, None);
            }
        },
        other => {
            let message = format!("`{name}` sets a member of `{parent_key}`, which is {}", other.kind());
            context.problem(&at(parent_key), message, None);
        }
    }
}

/// The key that a part of a variable's name stands for: an existing one if it fits without regard to case and hyphens.
fn known_key(table: &Table, part: &str, keep_case: bool) -> String {
    let folded = |key: &str| key.to_ascii_lowercase().replace(['-', '.'], "_");
    match table.keys().find(|key| folded(key) == folded(part)) {
        Some(key) => key.clone(),
        None if keep_case => part.to_owned(),
        None => part.to_ascii_lowercase(),
    }
}

fn empty(place: &Place) -> Entry {
    Entry { key: place.clone(), node: Node { value: Value::Table(BTreeMap::new()), place: place.clone() } }
}
