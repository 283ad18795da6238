//! Slows down the guessing of passwords: per account and address strictly, per account leniently, so that a stranger cannot
//! lock a user out. An address that fails with many accounts waits for the next minute: no longer, because a whole office may
//! share it.
//!
//! Only failures count, so right passwords never add up, however many arrive at once. Guesses sent at once are bounded all the
//! same: an attempt learns whether its password was right only if the count allows it when the password has been checked.

use std::net::IpAddr;

use crate::app::App;
use crate::domain::hash;

use super::RequestContext;
use super::error::{Error, Result};

/// How many failures are free and how long the wait becomes.
#[derive(Clone, Copy, Debug)]
struct Policy {
    free: i64,
    longest_wait_s: i64,
}

/// One address guessing one account.
const BY_ADDRESS: Policy = Policy { free: 10, longest_wait_s: 900 };
/// The whole world guessing one account.
const BY_ACCOUNT: Policy = Policy { free: 50, longest_wait_s: 60 };
/// Failures of one address in a minute, whatever the accounts.
const FAILURES_OF_ADDRESS: i64 = 60;
const MINUTE_MS: i64 = 60_000;

/// An attempt that may have its password checked; it must be told how that went before anybody else is.
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    counters: Vec<Counter>,
    address: Option<String>,
}

/// A count of failures, as it was when the attempt began.
#[derive(Debug)]
struct Counter {
    key: String,
    policy: Policy,
    seen: i64,
}

/// Begins an attempt to log in as `login`. Under `dev`, loopback addresses are not throttled.
///
/// # Errors
/// [`Error::TooManyAttempts`] with the seconds to wait; the database's.
pub async fn attempt(app: &App, login: &str, context: &RequestContext) -> Result<Attempt> {
    let Some(address) = address(app, context).await? else { return Ok(Attempt { counters: Vec::new(), address: None }) };
    let account = hash::sha256(&login.trim().to_lowercase());
    let policies =
        [(format!("account-address:{account}:{}", context.ip), BY_ADDRESS), (format!("account:{account}"), BY_ACCOUNT)];
    let now = app.clock.now_ms();
    let mut counters = Vec::with_capacity(policies.len());
    for (key, policy) in policies {
        let (seen, last) = app.store.failed_logins(&key, now).await?;
        if let Some(retry_after) = policy.wait(seen, last, now) {
            return Err(Error::TooManyAttempts { retry_after });
        }
        counters.push(Counter { key, policy, seen });
    }
    Ok(Attempt { counters, address: Some(address) })
}

/// Begins something that tells whether an account exists, such as a sign-up; it counts only if it fails.
///
/// # Errors
/// As [`attempt`].
pub async fn probe(app: &App, context: &RequestContext) -> Result<Attempt> {
    Ok(Attempt { counters: Vec::new(), address: address(app, context).await? })
}

/// The counter of the address in this minute; `None` where nothing is throttled.
async fn address(app: &App, context: &RequestContext) -> Result<Option<String>> {
    let ip = context.ip.parse::<IpAddr>();
    if app.dev && ip.as_ref().is_ok_and(IpAddr::is_loopback) {
        return Ok(None);
    }
    let now = app.clock.now_ms();
    let key = format!("address:{}:{}", ip.map_or_else(|_| context.ip.clone(), network), now.div_euclid(MINUTE_MS));
    if app.store.failed_logins(&key, now).await?.0 >= FAILURES_OF_ADDRESS {
        return Err(Error::TooManyAttempts { retry_after: (MINUTE_MS - now.rem_euclid(MINUTE_MS) + 999) / 1000 });
    }
    Ok(Some(key))
}

/// The address, or for IPv6 its /64: whoever has one has them all.
fn network(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("{:x}", ip.to_bits() >> 64),
    }
}

impl Attempt {
    /// The password was right: forgets the failures before it.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`] if guesses at the same time have used the count up; the database's.
    pub async fn succeeded(self, app: &App) -> Result<()> {
        let mut failed_before = false;
        for counter in &self.counters {
            let (failures, _) = app.store.failed_logins(&counter.key, app.clock.now_ms()).await?;
            counter.admit(failures, counter.seen)?;
            failed_before |= failures > 0;
        }
        if !failed_before {
            return Ok(());
        }
        let mut tx = app.store.begin().await?;
        for counter in &self.counters {
            tx.forget_failed_logins(&counter.key).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The password was wrong: counts the failure.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`] as with a right password, so that the two look the same; the database's.
    pub async fn failed(self, app: &App) -> Result<()> {
        let now = app.clock.now_ms();
        let mut tx = app.store.begin().await?;
        if let Some(address) = &self.address {
            tx.count_failed_login(address, now).await?;
        }
        for counter in &self.counters {
            // What is not told is not counted either, or a burst would lock the account out for as long as we ever wait.
            counter.admit(tx.count_failed_login(&counter.key, now).await?, counter.seen + 1)?;
        }
        Ok(tx.commit().await?)
    }
}

impl Counter {
    /// Whether the result may be told. Past the free failures only one of several attempts at once goes on: the one that
    /// nobody overtook, whose count is the `undisturbed` one.
    fn admit(&self, failures: i64, undisturbed: i64) -> Result<()> {
        if failures <= self.policy.free.max(undisturbed) {
            return Ok(());
        }
        Err(Error::TooManyAttempts { retry_after: self.policy.delay_s(failures) })
    }
}

impl Policy {
    /// Seconds until the next attempt after `failures`: 1, 2, 4, … once the free ones are gone.
    fn delay_s(self, failures: i64) -> i64 {
        match failures - self.free {
            over if over < 0 => 0,
            over => 1_i64
                .checked_shl(u32::try_from(over).unwrap_or(u32::MAX))
                .filter(|s| *s > 0)
                .map_or(self.longest_wait_s, |s| s.min(self.longest_wait_s)),
        }
    }

    /// Seconds still to wait at `now`.
    fn wait(self, failures: i64, last: i64, now: i64) -> Option<i64> {
        let left = last + self.delay_s(failures) * 1000 - now;
        (left > 0 && failures >= self.free).then(|| (left + 999) / 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_of_an_ipv6_network_is_one_address() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn the_first_ten_are_free_and_then_waits_double_up_to_a_limit() {
        assert_eq!(BY_ADDRESS.wait(9, 1_000_000, 1_000_000), None);
        assert_eq!(BY_ADDRESS.wait(10, 1_000_000, 1_000_000), Some(1));
        assert_eq!(BY_ADDRESS.wait(13, 1_000_000, 1_000_000), Some(8));
        assert_eq!(BY_ADDRESS.wait(13, 1_000_000, 1_007_500), Some(1));
        assert_eq!(BY_ADDRESS.wait(13, 1_000_000, 1_008_000), None);
        assert_eq!(BY_ADDRESS.wait(500, 1_000_000, 1_000_000), Some(900));
        assert_eq!(BY_ADDRESS.wait(i64::MAX, 1_000_000, 1_000_000), Some(900));
        assert_eq!(BY_ACCOUNT.wait(49, 1_000_000, 1_000_000), None);
        assert_eq!(BY_ACCOUNT.wait(90, 1_000_000, 1_000_000), Some(60));
    }
}
