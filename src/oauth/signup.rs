//! Sign-up at the hosted page: what an address and a password must be. Long rather than complicated: no composition rules
//! (NIST SP 800-63B section 3.1.1), but nothing that everybody tries first.

use crate::app::App;
use crate::domain::user::User;

/// NIST SP 800-63B-4 section 3.1.1.2 for a password that stands alone.
const MIN_PASSWORD_CHARS: usize = 15;
const MAX_PASSWORD_CHARS: usize = 256;
/// Fewer different characters are a pattern, not a password.
const MIN_DIFFERENT: usize = 5;
/// Characters that must be left when what everybody thinks of is taken out.
const MIN_OWN: usize = 5;
/// RFC 5321 section 4.5.3.1.3.
const MAX_EMAIL_BYTES: usize = 254;

/// What heads every published list, and is repeated to reach a length. The longer ones first.
const COMMON: &[&str] = &[
    "abcdefghijklmnopqrstuvwxyz",
    "administrator",
    "qwertyuiop",
    "1234567890",
    "123456789",
    "987654321",
    "asdfghjkl",
    "liverpool",
    "12345678",
    "87654321",
    "baseball",
    "changeme",
    "computer",
    "football",
    "iloveyou",
    "michelle",
    "p@ssw0rd",
    "passw0rd",
    "password",
    "princess",
    "sunshine",
    "superman",
    "whatever",
    "1234567",
    "abcdefg",
    "letmein",
    "trustno",
    "welcome",
    "zxcvbnm",
    "123456",
    "dragon",
    "master",
    "monkey",
    "qazwsx",
    "qwerty",
    "qwertz",
    "secret",
    "shadow",
    "12345",
    "admin",
    "hello",
    "login",
    "1q2w3e",
    "1qaz",
    "2wsx",
    "1234",
    "4321",
    "2024",
    "2025",
    "2026",
    "abcd",
    "asdf",
    "test",
    "user",
    "zxcv",
    "123",
    "abc",
    "qwe",
];

/// What is wrong with the form; the text is for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No address.
    #[error("Please enter a valid email address.")]
    Email,
    /// Under fifteen characters.
    #[error("The password must have at least 15 characters.")]
    TooShort,
    /// Over 256 characters.
    #[error("The password must have at most 256 characters.")]
    TooLong,
    /// A pattern, or nothing but words of the list and of the address.
    #[error("This password is too easy to guess. Please choose another one.")]
    Guessable,
    /// The address is taken; said as little as a page can that logs in afterwards.
    #[error("This account could not be created. If you already have one, log in instead.")]
    Taken,
}

/// The user that the form asks for, not yet stored.
///
/// # Errors
/// The first problem of the form.
pub fn user(app: &App, email: &str, password: &str) -> Result<User, Problem> {
    let email = email.trim();
    check_email(email)?;
    check_password(password, email)?;
    let now = app.clock.now_ms();
    let id: String = app.random.bytes::<12>().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(User {
        user_id: format!("auth0|{id}"),
        email: Some(email.to_owned()),
        name: Some(email.to_owned()),
        nickname: Some(local_part(email).to_owned()),
        created_at: now,
        updated_at: now,
        last_password_reset: None,
        ..User::default()
    })
}

fn check_email(email: &str) -> Result<(), Problem> {
    let (local, domain) = email.rsplit_once('@').ok_or(Problem::Email)?;
    let printable = email.chars().all(|c| !c.is_whitespace() && !c.is_control());
    let plain = !local.is_empty() && !local.contains('@') && !email.contains(['<', '>', '"', '\\', ',', ';']);
    let labels = domain.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    if printable && plain && labels && email.len() <= MAX_EMAIL_BYTES { Ok(()) } else { Err(Problem::Email) }
}

fn check_password(password: &str, email: &str) -> Result<(), Problem> {
    let lower = password.to_lowercase();
    match password.chars().count() {
        short if short < MIN_PASSWORD_CHARS => Err(Problem::TooShort),
        long if long > MAX_PASSWORD_CHARS => Err(Problem::TooLong),
        _ if password.contains('\0') || is_guessable(&lower, email) => Err(Problem::Guessable),
        _ => Ok(()),
    }
}

/// Whether nearly nothing is left of a password when common words, and the address and its parts, are taken out.
fn is_guessable(lower: &str, email: &str) -> bool {
    let email = email.to_lowercase();
    let parts = email.split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().count() > 2);
    let mut own = lower.to_owned();
    for word in [email.as_str(), local_part(&email)].into_iter().chain(parts).chain(COMMON.iter().copied()) {
        own = own.replace(word, " ");
    }
    let left = own.chars().filter(|c| c.is_alphanumeric() || !c.is_ascii()).count();
    left < MIN_OWN || lower.chars().collect::<std::collections::BTreeSet<_>>().len() < MIN_DIFFERENT
}

fn local_part(email: &str) -> &str {
    email.split_once('@').map_or(email, |(local, _)| local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_two_sides_and_no_surprises() {
        for good in ["ada@example.com", "a.b+c@x.example", "ü@bücher.example", "ada@localhost"] {
            assert_eq!(check_email(good), Ok(()), "{good}");
        }
        for bad in
            ["", "ada", "@example.com", "ada@", "a b@c.d", "a@b@c.d", "a@.d", "a@b..c", "a@-b.c", "<a@b.c>", "a\0@b.c"]
        {
            assert_eq!(check_email(bad), Err(Problem::Email), "{bad:?}");
        }
    }

    #[test]
    fn passwords_are_long_enough_and_not_the_first_guess() {
        let check = |password: &str| check_password(password, "ada.lovelace@example.com");
        assert_eq!(check("correct horse battery staple"), Ok(()));
        assert_eq!(check("ÄÖÜäöüß€ÄÖÜäöüß€"), Ok(()));
        assert_eq!(check(" leading and trailing "), Ok(()));
        assert_eq!(check("fourteen chars"), Err(Problem::TooShort));
        assert_eq!(check(&"ab€de".repeat(52)), Err(Problem::TooLong));
        assert_eq!(check(&"€a-bc".repeat(51)), Ok(()));
        for easy in [
            "passwordpassword",
            "Password12345678",
            "123456789012345",
            "qwertyuiop123456",
            "aaaaaaaaaaaaaaaaaaaa",
            "abababababababab",
            "Ada.Lovelace@Example.com",
            "ada.lovelace1234",
            "welcome-admin-2026!",
        ] {
            assert_eq!(check(easy), Err(Problem::Guessable), "{easy}");
        }
    }
}
