//! What a decision had from outside: everything that makes it again, beside the actions and the event. Plain data.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// The answers of time, chance, cache and network to one decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outside {
    /// The time at which the whole decision happened, Unix milliseconds.
    pub now: i64,
    /// What all randomness of the decision came from; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
    /// What the cache held for each key before the decision touched it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache: Vec<CacheEntry>,
    /// Calls of `http::`, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpExchange>,
    /// Whether something was left out, because it was too much: the decision cannot be made again for certain.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
}

/// How the error of a call begins that was not made when the recording was made.
pub const NO_RECORDED_ANSWER: &str = "no recorded answer for";

impl Outside {
    /// What this, the notes of a replay, asked for beyond the recording: `GET https://api.example/`.
    #[must_use]
    pub fn beyond(&self, recorded: &Self) -> Vec<String> {
        let unknown =
            |exchange: &&HttpExchange| exchange.answer.as_ref().is_err_and(|reason| reason.starts_with(NO_RECORDED_ANSWER));
        let calls = self.http.iter().filter(unknown);
        let calls = calls.map(|exchange| format!("{} {}", exchange.request.method, exchange.request.url));
        let keys = self.cache.iter().filter(|entry| recorded.cache.iter().all(|known| known.key != entry.key));
        let keys = keys.map(|entry| format!("cache entry `{}`", entry.key));
        let random = (self.seed.is_some() && recorded.seed.is_none()).then(|| "randomness".to_owned());
        calls.chain(keys).chain(random).collect()
    }
}

/// 256 bits, base64url in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Seed(pub [u8; 32]);

impl From<Seed> for String {
    fn from(seed: Seed) -> Self {
        URL_SAFE_NO_PAD.encode(seed.0)
    }
}

impl TryFrom<String> for Seed {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or("a seed is 32 bytes in base64url")
    }
}

/// A key of `api.cache` at the beginning of the decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheEntry {
    /// The key.
    pub key: String,
    /// Its record; `None`: there was none.
    pub record: Option<CacheRecord>,
}

/// A value of `api.cache` and its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheRecord {
    /// Text, as the action gave it.
    pub value: String,
    /// Unix milliseconds.
    pub expires_at: i64,
}

/// A call of `http::` and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpExchange {
    /// As it was sent.
    pub request: HttpRequest,
    /// The answer, or why there was none.
    pub answer: Result<HttpAnswer, String>,
}

/// A call of `http::`, after its URL was allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpRequest {
    /// In capitals.
    pub method: String,
    /// Whole, with query.
    pub url: String,
    /// Names in lower case. What the network client adds itself is not here.
    pub headers: BTreeMap<String, String>,
    /// The text that is sent; JSON for everything that was no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// The answer to a call of `http::`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpAnswer {
    /// `200`.
    pub status: u16,
    /// Names in lower case; several of one name are joined with `, `.
    pub headers: BTreeMap<String, String>,
    /// As text; what is no UTF-8 is replaced.
    pub body: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_survives_json_and_a_short_one_is_refused() {
        let text = serde_json::to_string(&Seed([7; 32])).unwrap();
        assert_eq!(serde_json::from_str::<Seed>(&text).unwrap(), Seed([7; 32]));
        assert!(serde_json::from_str::<Seed>("\"AAAA\"").is_err());
    }
}
