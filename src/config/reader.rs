//! A typed reader over the tree that collects problems instead of stopping at the first.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

use super::problem::{At, Place, Problem, did_you_mean};
use super::tree::{Entry, Node, Table, Value};

/// What every section needs: where paths start, the environment for secrets, and where problems go.
pub(super) struct Context<'a> {
    /// The file as the user named it.
    pub(super) file: String,
    /// The file's text, for the source lines of messages.
    pub(super) text: &'a str,
    /// Relative paths of the file start here.
    pub(super) base: &'a Path,
    /// Environment variables.
    pub(super) environment: &'a BTreeMap<String, String>,
    /// See [`super::Source::stand_in_secrets`].
    pub(super) stand_in_secrets: bool,
    /// What makes the configuration unusable.
    problems: RefCell<Vec<Problem>>,
    /// What `serve` refuses and `dev` accepts.
    insecure: RefCell<Vec<Problem>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(file: String, text: &'a str, base: &'a Path, environment: &'a BTreeMap<String, String>) -> Self {
        Self {
            file,
            text,
            base,
            environment,
            stand_in_secrets: false,
            problems: RefCell::default(),
            insecure: RefCell::default(),
        }
    }

    /// Notes a problem.
    pub(super) fn problem(&self, at: &At, message: impl Into<String>, hint: impl Into<Option<String>>) {
        self.problems.borrow_mut().push(self.describe(at, message.into(), hint.into()));
    }

    /// Notes something that is fine on a developer's machine only.
    pub(super) fn insecure(&self, at: &At, message: impl Into<String>, remedy: impl Into<String>) {
        self.insecure.borrow_mut().push(self.describe(at, message.into(), Some(remedy.into())));
    }

    /// Problems, and what is merely insecure; each in the order of the file.
    pub(super) fn finish(self) -> (Vec<Problem>, Vec<Problem>) {
        let in_order = |mut problems: Vec<Problem>| {
            problems.sort_by_key(|problem| match problem.at.place {
                Place::File { line, column } => (line, column),
                _ => (0, 0),
            });
            problems
        };
        (in_order(self.problems.into_inner()), in_order(self.insecure.into_inner()))
    }

    fn describe(&self, at: &At, message: String, hint: Option<String>) -> Problem {
        let source_line = match at.place {
            Place::File { line, .. } => self.text.lines().nth(line - 1).map(str::to_owned),
            _ => None,
        };
        Problem { file: self.file.clone(), at: at.clone(), message, source_line, hint }
    }
}

/// A value that was found, with its place for later checks.
#[derive(Clone, Debug)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) at: At,
}

