//! Values that must not be seen, replaced wherever they stand in a text.

use super::redaction::REDACTED;

/// Shorter values are replaced only where they stand as a word: `Al` is a name, and a part of `Also`.
const SHORT: usize = 6;

/// Needles that are looked for one by one. Who sends more, thousands in the 64 KiB of a body, would have each sought in all that
/// he sent.
const MOST: usize = 1_000;

/// How a JWT begins: `{"` in base64url.
const TOKEN: &str = "eyJ";

/// Values that are replaced, the longest first.
#[derive(Debug)]
pub struct Needles {
    all: Vec<String>,
    /// Which pairs of bytes begin a needle: most texts have none, and need no search for each needle.
    begins: Begins,
    /// The user's id, which every trace tells: what it contains is hidden as it was written, not in other spellings, or `Ada`
    /// would tear `auth0|ada` apart.
    told: String,
}

impl Needles {
    /// Nothing yet, in the trace of this user.
    #[must_use]
    pub fn of(user_id: &str) -> Self {
        let mut begins = Begins { pairs: [0; 64], single: false };
        begins.add(TOKEN);
        Self { all: Vec::new(), begins, told: user_id.to_owned() }
    }

    /// These alone.
    #[must_use]
    pub fn only<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut needles = Self::of("");
        values.for_each(|value| needles.add(value));
        needles.finish()
    }

    /// Adds a value as it is, in lower case, as URLs and JSON write it, and on one line, as logs do. Empty ones and what stands
    /// for a redacted one are nothing to hide.
    pub fn add(&mut self, value: &str) {
        let value = value.trim();
        if value.is_empty() || value == REDACTED {
            return;
        }
        if value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'_'))
        {
            // The same in every form.
            return self.add_form(value);
        }
        let escaped = serde_json::Value::from(value).to_string();
        let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let percent = encoded.replace('+', "%20");
        let one_line = value.replace(char::is_control, " ");
        let with_tabs = value.replace(|c: char| c.is_control() && c != '\t', " ");
        for form in [value, &value.to_lowercase(), escaped.trim_matches('"'), &encoded, &percent, &one_line, &with_tabs] {
            let told = form != value && self.told.contains(form);
            if !form.is_empty() && !told {
                self.add_form(form);
            }
        }
    }

    fn add_form(&mut self, form: &str) {
        self.begins.add(form);
        if !self.are_too_many() && !self.all.iter().any(|known| known == form) {
            self.all.push(form.to_owned());
        }
    }

    /// Then only [`Needles::may_stand_in`] knows them all.
    fn are_too_many(&self) -> bool {
        self.all.len() > MOST
    }

    /// No more will be added: what contains another one goes first.
    #[must_use]
    pub fn finish(mut self) -> Self {
        self.all.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
        self
    }

    /// Whether the text may hold one; `false` is certain.
    fn may_stand_in(&self, text: &str) -> bool {
        self.begins.any_in(text.as_bytes())
    }

    /// The text without them, if it holds any.
    #[must_use]
    pub fn replaced(&self, text: &str) -> Option<String> {
        let mut new = self.may_stand_in(text).then(|| text.to_owned())?;
        self.replace(&mut new);
        (new != text).then_some(new)
    }

    /// Replaces every occurrence, and everything that looks like a signed token. Among too many of them a text that may hold one
    /// goes as a whole.
    pub fn replace(&self, text: &mut String) {
        if !self.may_stand_in(text) {
            return;
        }
        if self.are_too_many() {
            return REDACTED.clone_into(text);
        }
        for needle in &self.all {
            if text.len() >= needle.len() && text.contains(needle.as_str()) {
                *text = without(text, needle);
            }
        }
        if text.contains(TOKEN) {
            *text = without_tokens(text);
        }
    }
}

/// A set of pairs of bytes, which may hold a few more than were added.
#[derive(Debug)]
struct Begins {
    pairs: [u64; 64],
    /// A needle of one byte has no pair.
    single: bool,
}

impl Begins {
    fn add(&mut self, needle: &str) {
        match needle.as_bytes() {
            [first, second, ..] => {
                let (word, bit) = Self::place(*first, *second);
                self.pairs[word] |= bit;
            }
            _ => self.single = true,
        }
    }

    fn any_in(&self, text: &[u8]) -> bool {
        let known = |pair: &[u8]| {
            let (word, bit) = Self::place(pair[0], pair[1]);
            self.pairs[word] & bit != 0
        };
        self.single || text.windows(2).any(known)
    }

    /// Letters and digits of ASCII that differ have different low six bits, nearly.
    fn place(first: u8, second: u8) -> (usize, u64) {
        (usize::from(first & 63), 1 << (second & 63))
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

/// A JWT has three parts.
fn without_tokens(text: &str) -> String {
    let in_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=');
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(TOKEN) {
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
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
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
    // The end is enough, and longer than each of the words.
    let (mut end, mut start) = ([0; 32], 32);
    for letter in last.bytes().rev().filter(u8::is_ascii_alphanumeric).take(end.len()) {
        start -= 1;
        end[start] = letter.to_ascii_lowercase();
    }
    let plain = &end[start..];
    WHOLE.iter().any(|word| word.as_bytes() == plain) || ENDS.iter().any(|end| plain.ends_with(end.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(values: &[&str], text: &str) -> String {
        let mut needles = Needles::of("");
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
        assert_eq!(replaced(&["-----BEGIN KEY-----\nabc\n"], "-----BEGIN KEY----- abc"), "[redacted]");
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
    fn a_needle_of_one_letter_is_found_too() {
        assert_eq!(replaced(&["x"], "x, y"), "[redacted], y");
    }

    #[test]
    fn among_thousands_of_needles_a_text_that_may_hold_one_goes_as_a_whole() {
        let mut needles = Needles::of("");
        (0..5_000).for_each(|n| needles.add(&format!("secret-{n}")));
        let needles = needles.finish();
        assert_eq!(needles.replaced("a secret-4999 of many").as_deref(), Some(REDACTED));
        assert_eq!(needles.replaced("nothing of it"), None);
        assert!(needles.all.len() <= MOST + 1);
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
