//! The parameters of a request to the token side: each at most once, without the empty ones (RFC 6749 section 3.2).

use std::collections::BTreeMap;

use super::error::{Error, Result};

/// More distinct parameters than any client sends.
const MAX_PARAMETERS: usize = 100;

/// Parameters by name. Empty values count as absent, unknown names are kept and ignored.
#[derive(Clone, Default)]
pub struct BodyParameters(BTreeMap<String, String>);

/// Names only: values may be secrets.
impl std::fmt::Debug for BodyParameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl BodyParameters {
    /// Collects pairs.
    ///
    /// # Errors
    /// `invalid_request` for a name that is sent twice, for too many names, and for NUL characters, which no parameter has and
    /// PostgreSQL cannot store.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let mut all = BTreeMap::new();
        for (name, value) in pairs {
            if name.contains('\0') || value.contains('\0') {
                return Err(Error::protocol("invalid_request", "a parameter contains a NUL character"));
            }
            if all.contains_key(&name) {
                return Err(Error::protocol("invalid_request", format!("parameter '{}' is repeated", shown(&name))));
            }
            if all.len() == MAX_PARAMETERS {
                return Err(Error::protocol("invalid_request", "too many parameters"));
            }
            all.insert(name, value);
        }
        all.retain(|_, value| !value.is_empty());
        Ok(Self(all))
    }

    /// The value, if it is there and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// `invalid_request` with its name.
    pub fn required(&self, name: &str) -> Result<&str> {
        self.get(name).ok_or_else(|| Error::protocol("invalid_request", format!("Missing required parameter: {name}")))
    }
}

/// At most 40 characters of what a client sent.
fn shown(name: &str) -> String {
    name.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Result<BodyParameters> {
        BodyParameters::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn empty_means_absent() {
        let parameters = parameters(&[("scope", ""), ("code", "x")]).unwrap();
        assert_eq!(parameters.get("scope"), None);
        assert_eq!(parameters.required("code").unwrap(), "x");
        assert_eq!(
            parameters.required("scope").unwrap_err().to_string(),
            "invalid_request: Missing required parameter: scope"
        );
    }

    #[test]
    fn a_repeated_parameter_is_refused_even_if_empty() {
        assert!(parameters(&[("scope", ""), ("scope", "a")]).is_err());
        assert!(parameters(&[("x", "1"), ("x", "1")]).is_err());
    }

    #[test]
    fn nul_and_floods_are_refused() {
        assert!(parameters(&[("code", "a\0b")]).is_err());
        assert!(BodyParameters::new((0..101).map(|n| (format!("p{n}"), "1".into()))).is_err());
        assert!(BodyParameters::new((0..100).map(|n| (format!("p{n}"), "1".into()))).is_ok());
    }

    #[test]
    fn values_are_not_shown() {
        assert_eq!(format!("{:?}", parameters(&[("client_secret", "s3cret")]).unwrap()), "{\"client_secret\"}");
    }
}
