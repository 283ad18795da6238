//! Whether a redirect URI is the client's (RFC 9700 section 2.1): equal to a registered one, byte for byte. The one exception
//! is the port of a loopback address for native applications, which get theirs from the system (RFC 8252 section 7.3).

use crate::domain::client::{AppType, Client};

/// Whether answers may be sent there. Text that could not stand in a `Location` header never may.
#[must_use]
pub fn is_registered(client: &Client, uri: &str) -> bool {
    let printable = uri.bytes().all(|byte| byte.is_ascii_graphic());
    printable && client.callbacks.iter().any(|registered| registered == uri || is_loopback_twin(client, registered, uri))
}

fn is_loopback_twin(client: &Client, registered: &str, uri: &str) -> bool {
    client.app_type == AppType::Native
        && match (loopback(registered), loopback(uri)) {
            (Some(registered), Some(uri)) => registered == uri,
            _ => false,
        }
}

/// Host literal and everything behind the port. Works on the text, so that no normalisation can make two URIs equal.
fn loopback(uri: &str) -> Option<(&'static str, &str)> {
    let host = ["http://127.0.0.1", "http://[::1]"].into_iter().find(|host| uri.starts_with(host))?;
    let rest = &uri[host.len()..];
    let Some(with_port) = rest.strip_prefix(':') else { return is_behind_authority(rest).then_some((host, rest)) };
    let digits = with_port.bytes().take_while(u8::is_ascii_digit).count();
    with_port[..digits].parse::<u16>().ok()?;
    let rest = &with_port[digits..];
    is_behind_authority(rest).then_some((host, rest))
}

fn is_behind_authority(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['/', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::fixtures::web_application;

    #[test]
    fn only_the_registered_text_is_accepted() {
        let mut client = web_application();
        client.callbacks = vec!["https://rp.example/cb".into()];
        assert!(is_registered(&client, "https://rp.example/cb"));
        for uri in [
            "https://rp.example/cb/",
            "https://rp.example/CB",
            "https://rp.example/cb?x=1",
            "https://rp.example/cb#f",
            "https://rp.example:443/cb",
            "https://rp.example/cb/../evil",
            "https://rp.example/cb%2e%2e%2f",
            "https://rp.example/cb%252f",
            "https://rp.example/cb;x",
            "https://rp.example/cb/..;/evil",
            "https://rp.example/cb%00",
            "https://rp.example/cb\0",
            "https://rp.example\\cb",
            "https://rp.example/cb\t",
            "https://rp.example.evil.tld/cb",
            "https://rp.example@evil.tld/cb",
            "https://rpXexample/cb",
            "http://rp.example/cb",
            "https://rp.example/c",
            "https://rр.example/cb",
            "//rp.example/cb",
            " https://rp.example/cb",
            "",
        ] {
            assert!(!is_registered(&client, uri), "{uri:?}");
        }
    }

    #[test]
    fn native_applications_choose_the_port_of_a_loopback_address_and_nothing_else() {
        let mut client = web_application();
        client.callbacks = vec!["http://127.0.0.1/cb".into(), "http://[::1]:1/cb".into(), "http://localhost/cb".into()];
        assert!(!is_registered(&client, "http://127.0.0.1:4711/cb"));
        client.app_type = AppType::Native;
        for uri in ["http://127.0.0.1:4711/cb", "http://127.0.0.1/cb", "http://[::1]:65535/cb", "http://localhost/cb"] {
            assert!(is_registered(&client, uri), "{uri}");
        }
        for uri in [
            "http://localhost:4711/cb",
            "http://127.0.0.1:4711/other",
            "http://127.0.0.1:4711/cb?x=1",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:99999/cb",
            "http://127.0.0.1:80@evil.tld/cb",
            "http://127.0.0.1.evil.tld/cb",
            "https://127.0.0.1:4711/cb",
            "http://127.0.0.2:4711/cb",
        ] {
            assert!(!is_registered(&client, uri), "{uri}");
        }
    }
}
