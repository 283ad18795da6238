//! What another set of actions does differently about the same login, for `replay` and for the shadow of `serve`.
//!
//! Told is what somebody notices: claims, response parameters, scopes, metadata, denials, failures. Ids, times and places are
//! not compared; a place is told with the value that it belongs to. Two denials or failures bring no tokens on either side, so
//! nothing is told about the claims that would have been in them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::decision::{Decision, Outcome, Provenance, Setting};
use super::redaction::{fits, fits_json, is_redacted};
use super::scope::Scopes;

/// Something that differs. Without `before` it is new, without `after` it is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Of what.
    pub part: Part,
    /// The claim, parameter, scope or key; the code of a denial; the action that failed; `revoked`, `expires_at` …
    pub name: String,
    /// As it was decided then, and where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Setting>,
    /// As it is decided now, and where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Setting>,
}

/// What a [`Difference`] is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The login is denied; the value is the reason.
    Denial,
    /// An action failed; the value is the message.
    Failure,
    /// A claim of the ID token and `/userinfo`.
    IdToken,
    /// A claim of the access token.
    AccessToken,
    /// A member of the token response.
    TokenResponse,
    /// A granted scope.
    Scope,
    /// A key of `user_metadata` that is written; `null` deletes.
    UserMetadata,
    /// A key of `app_metadata` that is written; `null` deletes.
    AppMetadata,
    /// A key of `event.transaction.metadata` at the end.
    TransactionMetadata,
    /// What happens to the refresh token.
    RefreshToken,
    /// The end of the session.
    Session,
}

impl Part {
    /// `id_token`, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denial => "denial",
            Self::Failure => "failure",
            Self::IdToken => "id_token",
            Self::AccessToken => "access_token",
            Self::TokenResponse => "token_response",
            Self::Scope => "scope",
            Self::UserMetadata => "user_metadata",
            Self::AppMetadata => "app_metadata",
            Self::TransactionMetadata => "transaction_metadata",
            Self::RefreshToken => "refresh_token",
            Self::Session => "session",
        }
    }
}

/// Which way something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
}

impl Change {
    /// `added`, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

impl Difference {
    /// Which way.
    #[must_use]
    pub fn change(&self) -> Change {
        // A scope that somebody took away tells where: `false`, set there.
        let has = |side: &&Setting| self.part != Part::Scope || side.value == Value::Bool(true);
        match (self.before.as_ref().filter(has), self.after.as_ref().filter(has)) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Changed,
        }
    }
}

/// A Decision and what the protocol made of it.
#[derive(Clone, Copy, Debug)]
pub struct Settled<'a> {
    /// With the refusals of the protocol applied.
    pub decision: &'a Decision,
    /// Granted, after the actions' edits.
    pub scope: &'a Scopes,
    /// Whether a refresh token was presented: an action that revokes it denies.
    pub refreshing: bool,
}

/// What differs; parts of `before` that were redacted fit anything.
#[must_use]
pub fn differences(before: Settled<'_>, after: Settled<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    let sides = [before, after];
    compare(Part::Denial, sides.map(denial), &mut found);
    compare(Part::Failure, sides.map(failures), &mut found);
    if sides.iter().all(Settled::has_tokens) {
        for (part, claims) in [
            (Part::IdToken, sides.map(Settled::id_token)),
            (Part::AccessToken, sides.map(|side| visible(&side.decision.access_token))),
            (Part::TokenResponse, sides.map(|side| visible(&side.decision.token_response))),
        ] {
            compare(part, claims, &mut found);
        }
        scopes(sides, &mut found);
    }
    if !sides.iter().any(Settled::has_failed) {
        compare(Part::UserMetadata, sides.map(|side| all(&side.decision.user_metadata)), &mut found);
        compare(Part::AppMetadata, sides.map(|side| all(&side.decision.app_metadata)), &mut found);
        compare(Part::TransactionMetadata, sides.map(|side| bare(&side.decision.transaction_metadata)), &mut found);
        compare(Part::RefreshToken, sides.map(refresh_token), &mut found);
        compare(Part::Session, sides.map(session), &mut found);
    }
    found
}

