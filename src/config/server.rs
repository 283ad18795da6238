//! `[server]` and `[lifetimes]`: the process around the tenant, and how long things last.

use std::net::IpAddr;

use crate::domain::lifetimes::Lifetimes;

use super::reader::{Context, Found, Section};

/// `[server]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Addresses or networks whose `X-Forwarded-For` is believed; none by default.
    pub trusted_proxies: Vec<String>,
}

/// `[server]`.
pub(super) fn read(root: &Section<'_>) -> Server {
    let Some(section) = root.section("server") else { return Server::default() };
    let proxies = section.texts("trusted_proxies");
    proxies.iter().for_each(|proxy| check_network(section.context, proxy));
    section.finish();
    Server { trusted_proxies: proxies.into_iter().map(|proxy| proxy.value).collect() }
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
