//! The parameters of a browser request as RFC 6749 section 3.1 wants them: empty is absent, repeated is wrong, unknown is kept.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::JsonMap;
use crate::domain::scope::Scopes;

use super::error::{Error, Result};

/// Words of one list. Actions may add as many scopes; no client asks for more.
const MAX_WORDS: usize = 1_000;
/// Parameters that are lists of words.
const LISTS: [&str; 6] = ["acr_values", "claims_locales", "prompt", "response_type", "scope", "ui_locales"];

/// Parameters by name, and the names that cannot be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    values: BTreeMap<String, String>,
    unusable: BTreeSet<String>,
}

impl Parameters {
    /// Sorts pairs of query and body. A name that came twice, or whose value is no text, has no value but is remembered.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let (mut values, mut unusable) = (BTreeMap::new(), BTreeSet::new());
        for (name, value) in pairs {
            if !is_text(&name) || !is_text(&value) || values.contains_key(&name) {
                unusable.insert(name.clone());
            }
            values.insert(name, value);
        }
        values.retain(|name, value| !value.is_empty() && !unusable.contains(name));
        Self { values, unusable }
    }

    /// Parameters that were validated before and stored.
    #[must_use]
    pub fn frozen(values: BTreeMap<String, String>) -> Self {
        Self { values, unusable: BTreeSet::new() }
    }

    /// The value, unless absent, empty or unusable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// `invalid_request` with its name.
    pub fn required(&self, name: &str) -> Result<&str> {
        self.get(name).ok_or_else(|| Error::protocol("invalid_request", format!("Missing required parameter: {name}")))
    }

    /// The value as an owned string.
    #[must_use]
    pub fn owned(&self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }

    /// The words of a value that is a list separated by white space.
    #[must_use]
    pub fn words(&self, name: &str) -> Vec<String> {
        self.get(name).unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect()
    }

    /// `scope`, if it asks for anything.
    #[must_use]
    pub fn scope(&self) -> Option<Scopes> {
        self.get("scope").map(Scopes::parse).filter(|asked| !asked.is_empty())
    }

    /// What is wrong with a list of more words than anybody needs: each is looked up, stored and shown to the actions.
    #[must_use]
    pub fn too_many_words(&self) -> Option<String> {
        let is_long = |name: &str| self.get(name).is_some_and(|list| list.split_ascii_whitespace().nth(MAX_WORDS).is_some());
        LISTS.iter().find(|name| is_long(name)).map(|name| format!("parameter `{name}` has more than {MAX_WORDS} words"))
    }

    /// Whether the parameter came twice or cannot be a value.
    #[must_use]
    pub fn is_unusable(&self, name: &str) -> bool {
        self.unusable.contains(name)
    }

    /// Some parameter that came twice or cannot be a value.
    #[must_use]
    pub fn first_unusable(&self) -> Option<&str> {
        self.unusable.first().map(String::as_str)
    }

    /// Every usable parameter.
    #[must_use]
    pub fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// Every usable parameter as JSON, for `event.request.query`.
    #[must_use]
    pub fn to_json(&self) -> JsonMap {
        self.values.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()
    }
}

/// Decoders put a replacement character where the bytes are no UTF-8: what was sent is not known any more. No database keeps NUL.
fn is_text(text: &str) -> bool {
    !text.contains(['\0', char::REPLACEMENT_CHARACTER])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(query: &str) -> Parameters {
        Parameters::from_pairs(url::form_urlencoded::parse(query.as_bytes()).into_owned())
    }

    #[test]
    fn empty_is_absent_and_unknown_is_kept() {
        let parsed = parameters("nonce=&scope=openid&foo=bar");
        assert_eq!(parsed.get("nonce"), None);
        assert_eq!(parsed.get("foo"), Some("bar"));
        assert_eq!(parsed.first_unusable(), None);
    }

    #[test]
    fn repeated_parameters_and_bytes_that_are_no_text_have_no_value() {
        for query in ["state=a&state=b", "state=a&state=a", "state=&state=a", "state=a&state=", "state=%00", "state=%FFab"] {
            let parsed = parameters(query);
            assert!(parsed.is_unusable("state"), "{query}");
            assert_eq!(parsed.get("state"), None, "{query}");
        }
    }
}
