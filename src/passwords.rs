//! Password hashing (argon2id) on its own few threads, so that tokens and JWKS stay quick.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::{Output, ParamsString, PasswordHash, Salt, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use icu_normalizer::ComposingNormalizerBorrowed;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::Random;

/// Bytes of the longest password. A longer one fits no hash; sign-up refuses it before asking for one.
pub const MAX_PASSWORD_LENGTH: usize = 1024;

/// Hashes at the same time: each takes 19 MiB and a core for a while.
const AT_ONCE: usize = 2;
/// Requests that may wait; at 50 ms for each the last one waits for two seconds.
const MAX_WAITING: usize = 64;
/// OWASP's minimum for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const ITERATIONS: u32 = 2;
const LANES: u32 = 1;
/// A stored hash that asks for more (an imported one) is not tried: two of them could exhaust the machine.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
/// Fits no password; checked when there is no such user, so that the answer takes as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and verifies passwords with bounded concurrency.
#[derive(Debug)]
pub struct Passwords {
    random: Random,
    /// One permit for each that hashes or waits.
    places: Arc<Semaphore>,
    /// One permit for each that hashes.
    running: Arc<Semaphore>,
    /// The working memory of each that hashes, kept: allocated anew on whichever thread comes by, it would stay behind in the
    /// allocator's arena of every thread.
    memory: Arc<Mutex<Vec<Memory>>>,
}

type Memory = Vec<Block>;

impl Passwords {
    /// Two hashes at a time; salts from `random`.
    #[must_use]
    pub fn new(random: Random) -> Self {
        let [places, running] = [AT_ONCE + MAX_WAITING, AT_ONCE].map(|places| Arc::new(Semaphore::new(places)));
        Self { random, places, running, memory: Arc::default() }
    }

    /// The PHC string of a new password. One longer than [`MAX_PASSWORD_LENGTH`] gets a hash that never fits.
    ///
    /// # Errors
    /// `Busy` when too many wait.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordsBusy> {
        let salt = self.random.bytes::<16>();
        let password = composed(password);
        self.run(move |memory| hash(&password, &salt, memory)).await?.ok_or(PasswordsBusy)
    }

    /// Whether the password fits; takes the same time for `None` (no such user) and for a hash that cannot be read.
    ///
    /// # Errors
    /// `Busy` when too many wait.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, PasswordsBusy> {
        // A password that is too long is answered at once whether or not the user exists.
        if password.len() > MAX_PASSWORD_LENGTH {
            return Ok(false);
        }
        let (password, hash) = (composed(password), hash.map(str::to_owned));
        self.run(move |memory| verify(&password, hash.as_deref(), memory)).await
    }

    /// Gives the working memory back until somebody needs it: after a start, when the declared passwords are checked.
    pub fn release(&self) {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many wait for their turn, for the metrics.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let inside = (AT_ONCE + MAX_WAITING).saturating_sub(self.places.available_permits());
        inside.saturating_sub(AT_ONCE.saturating_sub(self.running.available_permits()))
    }

    /// Runs on a blocking thread. The permits go along: a request that is given up keeps its place until its hash is done.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, PasswordsBusy> {
        let permits = self.permits().await?;
        let kept = Arc::clone(&self.memory);
        let done = tokio::task::spawn_blocking(move || {
            let mut memory = kept.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
            let result = work(&mut memory);
            // An imported hash may have asked for more than ours do.
            if memory.len() <= MEMORY_KIB as usize {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            }
            drop(permits);
            result
        });
        done.await.map_err(|_| PasswordsBusy)
    }

    async fn permits(&self) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), PasswordsBusy> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| PasswordsBusy)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| PasswordsBusy)?;
        Ok((place, running))
    }
}

/// NFC: one keyboard sends `é`, another `e` and an accent; to the user both are the same password (RFC 8265 section 4.2.2).
fn composed(password: &str) -> String {
    ComposingNormalizerBorrowed::new_nfc().normalize(password).into_owned()
}

fn hash(password: &str, salt: &[u8], memory: &mut Memory) -> Option<String> {
    let salt = SaltString::encode_b64(salt).ok()?;
    let params = Params::new(MEMORY_KIB, ITERATIONS, LANES, Some(Params::DEFAULT_OUTPUT_LEN)).ok()?;
    let phc = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).ok()?,
        salt: Some(salt.as_salt()),
        hash: Some(output(password, Algorithm::Argon2id, Version::V0x13, params, salt.as_salt(), memory)?),
    };
    Some(phc.to_string())
}

fn verify(password: &str, hash: Option<&str>, memory: &mut Memory) -> bool {
    let readable = hash.and_then(|hash| PasswordHash::new(hash).ok()).filter(is_affordable);
    let known = readable.is_some();
    let Some(hash) = readable.or_else(|| PasswordHash::new(NOBODY).ok()) else { return false };
    fits(password, &hash, memory) == Some(true) && known
}

/// `None` for a hash that cannot be computed.
fn fits(password: &str, hash: &PasswordHash<'_>, memory: &mut Memory) -> Option<bool> {
    let algorithm = Algorithm::try_from(hash.algorithm).ok()?;
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    let computed = output(password, algorithm, version, Params::try_from(hash).ok()?, hash.salt?, memory)?;
    // `Output` compares in constant time.
    Some(computed == hash.hash?)
}

