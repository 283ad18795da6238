//! Values that must not be seen, replaced wherever they stand in a text.

use crate::flow::REDACTED;

/// Shorter values are replaced only where they stand as a word: `Al` is a name, and a part of `Also`.
const SHORT: usize = 6;

/// Values that are replaced, the longest first.
#[derive(Debug, Default)]
pub(super) struct Needles {
    all: Vec<String>,
    /// The user's id, which every trace tells: what it contains is hidden as it was written, not in other spellings, or `Ada`
    /// would tear `auth0|ada` apart.
    told: String,
}

impl Needles {
    /// Nothing yet, in the trace of this user.
    pub(super) fn of(user_id: &str) -> Self {
        Self { all: Vec::new(), told: user_id.to_owned() }
    }

    /// Adds a value as it is, in lower case, and as URLs and JSON write it. Empty ones and what stands for a redacted one are
    /// nothing to hide.
    pub(super) fn add(&mut self, value: &str) {
        let value = value.trim();
        if value.is_empty() || value == REDACTED {
            return;
        }
        let escaped = serde_json::Value::from(value).to_string();
        let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let percent = encoded.replace('+', "%20");
        for form in [value, &value.to_lowercase(), escaped.trim_matches('"'), &encoded, &percent] {
            let told = form != value && self.told.contains(form);
            if !form.is_empty() && !told && !self.all.iter().any(|known| known == form) {
                self.all.push(form.to_owned());
            }
        }
    }

    /// No more will be added: what contains another one goes first.
    pub(super) fn finish(mut self) -> Self {
        self.all.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
        self
    }

    /// Replaces every occurrence, and everything that looks like a signed token.
    pub(super) fn replace(&self, text: &mut String) {
        for needle in &self.all {
            if text.len() >= needle.len() && text.contains(needle.as_str()) {
                *text = without(text, needle);
            }
        }
        if text.contains("eyJ") {
            *text = without_tokens(text);
        }
    }
}

fn without(text: &str, needle: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(needle) {
        let (before, after) = (&rest[..at], &rest[at + needle.len()..]);
        let is_part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let previous = before.chars().next_back().or_else(|| result.chars().next_back());
        let inside = needle.len() < SHORT && (is_part(previous) || is_part(after.chars().next()));
        result.push_str(before);
        result.push_str(if inside { needle } else { REDACTED });
        rest = after;
    }
    result + rest
}

/// A JWT: three parts, of which the first begins with `{"` in base64url.
fn without_tokens(text: &str) -> String {
    let in_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=');
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("eyJ") {
        let end = rest[at..].find(|c| !in_token(c)).map_or(rest.len(), |length| at + length);
        let is_token = rest[at..end].matches('.').count() >= 2;
        result.push_str(&rest[..at]);
        result.push_str(if is_token { REDACTED } else { &rest[at..end] });
        rest = &rest[end..];
    }
    result + rest
}

/// Whether a member of this name holds a secret: `access_token`, `clientSecret`, `X-Api-Key`. Of a claim named by a URL the last
/// part counts.
pub(super) fn is_secret_name(name: &str) -> bool {
    const WHOLE: [&str; 14] = [
        "assertion",
        "authorization",
        "clientassertion",
        "cookie",
        "credential",
        "credentials",
        "idtokenhint",
        "otp",
        "passwd",
        "privatekey",
        "proxyauthorization",
        "pwd",
        "setcookie",
        "signature",
    ];
    const ENDS: [&str; 7] = ["accesskey", "apikey", "passphrase", "password", "secret", "secretkey", "token"];
    let last = name.rsplit(['/', ':']).next().unwrap_or(name);
    let plain: String = last.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    WHOLE.contains(&plain.as_str()) || ENDS.iter().any(|end| plain.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(values: &[&str], text: &str) -> String {
        let mut needles = Needles::default();
        values.iter().for_each(|value| needles.add(value));
        let mut text = text.to_owned();
        needles.finish().replace(&mut text);
        text
    }

    #[test]
    fn a_value_is_replaced_wherever_it_stands_and_however_it_is_written() {
        let text = "Ada@Example.com ada@example.com ?mail=Ada%40Example.com <Ada@Example.com>";
        assert_eq!(replaced(&["Ada@Example.com"], text), "[redacted] [redacted] ?mail=[redacted] <[redacted]>");
        assert_eq!(replaced(&["a\"b\\c-long"], r#"{"k":"a\"b\\c-long"}"#), r#"{"k":"[redacted]"}"#);
        assert_eq!(replaced(&["s3cr3t value"], "q=s3cr3t+value&r=s3cr3t%20value"), "q=[redacted]&r=[redacted]");
    }

    #[test]
    fn a_short_value_is_replaced_as_a_word_only() {
        assert_eq!(replaced(&["Al", "Ada"], "Al, Also Ada; Adam"), "[redacted], Also [redacted]; Adam");
        assert_eq!(replaced(&["Ada", "Ada Lovelace"], "Ada Lovelace is Ada"), "[redacted] is [redacted]");
        assert_eq!(replaced(&["", " "], "nothing"), "nothing");
    }

    #[test]
    fn a_name_does_not_tear_the_id_apart_that_is_told_anyway() {
        let mut needles = Needles::of("auth0|ada");
        needles.add("Ada");
        let mut text = "auth0|ada is Ada".to_owned();
        needles.finish().replace(&mut text);
        assert_eq!(text, "auth0|ada is [redacted]");
    }

    #[test]
    fn what_looks_like_a_token_is_replaced_though_nobody_named_it() {
        assert_eq!(replaced(&[], "got eyJhbGciOi.eyJzdWIi.c2ln, eyJust text"), "got [redacted], eyJust text");
    }

    #[test]
    fn names_of_secrets_are_known_in_every_spelling() {
        for name in ["access_token", "clientSecret", "X-Api-Key", "Authorization", "set-cookie", "https://x/firebase_token"]
        {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["token_type", "roles", "secretary", "expires_in", "https://secret/roles", "tokens_left"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
