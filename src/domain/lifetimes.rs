//! How long things last that belong to no client and no API.

/// Lifetimes in seconds that belong to no client or API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An authorization code: 60.
    pub code: i64,
    /// A login that waits for its form: 3 600.
    pub login_transaction: i64,
    /// A session, at most: 168 hours.
    pub session: i64,
    /// A session that is not used: 72 hours.
    pub idle_session: i64,
    /// An opaque access token: 86 400.
    pub opaque_access_token: i64,
    /// An opaque access token from the authorization endpoint: 7 200.
    pub opaque_access_token_for_web: i64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            code: 60,
            login_transaction: 3_600,
            session: 168 * 3_600,
            idle_session: 72 * 3_600,
            opaque_access_token: 86_400,
            opaque_access_token_for_web: 7_200,
        }
    }
}
