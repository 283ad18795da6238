//! Client assertions (RFC 7523): verified with the keys that the client registered.

use jsonwebtoken::DecodingKey;

use crate::domain::JsonMap;
use crate::domain::client::{Algorithm, PublicKey};

use super::Refused;
use super::jws::Jws;

/// Verifies a client assertion (RFC 7523) with one of the client's keys: its claims. Checks the signature and that `alg` is
/// the registered one; the caller checks `iss`, `sub`, `aud`, `exp`, `jti`.
///
/// # Errors
/// No key fits or the signature is wrong.
pub fn verify_assertion(assertion: &str, keys: &[PublicKey]) -> Result<JsonMap, Refused> {
    let jws = Jws::parse(assertion)?;
    let (alg, kid) = (jws.alg()?, jws.kid()?);
    let mut refused = Refused::because("no registered key has this `alg` and `kid`");
    for key in keys {
        let named = match (kid, &key.kid) {
            (Some(presented), Some(registered)) => presented == registered,
            _ => true,
        };
        if !named || alg != key.alg.as_str() {
            continue;
        }
        match decoding_key(key).and_then(|public| jws.verify(&public, key.alg)) {
            Ok(()) => return Ok(jws.into_parts().1),
            Err(reason) => refused = reason,
        }
    }
    Err(refused)
}

fn decoding_key(key: &PublicKey) -> Result<DecodingKey, Refused> {
    let pem = key.pem.as_bytes();
    let parsed = match key.alg {
        Algorithm::RS256 | Algorithm::RS512 | Algorithm::PS256 => DecodingKey::from_rsa_pem(pem),
        Algorithm::ES256 => DecodingKey::from_ec_pem(pem),
        Algorithm::EdDSA => DecodingKey::from_ed_pem(pem),
        // A PEM is public: it must never become the secret of an HMAC.
        Algorithm::HS256 => return Err(Refused::because("HS256 is not for assertions")),
    };
    parsed.map_err(|error| Refused::because(format!("registered key: {error}")))
}
