//! What the user reads when a command cannot go on: the error and what to do about it.

use std::process::ExitCode;

use super::print;
use crate::config::Invalid;
use crate::flow::LoadError;

/// An error with a hint.
#[derive(Debug, thiserror::Error)]
#[error("error: {message}\nhint: {hint}")]
pub(super) struct Explained {
    message: String,
    hint: String,
}

/// An error that says what to do.
pub(super) fn explained(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    Explained { message: message.into(), hint: hint.into() }.into()
}

/// Wrong input to a command: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadInput(pub(super) Explained);

/// Wrong input with a hint.
pub(super) fn bad_input(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    BadInput(Explained { message: message.into(), hint: hint.into() }).into()
}

/// A problem that `report` shows in full, as wrong input: exit code 2.
#[derive(Debug)]
pub(super) struct Unusable(anyhow::Error);

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Unusable {}

/// The command had to work with what has these problems: exit code 2.
pub(super) fn as_bad_input(error: impl Into<anyhow::Error>) -> anyhow::Error {
    Unusable(error.into()).into()
}

/// Prints the error to stderr.
pub(super) fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(Unusable(inner)) = error.downcast_ref::<Unusable>() {
        report(inner);
        return ExitCode::from(2);
    } else if let Some(invalid) = error.downcast_ref::<Invalid>() {
        print::error(&format!("{invalid}\n\n{}", count(invalid.problems.len(), &invalid.problems[0].file)));
    } else if let Some(broken) = error.downcast_ref::<LoadError>() {
        print::error(&format!("{broken}\n\n{}", count(broken.problems.len(), "the actions")));
    } else if let Some(explained) = error.downcast_ref::<Explained>() {
        print::error(&explained.to_string());
    } else if let Some(bad) = error.downcast_ref::<BadInput>() {
        print::error(&bad.to_string());
        return ExitCode::from(2);
    } else {
        print::error(&format!("error: {error:#}"));
    }
    ExitCode::FAILURE
}

/// `3 problems in vestibule.toml`.
pub(super) fn count(problems: usize, place: &str) -> String {
    match problems {
        1 => format!("1 problem in {place}"),
        many => format!("{many} problems in {place}"),
    }
}
