//! Slows down the guessing of passwords: per account and address strictly, per account leniently, so that a stranger cannot
//! lock a user out.
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

/// An attempt that may have its password checked; it must be told how that went before anybody else is.
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    counters: Vec<Counter>,
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
    let loopback = context.ip.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if app.dev && loopback {
        return Ok(Attempt { counters: Vec::new() });
    }
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
    Ok(Attempt { counters })
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
        let mut counted = Vec::with_capacity(self.counters.len());
        for counter in &self.counters {
            counted.push(tx.count_failed_login(&counter.key, now).await?);
        }
        tx.commit().await?;
        self.counters.iter().zip(counted).try_for_each(|(counter, failures)| counter.admit(failures, counter.seen + 1))
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
