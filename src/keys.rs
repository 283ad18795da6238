//! Signing keys: made, kept parsed, published as JWKS; signing and verifying. The only user of `jsonwebtoken`.
//!
//! Signing goes to `aws-lc-rs` directly with the kept key pair: `jsonwebtoken::encode` parses the RSA key at every call, which
//! costs three times the signature. One key is for one algorithm (RFC 8725 section 3.1), so that `alg` in the JWKS is true.

mod assertion;
mod jws;
mod pair;
mod seal;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::clock::{Clock, Random};
use crate::domain::JsonMap;
use crate::domain::client::Algorithm;
use crate::store::StoredKey;

pub use assertion::verify_assertion;
pub use pair::algorithm;
pub use seal::{Seal, SealError, SealingKey};

use jws::{Jws, Times};
use pair::Pair;

/// A failure to make, read or use a key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A stored key cannot be read.
    #[error("signing key `{kid}` cannot be read: {reason}")]
    Unreadable {
        /// Which.
        kid: String,
        /// Why.
        reason: String,
    },
    /// No key for an algorithm.
    #[error("no signing key for {0}")]
    Missing(&'static str),
    /// A key or its certificate could not be made.
    #[error("signing key cannot be made: {0}")]
    Generate(String),
    /// The library refused.
    #[error("signing failed")]
    Sign,
}

/// Why a token is not accepted; for the log, never for the client.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("token refused: {0}")]
pub struct Refused(pub String);

impl Refused {
    fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// How long a new key is published before it signs: clients keep the key set for five minutes, and every replica has read the
/// new key by then.
pub const PUBLISHED_BEFORE_USE_MS: i64 = 600_000;

/// The tenant's signing keys, parsed once.
#[derive(Debug)]
pub struct Keys {
    /// Newest first.
    keys: Vec<Key>,
}

/// One key, ready to sign and verify.
#[derive(Debug)]
struct Key {
    kid: String,
    alg: Algorithm,
    pair: Pair,
    /// When another key takes over, if that has not happened yet; `i64::MAX`: never; `None`: it has.
    signs_until: Option<i64>,
    public: jsonwebtoken::DecodingKey,
    jwk: Value,
}

impl Keys {
    /// Parses stored keys; a rotation counts at once.
    ///
    /// # Errors
    /// A key that cannot be read.
    pub fn new(stored: &[StoredKey]) -> Result<Self, Error> {
        Self::at(stored, i64::MAX)
    }

