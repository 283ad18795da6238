//! Scope strings (RFC 6749 section 3.3) and which of them are granted.

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
        self.iter().filter(|word| keep(word)).collect()
    }

    /// Whether there is no word.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> FromIterator<&'a str> for Scopes {
    fn from_iter<I: IntoIterator<Item = &'a str>>(words: I) -> Self {
        let mut scopes = Self::default();
        for word in words {
            scopes.insert(word);
        }
        scopes
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}
