//! Redirect URI matching: what is accepted leads where the registered address leads, for a parser that is not ours.

use std::sync::OnceLock;

use url::Url;
use vestibule::domain::client::{AppType, Client};
use vestibule::oauth::redirect_uri::is_registered;

/// `registered`, a line feed, `asked for`.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (registered, asked) = text.split_once('\n').unwrap_or(("http://127.0.0.1/cb", text));
    for app_type in [AppType::RegularWeb, AppType::Native] {
        let client = Client { app_type, callbacks: vec![registered.to_owned()], ..client().clone() };
        if !is_registered(&client, asked) {
            continue;
        }
        assert!(asked.bytes().all(|byte| byte.is_ascii_graphic()), "{asked:?}");
        if asked != registered {
            assert_eq!(app_type, AppType::Native, "{registered:?} {asked:?}");
            assert_eq!(without_port(registered), without_port(asked), "{registered:?} {asked:?}");
        }
    }
}

/// Where it leads but for the port; panics unless it leads to this machine.
fn without_port(uri: &str) -> Url {
    let mut url = Url::parse(uri).unwrap_or_else(|error| panic!("{uri:?}: {error}"));
    assert!(url.scheme() == "http" && matches!(url.host_str(), Some("127.0.0.1" | "[::1]")), "{uri:?}");
    assert!(url.username().is_empty() && url.password().is_none(), "{uri:?}");
    url.set_port(None).unwrap();
    url
}

fn client() -> &'static Client {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    let client = || {
        serde_json::from_value(serde_json::json!({
            "client_id": "native", "secret_hash": null, "name": "Native", "app_type": "native",
            "grant_types": ["authorization_code"], "callbacks": [], "allowed_logout_urls": [], "web_origins": [],
            "allowed_origins": [], "metadata": {}, "oidc_conformant": true, "token_endpoint_auth_method": null,
            "id_token": vestibule::domain::client::IdTokenPolicy::default(),
            "refresh_token": vestibule::domain::client::RefreshTokenPolicy::default(),
            "require_pkce": true, "credentials": []
        }))
    };
    CLIENT.get_or_init(|| client().unwrap())
}
