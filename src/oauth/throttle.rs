//! Slows down the guessing of passwords: per account and place strictly, per account leniently. A network that fails with many
//! accounts waits for the next minute: no longer, because a whole office may share it.
//!
//! Nobody is locked out by others: where an account has logged in before, in that browser or from that network, its count
//! there decides alone. Everywhere else strangers guess, from as many networks as they have, and share the account's count;
//! its owner at a new place shares it with them. (OWASP calls the browser's part a device cookie.)
//!
//! Only failures count, so right passwords never add up, however many arrive at once. Guesses sent at once are bounded all the
//! same: an attempt learns whether its password was right only if the count allows it when the password has been checked.

use std::net::IpAddr;

use crate::app::App;
use crate::domain::hash;
use crate::domain::user::login_key;
use crate::store::Tx;

use super::RequestContext;
use super::error::{Error, Result};
use super::session::Browser;

/// How many failures are free and how long the wait becomes.
#[derive(Clone, Copy, Debug)]
struct Policy {
    free: i64,
    longest_wait_s: i64,
}

/// One network or browser guessing one account.
const BY_PLACE: Policy = Policy { free: 10, longest_wait_s: 900 };
/// All strangers guessing one account.
const BY_ACCOUNT: Policy = Policy { free: 50, longest_wait_s: 60 };
/// Failures of one network in a minute, whatever the accounts.
const FAILURES_OF_NETWORK: i64 = 60;
const MINUTE_MS: i64 = 60_000;
/// A place is written down again this long after the last time.
const DAY_MS: i64 = 86_400_000;

/// An attempt that may have its password checked; it must be told how that went before anybody else is.
#[derive(Debug, Default)]
#[must_use]
pub struct Attempt {
    counters: Vec<Counter>,
    /// The count of the network in this minute.
    network: Option<String>,
    arrival: Option<Arrival>,
}

/// A count of failures, as it was when the attempt began.
#[derive(Debug)]
struct Counter {
    key: String,
    policy: Policy,
    seen: i64,
}

/// Who is meant, and from where somebody says to be him.
#[derive(Debug)]
struct Arrival {
    account: String,
    /// The surest first: the browser, the network.
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    key: String,
    is_browser: bool,
    /// When the account last logged in there.
    known: Option<i64>,
}

/// Begins an attempt to log in as `login`. Under `dev`, loopback addresses are not throttled.
///
/// # Errors
/// [`Error::TooManyAttempts`] with the seconds to wait; the database's.
pub async fn attempt(app: &App, login: &str, browser: &Browser, context: &RequestContext) -> Result<Attempt> {
    if is_free(app, context) {
        return Ok(Attempt::default());
    }
    let now = app.clock.now_ms();
    let arrival = Arrival::find(app, login, browser, context).await?;
    let network = network_in_minute(context, now);
    if !arrival.is_in_known_browser() {
        check_network(app, &network, now).await?;
    }
    let mut counters = Vec::new();
    for (key, policy) in arrival.policies() {
        let (seen, last) = app.store.failed_logins(&key, now).await?;
        if let Some(retry_after) = policy.wait(seen, last, now) {
            return Err(Error::TooManyAttempts { retry_after });
        }
        counters.push(Counter { key, policy, seen });
    }
    Ok(Attempt { counters, network: Some(network), arrival: Some(arrival) })
}

/// Begins something that tells whether an account exists, such as a sign-up; it counts only if it fails.
///
/// # Errors
/// As [`attempt`].
pub async fn probe(app: &App, context: &RequestContext) -> Result<Attempt> {
    if is_free(app, context) {
        return Ok(Attempt::default());
    }
    let now = app.clock.now_ms();
    let network = network_in_minute(context, now);
    check_network(app, &network, now).await?;
    Ok(Attempt { network: Some(network), ..Attempt::default() })
}

/// Remembers where a new account was made: its owner is no stranger there.
///
/// # Errors
/// The database's.
pub async fn remember(app: &App, tx: &mut Tx, login: &str, browser: &Browser, context: &RequestContext) -> Result<()> {
    if is_free(app, context) {
        return Ok(());
    }
    for (place, _) in places(browser, context) {
        tx.remember_place(&account(login), &place, app.clock.now_ms()).await?;
    }
    Ok(())
}

