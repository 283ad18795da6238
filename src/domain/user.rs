//! A person who logs in.

use serde::{Deserialize, Serialize};

use super::JsonMap;

/// The one database connection.
pub const CONNECTION: &str = "Username-Password-Authentication";
/// `event.connection.id` of [`CONNECTION`].
pub const CONNECTION_ID: &str = "con_usernamepassword";

/// Root keys of `app_metadata` that the server owns (Auth0's list): neither the configuration nor an action may set them.
pub const RESERVED_APP_METADATA: [&str; 18] = [
    "__tenant",
    "_id",
    "blocked",
    "clientID",
    "created_at",
    "email",
    "email_verified",
    "globalClientID",
    "global_client_id",
    "identities",
    "lastIP",
    "lastLogin",
    "loginsCount",
    "metadata",
    "multifactor",
    "multifactor_last_modified",
    "updated_at",
    "user_id",
];

/// A stored user. Timestamps are Unix milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The subject: `auth0|…`.
    pub user_id: String,
    /// Lower-cased for comparison; stored as declared.
    pub email: Option<String>,
    /// Whether somebody proved that the address is theirs.
    pub email_verified: bool,
    /// A login name beside the e-mail address.
    pub username: Option<String>,
    /// `+` and digits.
    pub phone_number: Option<String>,
    /// Whether somebody proved that the number is theirs.
    pub phone_verified: bool,
    /// Full name; the e-mail address if nothing else is known.
    pub name: Option<String>,
    /// Casual name; the local part of the address if nothing else is known.
    pub nickname: Option<String>,
    /// First name.
    pub given_name: Option<String>,
    /// Last name.
    pub family_name: Option<String>,
    /// URL of a picture.
    pub picture: Option<String>,
    /// A blocked user can neither log in nor refresh.
    pub blocked: bool,
    /// Names of the assigned roles, sorted.
    pub roles: Vec<String>,
    /// The user's own preferences.
    pub user_metadata: JsonMap,
    /// The operator's facts about the user.
    pub app_metadata: JsonMap,
    /// How often the user logged in with credentials.
    pub logins_count: i64,
    /// When the user was created.
    pub created_at: i64,
    /// When the profile or metadata last changed.
    pub updated_at: i64,
    /// When the password was last set.
    pub last_password_reset: Option<i64>,
}
