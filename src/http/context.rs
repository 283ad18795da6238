//! Where a request comes from: the peer's address (through trusted proxies only), user agent and language.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use crate::app::App;
use crate::oauth::RequestContext;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Longer user agents are cut: they are stored with sessions.
const MAX_USER_AGENT: usize = 512;

/// The socket address of the peer, put into the request's extensions by the accept loop.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Extractor of the [`RequestContext`], without `query` and `body`.
#[derive(Clone, Debug)]
pub struct Context(pub RequestContext);

impl FromRequestParts<Arc<App>> for Context {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip());
        Ok(Self(RequestContext {
            ip: client_address(peer, &parts.headers, &app.server.trusted_proxies)
                .map(|ip| ip.to_string())
                .unwrap_or_default(),
            method: parts.method.to_string(),
            user_agent: text(&parts.headers, &USER_AGENT).map(|agent| agent.chars().take(MAX_USER_AGENT).collect()),
            language: text(&parts.headers, &ACCEPT_LANGUAGE).and_then(first_language),
            ..RequestContext::default()
        }))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The peer, or what a chain of trusted proxies says: from the right, the first address that is no trusted proxy.
fn client_address(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[String]) -> Option<IpAddr> {
    let mut address = peer?.to_canonical();
    let hops: Vec<&str> =
        headers.get_all(X_FORWARDED_FOR).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).collect();
    for hop in hops.iter().rev() {
        if !trusted.iter().any(|network| contains(network, address)) {
            break;
        }
        let Ok(next) = hop.trim().parse::<IpAddr>() else { break };
        address = next.to_canonical();
    }
    Some(address)
}

/// Whether `network` (`10.0.0.1`, `10.0.0.0/8`, `fd00::/8`) contains the address.
fn contains(network: &str, address: IpAddr) -> bool {
    let (base, prefix) = network.split_once('/').map_or((network, None), |(base, prefix)| (base, Some(prefix)));
    let (Ok(base), Ok(prefix)) = (base.parse::<IpAddr>(), prefix.map(str::parse::<u32>).transpose()) else { return false };
    match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => {
            let shift = 32 - prefix.unwrap_or(32).min(32);
            u32::from(base).checked_shr(shift) == u32::from(address).checked_shr(shift)
        }
        (IpAddr::V6(base), IpAddr::V6(address)) => {
            let shift = 128 - prefix.unwrap_or(128).min(128);
            u128::from(base).checked_shr(shift) == u128::from(address).checked_shr(shift)
        }
        _ => false,
    }
}

/// `de-AT` of `de-AT,de;q=0.9,en;q=0.8`.
fn first_language(header: &str) -> Option<String> {
    let tag = header.split(',').next()?.split(';').next()?.trim();
    let is_tag = !tag.is_empty() && tag.len() <= 35 && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    is_tag.then(|| tag.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(X_FORWARDED_FOR, value.parse().unwrap())])
    }

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn forwarded_addresses_of_strangers_are_ignored() {
        assert_eq!(client_address(ip("203.0.113.9"), &forwarded("198.51.100.1"), &[]), ip("203.0.113.9"));
        assert_eq!(client_address(ip("203.0.113.9"), &forwarded("1.1.1.1"), &["10.0.0.0/8".into()]), ip("203.0.113.9"));
    }

    #[test]
    fn the_first_untrusted_address_from_the_right_counts() {
        let trusted = ["10.0.0.0/8".to_owned(), "fd00::/8".to_owned()];
        assert_eq!(
            client_address(ip("10.1.2.3"), &forwarded("6.6.6.6, 198.51.100.1, 10.9.9.9"), &trusted),
            ip("198.51.100.1")
        );
        assert_eq!(client_address(ip("fd00::1"), &forwarded("198.51.100.1"), &trusted), ip("198.51.100.1"));
        assert_eq!(client_address(ip("10.1.2.3"), &forwarded("nonsense"), &trusted), ip("10.1.2.3"));
    }

    #[test]
    fn networks_of_length_zero_and_full_length_work() {
        assert!(contains("0.0.0.0/0", "9.9.9.9".parse().unwrap()));
        assert!(contains("10.0.0.1", "10.0.0.1".parse().unwrap()));
        assert!(!contains("10.0.0.1", "10.0.0.2".parse().unwrap()));
        assert!(!contains("garbage", "10.0.0.2".parse().unwrap()));
    }

    #[test]
    fn the_first_language_is_a_tag_or_nothing() {
        assert_eq!(first_language("de-AT,de;q=0.9").as_deref(), Some("de-AT"));
        assert_eq!(first_language("*"), None);
        assert_eq!(first_language("<script>"), None);
    }
}
