//! A compact JWS taken apart (RFC 7515), strictly: what two readers could understand differently is refused (RFC 8725).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::domain::JsonMap;
use crate::domain::client::Algorithm;

use super::Refused;

/// No token of ours is longer: 100 KiB of custom claims, in base64, and room.
const MAX_LENGTH: usize = 256 * 1024;
/// The year 10 000: nothing of ours lives longer, and no arithmetic overflows below it.
const LAST_SECOND: i64 = 253_402_300_799;

/// Header, claims and signature of a token; nothing is verified yet.
pub(super) struct Jws<'a> {
    header: JsonMap,
    claims: JsonMap,
    signed: &'a str,
    signature: &'a str,
}

/// When a token is looked at.
#[derive(Clone, Copy)]
pub(super) struct Times {
    /// Unix seconds.
    pub(super) now: i64,
    /// Whether `exp` may lie in the past.
    pub(super) allow_expired: bool,
}

impl<'a> Jws<'a> {
    pub(super) fn parse(token: &'a str) -> Result<Self, Refused> {
        if token.len() > MAX_LENGTH {
            return Err(Refused::because("too long"));
        }
        let (signed, signature) = token.rsplit_once('.').ok_or_else(|| Refused::because("no JWS"))?;
        let (header, claims) = signed.split_once('.').ok_or_else(|| Refused::because("no JWS"))?;
        let header = object(header, "header")?;
        // Extensions that must be understood: there are none that we do (RFC 7515 section 4.1.11).
        if header.contains_key("crit") {
            return Err(Refused::because("`crit`"));
        }
        Ok(Self { header, claims: object(claims, "claims")?, signed, signature })
    }

    pub(super) fn alg(&self) -> Result<&str, Refused> {
        self.header.get("alg").and_then(Value::as_str).ok_or_else(|| Refused::because("no `alg`"))
    }

    pub(super) fn kid(&self) -> Result<Option<&str>, Refused> {
        match self.header.get("kid") {
            None => Ok(None),
            Some(Value::String(kid)) => Ok(Some(kid)),
            Some(_) => Err(Refused::because("`kid` is no string")),
        }
    }

    /// Checks the signature. Keys in the header (`jwk`, `jku`, `x5u` …) are never looked at.
    pub(super) fn verify(&self, key: &DecodingKey, alg: Algorithm) -> Result<(), Refused> {
        match jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), key, library_algorithm(alg)) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Refused::because("wrong signature")),
        }
    }

    /// Checks `iss`, `exp`, `nbf` and `iat`, their types included. There is no leeway: these are our own clock's times.
    pub(super) fn check_claims(&self, issuer: &str, times: Times) -> Result<(), Refused> {
        if self.claims.get("iss").and_then(Value::as_str) != Some(issuer) {
            return Err(Refused::because("`iss` is not ours"));
        }
        let expires = self.time("exp")?.ok_or_else(|| Refused::because("no `exp`"))?;
        if expires <= times.now && !times.allow_expired {
            return Err(Refused::because("expired"));
        }
        if self.time("nbf")?.is_some_and(|begins| begins > times.now) {
            return Err(Refused::because("not yet valid"));
        }
        self.time("iat")?;
        Ok(())
    }

    /// A time claim in Unix seconds: a whole number within reason, or absent.
    fn time(&self, name: &str) -> Result<Option<i64>, Refused> {
        match self.claims.get(name) {
            None => Ok(None),
            Some(value) => match value.as_i64() {
                Some(seconds @ 0..=LAST_SECOND) => Ok(Some(seconds)),
                _ => Err(Refused::because(format!("`{name}` is no time"))),
            },
        }
    }

    /// Header and claims.
    pub(super) fn into_parts(self) -> (JsonMap, JsonMap) {
        (self.header, self.claims)
    }
}

fn library_algorithm(alg: Algorithm) -> jsonwebtoken::Algorithm {
    match alg {
        Algorithm::HS256 => jsonwebtoken::Algorithm::HS256,
        Algorithm::RS256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::RS512 => jsonwebtoken::Algorithm::RS512,
        Algorithm::PS256 => jsonwebtoken::Algorithm::PS256,
        Algorithm::ES256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::EdDSA => jsonwebtoken::Algorithm::EdDSA,
    }
}

fn object(part: &str, what: &str) -> Result<JsonMap, Refused> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::because(format!("{what}: no base64url")))?;
    let mut json = serde_json::Deserializer::from_slice(&bytes);
    let map = (&mut json).deserialize_map(UniqueMembers).and_then(|map| json.end().map(|()| map));
    map.map_err(|error| Refused::because(format!("{what}: {error}")))
}

/// Reads an object and refuses a member that is there twice: readers disagree on which one counts.
struct UniqueMembers;

impl<'de> Visitor<'de> for UniqueMembers {
    type Value = JsonMap;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<JsonMap, A::Error> {
        let mut map = JsonMap::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if map.insert(name, value).is_some() {
                return Err(serde::de::Error::custom("a member is there twice"));
            }
        }
        Ok(map)
    }
}