/// A table being read; [`Section::finish`] reports the keys that nobody asked for.
pub(super) struct Section<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) at: At,
    table: &'a Table,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    pub(super) fn new(context: &'a Context<'a>, table: &'a Table, at: At) -> Self {
        Self { context, at, table, known: RefCell::default() }
    }

    /// Reports unknown keys.
    pub(super) fn finish(&self) {
        let known = self.known.borrow();
        for (key, entry) in self.table {
            if !known.contains(&key.as_str()) {
                let at = At { path: self.path_of(key), place: entry.key.clone() };
                let hint =
                    did_you_mean(key, known.iter().copied()).unwrap_or_else(|| format!("known keys: {}", known.join(", ")));
                self.context.problem(&at, format!("unknown key `{key}`"), hint);
            }
        }
    }

    /// Where a key is, or where it would have to be.
    pub(super) fn at(&self, key: &str) -> At {
        let place = self.table.get(key).map_or_else(|| self.at.place.clone(), |entry| entry.node.place.clone());
        At { path: self.path_of(key), place }
    }

    /// Notes a problem with a key.
    pub(super) fn problem(&self, key: &str, message: impl Into<String>, hint: impl Into<Option<String>>) {
        self.context.problem(&self.at(key), message, hint);
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Every key with its value, for tables with free keys; marks nothing as known.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, Found<&'a Node>)> {
        self.table.iter().map(|(key, entry)| {
            let at = At { path: self.path_of(key), place: entry.key.clone() };
            (key.as_str(), Found { value: &entry.node, at })
        })
    }

    /// The node of a key, whatever its type.
    pub(super) fn node(&self, key: &'static str) -> Option<Found<&'a Node>> {
        self.entry(key).map(|entry| Found { value: &entry.node, at: self.at(key) })
    }

    pub(super) fn text(&self, key: &'static str) -> Option<Found<String>> {
        let found = self.node(key)?;
        as_text(self.context, &found)
    }

    /// A string that must be there and must not be empty.
    pub(super) fn required(&self, key: &'static str, hint: &str) -> Option<Found<String>> {
        if !self.has(key) {
            self.known.borrow_mut().push(key);
            self.context.problem(&self.at(key), format!("`{key}` is missing"), Some(hint.to_owned()));
            return None;
        }
        let found = self.text(key)?;
        if found.value.trim().is_empty() {
            self.context.problem(&found.at, "must not be empty", Some(hint.to_owned()));
            return None;
        }
        Some(found)
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let found = self.node(key)?;
        match &found.value.value {
            Value::Flag(flag) => Some(*flag),
            Value::Untyped(text) if text == "true" => Some(true),
            Value::Untyped(text) if text == "false" => Some(false),
            other => self.wrong_type(&found.at, "`true` or `false`", other),
        }
    }

    pub(super) fn number(&self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let found = self.node(key)?;
        let number = match &found.value.value {
            Value::Integer(number) => *number,
            Value::Untyped(text) if text.parse::<i64>().is_ok() => text.parse().unwrap_or_default(),
            other => return self.wrong_type(&found.at, "an integer", other),
        };
        if !range.contains(&number) {
            let message = format!("{number} is out of range: {} to {}", range.start(), range.end());
            self.context.problem(&found.at, message, None);
            return None;
        }
        Some(number)
    }

    /// An array of strings; an environment variable may separate them by commas.
    pub(super) fn texts(&self, key: &'static str) -> Vec<Found<String>> {
        self.optional_texts(key).unwrap_or_default()
    }

    /// As [`Section::texts`]; `None` if the key is absent.
    pub(super) fn optional_texts(&self, key: &'static str) -> Option<Vec<Found<String>>> {
        let found = self.node(key)?;
        match &found.value.value {
            Value::Array(_) => Some(items(&found).filter_map(|item| as_text(self.context, &item)).collect()),
            Value::Untyped(text) => {
                let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
                Some(words.map(|word| Found { value: word.to_owned(), at: found.at.clone() }).collect())
            }
            other => self.wrong_type(&found.at, "an array of strings", other),
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        choose(self.context, &self.text(key)?, choices)
    }

    /// A table; without the key an empty one, so that defaults have one home.
    pub(super) fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let found = self.node(key)?;
        as_section(self.context, &found)
    }

    /// An array of tables.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(found) = self.node(key) else { return Vec::new() };
        match &found.value.value {
            Value::Array(_) => items(&found).filter_map(|item| as_section(self.context, &item)).collect(),
            Value::Table(_) => {
                let hint = format!("write `[[{key}]]`, with two brackets, for each entry");
                self.context.problem(&found.at, "must be an array of tables, but is a table", Some(hint));
                Vec::new()
            }
            other => self.wrong_type(&found.at, "an array of tables", other).unwrap_or_default(),
        }
    }

    fn entry(&self, key: &'static str) -> Option<&'a Entry> {
        self.known.borrow_mut().push(key);
        self.table.get(key)
    }

    fn path_of(&self, key: &str) -> String {
        let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        let key = if plain { key.to_owned() } else { format!("\"{key}\"") };
        if self.at.path.is_empty() { key } else { format!("{}.{key}", self.at.path) }
    }

    fn wrong_type<T>(&self, at: &At, wanted: &str, got: &Value) -> Option<T> {
        wrong_type(self.context, at, wanted, got);
        None
    }
}

/// The elements of an array node, each with its index in the path.
pub(super) fn items<'n>(found: &Found<&'n Node>) -> impl Iterator<Item = Found<&'n Node>> {
    let items: &[Node] = match &found.value.value {
        Value::Array(items) => items,
        _ => &[],
    };
    let path = found.at.path.clone();
    items.iter().enumerate().map(move |(index, node)| {
        let at = At { path: format!("{path}[{index}]"), place: node.place.clone() };
        Found { value: node, at }
    })
}

/// A string, or a problem.
pub(super) fn as_text(context: &Context<'_>, found: &Found<&Node>) -> Option<Found<String>> {
    match &found.value.value {
        Value::Text(text) | Value::Untyped(text) => Some(Found { value: text.clone(), at: found.at.clone() }),
        other => {
            wrong_type(context, &found.at, "a string", other);
            None
        }
    }
}

/// A table, or a problem.
pub(super) fn as_section<'a>(context: &'a Context<'a>, found: &Found<&'a Node>) -> Option<Section<'a>> {
    match &found.value.value {
        Value::Table(table) => Some(Section::new(context, table, found.at.clone())),
        other => {
            wrong_type(context, &found.at, "a table", other);
            None
        }
    }
}

/// One of a few words, or a problem that lists them.
pub(super) fn choose<T: Copy>(context: &Context<'_>, word: &Found<String>, choices: &[(&'static str, T)]) -> Option<T> {
    if let Some((_, value)) = choices.iter().find(|(name, _)| *name == word.value) {
        return Some(*value);
    }
    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    let hint =
        did_you_mean(&word.value, names.iter().copied()).unwrap_or_else(|| format!("use one of {}", names.join(", ")));
    context.problem(&word.at, format!("unknown value `{}`", word.value), hint);
    None
}

fn wrong_type(context: &Context<'_>, at: &At, wanted: &str, got: &Value) {
    let message = match got {
        Value::Untyped(text) => format!("must be {wanted}, but is `{text}`"),
        _ => format!("must be {wanted}, but is {}", got.kind()),
    };
    context.problem(at, message, None);
}
