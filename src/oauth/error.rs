//! Every failure of the protocol by its fact. `http` turns it into a status, a redirect or a page in one exhaustive match.

use crate::store;

/// Why a request is not answered with success.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is wrong: an OAuth error code of the RFCs and a description for the client's developer.
    #[error("{code}: {description}")]
    Protocol {
        /// `invalid_request`, `invalid_grant`, `invalid_scope`, `unauthorized_client`, `unsupported_grant_type`, `login_required` …
        code: &'static str,
        /// Fixed text; never contains secrets or internals.
        description: String,
    },
    /// Client authentication failed (401). `basic`: the client used the `Authorization` header, so the answer carries
    /// `WWW-Authenticate`.
    #[error("invalid_client: {description}")]
    InvalidClient {
        /// Whether Basic was used.
        basic: bool,
        /// Fixed text.
        description: String,
    },
    /// An action denied (403 at the token endpoint).
    #[error("{code}: {reason}")]
    Denied {
        /// OAuth error code chosen by the action.
        code: String,
        /// The action's words for the client.
        reason: String,
    },
    /// An action failed (500 `server_error` with the reference).
    #[error("server_error: reference {reference}")]
    ActionFailed {
        /// Looked up in the log.
        reference: String,
    },
    /// No place to run actions or hash passwords (503 `temporarily_unavailable`, `Retry-After`).
    #[error("temporarily_unavailable")]
    Busy,
    /// Too many wrong passwords (429 `too_many_attempts`, `Retry-After`).
    #[error("too_many_attempts")]
    TooManyAttempts {
        /// Seconds until the next try.
        retry_after: i64,
    },
    /// The database failed (503).
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A token could not be signed (500).
    #[error(transparent)]
    Keys(#[from] crate::keys::Error),
}

impl Error {
    /// The error code of the RFCs: the member `error` of the answer, and the outcome in logs and metrics.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Protocol { code, .. } => code,
            Self::InvalidClient { .. } => "invalid_client",
            Self::Denied { code, .. } => code,
            Self::ActionFailed { .. } | Self::Keys(_) => "server_error",
            Self::Busy | Self::Store(_) => "temporarily_unavailable",
            Self::TooManyAttempts { .. } => "too_many_attempts",
        }
    }

    /// A protocol error with a fixed description.
    pub fn protocol(code: &'static str, description: impl Into<String>) -> Self {
        Self::Protocol { code, description: description.into() }
    }
}

/// `Result` with this module's error.
pub type Result<T> = std::result::Result<T, Error>;

/// Text in the characters that RFC 6749 allows in `error` and `error_description`; the log keeps the original.
#[must_use]
pub fn described(text: &str) -> String {
    text.chars().map(allowed).collect()
}

fn allowed(c: char) -> char {
    match c {
        ' ' | '!' | '#'..='[' | ']'..='~' => c,
        '"' | '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' | '\u{201e}' => '\'',
        '\\' => '/',
        '\u{2013}' | '\u{2014}' => '-',
        c if c.is_whitespace() => ' ',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_keep_to_the_characters_of_the_rfc() {
        assert_eq!(described("say \"no\"\\\n\u{7f}ü"), "say 'no'/ ??");
        assert_eq!(described("Grant type 'x' not allowed ~!"), "Grant type 'x' not allowed ~!");
        let every: String = (0..=0x2fff).filter_map(char::from_u32).collect();
        assert!(described(&every).bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)));
    }
}
