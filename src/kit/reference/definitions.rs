//! Definitions for the Rhai language server: one file with types, methods and functions, each with its comment.

use std::fmt::Write as _;

use super::signature::{Parameter, Signature};
use super::{filled, presence, triggers};
use crate::flow::Trigger;
use crate::flow::api::description::{Method, OBJECTS};
use crate::flow::event::description::{Holds, PARTS, Part};
use crate::flow::functions::{Function, catalogue};

/// The text of `api.d.rhai`.
#[must_use]
pub fn definitions() -> String {
    let mut text = "// What actions may use, for the Rhai language server; `vestibule definitions` writes it. The loader of actions does not read it.\nmodule static;\n".to_owned();
    PARTS.iter().for_each(|part| part_type(&mut text, part));
    api_types(&mut text);
    for object in OBJECTS {
        object.methods.iter().for_each(|method| api_method(&mut text, object.path, method));
    }
    let mut namespaces: Vec<&str> = Vec::new();
    for (namespace, function) in catalogue() {
        match namespace {
            None => library_function(&mut text, function, ""),
            Some(name) if !namespaces.contains(&name) => namespaces.push(name),
            Some(_) => {}
        }
    }
    for name in namespaces {
        put(&mut text, format_args!("\nmodule {name} {{"));
        let own = catalogue().filter(|(namespace, _)| *namespace == Some(name));
        own.for_each(|(_, function)| library_function(&mut text, function, "    "));
        text.push_str("}\n");
    }
    text
}

/// A line; writing to a string does not fail.
fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{line}");
}

fn comment(text: &mut String, indent: &str, lines: &str) {
    lines.lines().for_each(|line| put(text, format_args!("{}", format!("{indent}/// {line}").trim_end())));
}

/// `event.user.identities[]` is the type `EventUserIdentity`, nearly.
fn type_name(path: &str) -> String {
    let words = path.trim_end_matches("[]").split(['.', '_']);
    let mut name: String = words
        .map(|word| {
            let mut chars = word.chars();
            chars.next().map(|first| first.to_uppercase().chain(chars).collect::<String>()).unwrap_or_default()
        })
        .collect();
    if path.ends_with("[]") {
        name.push_str("Item");
    }
    name
}

fn part_type(text: &mut String, part: &Part) {
    text.push('\n');
    comment(text, "", &format!("`{}`: {}\n\nThere: {}.", part.path, part.text, presence(part.presence)));
    put(text, format_args!("type {} = #{{", type_name(part.path)));
    for member in filled(part.members) {
        comment(text, "    ", member.text);
        put(text, format_args!("    {}: {},", member.name, held(member.holds)));
    }
    text.push_str("};\n");
}

fn held(holds: Holds) -> String {
    match holds {
        Holds::Text => "String".to_owned(),
        Holds::MaybeText => "String | ()".to_owned(),
        Holds::Flag => "bool".to_owned(),
        Holds::MaybeFlag => "bool | ()".to_owned(),
        Holds::Integer => "int".to_owned(),
        Holds::Texts => "[String]".to_owned(),
        Holds::Map | Holds::Secrets => "Map".to_owned(),
        Holds::Part(path) => match Part::of(path).map(|part| part.presence) {
            Some(super::Presence::Always) => type_name(path),
            _ => format!("{} | ()", type_name(path)),
        },
        Holds::Parts(path) => format!("[{}]", type_name(path)),
        Holds::Nothing => "()".to_owned(),
    }
}

/// `api` of both triggers, and its objects.
fn api_types(text: &mut String) {
    for object in OBJECTS {
        text.push('\n');
        comment(text, "", &format!("`{}`: {}\n\nThere: {}.", object.path, object.text, triggers(object.triggers)));
        put(text, format_args!("type {} = #{{}};", type_name(object.path)));
    }
    for (trigger, name) in [(Trigger::PostLogin, "PostLoginApi"), (Trigger::CredentialsExchange, "CredentialsExchangeApi")] {
        text.push('\n');
        comment(text, "", &format!("`api` in {}: what may be changed.", trigger.as_str()));
        put(text, format_args!("type {name} = #{{"));
        for object in OBJECTS.iter().filter(|object| object.exists_in(trigger)) {
            comment(text, "    ", object.text);
            put(text, format_args!("    {}: {},", object.name, type_name(object.path)));
        }
        text.push_str("};\n");
    }
}

fn api_method(text: &mut String, path: &str, method: &Method) {
    let refuses = if method.refuses.is_empty() { String::new() } else { format!("\n\n{}", method.refuses) };
    let example = method.examples.first().map(|example| format!("\n\n```rhai\n{}\n```", example.script)).unwrap_or_default();
    for count in method.arguments() {
        // What may be left out of `deny` stands in front.
        let leading = method.parameters.first().is_some_and(|first| first.contains(" = "));
        let list = if leading { &method.parameters[method.parameters.len() - count..] } else { &method.parameters[..count] };
        text.push('\n');
        comment(text, "", &format!("{}{refuses}{example}", method.text));
        let list: Vec<String> = list
            .iter()
            .map(|parameter| {
                let declared = parameter.split(" = ").next().unwrap_or_default();
                let (name, kind) = declared.split_once(": ").unwrap_or((declared, "any"));
                format!("{name}: {}", script_types(kind))
            })
            .collect();
        let list = std::iter::once(format!("this: {}", type_name(path))).chain(list).collect::<Vec<_>>().join(", ");
        put(text, format_args!("fn {}({list}) -> {};", method.name, script_types(method.yields)));
    }
}

fn library_function(text: &mut String, function: &Function, indent: &str) {
    let signature = Signature::of(function);
    let limits = if function.limits.is_empty() { String::new() } else { format!("\n\nLimits: {}.", function.limits) };
    let example = function
        .examples
        .first()
        .map(|example| format!("\n\n```rhai\n{} // {}\n```", example.script.trim(), example.yields))
        .unwrap_or_default();
    let said = format!("{}{limits}{example}", function.summary);
    for name in std::iter::once(function.name).chain(function.aliases.iter().copied()) {
        for parameters in signature.overloads() {
            text.push('\n');
            comment(text, indent, &said);
            let receiver = signature.receiver.map(|receiver| format!("this: {}", script_types(receiver)));
            let own = parameters.iter().map(|Parameter { name, .. }| format!("{name}: ?"));
            let list = receiver.into_iter().chain(own).collect::<Vec<_>>().join(", ");
            let name = if function.property { format!("get {name}") } else { name.to_owned() };
            put(text, format_args!("{indent}fn {name}({list}) -> {};", script_types(signature.yields)));
        }
    }
}

/// The words of our signatures in the words of definitions.
fn script_types(kinds: &str) -> String {
    let one = |kind: &str| match kind.trim() {
        "string" | "text" => "String",
        "boolean" => "bool",
        "integer" => "int",
        "float" => "float",
        "array" => "Array",
        "map" => "Map",
        "()" => "()",
        "api" => "PostLoginApi | CredentialsExchangeApi",
        "blob" => "Blob",
        _ => "?",
    };
    let mut types: Vec<&str> = Vec::new();
    for kind in kinds.split('|').map(one) {
        if !types.contains(&kind) {
            types.push(kind);
        }
    }
    if types.contains(&"?") { "?".to_owned() } else { types.join(" | ") }
}
