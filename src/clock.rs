//! Time and randomness as values, so that a test or a replay can fix them.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;

/// Where the time comes from: the system, or a value that only a test moves.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's wall clock.
    #[default]
    System,
    /// A clock that stands still until [`Clock::advance`]; milliseconds since the epoch.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still at `unix_seconds`.
    #[must_use]
    pub fn fixed(unix_seconds: i64) -> Self {
        Self::fixed_ms(unix_seconds * 1000)
    }

    /// A clock that stands still at `unix_ms`.
    #[must_use]
    pub fn fixed_ms(unix_ms: i64) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(unix_ms)))
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
            Self::System => jiff::Timestamp::now().as_millisecond(),
            Self::Fixed(ms) => ms.load(Ordering::SeqCst),
        }
    }

    /// Seconds since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }

    /// Moves a fixed clock; the system clock does not move.
    pub fn advance(&self, seconds: i64) {
        if let Self::Fixed(ms) = self {
            ms.fetch_add(seconds * 1000, Ordering::SeqCst);
        }
    }
}

/// Formats Unix milliseconds as ISO 8601 in UTC with milliseconds, e.g. `2026-11-21T05:14:34.000Z`.
#[must_use]
pub fn iso8601(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms).map(|t| format!("{t:.3}")).unwrap_or_default()
}

/// Where randomness comes from: seeded by the operating system, or by a test.
#[derive(Clone, Debug)]
pub struct Random {
    generator: Arc<Mutex<ChaCha20Rng>>,
    /// What [`Random::seed`] says instead of drawing one.
    seed: Option<[u8; 32]>,
}

impl Random {
    /// Seeded by the operating system.
    #[must_use]
    pub fn system() -> Self {
        Self::of(ChaCha20Rng::from_os_rng())
    }

    /// The same sequence for the same seed, for tests and replays.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::of(ChaCha20Rng::seed_from_u64(seed))
    }

    /// The sequence of a [`Random::seed`], for the decision that drew it and for its replay.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { seed: Some(seed), ..Self::of(ChaCha20Rng::from_seed(seed)) }
    }

    fn of(generator: ChaCha20Rng) -> Self {
        Self { generator: Arc::new(Mutex::new(generator)), seed: None }
    }

    /// A seed for [`Random::from_seed`]: a new one, or its own if this came from one.
    #[must_use]
    pub fn seed(&self) -> [u8; 32] {
        self.seed.unwrap_or_else(|| self.bytes())
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.generator.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        bytes
    }

    /// A secret of 256 bits, base64url without padding (43 characters): codes, tokens, cookies.
    #[must_use]
    pub fn secret(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }

    /// An identifier of 120 bits that is no secret, base64url (20 characters): sessions, key ids, tokens. It begins with no `-`,
    /// so that no command takes it for an option.
    #[must_use]
    pub fn id(&self) -> String {
        loop {
            let id = URL_SAFE_NO_PAD.encode(self.bytes::<15>());
            if !id.starts_with('-') {
                return id;
            }
        }
    }

    /// An [`Random::id`] that begins with the time, as a UUID of version 7 does (RFC 9562 section 5.7), and has 72 random bits after
    /// it: rows that are made together lie together in an index, so that storing them writes fewer pages.
    #[must_use]
    pub fn id_at(&self, unix_ms: i64) -> String {
        let [_, _, time @ ..] = unix_ms.to_be_bytes();
        let mut bytes = self.bytes::<15>();
        bytes[..time.len()].copy_from_slice(&time);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_looks_like_an_option() {
        let random = Random::seeded(1);
        assert!((0..1_000).all(|_| !random.id().starts_with('-')));
    }

    #[test]
    fn ids_of_one_moment_begin_alike_and_differ() {
        let random = Random::seeded(1);
        let (one, other) = (random.id_at(1_795_000_000_000), random.id_at(1_795_000_000_000));
        assert!(one[..8] == other[..8] && one[8..] != other[8..] && one.len() == 20, "{one} {other}");
        assert_ne!(one[..8], random.id_at(1_795_000_000_001)[..8]);
        assert!(one.starts_with('A'), "no option");
    }

    #[test]
    fn p028_ten_thousand_secrets_are_long_and_different() {
        let random = Random::system();
        let secrets: std::collections::BTreeSet<String> = (0..10_000).map(|_| random.secret()).collect();
        // 43 characters of base64url are 256 bits; every one of them takes every value.
        assert!(secrets.len() == 10_000 && secrets.iter().all(|secret| secret.len() == 43));
        for place in 0..42 {
            let values: std::collections::BTreeSet<u8> = secrets.iter().map(|secret| secret.as_bytes()[place]).collect();
            assert_eq!(values.len(), 64, "place {place}");
        }
    }
}
