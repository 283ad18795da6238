//! Problems, rendered like a good compiler's. One form for `check`, `dev`, reload, tests and failures of a run.

use std::fmt::{Display, Formatter, Result};

use super::codes::{Code, Severity};

/// Why a set was refused.
#[derive(Debug, thiserror::Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))]
pub struct LoadError {
    /// At least one.
    pub problems: Vec<Diagnostic>,
}

/// One problem.
///
/// ```text
/// error[V0031]: unknown property `emial` of `event.user`
///  --> actions/10-roles.rhai:4:28
///   |
/// 4 |     let mail = event.user.emial;
///   |                           ^
/// hint: did you mean `email`?
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of problem, and with it how bad.
    pub code: Code,
    /// `actions/10-roles.rhai`.
    pub file: String,
    /// From 1; 0 if the problem has no place.
    pub line: usize,
    /// From 1, in characters; 0 if the problem has no place.
    pub column: usize,
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// The line of source, for the caret.
    pub source_line: Option<Box<str>>,
    /// Another place that belongs to it.
    pub note: Option<Box<Note>>,
    /// What to do.
    pub hint: Option<String>,
}

/// Another place that a problem is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What is there.
    pub message: String,
    /// As in [`Diagnostic`].
    pub file: String,
    /// As in [`Diagnostic`].
    pub line: usize,
    /// As in [`Diagnostic`].
    pub column: usize,
    /// The line of source, for the caret.
    pub source_line: Option<Box<str>>,
}

/// A place in a script, shown with its line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    /// As in [`Diagnostic`].
    pub file: String,
    /// As in [`Diagnostic`].
    pub line: usize,
    /// As in [`Diagnostic`].
    pub column: usize,
    /// The line of source, for the caret.
    pub source_line: Option<String>,
}

impl Spot {
    /// A place of a file's source.
    pub(crate) fn at(file: &str, source: &str, position: rhai::Position) -> Self {
        let (line, column, source_line) = place(source, position);
        Self { file: file.to_owned(), line, column, source_line: source_line.map(Into::into) }
    }
}

/// Begins with a line break: it stands below what is said about it.
impl Display for Spot {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        show(f, &self.file, (self.line, self.column), self.source_line.as_deref())
    }
}

/// Longer lines of source are shown in part.
const WIDTH: usize = 160;

impl Diagnostic {
    /// A problem of a file as a whole.
    pub(crate) fn of_file(code: Code, file: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            file: file.to_owned(),
            line: 0,
            column: 0,
            message: message.into(),
            source_line: None,
            note: None,
            hint: None,
        }
    }

    /// A problem at a place of a file's source.
    pub(crate) fn at(code: Code, file: &str, source: &str, position: rhai::Position, message: impl Into<String>) -> Self {
        let (line, column, source_line) = place(source, position);
        Self { line, column, source_line, ..Self::of_file(code, file, message) }
    }

    /// Adds another place.
    pub(crate) fn with_note(
        mut self,
        file: &str,
        source: &str,
        position: rhai::Position,
        message: impl Into<String>,
    ) -> Self {
        let (line, column, source_line) = place(source, position);
        let note = Note { message: message.into(), file: file.to_owned(), line, column, source_line };
        self.note = Some(note.into());
        self
    }

    /// Error or warning.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// Adds what to do.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// `file:line:col: message` in one line.
    #[must_use]
    pub fn one_line(&self) -> String {
        match self.line {
            0 => format!("{}: {}", self.file, self.message),
            line => format!("{}:{line}:{}: {}", self.file, self.column, self.message),
        }
    }
}

impl Display for Diagnostic {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}[{}]: {}", self.severity(), self.code, self.message)?;
        show(f, &self.file, (self.line, self.column), self.source_line.as_deref())?;
        if let Some(note) = &self.note {
            write!(f, "\nnote: {}", note.message)?;
            show(f, &note.file, (note.line, note.column), note.source_line.as_deref())?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

/// The place, and the line with a caret under the column.
fn show(f: &mut Formatter<'_>, file: &str, (line, column): (usize, usize), source: Option<&str>) -> Result {
    match line {
        0 => write!(f, "\n --> {file}")?,
        line => write!(f, "\n --> {file}:{line}:{column}")?,
    }
    if let Some(source) = source {
        let margin = " ".repeat(line.to_string().len());
        let (shown, before) = excerpt(source, column);
        write!(f, "\n{margin} |\n{line} | {shown}\n{margin} | {before}^")?;
    }
    Ok(())
}

/// Line, column and the text of the line; zeros if there is no place.
fn place(source: &str, position: rhai::Position) -> (usize, usize, Option<Box<str>>) {
    let line = position.line().unwrap_or(0);
    let column = if line == 0 { 0 } else { position.position().unwrap_or(1).max(1) };
    (line, column, line.checked_sub(1).and_then(|index| source.lines().nth(index)).map(Into::into))
}

/// The part of the line around the column, and the white space that puts a caret under it. Control characters are shown as
/// `?`, since a terminal would obey them; tabs stay, so that the caret lines up.
fn excerpt(line: &str, column: usize) -> (String, String) {
    let visible = |c: char| if c.is_control() && c != '\t' { '?' } else { c };
    let caret = column.saturating_sub(1);
    let start = if caret > WIDTH - 20 { caret - WIDTH / 2 } else { 0 };
    let shown: String = line.chars().skip(start).take(WIDTH).map(visible).collect();
    let before: String =
        (line.chars().skip(start).take(caret - start)).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let missing = " ".repeat((caret - start).saturating_sub(before.chars().count()));
    (shown.trim_end().to_owned(), before + missing.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_line_caret_and_hint() {
        let source = "fn a() {\n\tlet x = event.user.emial;\n}";
        let problem = Diagnostic::at(
            Code::UnknownMember,
            "actions/a.rhai",
            source,
            rhai::Position::new(2, 21),
            "unknown property `emial`",
        )
        .with_hint("did you mean `email`?");
        let expected = "error[V0031]: unknown property `emial`\n --> actions/a.rhai:2:21\n  |\n2 | \tlet x = event.user.emial;\n  | \t                   ^\nhint: did you mean `email`?";
        assert_eq!(problem.to_string(), expected);
        assert_eq!(problem.one_line(), "actions/a.rhai:2:21: unknown property `emial`");
    }

    #[test]
    fn a_very_long_line_is_shown_around_the_caret() {
        let source = format!("{}!{}", "a".repeat(1_000), "b".repeat(1_000));
        let text = Diagnostic::at(Code::Syntax, "f", &source, rhai::Position::new(1, 1_001), "m").to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[3].find('!').map(|at| at - 4), lines[4].find('^').map(|at| at - 4));
        assert!(lines[3].len() < 200);
    }

    #[test]
    fn a_problem_without_a_place_names_the_file() {
        assert_eq!(
            Diagnostic::of_file(Code::FileTooLarge, "actions/a.rhai", "too large").to_string(),
            "error[V0018]: too large\n --> actions/a.rhai"
        );
    }
}
