//! Slows down the guessing of passwords: per account and address strictly, per account leniently, so that a stranger cannot
//! lock a user out. An attempt is counted before the password is looked at; parallel attempts cannot slip through. An address
//! that fails with many accounts waits for the next minute: no longer, because a whole office may share it.

use std::net::IpAddr;

use crate::app::App;
use crate::domain::hash;

use super::RequestContext;
use super::error::{Error, Result};

/// How many attempts are free and how long the wait becomes.
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
/// Counts older than this are forgotten.
const MEMORY_MS: i64 = 24 * 3_600_000;

/// An attempt that was counted; [`Attempt::succeeded`] takes it back.
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    keys: Vec<String>,
    address: Option<String>,
}

/// Counts an attempt to log in as `login`. Under `dev`, loopback addresses are not throttled.
///
/// # Errors
/// [`Error::TooManyAttempts`] with the seconds to wait; the database's.
pub async fn attempt(app: &App, login: &str, context: &RequestContext) -> Result<Attempt> {
    let Some(address) = address(app, context).await? else { return Ok(Attempt { keys: Vec::new(), address: None }) };
    let account = hash::sha256(&login.trim().to_lowercase());
    let counters =
        [(format!("account-address:{account}:{}", context.ip), BY_ADDRESS), (format!("account:{account}"), BY_ACCOUNT)];
    for (key, policy) in &counters {
        count(app, key, *policy).await?;
    }
    Ok(Attempt { keys: counters.into_iter().map(|(key, _)| key).collect(), address: Some(address) })
}

/// Begins something that tells whether an account exists, such as a sign-up; it counts only if it fails.
///
/// # Errors
/// As [`attempt`].
pub async fn probe(app: &App, context: &RequestContext) -> Result<Attempt> {
    Ok(Attempt { keys: Vec::new(), address: address(app, context).await? })
}

/// The counter of the address in this minute; `None` where nothing is throttled.
async fn address(app: &App, context: &RequestContext) -> Result<Option<String>> {
    let ip = context.ip.parse::<IpAddr>();
    if app.dev && ip.as_ref().is_ok_and(IpAddr::is_loopback) {
        return Ok(None);
    }
    let now = app.clock.now_ms();
    let key = format!("address:{}:{}", ip.map_or_else(|_| context.ip.clone(), network), now.div_euclid(MINUTE_MS));
    if app.store.failed_logins(&key).await?.0 >= FAILURES_OF_ADDRESS {
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
    /// Counts a failure for the address. Hashing is bounded, so parallel attempts overshoot by little.
    ///
    /// # Errors
    /// The database's.
    pub async fn failed(self, app: &App) -> Result<()> {
        let Some(address) = self.address else { return Ok(()) };
        let mut tx = app.store.begin().await?;
        tx.count_failed_login(&address, app.clock.now_ms()).await?;
        Ok(tx.commit().await?)
    }

    /// Forgets the failures before a right password.
    ///
    /// # Errors
    /// The database's.
    pub async fn succeeded(self, app: &App) -> Result<()> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let mut tx = app.store.begin().await?;
        for key in &self.keys {
            tx.forget_failed_logins(key).await?;
        }
        Ok(tx.commit().await?)
    }
}

async fn count(app: &App, key: &str, policy: Policy) -> Result<()> {
    let now = app.clock.now_ms();
    let (seen, last) = app.store.failed_logins(key).await?;
    let is_old = seen > 0 && now - last > MEMORY_MS;
    let seen = if is_old { 0 } else { seen };
    if let Some(retry_after) = policy.wait(seen, last, now) {
        return Err(Error::TooManyAttempts { retry_after });
    }
    let mut tx = app.store.begin().await?;
    if is_old {
        tx.forget_failed_logins(key).await?;
    }
    let counted = tx.count_failed_login(key, now).await?;
    // Past the free attempts only one of several parallel ones goes on: the one that nobody overtook. The others looked at no
    // password and are not counted, or a burst would lock the account out for as long as we ever wait.
    if counted > policy.free && counted != seen + 1 {
        return Err(Error::TooManyAttempts { retry_after: policy.delay_s(counted - 1) });
    }
    Ok(tx.commit().await?)
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
