//! Problems of actions and configuration as one list of plain data, for editors and other programs.

use serde::Serialize;

use crate::config::{Place, Problem};
use crate::flow::{Code, Diagnostic, Severity};

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// As shown.
    pub file: String,
    /// From 1; 0 if the problem has no place.
    pub line: usize,
    /// From 1, in characters; 0 if the problem has no place.
    pub column: usize,
    /// The column behind the word or text at the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_column: Option<usize>,
    /// Error or warning.
    pub severity: Severity,
    /// What `vestibule explain` explains; absent for problems of the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// What is wrong.
    pub message: String,
    /// Another place that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Related>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Another place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Related {
    /// As shown.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is there.
    pub message: String,
}

impl Finding {
    /// Whether it may be meant.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        self.severity == Severity::Warning
    }
}

/// The problems of actions.
#[must_use]
pub fn of_actions(problems: &[Diagnostic]) -> Vec<Finding> {
    let finding = |problem: &Diagnostic| Finding {
        file: problem.file.clone(),
        line: problem.line,
        column: problem.column,
        end_column: problem.source_line.as_deref().and_then(|source| end(source, problem.column)),
        severity: problem.severity(),
        code: Some(problem.code),
        message: problem.message.clone(),
        note: problem.note.as_ref().map(|note| Related {
            file: note.file.clone(),
            line: note.line,
            column: note.column,
            message: note.message.clone(),
        }),
        hint: problem.hint.clone(),
    };
    problems.iter().map(finding).collect()
}

/// The problems of the configuration.
#[must_use]
pub fn of_configuration(problems: &[Problem]) -> Vec<Finding> {
    let finding = |problem: &Problem| {
        let (line, column) = match problem.at.place {
            Place::File { line, column } => (line, column),
            _ => (0, 0),
        };
        let message = match problem.at.path.as_str() {
            "" => problem.message.clone(),
            path => format!("{path}: {}", problem.message),
        };
        let end_column = problem.source_line.as_deref().and_then(|source| end(source, column));
        let (file, severity) = (problem.file.clone(), Severity::Error);
        Finding { file, line, column, end_column, severity, code: None, message, note: None, hint: problem.hint.clone() }
    };
    problems.iter().map(finding).collect()
}

/// Behind the word that begins at the column, or the text in quotes; otherwise behind the character.
fn end(source: &str, column: usize) -> Option<usize> {
    let rest: Vec<char> = source.chars().skip(column.checked_sub(1)?).collect();
    let quoted = |quote: char| rest.iter().skip(1).position(|c| *c == quote).map(|length| length + 2);
    let length = match rest.first()? {
        quote @ ('"' | '`') => quoted(*quote)?,
        c if c.is_alphanumeric() || *c == '_' => rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').count(),
        _ => 1,
    };
    Some(column + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_ends_behind_its_word_or_text() {
        assert_eq!(end("let x = event.user.emial;", 20), Some(25));
        assert_eq!(end("f(\"a b\", 1)", 3), Some(8));
        assert_eq!(end("a + b", 3), Some(4));
        assert_eq!(end("a", 5), None);
        assert_eq!(end("\"open", 1), None);
    }
}
