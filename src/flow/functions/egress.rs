//! Which hosts the actions may call: those that the operator listed, and no private address unless that is listed, too.
//!
//! Names are checked again after resolution, for a listed name may be made to point at the inside of the network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The `allow_hosts` of an action: `api.example.com`, `localhost:9000`, `10.1.2.3`, or a network, `10.0.0.0/8`.
#[derive(Clone, Debug)]
pub(super) struct Allowed(pub(super) Arc<[String]>);

impl Allowed {
    /// Why a URL may not be called; `Ok` if it may, as far as is known before its name is resolved.
    pub(super) fn check(&self, url: &Url) -> Result<(), String> {
        let Some(host) = url.host() else { return Err("the URL has no host".into()) };
        let name = url.host_str().unwrap_or_default();
        if !self.lists(name, url.port_or_known_default()) {
            return Err(format!("the host `{name}` is not in this action's `allow_hosts`"));
        }
        let address = match &host {
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address)),
            Host::Domain(_) => None,
        };
        if let Some(address) = address.filter(|address| !is_public(*address) && !self.lists_address(*address)) {
            return Err(format!("the address `{address}` is private and not in this action's `allow_hosts`"));
        }
        let loopback = is_localhost(name) || address.is_some_and(|address| address.is_loopback());
        match url.scheme() {
            "https" => Ok(()),
            "http" if loopback => Ok(()),
            _ => Err("only `https` is allowed, and `http` to this machine".into()),
        }
    }

    /// Whether an entry names the host, with this port or without one.
    fn lists(&self, host: &str, port: Option<u16>) -> bool {
        self.0.iter().any(|entry| {
            entry.eq_ignore_ascii_case(host)
                || port.is_some_and(|port| entry.eq_ignore_ascii_case(&format!("{host}:{port}")))
        }) || host.trim_matches(['[', ']']).parse().is_ok_and(|address| self.lists_address(address))
    }

    /// Whether an entry is the address or a network that holds it.
    fn lists_address(&self, address: IpAddr) -> bool {
        self.0.iter().any(|entry| {
            let without_port = entry.parse::<SocketAddr>().map(|socket| socket.ip());
            let bare = entry.trim_matches(['[', ']']).parse::<IpAddr>();
            without_port.or(bare).is_ok_and(|listed| listed == address) || in_network(entry, address)
        })
    }

    /// Whether a name may lead to an address.
    fn permits(&self, name: &str, address: IpAddr) -> bool {
        is_public(address) || self.lists_address(address) || (is_localhost(name) && address.is_loopback())
    }
}

/// `localhost` and names below it always mean this machine (RFC 6761).
fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether `entry` is a network (`10.0.0.0/8`) that holds `address`.
fn in_network(entry: &str, address: IpAddr) -> bool {
    let Some((network, length)) = entry.split_once('/') else { return false };
    let (Ok(network), Ok(length)) = (network.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    let shared = match (network, address) {
        (IpAddr::V4(a), IpAddr::V4(b)) if length <= 32 => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) if length <= 128 => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        _ => return false,
    };
    shared >= length
}

/// Whether an address belongs to the public internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// After the registry of special-purpose addresses (RFC 6890).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240;
    !(special
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast())
}

/// Only global unicast; an address that carries an IPv4 address counts as that one.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let inner = |high: u16, low: u16| Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low));
    match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => is_public_v4(inner(high, low)),
        [0x2001, 0..0x200, ..] | [0x2001, 0xdb8, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// The system's resolver, which gives out permitted addresses only.
pub(super) struct Resolver(pub(super) Allowed);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let permitted: Vec<_> = found.filter(|address| allowed.permits(name.as_str(), address.ip())).collect();
            if permitted.is_empty() {
                let refusal = "the name leads to private addresses that are not in this action's `allow_hosts`";
                return Err(refusal.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allowed: &[&str], url: &str) -> Result<(), String> {
        Allowed(allowed.iter().map(ToString::to_string).collect()).check(&Url::parse(url).unwrap())
    }

    #[test]
    fn nothing_is_allowed_that_is_not_listed() {
        assert!(check(&[], "https://example.com/").unwrap_err().contains("not in this action's `allow_hosts`"));
        for url in [
            "https://example.com.evil.org/",
            "https://notexample.com/",
            "https://user@evil.org/?example.com",
            "https://example.com@evil.org/",
            "http://example.com/",
            "ftp://example.com/",
        ] {
            assert!(check(&["example.com"], url).is_err(), "{url}");
        }
        assert_eq!(check(&["example.com"], "https://EXAMPLE.com:8443/"), Ok(()));
        assert_eq!(check(&["example.com:8443"], "https://example.com:8443/"), Ok(()));
        assert!(check(&["example.com:8443"], "https://example.com/").is_err());
    }

    #[test]
    fn s52_private_addresses_must_be_listed_themselves() {
        for host in ["169.254.169.254", "10.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "2130706433", "0x7f.1"] {
            assert!(check(&["example.com"], &format!("https://{host}/")).is_err(), "{host}");
        }
        assert_eq!(check(&["10.0.0.0/8"], "https://10.1.2.3/"), Ok(()));
        assert!(check(&["10.0.0.0/8"], "https://11.1.2.3/").is_err());
        assert_eq!(check(&["127.0.0.1:80"], "http://127.0.0.1/"), Ok(()));
        assert!(check(&["10.0.0.1"], "http://10.0.0.1/").is_err(), "plain http leaves this machine");
        assert_eq!(check(&["[::1]"], "http://[::1]:9000/"), Ok(()));
    }

    #[test]
    fn a_listed_name_does_not_open_the_inside() {
        let allowed = Allowed(["example.com".to_owned(), "localhost".to_owned()].into());
        assert!(allowed.permits("example.com", "93.184.215.14".parse().unwrap()));
        for inside in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:192.168.0.1"] {
            assert!(!allowed.permits("example.com", inside.parse().unwrap()), "{inside}");
        }
        assert!(allowed.permits("localhost", "127.0.0.1".parse().unwrap()));
        assert!(!allowed.permits("localhost", "10.0.0.1".parse().unwrap()));
    }

    #[tokio::test]
    async fn s52_the_resolver_gives_out_permitted_addresses_only() {
        let resolve = |allowed: &str| Resolver(Allowed([allowed.to_owned()].into())).resolve("127.0.0.1".parse().unwrap());
        let refusal = resolve("example.com").await.err().unwrap();
        assert!(refusal.to_string().contains("leads to private addresses"), "{refusal}");
        let permitted = resolve("127.0.0.0/8").await.unwrap().collect::<Vec<_>>();
        assert_eq!(permitted[0].ip().to_string(), "127.0.0.1");
    }

    #[test]
    fn only_global_unicast_is_public() {
        for inside in [
            "0.0.0.0",
            "100.64.0.1",
            "172.16.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
            "64:ff9b::7f00:1",
            "2002:a00:1::",
            "2001::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "100.128.0.1", "172.32.0.1"] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }
}
