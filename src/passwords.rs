//! Password hashing (argon2id) on its own few threads, so that tokens and JWKS stay quick.

/// Hashes and verifies passwords with bounded concurrency.
#[derive(Debug)]
pub struct Passwords {}

impl Passwords {
    /// Two hashes at a time.
    #[must_use]
    pub fn new() -> Self {
        todo!()
    }

    /// The PHC string of a new password.
    ///
    /// # Errors
    /// `Busy` when too many wait.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordsBusy> {
        todo!("{password}")
    }

    /// Whether the password fits; takes the same time for `None` (no such user).
    ///
    /// # Errors
    /// `Busy` when too many wait.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, PasswordsBusy> {
        todo!("{password}{hash:?}")
    }
}

/// Too many logins wait for their password to be hashed.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("too many password checks wait")]
pub struct PasswordsBusy;
