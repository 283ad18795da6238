//! A whole provider in this process, asked without a network.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;
use vestibule::app::{App, Surroundings};
use vestibule::clock::{Clock, Random};
use vestibule::config::Source;
use vestibule::domain::client::Algorithm;
use vestibule::keys::Keys;

/// Its issuer.
pub const ISSUER: &str = "https://id.example.com/";
/// Its time.
pub const NOW: i64 = 1_800_000_000;

const CONFIGURATION: &str = r#"
issuer = "https://id.example.com/"
[database]
url = "sqlite://fuzz.db"
[[clients]]
client_id = "machine"
client_secret = "the-secret-of-the-machine"
app_type = "regular_web"
callbacks = ["https://app.example.com/callback"]
grant_types = ["client_credentials", "refresh_token", "authorization_code"]
[[clients]]
client_id = "spa"
app_type = "spa"
grant_types = ["authorization_code", "refresh_token"]
callbacks = ["http://localhost:5173/callback"]
[[clients]]
client_id = "robot"
app_type = "non_interactive"
grant_types = ["client_credentials"]
token_endpoint_auth_method = "private_key_jwt"
[[clients.credentials]]
alg = "ES256"
pem = '''PEM'''
[[resource_servers]]
identifier = "https://api.example.com/"
scopes = ["read:things"]
[[client_grants]]
client_id = "machine"
audience = "https://api.example.com/"
scope = ["read:things"]
[[client_grants]]
client_id = "robot"
audience = "https://api.example.com/"
scope = ["read:things"]
"#;

/// The provider, and the key of the client `robot`.
pub struct Provider {
    /// Signs as the client.
    pub robot: Keys,
    /// How many requests got a token: seeds that get none test little.
    pub let_in: AtomicUsize,
    router: Router,
    runtime: Mutex<tokio::runtime::Runtime>,
    _directory: tempfile::TempDir,
}

/// The one of this process.
pub fn provider() -> &'static Provider {
    static PROVIDER: OnceLock<Provider> = OnceLock::new();
    PROVIDER.get_or_init(Provider::start)
}

impl Provider {
    fn start() -> Self {
        let robot = Keys::generate(Algorithm::ES256, &Clock::fixed(NOW), &Random::seeded(3)).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("actions")).unwrap();
        let source = Source { path: directory.path().join("vestibule.toml"), ..Source::default() };
        let config = source.parse(&CONFIGURATION.replace("PEM", &pem(&robot.pkcs8))).unwrap_or_else(|all| panic!("{all}"));
        let surroundings = Surroundings { clock: Clock::fixed(NOW), ..Surroundings::system(false) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let app = runtime.block_on(App::build(&config, surroundings)).unwrap();
        let router = vestibule::http::router(Arc::clone(&app));
        Self {
            robot: Keys::new(&[robot]).unwrap(),
            let_in: AtomicUsize::new(0),
            router,
            runtime: Mutex::new(runtime),
            _directory: directory,
        }
    }

    /// Posts to the token endpoint: status and body, after looking at what every answer must keep.
    pub fn token(&self, headers: HeaderMap, body: Vec<u8>) -> (StatusCode, Value) {
        let mut request = Request::post("/oauth/token").body(Body::from(body)).unwrap();
        *request.headers_mut() = headers;
        request.headers_mut().insert("host", HeaderValue::from_static("localhost"));
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        let (parts, bytes) = runtime.block_on(async {
            let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
            (parts, to_bytes(body, 1 << 20).await.unwrap())
        });
        let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        assert!(!parts.status.is_server_error(), "{} {body}", parts.status);
        assert_eq!(parts.headers["cache-control"], "no-store");
        assert_eq!(parts.status.is_success(), body["access_token"].is_string(), "{} {body}", parts.status);
        assert_eq!(parts.status.is_success(), body["error"].is_null(), "{} {body}", parts.status);
        self.let_in.fetch_add(usize::from(parts.status.is_success()), Ordering::Relaxed);
        (parts.status, body)
    }
}

/// The public half as PEM.
fn pem(pkcs8: &[u8]) -> String {
    use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use base64::Engine as _;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).unwrap();
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let encoded = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    format!("-----BEGIN PUBLIC KEY-----\n{encoded}\n-----END PUBLIC KEY-----\n")
}
