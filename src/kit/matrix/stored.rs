//! The matrix that was accepted, `matrix.json` beside the actions, and how the present one differs from it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::flow::{Code, Diagnostic, LoadError, Settings};
use crate::kit::difference::{differences, lines};

use super::{Matrix, Row};

/// Differences of a row that are listed.
const MOST: usize = 10;

impl Matrix {
    /// Where the accepted matrix lies, and how the file is called.
    #[must_use]
    pub fn file(settings: &Settings) -> (PathBuf, String) {
        let shown = format!("{}/matrix.json", settings.display.trim_end_matches('/'));
        (settings.directory.join("matrix.json"), shown)
    }

    /// The accepted matrix, if there is one.
    ///
    /// # Errors
    /// A file that cannot be read or holds no matrix.
    pub fn stored(settings: &Settings) -> Result<Option<Self>, LoadError> {
        let (path, shown) = Self::file(settings);
        let problem = |message: String, hint: &str| LoadError {
            problems: vec![Diagnostic::of_file(Code::Unreadable, &shown, message).with_hint(hint)],
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| {
                problem(
                    format!("the file holds no matrix: {error}"),
                    "restore it, or write it with `vestibule matrix --accept`",
                )
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(problem(format!("the file cannot be read: {error}"), "check its permissions")),
        }
    }

    /// Accepts this matrix.
    ///
    /// # Errors
    /// The file system's.
    pub fn store(&self, path: &Path) -> std::io::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(path, format!("{text}\n"))
    }

    /// How this matrix differs from the accepted one.
    #[must_use]
    pub fn differences(&self, stored: &Self) -> Vec<Change> {
        let find = |rows: &[Row], key: &Key| rows.iter().find(|row| row.key() == *key).cloned();
        let mut keys: Vec<Key> = self.rows.iter().map(Row::key).collect();
        keys.extend(stored.rows.iter().map(Row::key).filter(|key| find(&self.rows, key).is_none()));
        keys.iter().filter_map(|key| change(key, find(&stored.rows, key), find(&self.rows, key))).collect()
    }
}

/// One login of which the matrix says something else than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `added`, `removed` or `changed`.
    pub kind: &'static str,
    /// Client, user, grant.
    pub login: String,
    /// What is different, a line each.
    pub details: Vec<String>,
}

fn change(key: &Key, old: Option<Row>, new: Option<Row>) -> Option<Change> {
    let login = key.name();
    match (old, new) {
        (Some(old), Some(new)) => {
            let json = |row: &Row| serde_json::to_value(row).unwrap_or_default();
            let found = differences(&json(&old), &json(&new));
            let details = lines(&found, ["before", "now"], MOST);
            (!found.is_empty()).then_some(Change { kind: "changed", login, details })
        }
        (None, Some(_)) => Some(Change { kind: "added", login, details: Vec::new() }),
        (Some(_), None) => Some(Change { kind: "removed", login, details: Vec::new() }),
        (None, None) => None,
    }
}

/// The changes for people: logins that change in the same way share the lines that say how.
#[must_use]
pub fn text(changes: &[Change]) -> String {
    let mut told: Vec<(&Change, Vec<&str>)> = Vec::new();
    for change in changes {
        match told.iter_mut().find(|(first, _)| (first.kind, &first.details) == (change.kind, &change.details)) {
            Some((_, logins)) => logins.push(&change.login),
            None => told.push((change, vec![&change.login])),
        }
    }
    let group = |(change, logins): &(&Change, Vec<&str>)| {
        let sign = match change.kind {
            "added" => '+',
            "removed" => '-',
            _ => '~',
        };
        let logins = logins.iter().map(|login| format!("{sign} {login}"));
        let details = change.details.iter().map(|line| format!("    {line}"));
        logins.chain(details).collect::<Vec<_>>().join("\n")
    };
    told.iter().map(group).collect::<Vec<_>>().join("\n")
}

/// What tells rows apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    client_id: String,
    user_id: Option<String>,
    grant_type: String,
    /// A machine may have grants for several APIs; users' tokens are for one.
    audience: Option<String>,
}

impl Key {
    fn name(&self) -> String {
        let user = self.user_id.as_ref().map(|user| format!(", {user}")).unwrap_or_default();
        let audience = self.audience.as_ref().map(|audience| format!(", {audience}")).unwrap_or_default();
        format!("{}{user}, {}{audience}", self.client_id, self.grant_type)
    }
}

impl Row {
    fn key(&self) -> Key {
        let machine = self.user_id.is_none();
        Key {
            client_id: self.client_id.clone(),
            user_id: self.user_id.clone(),
            grant_type: self.grant_type.clone(),
            audience: self.audience.clone().filter(|_| machine),
        }
    }
}
