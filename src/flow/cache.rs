//! `api.cache`: per trigger, bounded, in memory. Reliable within one run, best effort across runs, as in Auth0.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use super::Trigger;
use crate::domain::outside::CacheRecord as Record;

/// Bytes of a key.
pub(crate) const MAX_KEY: usize = 64;
/// Bytes of a value.
pub(crate) const MAX_VALUE: usize = 4 * 1024;
/// The longest and the default life of an entry, in milliseconds.
const MAX_TTL: i64 = 24 * 60 * 60 * 1000;
const DEFAULT_TTL: i64 = 15 * 60 * 1000;

/// The caches of all triggers; shared by all runs of a tenant.
#[derive(Debug, Default)]
pub struct Cache {
    triggers: Mutex<HashMap<Trigger, BTreeMap<String, Record>>>,
}

/// When an entry shall end; the earlier of the two counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Expiry {
    /// Milliseconds from now.
    pub(crate) ttl: Option<i64>,
    /// Unix milliseconds.
    pub(crate) expires_at: Option<i64>,
}

impl Expiry {
    fn end(self, now: i64) -> Result<i64, &'static str> {
        if self.ttl.is_some_and(|ttl| ttl < 0) {
            return Err("InvalidExpiry");
        }
        let asked = [self.ttl.map(|ttl| now.saturating_add(ttl)), self.expires_at].into_iter().flatten().min();
        let end = asked.unwrap_or(now + DEFAULT_TTL).min(now + MAX_TTL);
        if end <= now { Err("ItemAlreadyExpired") } else { Ok(end) }
    }
}

impl Cache {
    /// A cache that holds these records for a trigger.
    pub(crate) fn of(trigger: Trigger, records: impl Iterator<Item = (String, Record)>) -> Self {
        Self { triggers: Mutex::new(HashMap::from([(trigger, records.collect())])) }
    }

    /// The record, unless it is over.
    pub(crate) fn get(&self, trigger: Trigger, key: &str, now: i64) -> Option<Record> {
        let triggers = self.triggers.lock().unwrap_or_else(PoisonError::into_inner);
        triggers.get(&trigger)?.get(key).filter(|record| record.expires_at > now).cloned()
    }

    /// Stores a record; `Err` is Auth0's code.
    pub(crate) fn set(
        &self,
        trigger: Trigger,
        key: &str,
        value: &str,
        expiry: Expiry,
        (now, max_entries): (i64, usize),
    ) -> Result<Record, &'static str> {
        if key.is_empty() || key.len() > MAX_KEY {
            return Err("CacheKeySizeExceeded");
        }
        if value.len() > MAX_VALUE {
            return Err("CacheValueSizeExceeded");
        }
        let record = Record { value: value.to_owned(), expires_at: expiry.end(now)? };
        let mut triggers = self.triggers.lock().unwrap_or_else(PoisonError::into_inner);
        let records = triggers.entry(trigger).or_default();
        if !records.contains_key(key) && !make_room(records, now, max_entries) {
            return Err("CacheSizeExceeded");
        }
        records.insert(key.to_owned(), record.clone());
        Ok(record)
    }

    /// Removes a record; `Err` is Auth0's code.
    pub(crate) fn delete(&self, trigger: Trigger, key: &str) -> Result<Record, &'static str> {
        let mut triggers = self.triggers.lock().unwrap_or_else(PoisonError::into_inner);
        triggers.get_mut(&trigger).and_then(|records| records.remove(key)).ok_or("CacheKeyDoesNotExist")
    }
}

/// Whether there is a place for one more: what is over goes first, then what ends first.
fn make_room(records: &mut BTreeMap<String, Record>, now: i64, max_entries: usize) -> bool {
    if records.len() >= max_entries {
        records.retain(|_, record| record.expires_at > now);
    }
    while records.len() >= max_entries {
        let Some(first) = records.iter().min_by_key(|(_, record)| record.expires_at).map(|(key, _)| key.clone()) else {
            return false;
        };
        records.remove(&first);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: Trigger = Trigger::PostLogin;

    fn ttl(ms: i64) -> Expiry {
        Expiry { ttl: Some(ms), expires_at: None }
    }

    #[test]
    fn a_record_lives_fifteen_minutes_unless_told_and_a_day_at_most() {
        let cache = Cache::default();
        assert_eq!(cache.set(LOGIN, "a", "1", Expiry::default(), (0, 10)).unwrap().expires_at, DEFAULT_TTL);
        assert_eq!(cache.set(LOGIN, "a", "1", ttl(i64::MAX), (0, 10)).unwrap().expires_at, MAX_TTL);
        let both = Expiry { ttl: Some(1_000), expires_at: Some(500) };
        assert_eq!(cache.set(LOGIN, "a", "1", both, (0, 10)).unwrap().expires_at, 500);
        assert_eq!(cache.get(LOGIN, "a", 499).unwrap().value, "1");
        assert_eq!(cache.get(LOGIN, "a", 500), None);
    }

    #[test]
    fn triggers_do_not_share_records() {
        let cache = Cache::default();
        cache.set(LOGIN, "a", "1", ttl(1_000), (0, 10)).unwrap();
        assert_eq!(cache.get(Trigger::CredentialsExchange, "a", 0), None);
    }

    #[test]
    fn a_full_cache_drops_what_ends_first() {
        let cache = Cache::default();
        cache.set(LOGIN, "long", "1", ttl(2_000), (0, 2)).unwrap();
        cache.set(LOGIN, "short", "1", ttl(1_000), (0, 2)).unwrap();
        cache.set(LOGIN, "new", "1", ttl(3_000), (0, 2)).unwrap();
        assert_eq!(cache.get(LOGIN, "short", 0), None);
        assert!(cache.get(LOGIN, "long", 0).is_some());
        assert_eq!(cache.set(LOGIN, "x", "1", ttl(1), (0, 0)), Err("CacheSizeExceeded"));
    }

    #[test]
    fn what_does_not_fit_is_answered_with_a_code() {
        let cache = Cache::default();
        assert_eq!(cache.set(LOGIN, &"k".repeat(65), "1", ttl(1), (0, 2)), Err("CacheKeySizeExceeded"));
        assert_eq!(cache.set(LOGIN, "k", &"v".repeat(4_097), ttl(1), (0, 2)), Err("CacheValueSizeExceeded"));
        assert_eq!(cache.set(LOGIN, "k", "v", ttl(0), (0, 2)), Err("ItemAlreadyExpired"));
        assert_eq!(cache.set(LOGIN, "k", "v", ttl(-1), (0, 2)), Err("InvalidExpiry"));
        assert_eq!(cache.delete(LOGIN, "k"), Err("CacheKeyDoesNotExist"));
    }
}
