//! Slows down password guessing: the same rule for the login page and the password grant.
//!
//! Three counters per attempt: this login from this address, this login from anywhere, this address for any login. Each gives
//! some wrong passwords for free and then asks for a pause that doubles. Only hashes of logins and addresses are stored.

use std::net::IpAddr;

use crate::app::App;
use crate::domain::hash;
use crate::store::Tx;

use super::error::{Error, Result};

/// Wrong passwords of one login from one address before the first pause.
const FREE_PAIR: i64 = 10;
/// Wrong passwords of one login from anywhere: higher, or a stranger could lock the owner out.
const FREE_LOGIN: i64 = 50;
/// Wrong passwords from one address: higher still, an office shares one.
const FREE_ADDRESS: i64 = 200;
/// The first pause, in seconds.
const FIRST_PAUSE: i64 = 30;
/// The longest pause, in seconds.
const LONGEST_PAUSE: i64 = 900;
/// After a day without a failure counting starts again, in milliseconds.
const FORGOTTEN_AFTER: i64 = 24 * 3_600 * 1000;

/// One attempt to log in with a password.
#[derive(Clone, Debug)]
pub struct Attempt {
    counters: Vec<Counter>,
}

#[derive(Clone, Debug)]
struct Counter {
    key: String,
    free: i64,
    /// Whether the right password clears it; an address would otherwise be cleared by its owner's own account.
    forgivable: bool,
}

impl Attempt {
    /// An attempt of `login` (as typed) from `ip`. In `dev`, loopback addresses are never slowed down.
    #[must_use]
    pub fn new(app: &App, login: &str, ip: &str) -> Self {
        Self { counters: if app.dev && is_loopback(ip) { Vec::new() } else { counters(login, ip) } }
    }

    /// Whether the password may be looked at. Ask before checking it, and again when it was right: a burst of parallel guesses
    /// then gains nothing.
    ///
    /// # Errors
    /// `TooManyAttempts` with the rest of the pause; the database's.
    pub async fn admit(&self, app: &App) -> Result<()> {
        let now = app.clock.now_ms();
        let mut wait = 0;
        for counter in &self.counters {
            let (failures, last) = app.store.failed_logins(&counter.key).await?;
            wait = wait.max(remaining(failures, last, counter.free, now));
        }
        if wait > 0 { Err(Error::TooManyAttempts { retry_after: wait }) } else { Ok(()) }
    }

    /// Counts a wrong password, durably, before the answer is given.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_failure(&self, app: &App) -> Result<()> {
        if self.counters.is_empty() {
            return Ok(());
        }
        let now = app.clock.now_ms();
        let mut stale = Vec::new();
        for counter in &self.counters {
            let (failures, last) = app.store.failed_logins(&counter.key).await?;
            if failures > 0 && now - last > FORGOTTEN_AFTER {
                stale.push(counter.key.as_str());
            }
        }
        let mut tx = app.store.begin().await?;
        for key in stale {
            tx.forget_failed_logins(key).await?;
        }
        for counter in &self.counters {
            tx.count_failed_login(&counter.key, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Clears the login's counters after the right password, inside the caller's transaction.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget(&self, tx: &mut Tx) -> Result<()> {
        for counter in self.counters.iter().filter(|counter| counter.forgivable) {
            tx.forget_failed_logins(&counter.key).await?;
        }
        Ok(())
    }
}

fn counters(login: &str, ip: &str) -> Vec<Counter> {
    let login = login.trim().to_lowercase();
    let counter = |kind: &str, what: &str, free, forgivable| Counter {
        key: format!("{kind}:{}", hash::sha256(what)),
        free,
        forgivable,
    };
    vec![
        counter("pair", &format!("{login}\n{ip}"), FREE_PAIR, true),
        counter("login", &login, FREE_LOGIN, true),
        counter("address", ip, FREE_ADDRESS, false),
    ]
}

/// Seconds that are still to wait, at least 1 if any.
fn remaining(failures: i64, last: i64, free: i64, now: i64) -> i64 {
    if failures < free || now - last > FORGOTTEN_AFTER {
        return 0;
    }
    let doublings = u32::try_from((failures - free).min(16)).unwrap_or(16);
    let pause = (FIRST_PAUSE << doublings).min(LONGEST_PAUSE) * 1000;
    let rest = last.saturating_add(pause) - now;
    if rest > 0 { (rest + 999) / 1000 } else { 0 }
}

fn is_loopback(ip: &str) -> bool {
    ip.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_before_ten_wrong_passwords() {
        assert_eq!(remaining(9, 1_000, FREE_PAIR, 1_000), 0);
        assert_eq!(remaining(10, 1_000, FREE_PAIR, 1_000), 30);
    }

    #[test]
    fn the_pause_doubles_up_to_its_limit_and_ends() {
        assert_eq!(remaining(11, 0, FREE_PAIR, 1), 60);
        assert_eq!(remaining(13, 0, FREE_PAIR, 0), 240);
        assert_eq!(remaining(500, 0, FREE_PAIR, 0), 900);
        assert_eq!(remaining(10, 0, FREE_PAIR, 30_000), 0);
        assert_eq!(remaining(500, 0, FREE_PAIR, FORGOTTEN_AFTER + 1), 0);
    }

    #[test]
    fn the_counters_ignore_case_and_do_not_show_the_login() {
        let keys = |login: &str| counters(login, "192.0.2.1").into_iter().map(|c| c.key).collect::<Vec<_>>();
        assert_eq!(keys("Ada@Example.com "), keys("ada@example.com"));
        assert_ne!(keys("ada@example.com")[0], keys("bob@example.com")[0]);
        assert_eq!(keys("ada@example.com")[2], keys("bob@example.com")[2]);
        assert!(keys("ada@example.com").iter().all(|key| !key.contains("ada")));
    }

    #[test]
    fn loopback_is_recognised_in_both_families() {
        assert!(is_loopback("127.0.0.1") && is_loopback("::1") && is_loopback("::ffff:127.0.0.1"));
        assert!(!is_loopback("192.0.2.1") && !is_loopback(""));
    }
}
