//! The only place that wires: one tenant's parts, built from the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::{Clock, Random};
pub use crate::domain::lifetimes::Lifetimes;
use crate::flow::Flow;
use crate::keys::Keys;
use crate::store::{Database, Store};

/// Everything that belongs to one issuer. Shared behind an `Arc`; holds no lock across an await.
#[derive(Debug)]
pub struct App {
    /// The issuer, byte for byte as configured; ends with a slash unless configured without.
    pub issuer: String,
    /// The tenant's name: `event.tenant.id` and the tenant column of every table.
    pub tenant: String,
    /// `true` under `vestibule dev`: demo buttons on the login page, no throttling of loopback addresses.
    pub dev: bool,
    /// The pool, for health.
    pub database: Database,
    /// The tenant's view of the database.
    pub store: Store,
    /// Signing keys; replaced at rotation.
    pub keys: arc_swap::ArcSwap<Keys>,
    /// The running actions.
    pub flow: Arc<Flow>,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
    /// Secrets of clients whose ID tokens are signed with HS256 (their database row has only a hash).
    pub hs256_secrets: BTreeMap<String, String>,
    /// Lifetimes.
    pub lifetimes: Lifetimes,
    /// Addresses or networks whose `X-Forwarded-For` is believed; none by default.
    pub trusted_proxies: Vec<String>,
    /// The counters behind `/metrics`.
    pub metrics: crate::metrics::Metrics,
    /// Hashes passwords on their own few threads.
    pub passwords: crate::passwords::Passwords,
}