impl<'a> Settled<'a> {
    fn has_tokens(&self) -> bool {
        let Decision { outcome, session_revoked, refresh_token, .. } = self.decision;
        let revoked = session_revoked.is_some() || (self.refreshing && refresh_token.revoked.is_some());
        *outcome == Outcome::Allowed && !revoked
    }

    /// A failure leaves nothing behind; a denial does.
    fn has_failed(&self) -> bool {
        matches!(self.decision.outcome, Outcome::Failed { .. })
    }

    /// Without `openid` there is no ID token that the claims could be in.
    fn id_token(self) -> Named<'a> {
        if self.scope.contains("openid") { visible(&self.decision.id_token) } else { Named::new() }
    }
}

/// Values by name, and where they were set if that is known. In alphabetical order.
type Named<'a> = Vec<(&'a str, Known<'a>)>;

#[derive(Clone, Copy)]
enum Known<'a> {
    Setting(&'a Setting),
    Value(&'a Value),
    Text(&'a str, Option<&'a Provenance>),
    Number(i64),
    Flag(bool),
}

impl Known<'_> {
    fn to_setting(self) -> Setting {
        let nowhere = Provenance::default;
        match self {
            Self::Setting(setting) => setting.clone(),
            Self::Value(value) => Setting { value: value.clone(), by: nowhere() },
            Self::Text(text, by) => Setting { value: text.into(), by: by.cloned().unwrap_or_default() },
            Self::Number(number) => Setting { value: number.into(), by: nowhere() },
            Self::Flag(flag) => Setting { value: flag.into(), by: nowhere() },
        }
    }

    fn fits(self, other: Self) -> bool {
        match (self, other) {
            (Self::Setting(recorded), Self::Setting(new)) => fits_json(&recorded.value, &new.value),
            (Self::Value(recorded), Self::Value(new)) => fits_json(recorded, new),
            (Self::Text(recorded, _), Self::Text(new, _)) => fits(without_place(recorded), without_place(new)),
            (Self::Number(recorded), Self::Number(new)) => recorded == new,
            (Self::Flag(recorded), Self::Flag(new)) => recorded == new,
            _ => false,
        }
    }
}

/// The message of an error without `actions/a.rhai:3:5: `: an error that moved is the same.
fn without_place(message: &str) -> &str {
    match message.split_once(": ") {
        Some((place, rest)) if place.contains(".rhai") && !place.contains(' ') => rest,
        _ => message,
    }
}

fn all(settings: &BTreeMap<String, Setting>) -> Named<'_> {
    settings.iter().map(|(name, setting)| (name.as_str(), Known::Setting(setting))).collect()
}

/// A claim that is `null` does not appear.
fn visible(settings: &BTreeMap<String, Setting>) -> Named<'_> {
    let shown = settings.iter().filter(|(_, setting)| !setting.value.is_null());
    shown.map(|(name, setting)| (name.as_str(), Known::Setting(setting))).collect()
}

fn bare(values: &BTreeMap<String, Value>) -> Named<'_> {
    values.iter().map(|(name, value)| (name.as_str(), Known::Value(value))).collect()
}

