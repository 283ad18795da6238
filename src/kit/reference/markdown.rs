//! `docs/actions-api.md`.

use std::fmt::Write as _;

use super::{filled, presence, triggers};
use crate::flow::api::description::{Method, OBJECTS, Object};
use crate::flow::codes::Code;
use crate::flow::event::description::{Holds, PARTS, Part};
use crate::flow::functions::{Function, catalogue};

const BEGINNING: &str = "\
# The API of actions

<!-- Written by `vestibule docs`; a test fails when it is stale. Change the tables in `src/flow`, not this file. -->

A file `actions/NAME.rhai` takes part in a login by defining a handler:

```rhai
fn onExecutePostLogin(event, api) { }            // a person logs in, or refreshes
fn onExecuteCredentialsExchange(event, api) { }  // a machine asks for a token
```

`event` is what is happening, read-only. `api` is what may be changed: a call records an effect, which is applied when all actions have ended
well. Names are Auth0's wherever Auth0 has one. What is absent is `()`: `x?.y` reads through it, `x ?? z` gives a default. Every example on this
page is run as a test.
";

/// The whole document.
#[must_use]
pub fn markdown() -> String {
    let mut text = BEGINNING.to_owned();
    text.push_str(
        "\n## `event`\n\nA member that does not exist is an error with a suggestion. Timestamps are ISO 8601 texts.\n",
    );
    PARTS.iter().for_each(|part| part_table(&mut text, part));
    text.push_str("\n## `api`\n\nA call that is *refused* has no effect and the login goes on; the refusal is in the trace, in `vestibule try` and, where the name stands in the source, in `vestibule check`. A call that is an *error* fails the action unless it is caught.\n");
    OBJECTS.iter().for_each(|object| object_section(&mut text, object));
    library(&mut text);
    codes(&mut text);
    text
}

/// A piece of text; writing to a string does not fail.
fn put(text: &mut String, piece: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(piece);
}

fn part_table(text: &mut String, part: &Part) {
    put(text, format_args!("\n### `{}`\n\n{} There: {}.\n\n", part.path, part.text, presence(part.presence)));
    text.push_str("| member | holds | meaning |\n|---|---|---|\n");
    for member in filled(part.members) {
        put(text, format_args!("| `{}` | {} | {} |\n", member.name, held(member.holds), member.text.replace('|', "\\|")));
    }
    let nothing: Vec<String> = (part.members.iter().filter(|member| member.holds == Holds::Nothing))
        .map(|member| format!("`{}`", member.name))
        .collect();
    if !nothing.is_empty() {
        put(text, format_args!("\nAlways `()`, where Auth0 documents more: {}.\n", nothing.join(", ")));
    }
}

fn held(holds: Holds) -> String {
    match holds {
        Holds::Text => "string".to_owned(),
        Holds::MaybeText => "string or `()`".to_owned(),
        Holds::Flag => "boolean".to_owned(),
        Holds::MaybeFlag => "boolean or `()`".to_owned(),
        Holds::Integer => "integer".to_owned(),
        Holds::Texts => "array of strings".to_owned(),
        Holds::Map => "map, free-form".to_owned(),
        Holds::Secrets => "secrets".to_owned(),
        Holds::Part(path) => format!("`{path}`"),
        Holds::Parts(path) => format!("array of `{path}`"),
        Holds::Nothing => "`()`".to_owned(),
    }
}

fn object_section(text: &mut String, object: &Object) {
    put(text, format_args!("\n### `{}`\n\n{} In: {}.\n", object.path, object.text, triggers(object.triggers)));
    object.methods.iter().for_each(|method| method_section(text, object, method));
}

fn method_section(text: &mut String, object: &Object, method: &Method) {
    put(text, format_args!("\n#### `{}.{}`\n\n{}\n\n", object.path, method.call(), method.text));
    for parameter in method.parameters {
        let (name, kind) = parameter.split_once(": ").unwrap_or((parameter, "any"));
        put(text, format_args!("- `{name}`: {}\n", kind.replace('|', "or")));
    }
    put(
        text,
        format_args!(
            "- yields {}\n",
            if method.yields == "api" { "`api`, for the next call".to_owned() } else { method.yields.replace('|', "or") }
        ),
    );
    if !method.refuses.is_empty() {
        put(text, format_args!("\n{}\n", method.refuses));
    }
    text.push_str("\n```rhai\n");
    for example in method.examples {
        put(text, format_args!("{}\n// {}\n", example.script, example.decides));
    }
    text.push_str("```\n");
}

fn library(text: &mut String) {
    text.push_str("\n## The script library\n\nBeside Rhai's own functions (<https://rhai.rs/book/>): what is missing there or sounds different in JavaScript. Files of `lib/` are namespaces of their own: `lib/claims.rhai` is `claims::`.\n");
    let mut heading = None;
    for (namespace, function) in catalogue() {
        if heading != Some(namespace) {
            heading = Some(namespace);
            match namespace {
                Some(name) => put(text, format_args!("\n### `{name}::`\n")),
                None => text.push_str("\n### Texts, arrays, maps, numbers, conversions\n"),
            }
        }
        function_section(text, function);
    }
}

fn function_section(text: &mut String, function: &Function) {
    put(text, format_args!("\n#### `{}`\n\n{}", function.signature, function.summary));
    if !function.aliases.is_empty() {
        let aliases: Vec<String> = function.aliases.iter().map(|alias| format!("`{alias}`")).collect();
        put(text, format_args!(" Also: {}.", aliases.join(", ")));
    }
    if !function.limits.is_empty() {
        put(text, format_args!(" Limits: {}.", function.limits));
    }
    text.push_str("\n\n```rhai\n");
    for example in function.examples {
        put(text, format_args!("{} // {}\n", example.script.trim(), example.yields));
    }
    text.push_str("```\n");
}

fn codes(text: &mut String) {
    text.push_str("\n## Codes of problems\n\n`vestibule explain CODE` shows each one wrong and right.\n\n| code | severity | problem |\n|---|---|---|\n");
    for row in Code::all() {
        put(text, format_args!("| {} | {} | {} |\n", row.code, row.severity, row.title));
    }
}
