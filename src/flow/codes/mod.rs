//! Stable codes of problems: `error[V0031]`. A code never changes its meaning and is never used again.
//!
//! A row says what the problem is, why it is one, and shows it wrong and right; `vestibule explain` prints the row, and the
//! tests load both examples. Numbers below 30 are found when a file is loaded, those from 30 when an action runs, those from
//! 60 by the analysis of `vestibule check`.

mod analysis;
mod loading;
mod running;

use std::fmt::{Display, Formatter, Result};

use super::Trigger;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It does not work.
    Error,
    /// It works, and hardly as meant.
    Warning,
}

impl Display for Severity {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// What kind of problem; the discriminant is the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the table of each code says what it means")]
pub enum Code {
    Syntax = 1,
    UnknownVariable = 2,
    UnknownNamespace = 3,
    UnknownFunction = 4,
    UnknownLibraryFunction = 5,
    TopLevelStatement = 6,
    ReservedName = 7,
    StoredFunction = 8,
    ConstantAssigned = 9,
    TooManyArguments = 10,
    ConstantNotComputed = 11,
    NoHandler = 12,
    MisspeltHandler = 13,
    HandlerParameters = 14,
    HandlerInLibrary = 15,
    NamespaceName = 16,
    Unreadable = 17,
    FileTooLarge = 18,
    NotText = 19,
    SettingsWithoutFile = 20,
    TooComplex = 21,

    Thrown = 30,
    UnknownMember = 31,
    NoProperties = 32,
    WrongTypes = 33,
    NoBoolean = 34,
    Arithmetic = 35,
    OutOfBounds = 36,
    WrongArgument = 37,
    TooManyOperations = 38,
    TooManyCalls = 39,
    Deadline = 40,
    Memory = 41,
    DataTooLarge = 42,
    ClosureOnItself = 43,
    HttpCall = 44,
    Refused = 45,
    Panicked = 46,

    UnknownApi = 60,
    ApiArguments = 61,
    AbsentInTrigger = 62,
    ReservedClaim = 63,
    MisspeltClaim = 64,
    WrittenTwice = 65,
    UnknownSecret = 66,
    UnusedSecret = 67,
    AfterDeny = 68,
    HostNotAllowed = 69,
    ReadOnlyEvent = 70,
}

/// What is known about a code.
#[derive(Debug)]
pub struct Explanation {
    /// Which.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// In a few words.
    pub title: &'static str,
    /// Why it is a problem and what to do, in a paragraph.
    pub text: &'static str,
    /// Yields exactly this code.
    pub wrong: Sample,
    /// The same without the problem.
    pub right: Sample,
}

/// A directory of actions that shows something.
#[derive(Debug)]
pub struct Sample {
    /// Names relative to the directory of actions, and contents.
    pub files: &'static [(&'static str, &'static str)],
    /// Lines of `vestibule.toml` that belong to it; empty for none.
    pub config: &'static str,
    /// The trigger to run; `None`: loading is enough.
    pub runs: Option<Trigger>,
}

impl Sample {
    /// Files that are loaded and checked.
    const fn files(files: &'static [(&'static str, &'static str)]) -> Self {
        Self { files, config: "", runs: None }
    }

    /// With lines of the configuration.
    const fn with(mut self, config: &'static str) -> Self {
        self.config = config;
        self
    }

    /// Shown by running the actions for a login.
    const fn at_login(mut self) -> Self {
        self.runs = Some(Trigger::PostLogin);
        self
    }
}

impl Code {
    /// Every row, in order of numbers.
    pub fn all() -> impl Iterator<Item = &'static Explanation> {
        [loading::CODES, running::CODES, analysis::CODES].into_iter().flatten()
    }

    /// The number that a person and a script's error value carry.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The code of a number.
    pub(crate) fn of_number(number: i64) -> Option<Self> {
        Self::all().map(|row| row.code).find(|code| i64::from(code.number()) == number)
    }

    /// The code of `V0031`, `v31` or `31`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::of_number(text.trim().trim_start_matches(['V', 'v']).parse().ok()?)
    }

    /// The row of the code.
    ///
    /// # Panics
    /// Never: a test looks every code up.
    #[must_use]
    pub fn explanation(self) -> &'static Explanation {
        let found = Self::all().find(|row| row.code == self);
        found.unwrap_or_else(|| unreachable!("every code has a row"))
    }

    /// Error or warning.
    #[must_use]
    pub fn severity(self) -> Severity {
        self.explanation().severity
    }
}

/// `V0031`.
impl Display for Code {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "V{:04}", self.number())
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every variant by its name in the source, so that a new one without a row fails the build of this list or the test.
    fn declared() -> BTreeSet<u16> {
        let source = include_str!("mod.rs");
        let body = source.split("pub enum Code {").nth(1).unwrap().split('}').next().unwrap();
        body.lines().filter_map(|line| line.split_once(" = ")?.1.trim_end_matches(',').parse().ok()).collect()
    }

    #[test]
    fn every_code_has_one_row_in_order() {
        let numbers: Vec<u16> = Code::all().map(|row| row.code.number()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        assert_eq!(numbers.into_iter().collect::<BTreeSet<_>>(), declared());
    }

    #[test]
    fn a_row_explains_and_shows_wrong_and_right() {
        for row in Code::all() {
            assert!(!row.title.is_empty() && !row.title.ends_with('.') && row.text.ends_with('.'), "{}", row.code);
            assert!(
                row.code == Code::Panicked || row.wrong.files != row.right.files || row.wrong.config != row.right.config
            );
        }
    }

    #[test]
    fn codes_are_found_however_they_are_written() {
        for text in ["V0031", "v0031", "31", "V31", " V0031 "] {
            assert_eq!(Code::parse(text), Some(Code::UnknownMember), "{text}");
        }
        for text in ["V9999", "", "V", "W0031", "-1"] {
            assert_eq!(Code::parse(text), None, "{text}");
        }
        assert_eq!(Code::UnknownMember.to_string(), "V0031");
    }
}
