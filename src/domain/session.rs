//! The single sign-on session of a browser, and a login that is under way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A browser's session. Timestamps are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// `sid` in ID tokens and `event.session.id`; not the cookie's secret.
    pub id: String,
    /// Who is logged in.
    pub user_id: String,
    /// How and when the user authenticated.
    pub methods: Vec<AuthenticationMethod>,
    /// `auth_time`: when credentials were last checked.
    pub authenticated_at: i64,
    /// When the session began.
    pub created_at: i64,
    /// When it was last used for an authorization.
    pub last_interacted_at: i64,
    /// The absolute end.
    pub expires_at: i64,
    /// The end unless it is used before.
    pub idle_expires_at: i64,
    /// Clients that got tokens in this session.
    pub clients: Vec<String>,
    /// Address of the first login.
    pub initial_ip: String,
    /// User agent of the first login.
    pub initial_user_agent: Option<String>,
}

/// An entry of `event.authentication.methods`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticationMethod {
    /// `pwd` for a password.
    pub name: String,
    /// When, Unix milliseconds.
    pub timestamp: i64,
}

/// An authorization request that waits for the login form: every parameter frozen as it was validated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginTransaction {
    /// `event.transaction.id`; not the handle in the form's URL.
    pub id: String,
    /// SHA-256 of the cookie that ties the transaction to one browser.
    pub browser_hash: String,
    /// Every parameter of the authorization request, unknown ones too.
    pub parameters: BTreeMap<String, String>,
    /// `GET` or `POST`: how `/authorize` was called.
    pub method: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds; one hour later.
    pub expires_at: i64,
}