/// Whether nothing is throttled.
fn is_free(app: &App, context: &RequestContext) -> bool {
    app.dev && context.ip.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What failures of an account are counted by; its name is not stored.
fn account(login: &str) -> String {
    hash::sha256(&login_key(login))
}

fn network_in_minute(context: &RequestContext, now: i64) -> String {
    format!("address:{}:{}", network(&context.ip), now.div_euclid(MINUTE_MS))
}

async fn check_network(app: &App, network: &str, now: i64) -> Result<()> {
    if app.store.failed_logins(network, now).await?.0 < FAILURES_OF_NETWORK {
        return Ok(());
    }
    Err(Error::TooManyAttempts { retry_after: (MINUTE_MS - now.rem_euclid(MINUTE_MS) + 999) / 1000 })
}

/// The address, or for IPv6 its /64: whoever has one has them all.
fn network(ip: &str) -> String {
    match ip.parse() {
        Ok(IpAddr::V6(ip)) => format!("{:x}", ip.to_bits() >> 64),
        Ok(IpAddr::V4(_)) | Err(_) => ip.to_owned(),
    }
}

/// Names of the browser (its cookie is a secret, so its hash), whether it is one, and of the network.
fn places(browser: &Browser, context: &RequestContext) -> impl Iterator<Item = (String, bool)> {
    let browser = browser.own_binding().map(|secret| (format!("browser:{}", hash::sha256(secret)), true));
    browser.into_iter().chain([(format!("network:{}", network(&context.ip)), false)])
}

impl Arrival {
    async fn find(app: &App, login: &str, browser: &Browser, context: &RequestContext) -> Result<Self> {
        let account = account(login);
        let mut found = Vec::new();
        for (key, is_browser) in places(browser, context) {
            let known = app.store.known_place(&account, &key, app.clock.now_ms()).await?;
            found.push(Place { key, is_browser, known });
        }
        Ok(Self { account, places: found })
    }

    /// The place that decides alone.
    fn known(&self) -> Option<&Place> {
        self.places.iter().find(|place| place.known.is_some())
    }

    /// Whether it does not matter either what others do in the same network.
    fn is_in_known_browser(&self) -> bool {
        self.known().is_some_and(|place| place.is_browser)
    }

    /// The counts that must allow the attempt. A cookie that the account does not know proves nothing, so without a known
    /// place it is the network that counts.
    fn policies(&self) -> Vec<(String, Policy)> {
        let at = |place: &Place| (format!("account-place:{}:{}", self.account, place.key), BY_PLACE);
        match self.known() {
            Some(place) => vec![at(place)],
            None => {
                let network = self.places.iter().filter(|place| !place.is_browser).map(at);
                network.chain([(format!("account:{}", self.account), BY_ACCOUNT)]).collect()
            }
        }
    }

    /// The places that are to be written down after a login at `now`.
    fn unwritten(&self, now: i64) -> impl Iterator<Item = &str> {
        let is_old = move |place: &&Place| place.known.is_none_or(|last| now - last >= DAY_MS);
        self.places.iter().filter(is_old).map(|place| place.key.as_str())
    }
}

impl Attempt {
    /// The password was right: forgets the failures before it, and remembers from where it came.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`] if guesses at the same time have used the count up; the database's.
    pub async fn succeeded(self, app: &App) -> Result<()> {
        let now = app.clock.now_ms();
        let mut failed_before = false;
        for counter in &self.counters {
            let (failures, _) = app.store.failed_logins(&counter.key, now).await?;
            counter.admit(failures, counter.seen)?;
            failed_before |= failures > 0;
        }
        let Some(arrival) = self.arrival else { return Ok(()) };
        if !failed_before && arrival.unwritten(now).next().is_none() {
            return Ok(());
        }
        let mut tx = app.store.begin().await?;
        for counter in &self.counters {
            tx.forget_failed_logins(&counter.key).await?;
        }
        for place in arrival.unwritten(now) {
            tx.remember_place(&arrival.account, place, now).await?;
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
        if let Some(network) = &self.network {
            tx.count_failed_login(network, now).await?;
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
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    #[test]
    fn the_first_ten_are_free_and_then_waits_double_up_to_a_limit() {
        assert_eq!(BY_PLACE.wait(9, 1_000_000, 1_000_000), None);
        assert_eq!(BY_PLACE.wait(10, 1_000_000, 1_000_000), Some(1));
        assert_eq!(BY_PLACE.wait(13, 1_000_000, 1_000_000), Some(8));
        assert_eq!(BY_PLACE.wait(13, 1_000_000, 1_007_500), Some(1));
        assert_eq!(BY_PLACE.wait(13, 1_000_000, 1_008_000), None);
        assert_eq!(BY_PLACE.wait(500, 1_000_000, 1_000_000), Some(900));
        assert_eq!(BY_PLACE.wait(i64::MAX, 1_000_000, 1_000_000), Some(900));
        assert_eq!(BY_ACCOUNT.wait(49, 1_000_000, 1_000_000), None);
        assert_eq!(BY_ACCOUNT.wait(90, 1_000_000, 1_000_000), Some(60));
    }
}
