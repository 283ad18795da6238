//! Signing keys: made, kept parsed, published as JWKS; signing and verifying. The only user of `jsonwebtoken`.

use serde_json::Value;

use crate::clock::{Clock, Random};
use crate::domain::JsonMap;
use crate::domain::client::{Algorithm, PublicKey};
use crate::store::StoredKey;

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
    /// The library refused.
    #[error("signing failed")]
    Sign,
}

/// Why a token is not accepted; for the log, never for the client.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("token refused: {0}")]
pub struct Refused(pub String);

/// The tenant's signing keys, parsed once.
#[derive(Debug)]
pub struct Keys {}

impl Keys {
    /// Parses stored keys.
    ///
    /// # Errors
    /// A key that cannot be read.
    pub fn new(stored: &[StoredKey]) -> Result<Self, Error> {
        todo!("{stored:?}")
    }

    /// Makes a key for the algorithm's family (`RSA` 2048 bits with a certificate, `EC` P-256, `OKP` Ed25519).
    ///
    /// # Errors
    /// The library's.
    pub fn generate(alg: Algorithm, clock: &Clock, random: &Random) -> Result<StoredKey, Error> {
        todo!("{alg:?}{clock:?}{random:?}")
    }

    /// Whether there is a signing key for the algorithm.
    #[must_use]
    pub fn can_sign(&self, alg: Algorithm) -> bool {
        todo!("{alg:?}")
    }

    /// Signs claims as a compact JWS with `typ`, `alg` and `kid` in the header. Not for HS256.
    ///
    /// # Errors
    /// No key for the algorithm.
    pub fn sign(&self, alg: Algorithm, typ: &str, claims: &JsonMap) -> Result<String, Error> {
        todo!("{alg:?}{typ}{claims:?}")
    }

    /// Signs with HS256 and the client's secret.
    ///
    /// # Errors
    /// The library's.
    pub fn sign_hs256(secret: &str, claims: &JsonMap) -> Result<String, Error> {
        todo!("{secret}{claims:?}")
    }

    /// Verifies a token of ours (signature, `iss`, `exp`, `nbf`, types of claims) at `now` (Unix seconds): header and claims.
    /// `exp` is ignored if `allow_expired` (an `id_token_hint`).
    ///
    /// # Errors
    /// Whatever makes it no token of ours.
    pub fn verify(&self, token: &str, issuer: &str, now: i64, allow_expired: bool) -> Result<(JsonMap, JsonMap), Refused> {
        todo!("{token}{issuer}{now}{allow_expired}")
    }

    /// The JSON Web Key Set: public members only; current and retired keys.
    #[must_use]
    pub fn jwks(&self) -> Value {
        todo!()
    }
}

/// Verifies a client assertion (RFC 7523) with one of the client's keys: its claims. Checks the signature and that `alg` is
/// the registered one; the caller checks `iss`, `sub`, `aud`, `exp`, `jti`.
///
/// # Errors
/// No key fits or the signature is wrong.
pub fn verify_assertion(assertion: &str, keys: &[PublicKey]) -> Result<JsonMap, Refused> {
    todo!("{assertion}{keys:?}")
}

/// `at_hash` and `c_hash` (OpenID Connect Core section 3.3.2.11): left half of the hash that belongs to the algorithm.
#[must_use]
pub fn half_hash(alg: Algorithm, value: &str) -> String {
    todo!("{alg:?}{value}")
}
