//! What another set of actions would have decided about a login, kept with its trace.

use serde::{Deserialize, Serialize};

use super::difference::Difference;

/// What the shadow of `serve` did differently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shadowed {
    /// Content hash of its set.
    pub set: String,
    /// `before` is the live decision, `after` the shadow's.
    pub differences: Vec<Difference>,
    /// What it asked for and the live actions did not, so that there was no answer: `GET https://api.example/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unrecorded: Vec<String>,
}
