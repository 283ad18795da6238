//! A person who logs in.

use std::iter::once;

use icu_normalizer::ComposingNormalizerBorrowed;
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

/// What e-mail addresses and usernames are compared by: RFC 8265's UsernameCaseMapped (section 3.3.2). One keyboard sends `é`,
/// another `e` and an accent, a Japanese one full-width letters; to their owner they are one name.
#[must_use]
pub fn login_key(login: &str) -> String {
    let usual: String = login.trim().chars().flat_map(of_usual_width).collect();
    ComposingNormalizerBorrowed::new_nfc().normalize(&usual.to_lowercase()).into_owned()
}

/// What a full-width or half-width character stands for.
fn of_usual_width(character: char) -> impl Iterator<Item = char> {
    let is_other = matches!(character, '\u{3000}' | '\u{ff01}'..='\u{ffee}');
    let usual = is_other.then(|| ComposingNormalizerBorrowed::new_nfkc().normalize_iter(once(character)));
    usual.into_iter().flatten().chain((!is_other).then_some(character))
}

/// A stored user. Timestamps are Unix milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The subject: `auth0|…`.
    pub user_id: String,
    /// Stored as declared, compared by its [`login_key`].
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_typed_on_several_keyboards_has_one_key() {
        for (one, other) in [
            ("rene\u{301}@example.com", "Ren\u{e9}@Example.com "),
            ("ZOE\u{308}", "zo\u{eb}"),
            ("\u{212b}ngstr\u{f6}m", "a\u{30a}ngstro\u{308}m"),
            ("\u{ff41}da\u{ff20}example.com", "ada@example.com"),
            ("\u{ff76}\u{ff9e}", "\u{30ac}"),
            ("\u{39f}\u{394}\u{39f}\u{3a3}", "\u{3bf}\u{3b4}\u{3bf}\u{3c2}"),
            ("I\u{307}zmir", "\u{130}zmir"),
        ] {
            assert_eq!(login_key(one), login_key(other), "{one} {other}");
            assert_eq!(login_key(&login_key(one)), login_key(one), "{one}");
        }
        for (one, other) in [("rene", "ren\u{e9}"), ("\u{fb01}n", "fin"), ("x\u{b2}", "x2"), ("stra\u{df}e", "strasse")] {
            assert_ne!(login_key(one), login_key(other));
        }
    }
}
