//! The host as one decision sees it. Time stands still, all randomness comes from one seed, the cache answers as it did the
//! first time; and what was answered is noted, so that the same decision can be made again.
//!
//! Time that stands still is also no clock to measure with: an action cannot learn a secret from how long something takes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cache::{Expiry, MAX_KEY};
use super::{Host, Trigger};
use crate::clock::Random;
use crate::domain::outside::{CacheEntry, CacheRecord, HttpExchange, Outside, Seed};

/// Keys of the cache that are noted; further ones are answered all the same.
const MAX_CACHE_KEYS: usize = 128;

/// A handle on the host for one decision; cheap to clone.
#[derive(Clone, Debug)]
pub struct Witness(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    host: Host,
    trigger: Trigger,
    now: i64,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    random: Option<Random>,
    cache: Vec<Touched>,
    http: Vec<HttpExchange>,
    incomplete: bool,
}

/// A key of the cache: before the decision, and as the decision left it.
#[derive(Debug)]
struct Touched {
    key: String,
    before: Option<CacheRecord>,
    current: Option<CacheRecord>,
}

impl Witness {
    /// Begins a decision: this is its time.
    #[must_use]
    pub fn new(host: &Host, trigger: Trigger) -> Self {
        Self(Arc::new(Inner { now: host.clock.now_ms(), host: host.clone(), trigger, seen: Mutex::default() }))
    }

    /// Unix milliseconds, the same for the whole decision.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.0.now
    }

    /// Where calls of `http::` go.
    pub(crate) fn http(&self) -> &super::Http {
        &self.0.host.http
    }

    /// `N` random bytes.
    pub(crate) fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let host = &self.0.host.random;
        self.seen().random.get_or_insert_with(|| Random::from_seed(host.seed())).bytes()
    }

    /// The record of a key of the cache.
    pub(crate) fn cached(&self, key: &str) -> Option<CacheRecord> {
        match self.touched(key, &mut self.seen()) {
            Some(touched) => touched.current.clone(),
            None => self.0.host.cache.get(self.0.trigger, key, self.0.now),
        }
    }

    /// Stores a record in the cache; `Err` is Auth0's code.
    pub(crate) fn cache(
        &self,
        key: &str,
        value: &str,
        expiry: Expiry,
        max_entries: usize,
    ) -> Result<CacheRecord, &'static str> {
        let mut seen = self.seen();
        let touched = self.touched(key, &mut seen);
        let record = self.0.host.cache.set(self.0.trigger, key, value, expiry, (self.0.now, max_entries))?;
        if let Some(touched) = touched {
            touched.current = Some(record.clone());
        }
        Ok(record)
    }

    /// Removes a record from the cache; `Err` is Auth0's code.
    pub(crate) fn forget(&self, key: &str) -> Result<CacheRecord, &'static str> {
        let mut seen = self.seen();
        let touched = self.touched(key, &mut seen);
        let removed = self.0.host.cache.delete(self.0.trigger, key);
        match touched {
            Some(touched) => touched.current.take().ok_or("CacheKeyDoesNotExist"),
            None => removed,
        }
    }

    /// Notes a call of `http::`.
    pub(crate) fn called(&self, exchange: HttpExchange) {
        self.seen().http.push(exchange);
    }

    /// What the decision had from outside.
    pub(crate) fn notes(&self) -> Outside {
        let seen = std::mem::take(&mut *self.seen());
        let entry = |touched: Touched| CacheEntry { key: touched.key, record: touched.before };
        Outside {
            now: self.0.now,
            seed: seen.random.map(|random| Seed(random.seed())),
            cache: seen.cache.into_iter().map(entry).collect(),
            http: seen.http,
            incomplete: seen.incomplete,
        }
    }

    /// The notes on a key, begun at its first use; `None` if it cannot be one or there are enough.
    fn touched<'a>(&self, key: &str, seen: &'a mut Seen) -> Option<&'a mut Touched> {
        if key.is_empty() || key.len() > MAX_KEY {
            return None;
        }
        let index = match seen.cache.iter().position(|touched| touched.key == key) {
            Some(index) => index,
            None if seen.cache.len() >= MAX_CACHE_KEYS => {
                seen.incomplete = true;
                return None;
            }
            None => {
                let before = self.0.host.cache.get(self.0.trigger, key, self.0.now);
                seen.cache.push(Touched { key: key.to_owned(), current: before.clone(), before });
                seen.cache.len() - 1
            }
        };
        seen.cache.get_mut(index)
    }

    /// Held for the length of one native call on one thread: it never waits.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
