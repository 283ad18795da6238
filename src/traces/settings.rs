//! `[traces]`: how many are kept, how long, and what they may not tell.

use super::redact::{Fields, PERSONAL};

/// Traces under `dev` and under `serve`, unless configured.
const KEEP_IN_MEMORY: usize = 1_000;
const KEEP_IN_TABLE: usize = 20_000;

/// `[traces]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `keep`: the newest so many; 0 keeps none. 1 000 under `dev`, 20 000 under `serve`.
    pub keep: Option<usize>,
    /// `retention_days` (7): older ones are deleted from the table.
    pub retention_days: i64,
    /// `redact`: paths of `event` whose values no trace tells. Nothing under `dev`, [`PERSONAL`] under `serve`.
    pub redact: Option<Vec<String>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { keep: None, retention_days: 7, redact: None }
    }
}

impl Settings {
    pub(super) fn keep(&self, dev: bool) -> usize {
        self.keep.unwrap_or(if dev { KEEP_IN_MEMORY } else { KEEP_IN_TABLE })
    }

    pub(super) fn redacted(&self, dev: bool) -> Fields {
        match &self.redact {
            Some(paths) => Fields::new(paths),
            None if dev => Fields::new(&[]),
            None => Fields::new(&PERSONAL.map(str::to_owned)),
        }
    }
}
