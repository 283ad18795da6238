//! `[server]` and `[lifetimes]`: the process around the tenant, and how long things last.

use std::net::IpAddr;
use std::time::Duration;

use crate::domain::lifetimes::Lifetimes;

use super::reader::{Context, Found, Section};

/// `[server]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// `trusted_proxies`: addresses or networks whose `X-Forwarded-For` is believed; none by default.
    pub trusted_proxies: Vec<String>,
    /// `header_timeout_seconds` (10): from the first byte of a request, or from the connection, to the end of its head.
    pub header_timeout: Duration,
    /// `body_timeout_seconds` (10): from the end of the head to the end of the body; then the answer is 408.
    pub body_timeout: Duration,
    /// `idle_timeout_seconds` (60): how long a connection may be kept between two requests.
    pub idle_timeout: Duration,
    /// `write_timeout_seconds` (10): how long a peer may read nothing of an answer.
    pub write_timeout: Duration,
    /// `max_connections` (4096): at the same time, but at most three quarters of the file descriptors; more wait in the
    /// backlog of the socket.
    pub max_connections: usize,
    /// `max_requests` (1024): in flight; more are answered with 503 and `Retry-After`. Discovery, JWKS and health always
    /// answer.
    pub max_requests: usize,
    /// `drain_seconds` (10): how long requests in flight may take after SIGTERM.
    pub drain: Duration,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(10),
            max_connections: 4_096,
            max_requests: 1_024,
            drain: Duration::from_secs(10),
        }
    }
}

/// `[server]`.
pub(super) fn read(root: &Section<'_>) -> Server {
    let default = Server::default();
    let Some(section) = root.section("server") else { return default };
    let proxies = section.texts("trusted_proxies");
    proxies.iter().for_each(|proxy| check_network(section.context, proxy));
    let seconds = |key, longest, default| section.number(key, 1..=longest).map_or(default, duration);
    let count = |key, default| section.number(key, 1..=1_000_000).and_then(|n| usize::try_from(n).ok()).unwrap_or(default);
    let server = Server {
        trusted_proxies: proxies.into_iter().map(|proxy| proxy.value).collect(),
        header_timeout: seconds("header_timeout_seconds", 60, default.header_timeout),
        body_timeout: seconds("body_timeout_seconds", 25, default.body_timeout),
        idle_timeout: seconds("idle_timeout_seconds", 3_600, default.idle_timeout),
        write_timeout: seconds("write_timeout_seconds", 60, default.write_timeout),
        max_connections: count("max_connections", default.max_connections),
        max_requests: count("max_requests", default.max_requests),
        drain: seconds("drain_seconds", 300, default.drain),
    };
    section.finish();
    server
}

fn duration(seconds: i64) -> Duration {
    Duration::from_secs(seconds.unsigned_abs())
}

fn check_network(context: &Context<'_>, found: &Found<String>) {
    let (address, prefix) = match found.value.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (found.value.as_str(), None),
    };
    let fits = address.parse::<IpAddr>().is_ok_and(|ip| {
        let longest = if ip.is_ipv4() { 32 } else { 128 };
        prefix.is_none_or(|prefix| prefix.parse::<u8>().is_ok_and(|bits| bits <= longest))
    });
    if !fits {
        let hint = "write an address or a network: `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`".to_owned();
        context.problem(&found.at, format!("`{}` is no address", found.value), hint);
    }
    if prefix == Some("0") {
        context.insecure(&found.at, "everybody may claim any address", "name the networks of your proxies");
    }
}

/// `[lifetimes]`, in seconds.
pub(super) fn lifetimes(root: &Section<'_>) -> Lifetimes {
    let default = Lifetimes::default();
    let Some(section) = root.section("lifetimes") else { return default };
    let year = 365 * 24 * 3_600;
    let seconds = |key, longest, default| section.number(key, 1..=longest).unwrap_or(default);
    let lifetimes = Lifetimes {
        code: seconds("code", 600, default.code),
        login_transaction: seconds("login_transaction", 86_400, default.login_transaction),
        session: seconds("session", year, default.session),
        idle_session: seconds("idle_session", year, default.idle_session),
        opaque_access_token: seconds("opaque_access_token", 2_592_000, default.opaque_access_token),
        opaque_access_token_for_web: seconds("opaque_access_token_for_web", 2_592_000, default.opaque_access_token_for_web),
    };
    section.finish();
    if section.has("idle_session") && lifetimes.idle_session > lifetimes.session {
        section.problem("idle_session", "must not be longer than session", None);
    }
    lifetimes
}
