//! The only place that wires: one tenant's parts, built from the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::{Clock, Random};
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

/// Lifetimes in seconds that belong to no client or API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An authorization code: 60.
    pub code: i64,
    /// A login that waits for its form: 3 600.
    pub login_transaction: i64,
    /// A session, at most: 168 hours.
    pub session: i64,
    /// A session that is not used: 72 hours.
    pub idle_session: i64,
    /// An opaque access token: 86 400.
    pub opaque_access_token: i64,
    /// An opaque access token from the authorization endpoint: 7 200.
    pub opaque_access_token_for_web: i64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            code: 60,
            login_transaction: 3_600,
            session: 168 * 3_600,
            idle_session: 72 * 3_600,
            opaque_access_token: 86_400,
            opaque_access_token_for_web: 7_200,
        }
    }
}
