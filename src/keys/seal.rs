//! Private keys at rest: sealed with AES-256-GCM under a key that is not in the database, so that a dump of it is worth nothing.
//!
//! A sealed key is `1`, the id of the sealing key (8 bytes), the nonce (12 bytes), ciphertext and tag. The tenant and the `kid`
//! are authenticated along, so that no row can stand in for another. PKCS#8 begins with `0x30`: what is not sealed shows.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::store::StoredKey;

const VERSION: u8 = 1;
const ID: usize = 8;
const NONCE: usize = 12;
const KEY: usize = 32;

/// Why a private key can be neither sealed nor opened.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    /// The text is no key.
    #[error("the sealing key must be 32 bytes in base64 or hexadecimal")]
    Malformed,
    /// A key of few different bytes was typed, not made.
    #[error("the sealing key is too weak: it must be 32 random bytes")]
    Weak,
    /// The row was sealed, and no key was given.
    #[error("signing key `{0}` is sealed, and no sealing key is configured")]
    NoKey(String),
    /// The row was sealed with a key that was not given.
    #[error("signing key `{0}` is sealed with another sealing key")]
    OtherKey(String),
    /// The row was changed.
    #[error("signing key `{0}` cannot be opened: the row was changed or belongs to another tenant")]
    Changed(String),
    /// The library refused.
    #[error("signing key `{0}` cannot be sealed")]
    Refused(String),
}

/// A key that seals others.
#[derive(Debug)]
pub struct SealingKey {
    id: [u8; ID],
    key: LessSafeKey,
}

impl SealingKey {
    /// Reads 32 bytes in base64 (any variant) or hexadecimal.
    ///
    /// # Errors
    /// Another length, other characters, or a key that is visibly not random.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let bytes = decode(text.trim()).ok_or(SealError::Malformed)?;
        let mut distinct = bytes.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        // 32 random bytes have fewer than 16 different values once in 10^14 times.
        if distinct.len() < KEY / 2 {
            return Err(SealError::Weak);
        }
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| SealError::Malformed)?;
        let mut id = [0; ID];
        id.copy_from_slice(&digest::digest(&digest::SHA256, &bytes).as_ref()[..ID]);
        Ok(Self { id, key: LessSafeKey::new(key) })
    }

    /// A new key as text, from the operating system's randomness.
    ///
    /// # Errors
    /// The operating system has none.
    pub fn generate() -> Result<String, SealError> {
        let mut bytes = [0; KEY];
        SystemRandom::new().fill(&mut bytes).map_err(|_| SealError::Malformed)?;
        Ok(STANDARD.encode(bytes))
    }
}

fn decode(text: &str) -> Option<[u8; KEY]> {
    let hexadecimal = || {
        let digits = (text.len() == 2 * KEY && text.is_ascii()).then_some(text)?;
        (0..KEY).map(|i| u8::from_str_radix(digits.get(2 * i..2 * i + 2)?, 16).ok()).collect::<Option<Vec<_>>>()
    };
    let base64 = || [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].iter().find_map(|e| e.decode(text).ok());
    hexadecimal().or_else(base64)?.try_into().ok()
}

/// Seals and opens the private keys of one tenant. Without a key it leaves them as they are: for databases in memory.
#[derive(Debug, Default)]
pub struct Seal {
    tenant: String,
    key: Option<SealingKey>,
    previous: Option<SealingKey>,
}

impl Seal {
    /// `previous` still opens, so that the sealing key can be changed.
    #[must_use]
    pub fn new(tenant: &str, key: Option<SealingKey>, previous: Option<SealingKey>) -> Self {
        Self { tenant: tenant.to_owned(), key, previous }
    }

    /// Whether the row lies readable although there is a key.
    #[must_use]
    pub fn is_bare(&self, stored: &StoredKey) -> bool {
        self.key.is_some() && id_of(&stored.pkcs8).is_none()
    }

    /// Whether the row should be sealed again: it is not sealed, or with the previous key.
    #[must_use]
    pub fn is_stale(&self, stored: &StoredKey) -> bool {
        self.key.as_ref().is_some_and(|key| id_of(&stored.pkcs8) != Some(&key.id))
    }

    /// The key as it goes into the database.
    ///
    /// # Errors
    /// The library's.
    pub fn close(&self, mut plain: StoredKey) -> Result<StoredKey, SealError> {
        let Some(key) = &self.key else { return Ok(plain) };
        let refused = |_| SealError::Refused(plain.kid.clone());
        let mut nonce = [0; NONCE];
        SystemRandom::new().fill(&mut nonce).map_err(refused)?;
        let mut secret = plain.pkcs8.clone();
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        key.key.seal_in_place_append_tag(nonce_of, self.context(&plain.kid), &mut secret).map_err(refused)?;
        plain.pkcs8 = [&[VERSION], &key.id[..], &nonce, &secret].concat();
        Ok(plain)
    }

