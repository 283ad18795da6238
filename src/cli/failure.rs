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

/// Prints the error to stderr. A configuration or actions that cannot be used are wrong input, like anything else that the user
/// gave; only `check` was asked about them, and answers with 1.
pub(super) fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(invalid) = error.downcast_ref::<Invalid>() {
        print::error(&format!("{invalid}\n\n{}", count(invalid.problems.len(), &invalid.problems[0].file)));
    } else if let Some(broken) = error.downcast_ref::<LoadError>() {
        print::error(&format!("{broken}\n\n{}", count(broken.problems.len(), "the actions")));
    } else if let Some(bad) = error.downcast_ref::<BadInput>() {
        print::error(&bad.to_string());
    } else if let Some(explained) = error.downcast_ref::<Explained>() {
        print::error(&explained.to_string());
        return ExitCode::FAILURE;
    } else {
        print::error(&format!("error: {error:#}"));
        return ExitCode::FAILURE;
    }
    ExitCode::from(2)
}

/// `3 problems in vestibule.toml`.
pub(super) fn count(problems: usize, place: &str) -> String {
    format!("{} in {place}", count_of(problems, "problem"))
}

/// `1 problem`, `3 problems`.
pub(super) fn count_of(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
