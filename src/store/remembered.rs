//! Clients, their origins, APIs and client grants that were read a moment ago.
//!
//! Every token request needs them and they hardly ever change: only by a transaction of this process, which makes them
//! forgotten when it has committed, or by another replica, whose change is seen within [`MAX_AGE`]. What is not there is
//! not remembered, so that strangers cannot fill the memory with names.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::client::Client;
use crate::domain::resource_server::{ClientGrant, ResourceServer};

use super::Result;

/// How old an answer may be.
const MAX_AGE: Duration = Duration::from_secs(1);
/// Entries of one kind; then all are forgotten. Bounds the memory that removed ones take.
const MAX_ENTRIES: usize = 10_000;

/// One tenant's.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    pub(super) clients: Kind<String, Client>,
    pub(super) resource_servers: Kind<String, ResourceServer>,
    pub(super) client_grants: Kind<(String, String), ClientGrant>,
    pub(super) origins: Kind<(), HashSet<String>>,
}

impl Remembered {
    /// Forgets all, and whatever is being read right now: it may be from before the change.
    pub(super) fn forget(&self) {
        self.clients.forget();
        self.resource_servers.forget();
        self.client_grants.forget();
        self.origins.forget();
    }
}

/// Entries of one kind.
#[derive(Debug)]
pub(super) struct Kind<K, V>(Mutex<Entries<K, V>>);

#[derive(Debug)]
struct Entries<K, V> {
    /// Counts changes.
    generation: u64,
    entries: HashMap<K, (Instant, Arc<V>)>,
}

impl<K, V> Default for Kind<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Entries { generation: 0, entries: HashMap::new() }))
    }
}

impl<K: std::hash::Hash + Eq, V> Kind<K, V> {
    /// The remembered value, or what `read` finds.
    pub(super) async fn get(&self, key: K, read: impl Future<Output = Result<Option<V>>>) -> Result<Option<Arc<V>>> {
        let generation = {
            let known = self.lock();
            if let Some((at, value)) = known.entries.get(&key)
                && at.elapsed() < MAX_AGE
            {
                return Ok(Some(Arc::clone(value)));
            }
            known.generation
        };
        let began = Instant::now();
        let found = read.await?.map(Arc::new);
        let mut known = self.lock();
        if known.generation == generation {
            if known.entries.len() >= MAX_ENTRIES {
                known.entries.clear();
            }
            match &found {
                Some(value) => known.entries.insert(key, (began, Arc::clone(value))),
                None => known.entries.remove(&key),
            };
        }
        Ok(found)
    }

    fn forget(&self) {
        let mut known = self.lock();
        known.generation += 1;
        known.entries.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Entries<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn find(value: u8) -> Result<Option<u8>> {
        Ok(Some(value))
    }

    #[tokio::test]
    async fn a_value_is_read_once_until_it_is_forgotten() {
        let kind = Kind::default();
        assert_eq!(kind.get("a", find(1)).await.unwrap().as_deref(), Some(&1));
        assert_eq!(kind.get("a", find(2)).await.unwrap().as_deref(), Some(&1));
        kind.forget();
        assert_eq!(kind.get("a", find(3)).await.unwrap().as_deref(), Some(&3));
    }

    #[tokio::test]
    async fn what_was_read_before_a_change_is_not_remembered_after_it() {
        let kind = Kind::default();
        let slow = async {
            kind.forget();
            find(1).await
        };
        assert_eq!(kind.get("a", slow).await.unwrap().as_deref(), Some(&1));
        assert_eq!(kind.get("a", find(2)).await.unwrap().as_deref(), Some(&2));
    }

    #[tokio::test]
    async fn absence_is_not_remembered() {
        let kind = Kind::default();
        assert_eq!(kind.get("a", async { Ok(None) }).await.unwrap(), None);
        assert_eq!(kind.get("a", find(1)).await.unwrap().as_deref(), Some(&1));
    }
}
