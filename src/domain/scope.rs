//! Scope strings (RFC 6749 section 3.3) and which of them are granted.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// An ordered set of scope words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Splits at white space; repeated words count once.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        text.split_ascii_whitespace().collect()
    }

    /// Whether the word is in the set.
    #[must_use]
    pub fn contains(&self, word: &str) -> bool {
        self.0.iter().any(|have| have == word)
    }

    /// Adds the word at the end unless it is there.
    pub fn insert(&mut self, word: &str) {
        if !self.contains(word) {
            self.0.push(word.to_owned());
        }
    }

    /// Takes the word out.
    pub fn remove(&mut self, word: &str) {
        self.0.retain(|have| have != word);
    }

    /// The words for many questions of [`Scopes::contains`]: two long lists are compared in the time of reading them.
    #[must_use]
    pub fn lookup(&self) -> HashSet<&str> {
        self.iter().collect()
    }

    /// The words in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The words as owned strings.
    #[must_use]
    pub fn to_vec(&self) -> Vec<String> {
        self.0.clone()
    }

    /// Keeps the words for which `keep` says so.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.iter().filter(|word| keep(word)).map(str::to_owned).collect())
    }

    /// The words that the other set has, too.
    #[must_use]
    pub fn both(&self, other: &Self) -> Self {
        let known = other.lookup();
        self.filter(|word| known.contains(word))
    }

    /// Whether there is no word.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> FromIterator<&'a str> for Scopes {
    fn from_iter<I: IntoIterator<Item = &'a str>>(words: I) -> Self {
        let mut known = HashSet::new();
        Self(words.into_iter().filter(|word| known.insert(*word)).map(str::to_owned).collect())
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_order_and_count_once() {
        let scopes = Scopes::parse(" openid profile\topenid  email profile ");
        assert_eq!(scopes.to_string(), "openid profile email");
        assert_eq!(scopes.filter(|word| word != "profile").to_string(), "openid email");
        assert_eq!(scopes.lookup(), HashSet::from(["openid", "profile", "email"]));
    }
}
