//! What the analysis knows about a value: enough to follow `event` and `api`, and texts that are written in the source.

use crate::flow::api::description::Object;
use crate::flow::event::description::Part;

/// What is known of a value. Two values that differ join to [`Value::Unknown`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Value {
    /// Anything.
    Unknown,
    /// An object of `event`.
    Part(&'static Part),
    /// A list of such objects.
    Parts(&'static Part),
    /// A part that is always `()` in this trigger, by its path.
    Absent(String),
    /// `event.secrets`.
    Secrets,
    /// One of the secrets.
    Secret(String),
    /// `api`.
    Api,
    /// An object of `api`.
    Object(&'static Object),
    /// This text.
    Text(String),
    /// A text that begins so.
    Prefix(String),
}

impl Value {
    /// What is known of a value that is one of the two.
    pub(super) fn join(self, other: &Self) -> Self {
        if self == *other { self } else { Self::Unknown }
    }

    /// What is known of `self + other`.
    pub(super) fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => bounded(a + b.as_str()),
            // Long enough to tell whose name it is.
            (Self::Text(a), Self::Prefix(b)) if a.len() < LONGEST => Self::Prefix(a + b.as_str()),
            (Self::Text(a), _) => Self::Prefix(a),
            (Self::Prefix(a), _) => Self::Prefix(a),
            _ => Self::Unknown,
        }
    }

    /// A text of a constant.
    pub(super) fn of_constant(value: &rhai::Dynamic) -> Self {
        value.as_immutable_string_ref().map_or(Self::Unknown, |text| Self::Text(text.to_string()))
    }
}

/// Texts are names and URLs; longer ones are not worth knowing.
const LONGEST: usize = 4_096;

fn bounded(text: String) -> Value {
    if text.len() > LONGEST { Value::Unknown } else { Value::Text(text) }
}
