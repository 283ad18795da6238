//! Sign-up at the hosted page: what an address and a password must be. Long rather than complicated: no composition rules
//! (NIST SP 800-63B section 3.1.1), but nothing that everybody tries first.

use crate::app::App;
use crate::domain::user::User;

const MIN_PASSWORD_CHARS: usize = 8;
const MAX_PASSWORD_CHARS: usize = 256;
/// RFC 5321 section 4.5.3.1.3.
const MAX_EMAIL_BYTES: usize = 254;

/// Passwords of eight characters or more that head every published list.
const COMMON: &[&str] = &[
    "00000000",
    "11111111",
    "12341234",
    "123123123",
    "12344321",
    "12345678",
    "123456789",
    "1234567890",
    "123456789a",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "87654321",
    "88888888",
    "987654321",
    "a1234567",
    "aa123456",
    "aaaaaaaa",
    "abc12345",
    "abcd1234",
    "admin123",
    "administrator",
    "asdfasdf",
    "asdfghjkl",
    "baseball",
    "changeme",
    "computer",
    "football",
    "iloveyou",
    "letmein1",
    "liverpool",
    "master123",
    "michelle",
    "p@ssw0rd",
    "passw0rd",
    "password",
    "password!",
    "password1",
    "password12",
    "password123",
    "princess",
    "q1w2e3r4",
    "qazwsxedc",
    "qwer1234",
    "qwerty12",
    "qwerty123",
    "qwertyui",
    "qwertyuiop",
    "sunshine",
    "superman",
    "test1234",
    "trustno1",
    "welcome1",
    "welcome123",
    "whatever",
    "zxcvbnm1",
];

/// What is wrong with the form; the text is for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No address.
    #[error("Please enter a valid email address.")]
    Email,
    /// Under eight characters.
    #[error("The password must have at least 8 characters.")]
    TooShort,
    /// Over 256 characters.
    #[error("The password must have at most 256 characters.")]
    TooLong,
    /// On the list, or the address itself.
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
        _ if COMMON.contains(&lower.as_str()) || password.contains('\0') => Err(Problem::Guessable),
        _ if lower == email.to_lowercase() || lower == local_part(email).to_lowercase() => Err(Problem::Guessable),
        _ => Ok(()),
    }
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
        assert_eq!(check("ÄÖÜäöüß€"), Ok(()));
        assert_eq!(check(" leading"), Ok(()));
        assert_eq!(check("seven77"), Err(Problem::TooShort));
        assert_eq!(check(&"x".repeat(257)), Err(Problem::TooLong));
        assert_eq!(check(&"€".repeat(256)), Ok(()));
        for easy in ["Password123", "ADA.LOVELACE", "Ada.Lovelace@Example.com", "12345678"] {
            assert_eq!(check(easy), Err(Problem::Guessable), "{easy}");
        }
    }
}
