//! The configuration as a tree whose every value knows where it comes from, so that messages can point at it.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, de};

use super::problem::Place;

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

/// Members of a table; the place is that of the key.
pub(super) type Table = BTreeMap<String, Entry>;

/// A member of a table.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Place,
    pub(super) node: Node,
}

/// A TOML value, or the text of an environment variable or flag, whose type the reader decides.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Flag(bool),
    Datetime(String),
    Array(Vec<Node>),
    Table(Table),
    Untyped(String),
}

impl Value {
    /// The kind of value in messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Untyped(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a floating-point number",
            Self::Flag(_) => "a boolean",
            Self::Datetime(_) => "a date",
            Self::Array(_) => "an array",
            Self::Table(_) => "a table",
        }
    }
}

/// A syntax error: byte offset and message.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) offset: usize,
    pub(super) message: String,
}

/// Parses the whole file; on failure every syntax error that the parser finds.
pub(super) fn parse(text: &str) -> Result<Table, Vec<SyntaxError>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut errors: Vec<_> = errors.iter().map(syntax_error).collect();
    let table = self::table(table.get_ref(), &Lines::of(text), &mut errors);
    if errors.is_empty() { Ok(table) } else { Err(errors) }
}

/// Parses one inline value, as environment variables may hold; every place becomes `place`.
pub(super) fn parse_value(text: &str, place: &Place) -> Result<Node, String> {
    let spanned = DeValue::parse(text).map_err(|error| error.message().to_owned())?;
    let mut errors = Vec::new();
    let mut node = node(&spanned, &Lines::of(text), &mut errors);
    relocate(&mut node, place);
    match errors.into_iter().next() {
        Some(error) => Err(error.message),
        None => Ok(node),
    }
}

fn relocate(node: &mut Node, place: &Place) {
    node.place = place.clone();
    match &mut node.value {
        Value::Array(items) => items.iter_mut().for_each(|item| relocate(item, place)),
        Value::Table(members) => members.values_mut().for_each(|entry| {
            entry.key = place.clone();
            relocate(&mut entry.node, place);
        }),
        _ => {}
    }
}

fn syntax_error(error: &de::Error) -> SyntaxError {
    SyntaxError { offset: error.span().map_or(0, |span| span.start), message: error.message().trim().to_owned() }
}

fn table(table: &DeTable<'_>, lines: &Lines<'_>, errors: &mut Vec<SyntaxError>) -> Table {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let name: &std::borrow::Cow<'_, str> = key.get_ref();
        (name.to_string(), Entry { key: lines.place(key.span().start), node: node(value, lines, errors) })
    };
    table.iter().map(entry).collect()
}

fn node(spanned: &Spanned<DeValue<'_>>, lines: &Lines<'_>, errors: &mut Vec<SyntaxError>) -> Node {
    let start = spanned.span().start;
    let mut wrong = |message: &str| errors.push(SyntaxError { offset: start, message: message.to_owned() });
    let value = match spanned.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).unwrap_or_else(|_| {
                wrong("the number does not fit 64 bits");
                0
            }))
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or_else(|_| {
            wrong("not a number");
            0.0
        })),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(date) => Value::Datetime(date.to_string()),
        DeValue::Array(items) => Value::Array(items.iter().map(|item| node(item, lines, errors)).collect()),
        DeValue::Table(members) => Value::Table(table(members, lines, errors)),
    };
    Node { value, place: lines.place(start) }
}

/// Turns byte offsets into lines and columns.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    pub(super) fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let before = self.text.get(self.starts[line - 1]..offset).unwrap_or_default();
        Place::File { line, column: before.chars().count() + 1 }
    }
}
