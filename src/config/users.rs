//! `[[users]]`: people who are there from the start. Their passwords stand in the file only in development.

use crate::domain::user::User;

use super::metadata;
use super::reader::{Found, Section};
use super::secret::{self, Secret};

/// A person of the file. Timestamps of [`DeclaredUser::user`] are zero.
#[derive(Clone, Debug)]
pub struct DeclaredUser {
    /// Profile, roles and metadata.
    pub user: User,
    /// `None`: cannot log in with a password.
    pub password: Option<Secret>,
}

/// A person and the places of what others check.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) id: Found<String>,
    pub(super) email: Option<Found<String>>,
    pub(super) username: Option<Found<String>>,
    pub(super) roles: Vec<Found<String>>,
    pub(super) declared: DeclaredUser,
}

/// One person.
pub(super) fn read(section: &Section<'_>) -> Option<Read> {
    let id = section.required("user_id", "for example `auth0|ada`");
    let (email, username, roles) = (email(section), username(section), section.texts("roles"));
    let password = section.node("password").and_then(|node| secret::resolve(section.context, &node, "the password"));
    let text = |key| section.text(key).map(|found| found.value);
    let mut role_names: Vec<_> = roles.iter().map(|role| role.value.clone()).collect();
    role_names.sort();
    role_names.dedup();
    let user = User {
        user_id: id.as_ref().map(|id| id.value.clone()).unwrap_or_default(),
        email: email.as_ref().map(|found| found.value.clone()),
        email_verified: section.flag("email_verified").unwrap_or(false),
        username: username.as_ref().map(|found| found.value.clone()),
        phone_number: phone_number(section),
        phone_verified: section.flag("phone_verified").unwrap_or(false),
        name: text("name").or_else(|| known_as(email.as_ref(), username.as_ref(), false)),
        nickname: text("nickname").or_else(|| known_as(email.as_ref(), username.as_ref(), true)),
        given_name: text("given_name"),
        family_name: text("family_name"),
        picture: picture(section),
        blocked: section.flag("blocked").unwrap_or(false),
        roles: role_names,
        user_metadata: metadata::user(section, "user_metadata"),
        app_metadata: metadata::user(section, "app_metadata"),
        ..User::default()
    };
    section.finish();
    if section.has("password") && email.is_none() && username.is_none() {
        let hint = "add email or username".to_owned();
        section.problem("password", "a user without e-mail address and username cannot log in", hint);
    }
    if password.as_ref().is_some_and(|password| password.reveal().len() > 1_024) {
        section.problem("password", "must have at most 1024 bytes", None);
    }
    let id = id?;
    if id.value.len() > 255 || id.value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        section.context.problem(&id.at, "must have at most 255 bytes and no white space", None);
    }
    Some(Read { id, email, username, roles, declared: DeclaredUser { user, password } })
}

/// What Auth0 calls somebody who gave no name: the address, or its local part as a nickname; else the username.
fn known_as(email: Option<&Found<String>>, username: Option<&Found<String>>, short: bool) -> Option<String> {
    let email = email.map(|email| email.value.as_str());
    let name = if short { email.and_then(|email| email.split('@').next()) } else { email };
    name.or(username.map(|username| username.value.as_str())).map(str::to_owned)
}

fn email(section: &Section<'_>) -> Option<Found<String>> {
    let found = section.text("email")?;
    let fits = found.value.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.is_empty()
            && !domain.contains('@')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
    });
    if !fits || found.value.len() > 254 || found.value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        section.context.problem(&found.at, format!("`{}` is no e-mail address", found.value), None);
    }
    Some(found)
}

fn username(section: &Section<'_>) -> Option<Found<String>> {
    let found = section.text("username")?;
    let fits = (1..=128).contains(&found.value.len()) && !found.value.contains('@');
    if !fits || found.value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        section.context.problem(&found.at, "must have 1 to 128 bytes without white space and `@`", None);
    }
    Some(found)
}

fn phone_number(section: &Section<'_>) -> Option<String> {
    let found = section.text("phone_number")?;
    let digits = found.value.strip_prefix('+').unwrap_or_default();
    if !(1..=15).contains(&digits.len()) || !digits.chars().all(|c| c.is_ascii_digit()) {
        let hint = "write `+`, the country code and the number: +4930123456".to_owned();
        section.context.problem(&found.at, "must be an E.164 number", hint);
    }
    Some(found.value)
}

fn picture(section: &Section<'_>) -> Option<String> {
    let found = section.text("picture")?;
    if !url::Url::parse(&found.value).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
        section.context.problem(&found.at, "must be an http or https URL", None);
    }
    Some(found.value)
}
