//! Secrets: a plain string, or `{ env = "…" }`, `{ file = "…" }`, `{ value = "…" }`.

use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::reader::{Context, Found, as_section, as_text};
use super::tree::{Node, Value};

/// A secret that does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for hashing, signing and the demo's start page.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// What stands for every secret where none is read; long enough for all of them.
const STAND_IN: &str = "stand-in-for-a-secret-of-the-configuration";

/// Resolves a secret. One that stands in the file itself is insecure: `serve` refuses it.
pub(super) fn resolve(context: &Context<'_>, found: &Found<&Node>, what: &str) -> Option<Secret> {
    match &found.value.value {
        Value::Text(text) => literal(context, found, text, what),
        Value::Untyped(text) => non_empty(context, found, text, what),
        _ => from_table(context, found, what),
    }
}

fn from_table(context: &Context<'_>, found: &Found<&Node>, what: &str) -> Option<Secret> {
    let table = as_section(context, found)?;
    let (env, file, value) = (table.text("env"), table.text("file"), table.node("value"));
    table.finish();
    if context.stand_in_secrets && [env.is_some(), file.is_some(), value.is_some()].into_iter().filter(|is| *is).count() == 1
    {
        return Some(Secret::new(STAND_IN));
    }
    match (env, file, value) {
        (Some(name), None, None) => match context.environment.get(&name.value) {
            Some(text) => non_empty(context, found, text, what),
            None => {
                let hint = format!("export {}=… before starting", name.value);
                context.problem(&name.at, format!("environment variable `{}` is not set", name.value), hint);
                None
            }
        },
        (None, Some(file), None) => from_file(context, &file, found, what),
        (None, None, Some(value)) => literal(context, found, &as_text(context, &value)?.value, what),
        _ => {
            let hint = "write exactly one of { env = \"NAME\" }, { file = \"path\" }, { value = \"…\" }".to_owned();
            context.problem(&found.at, format!("{what} needs one source"), hint);
            None
        }
    }
}

fn from_file(context: &Context<'_>, file: &Found<String>, found: &Found<&Node>, what: &str) -> Option<Secret> {
    let path = context.base.join(&file.value);
    if open_to_others(&path, 0o007) {
        let message = format!("`{}` may be read or written by every user of this machine", file.value);
        context.insecure(&file.at, message, format!("chmod 600 {} (a mounted one: mode 0440 or 0400)", path.display()));
    }
    match std::fs::read_to_string(path) {
        Ok(text) => non_empty(context, found, text.trim_end_matches(['\n', '\r']), what),
        Err(error) => {
            context.problem(&file.at, format!("`{}` cannot be read: {error}", file.value), None);
            None
        }
    }
}

/// Whether every user of the machine has one of these permissions of a file.
#[must_use]
pub fn open_to_others(path: &Path, permissions: u32) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & permissions != 0)
}

fn literal(context: &Context<'_>, found: &Found<&Node>, text: &str, what: &str) -> Option<Secret> {
    let remedy = "take it from the environment or a file: { env = \"NAME\" } or { file = \"path\" }";
    context.insecure(&found.at, format!("{what} stands in the configuration file"), remedy);
    non_empty(context, found, text, what)
}

fn non_empty(context: &Context<'_>, found: &Found<&Node>, text: &str, what: &str) -> Option<Secret> {
    if text.is_empty() {
        context.problem(&found.at, format!("{what} must not be empty"), None);
        return None;
    }
    Some(Secret::new(text))
}