    /// Parses stored keys; keys that retire after `now` (Unix milliseconds) still sign.
    ///
    /// # Errors
    /// A key that cannot be read.
    pub fn at(stored: &[StoredKey], now: i64) -> Result<Self, Error> {
        let mut newest_first: Vec<_> = stored.iter().collect();
        newest_first.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.kid.cmp(&b.kid)));
        let keys = newest_first.into_iter().map(|key| Key::parse(key, now)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { keys })
    }

    /// Makes a key for the algorithm: RSA with 2048 bits and a certificate, P-256, or Ed25519. [`StoredKey::kind`] is `RSA` for
    /// RS256, `RSA-RS512` and `RSA-PS256` for the other RSA algorithms, `EC`, or `OKP`.
    ///
    /// # Errors
    /// The library's; HS256 has no key of ours.
    pub fn generate(alg: Algorithm, clock: &Clock, random: &Random) -> Result<StoredKey, Error> {
        pair::generate(alg, clock, random)
    }

    /// Whether there is a signing key for the algorithm.
    #[must_use]
    pub fn can_sign(&self, alg: Algorithm) -> bool {
        self.current(alg).is_some()
    }

    /// Signs claims as a compact JWS with `typ`, `alg` and `kid` in the header. Not for HS256.
    ///
    /// # Errors
    /// No key for the algorithm.
    pub fn sign(&self, alg: Algorithm, typ: &str, claims: &JsonMap) -> Result<String, Error> {
        let key = self.current(alg).ok_or(Error::Missing(alg.as_str()))?;
        let input = signing_input(&json!({"alg": alg.as_str(), "kid": key.kid, "typ": typ}), claims)?;
        let signature = key.pair.sign(alg, input.as_bytes())?;
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Signs with HS256 and the client's secret (OpenID Connect Core section 10.1); `typ` is `JWT`.
    ///
    /// # Errors
    /// The secret is empty.
    pub fn sign_hs256(secret: &str, claims: &JsonMap) -> Result<String, Error> {
        if secret.is_empty() {
            return Err(Error::Sign);
        }
        let input = signing_input(&json!({"alg": "HS256", "typ": "JWT"}), claims)?;
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), input.as_bytes());
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Verifies a token of ours (signature, `iss`, `exp`, `nbf`, types of claims) at `now` (Unix seconds): header and claims.
    /// `exp` is ignored if `allow_expired` (an `id_token_hint`). The caller checks `typ` and `aud`.
    ///
    /// # Errors
    /// Whatever makes it no token of ours.
    pub fn verify(&self, token: &str, issuer: &str, now: i64, allow_expired: bool) -> Result<(JsonMap, JsonMap), Refused> {
        let jws = Jws::parse(token)?;
        let kid = jws.kid()?.ok_or_else(|| Refused::because("no `kid`"))?;
        let key = self.keys.iter().find(|key| key.kid == kid).ok_or_else(|| Refused::because("unknown `kid`"))?;
        if jws.alg()? != key.alg.as_str() {
            return Err(Refused::because("`alg` is not the key's"));
        }
        jws.verify(&key.public, key.alg)?;
        jws.check_claims(issuer, Times { now, allow_expired })?;
        Ok(jws.into_parts())
    }

    /// As [`Keys::verify`], for an ID token that was signed with [`Keys::sign_hs256`].
    ///
    /// # Errors
    /// Whatever makes it no token of ours for the client with this secret.
    pub fn verify_hs256(
        token: &str,
        secret: &str,
        issuer: &str,
        now: i64,
        allow_expired: bool,
    ) -> Result<(JsonMap, JsonMap), Refused> {
        let jws = Jws::parse(token)?;
        if jws.alg()? != "HS256" || secret.is_empty() {
            return Err(Refused::because("`alg` is not HS256"));
        }
        jws.verify(&jsonwebtoken::DecodingKey::from_secret(secret.as_bytes()), Algorithm::HS256)?;
        jws.check_claims(issuer, Times { now, allow_expired })?;
        Ok(jws.into_parts())
    }

    /// The JSON Web Key Set: public members only; current and retired keys.
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({"keys": self.keys.iter().map(|key| &key.jwk).collect::<Vec<_>>()})
    }

    /// The key that signs: of those that are not retired the one that retires first, so that its successor is known by then.
    fn current(&self, alg: Algorithm) -> Option<&Key> {
        let usable = self.keys.iter().filter(|key| key.alg == alg && key.signs_until.is_some());
        usable.min_by_key(|key| key.signs_until)
    }
}

impl Key {
    fn parse(stored: &StoredKey, now: i64) -> Result<Self, Error> {
        let unreadable = |reason: &str| Error::Unreadable { kid: stored.kid.clone(), reason: reason.to_owned() };
        let alg = pair::algorithm(&stored.kind).ok_or_else(|| unreadable("unknown kind"))?;
        let pair = Pair::parse(alg, &stored.pkcs8).map_err(|reason| unreadable(&reason))?;
        let jwk = pair.jwk(&stored.kid, alg, stored.certificate.as_deref());
        let signs_until = stored.retired_at.map_or(Some(i64::MAX), |at| (at > now).then_some(at));
        Ok(Self { kid: stored.kid.clone(), alg, signs_until, public: pair.public(), pair, jwk })
    }
}

/// `at_hash` and `c_hash` (OpenID Connect Core section 3.3.2.11): left half of the hash that belongs to the algorithm.
#[must_use]
pub fn half_hash(alg: Algorithm, value: &str) -> String {
    let hash = match alg {
        Algorithm::HS256 | Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 => &digest::SHA256,
        // Ed25519 hashes with SHA-512 inside (RFC 8032), and so do the other providers here.
        Algorithm::RS512 | Algorithm::EdDSA => &digest::SHA512,
    };
    let full = digest::digest(hash, value.as_bytes());
    URL_SAFE_NO_PAD.encode(&full.as_ref()[..full.as_ref().len() / 2])
}

fn signing_input(header: &Value, claims: &JsonMap) -> Result<String, Error> {
    let claims = serde_json::to_vec(claims).map_err(|_| Error::Sign)?;
    Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims)))
}

#[cfg(test)]
mod tests;