/// Argon2 in memory that is kept.
fn output(
    password: &str,
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Salt<'_>,
    memory: &mut Memory,
) -> Option<Output> {
    let mut bytes = [0; Salt::MAX_LENGTH];
    let salt = salt.decode_b64(&mut bytes).ok()?;
    memory.resize(params.block_count(), Block::default());
    let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    let argon2 = Argon2::new(algorithm, version, params);
    Output::init_with(length, |out| Ok(argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, memory)?)).ok()
}

/// Whether the hash is one of argon2's with parameters that this machine can bear.
fn is_affordable(hash: &PasswordHash<'_>) -> bool {
    Algorithm::try_from(hash.algorithm).is_ok()
        && hash.hash.is_some()
        && Params::try_from(hash).is_ok_and(|params| params.m_cost() <= MAX_MEMORY_KIB && params.t_cost() <= 16)
}

/// Too many logins wait for their password to be hashed.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("too many password checks wait")]
pub struct PasswordsBusy;

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use argon2::password_hash::PasswordVerifier as _;

    use super::*;

    fn passwords() -> Passwords {
        Passwords::new(Random::seeded(1))
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = passwords();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(passwords.hash("correct horse").await.unwrap(), hash, "the salt differs");
        let by_the_crate = Argon2::default().verify_password(b"correct horse", &PasswordHash::new(&hash).unwrap());
        assert_eq!(by_the_crate, Ok(()), "others read it, too");
        assert_eq!(passwords.verify("correct horse", Some(&hash)).await, Ok(true));
        assert_eq!(passwords.verify("correct horsf", Some(&hash)).await, Ok(false));
        assert_eq!(passwords.verify("", Some(&hash)).await, Ok(false));
        assert_eq!(passwords.verify("correct horse", None).await, Ok(false));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn memory_is_kept_and_no_more_than_hash_at_once() {
        let passwords = Arc::new(passwords());
        let all = (0..8).map(|_| {
            let passwords = passwords.clone();
            tokio::spawn(async move { passwords.verify("x", None).await })
        });
        for one in all.collect::<Vec<_>>() {
            assert_eq!(one.await.unwrap(), Ok(false));
        }
        let kept = passwords.memory.lock().unwrap();
        assert!((1..=AT_ONCE).contains(&kept.len()) && kept.iter().all(|memory| memory.len() == MEMORY_KIB as usize));
    }

    #[tokio::test]
    async fn a_password_that_is_too_long_never_fits() {
        let passwords = passwords();
        let longest = "ä".repeat(MAX_PASSWORD_LENGTH / 2);
        let hash = passwords.hash(&longest).await.unwrap();
        assert_eq!(passwords.verify(&longest, Some(&hash)).await, Ok(true));
        let longer = format!("{longest}x");
        let hash = passwords.hash(&longer).await.unwrap();
        assert_eq!(passwords.verify(&longer, Some(&hash)).await, Ok(false));
    }

    #[tokio::test]
    async fn p172_one_password_typed_on_two_keyboards_is_one_password() {
        let passwords = passwords();
        let hash = passwords.hash("caf\u{e9} in \u{212b}ngstr\u{f6}m").await.unwrap();
        assert_eq!(passwords.verify("cafe\u{301} in \u{c5}ngstro\u{308}m", Some(&hash)).await, Ok(true));
        assert_eq!(passwords.verify("cafe in Angstrom", Some(&hash)).await, Ok(false));
    }

    #[tokio::test]
    async fn an_unreadable_hash_is_a_wrong_password() {
        for hash in [
            "",
            "$",
            "plain",
            "$argon2id$",
            "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=0,t=0,p=0$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$2b$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
            NOBODY,
        ] {
            assert_eq!(passwords().verify("x", Some(hash)).await, Ok(false), "{hash}");
        }
    }

    #[tokio::test]
    async fn nobody_takes_as_long_as_somebody() {
        let passwords = passwords();
        let hash = passwords.hash("x").await.unwrap();
        let time = async |hash: Option<&str>| {
            let start = Instant::now();
            passwords.verify("y", hash).await.unwrap();
            start.elapsed()
        };
        // The best of each, in turns, until a busy machine has let each of them through undisturbed.
        let [mut somebody, mut nobody, mut unreadable] = [Duration::MAX; 3];
        for _ in 0..50 {
            somebody = somebody.min(time(Some(&hash)).await);
            nobody = nobody.min(time(None).await);
            unreadable = unreadable.min(time(Some("broken")).await);
            if nobody > somebody / 2 && unreadable > somebody / 2 {
                return;
            }
        }
        panic!("{somebody:?} {nobody:?} {unreadable:?}");
    }

    #[tokio::test]
    async fn too_many_at_once_are_refused_and_the_rest_is_served() {
        let passwords = passwords();
        let all: Vec<_> =
            (0..AT_ONCE + MAX_WAITING).map(|_| passwords.places.clone().try_acquire_owned().unwrap()).collect();
        assert_eq!(passwords.verify("x", None).await, Err(PasswordsBusy));
        assert_eq!(passwords.hash("x").await, Err(PasswordsBusy));
        assert_eq!(passwords.waiting(), AT_ONCE + MAX_WAITING);
        drop(all);
        assert_eq!(passwords.verify("x", None).await, Ok(false));
        assert_eq!(passwords.waiting(), 0);
    }
}
