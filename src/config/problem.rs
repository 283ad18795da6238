//! What is wrong with the configuration, rendered like a good compiler's messages.

use std::fmt;

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file; both count from 1.
    File {
        /// Line.
        line: usize,
        /// Column, in characters.
        column: usize,
    },
    /// An environment variable, by name.
    Environment(String),
    /// A flag of the command line, e.g. `--listen`.
    Flag(&'static str),
    /// The file as a whole.
    Whole,
}

/// The place of a setting and its path: `clients[0].callbacks[1]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// Keys and indices from the root; empty for the root.
    pub path: String,
    /// Where it was set.
    pub place: Place,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as the user named it.
    pub file: String,
    /// Which setting.
    pub at: At,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// The line of the file, for the caret.
    pub source_line: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.path.as_str() {
            "" => write!(f, "error: {}", self.message)?,
            path => write!(f, "error: {path}: {}", self.message)?,
        }
        match &self.at.place {
            Place::File { line, column } => {
                write!(f, "\n --> {}:{line}:{column}", self.file)?;
                if let Some(source) = &self.source_line {
                    let margin = " ".repeat(line.to_string().len());
                    write!(f, "\n{margin} |\n{line} | {source}\n{margin} | {}^", caret_indent(source, *column))?;
                }
            }
            Place::Environment(name) => write!(f, "\n --> environment variable {name}")?,
            Place::Flag(name) => write!(f, "\n --> {name}")?,
            Place::Whole => write!(f, "\n --> {}", self.file)?,
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// White space as wide as the source before the column; tabs stay tabs, so that the caret lines up.
fn caret_indent(source: &str, column: usize) -> String {
    source.chars().take(column.saturating_sub(1)).map(|c| if c == '\t' { '\t' } else { ' ' }).collect()
}

/// A configuration that cannot be used: every problem that was found.
#[derive(Debug, thiserror::Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))]
pub struct Invalid {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl Invalid {
    /// Whether there was nothing to look at: the file could not be read.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        matches!(self.problems.as_slice(), [only] if only.at.place == Place::Whole && only.at.path.is_empty())
    }
}

/// `did you mean …?` for the known word that is nearest to what was written, if one is near.
#[must_use]
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(written, known).map(|word| format!("did you mean `{word}`?"))
}

fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = written.to_lowercase();
    known
        .into_iter()
        .map(|word| (similarity(&lower, &word.to_lowercase()), word))
        .filter(|(similarity, _)| *similarity > 0.82)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// From 0 to 1. One slip of the finger counts as near even in a short word, where Jaro-Winkler is strict.
fn similarity(written: &str, known: &str) -> f64 {
    let one_slip = written.chars().count() >= 3 && strsim::osa_distance(written, known) == 1;
    strsim::jaro_winkler(written, known).max(if one_slip { 0.83 } else { 0.0 })
}