fn denial(side: Settled<'_>) -> Named<'_> {
    match &side.decision.outcome {
        Outcome::Denied { code, reason, by } => vec![(code, Known::Text(reason, Some(by)))],
        _ => Named::new(),
    }
}

/// By action; those that `on_error = "skip"` lets pass are failures, too.
fn failures(side: Settled<'_>) -> Named<'_> {
    let failed = side.decision.trace.actions.iter().filter_map(|action| Some((&action.action, action.error.as_ref()?)));
    let mut failures: Named<'_> = failed.map(|(action, error)| (action.as_str(), Known::Text(error, None))).collect();
    match &side.decision.outcome {
        Outcome::Failed { message, .. } if failures.is_empty() => failures.push(("", Known::Text(message, None))),
        _ => {}
    }
    failures.sort_by_key(|(action, _)| *action);
    failures
}

fn refresh_token(side: Settled<'_>) -> Named<'_> {
    let edits = &side.decision.refresh_token;
    let expires_at = edits.expires_at.map(|end| ("expires_at", Known::Number(end)));
    let idle_expires_at = edits.idle_expires_at.map(|end| ("idle_expires_at", Known::Number(end)));
    let revoked = edits.revoked.as_ref().map(|reason| ("revoked", Known::Text(reason, None)));
    expires_at.into_iter().chain(idle_expires_at).chain(revoked).collect()
}

fn session(side: Settled<'_>) -> Named<'_> {
    let Some(revocation) = &side.decision.session_revoked else { return Named::new() };
    vec![
        ("preserve_refresh_tokens", Known::Flag(revocation.preserve_refresh_tokens)),
        ("revoked", Known::Text(&revocation.reason, None)),
    ]
}

/// Merges two lists in alphabetical order.
fn compare(part: Part, [before, after]: [Named<'_>; 2], found: &mut Vec<Difference>) {
    let (mut before, mut after) = (before.into_iter().peekable(), after.into_iter().peekable());
    let began = found.len();
    let mut tell = |name: &str, before: Option<Known<'_>>, after: Option<Known<'_>>| {
        let (before, after) = (before.map(Known::to_setting), after.map(Known::to_setting));
        found.push(Difference { part, name: name.to_owned(), before, after });
    };
    loop {
        let order = match (before.peek(), after.peek()) {
            (Some((name, _)), Some((other, _))) => name.cmp(other),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => break,
        };
        let gone = if order.is_le() { before.next() } else { None };
        let new = if order.is_ge() { after.next() } else { None };
        match (gone, new) {
            (Some((name, recorded)), Some((_, new))) if !recorded.fits(new) => tell(name, Some(recorded), Some(new)),
            (Some((name, recorded)), None) => tell(name, Some(recorded), None),
            (None, Some((name, new))) => tell(name, None, Some(new)),
            _ => {}
        }
    }
    pair_redacted_names(found, began);
}

/// A name that was redacted is not gone if a new one fits it with its value.
fn pair_redacted_names(found: &mut Vec<Difference>, began: usize) {
    let mut index = began;
    while index < found.len() {
        let gone = &found[index];
        let same = |new: &Difference| match (&gone.before, &new.after) {
            (Some(recorded), Some(value)) => fits(&gone.name, &new.name) && fits_json(&recorded.value, &value.value),
            _ => false,
        };
        let redacted = gone.after.is_none() && is_redacted(&gone.name);
        match found[began..].iter().position(|new| redacted && new.before.is_none() && same(new)) {
            Some(other) => {
                let other = began + other;
                found.remove(index.max(other));
                found.remove(index.min(other));
                index = index.min(other);
            }
            None => index += 1,
        }
    }
}

/// Scopes that only one side grants; the other one tells who took them away, if somebody did.
fn scopes([before, after]: [Settled<'_>; 2], found: &mut Vec<Difference>) {
    let side = |side: Settled<'_>, word: &str| {
        let edit = side.decision.scopes.iter().rfind(|edit| edit.scope == word);
        let by = edit.map(|edit| edit.by.clone());
        let granted = side.scope.contains(word);
        (granted || by.is_some()).then(|| Setting { value: granted.into(), by: by.unwrap_or_default() })
    };
    let gone = before.scope.iter().filter(|word| !after.scope.contains(word) && !is_redacted(word));
    let new = after.scope.iter().filter(|word| !before.scope.contains(word));
    for word in gone.chain(new) {
        let (before, after) = (side(before, word), side(after, word));
        found.push(Difference { part: Part::Scope, name: word.to_owned(), before, after });
    }
}

#[cfg(test)]
#[path = "difference_tests.rs"]
mod tests;