    /// The key as it can be parsed.
    ///
    /// # Errors
    /// The row is sealed with a key that is not here, or was changed.
    pub fn open(&self, mut stored: StoredKey) -> Result<StoredKey, SealError> {
        let Some(id) = id_of(&stored.pkcs8) else { return Ok(stored) };
        if self.key.is_none() && self.previous.is_none() {
            return Err(SealError::NoKey(stored.kid));
        }
        let known = [&self.key, &self.previous].into_iter().flatten().find(|key| key.id == *id);
        let Some(key) = known else { return Err(SealError::OtherKey(stored.kid)) };
        let changed = |_| SealError::Changed(stored.kid.clone());
        let (nonce, sealed) = stored.pkcs8[1 + ID..].split_at(NONCE);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(changed)?;
        let mut secret = sealed.to_vec();
        let length = key.key.open_in_place(nonce, self.context(&stored.kid), &mut secret).map_err(changed)?.len();
        secret.truncate(length);
        stored.pkcs8 = secret;
        Ok(stored)
    }

    fn context(&self, kid: &str) -> Aad<Vec<u8>> {
        Aad::from([self.tenant.as_bytes(), b"\0", kid.as_bytes()].concat())
    }
}

/// The id of the sealing key; `None` if the key is not sealed.
fn id_of(pkcs8: &[u8]) -> Option<&[u8; ID]> {
    let (version, rest) = pkcs8.split_first()?;
    (*version == VERSION && rest.len() > ID + NONCE).then(|| rest.first_chunk())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SealingKey {
        let bytes: Vec<u8> = (0..32).map(|i| i ^ byte).collect();
        SealingKey::parse(&STANDARD.encode(bytes)).unwrap()
    }

    fn plain() -> StoredKey {
        let (kid, kind) = ("kid-1".to_owned(), "EC".to_owned());
        StoredKey { kid, kind, pkcs8: b"0-private".to_vec(), certificate: None, created_at: 1, retired_at: None }
    }

    #[test]
    fn o18_what_is_sealed_opens_with_the_same_key_tenant_and_kid_only() {
        let seal = Seal::new("t", Some(key(1)), None);
        let sealed = seal.close(plain()).unwrap();
        assert!(!sealed.pkcs8.windows(7).any(|window| window == b"private"));
        assert_ne!(sealed, seal.close(plain()).unwrap(), "the nonce differs");
        assert_eq!(seal.open(sealed.clone()).unwrap(), plain());
        assert_eq!(Seal::new("t", Some(key(2)), None).open(sealed.clone()), Err(SealError::OtherKey("kid-1".into())));
        assert_eq!(Seal::new("t", None, None).open(sealed.clone()), Err(SealError::NoKey("kid-1".into())));
        assert_eq!(Seal::new("u", Some(key(1)), None).open(sealed.clone()), Err(SealError::Changed("kid-1".into())));
        let renamed = StoredKey { kid: "kid-2".to_owned(), ..sealed.clone() };
        assert_eq!(seal.open(renamed), Err(SealError::Changed("kid-2".into())));
        let mut flipped = sealed;
        *flipped.pkcs8.last_mut().unwrap() ^= 1;
        assert_eq!(seal.open(flipped), Err(SealError::Changed("kid-1".into())));
    }

    #[test]
    fn o18_the_previous_key_opens_and_what_it_sealed_is_stale() {
        let old = Seal::new("t", Some(key(1)), None).close(plain()).unwrap();
        let seal = Seal::new("t", Some(key(2)), Some(key(1)));
        assert!(seal.is_stale(&old) && seal.is_stale(&plain()));
        assert!(!seal.is_bare(&old) && seal.is_bare(&plain()));
        let new = seal.close(seal.open(old).unwrap()).unwrap();
        assert!(!seal.is_stale(&new));
        assert_eq!(Seal::new("t", Some(key(2)), None).open(new).unwrap(), plain());
        assert!(!Seal::default().is_stale(&plain()));
    }

    #[test]
    fn o15_a_sealing_key_is_32_random_bytes() {
        let hexadecimal: String = (0..32).map(|i| format!("{i:02x}")).collect();
        assert!(SealingKey::parse(&hexadecimal).is_ok() && SealingKey::parse(&SealingKey::generate().unwrap()).is_ok());
        for bad in ["", "short", &"0".repeat(63), &"ä".repeat(32), &STANDARD.encode([1; 31])] {
            assert_eq!(SealingKey::parse(bad).unwrap_err(), SealError::Malformed, "{bad}");
        }
        for weak in ["0".repeat(64), STANDARD.encode([7; 32]), STANDARD.encode("changemechangemechangemechangeme")] {
            assert_eq!(SealingKey::parse(&weak).unwrap_err(), SealError::Weak, "{weak}");
        }
    }
}
