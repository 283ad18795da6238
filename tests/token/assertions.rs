//! `private_key_jwt` (RFC 7523): clients that prove themselves with a key of their own.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vestibule::clock::{Clock, Random};
use vestibule::domain::client::Algorithm;
use vestibule::keys::Keys;

use crate::parties::API;
use crate::support::Server;

const NOW: i64 = 1_800_000_000;
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A machine with a key, and the server that knows the public half.
struct Machine {
    server: Server,
    keys: Keys,
    alg: Algorithm,
}

impl Machine {
    async fn start(alg: Algorithm) -> Self {
        let stored = Keys::generate(alg, &Clock::fixed(NOW), &Random::seeded(3)).unwrap();
        let configuration = format!(
            r#"
[[clients]]
client_id = "machine"
app_type = "non_interactive"
token_endpoint_auth_method = "private_key_jwt"
[[clients.credentials]]
alg = "{}"
pem = '''{}'''
[[client_grants]]
client_id = "machine"
audience = "{API}"
scope = ["read:things"]
"#,
            alg.as_str(),
            public_pem(alg, &stored.pkcs8)
        );
        let server = Server::start_with(&[], &configuration, Clock::fixed(NOW)).await;
        Self { server, keys: Keys::new(&[stored]).unwrap(), alg }
    }

    /// An assertion as it should be, but for `change`.
    fn assertion(&self, change: &Value) -> String {
        let mut claims = json!({
            "iss": "machine", "sub": "machine", "aud": self.server.issuer, "iat": NOW, "exp": NOW + 60, "jti": "one"
        });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        self.keys.sign(self.alg, "JWT", claims.as_object().unwrap()).unwrap()
    }

    async fn ask(&self, assertion: &str) -> (u16, Value) {
        let form = [
            ("grant_type", "client_credentials"),
            ("audience", API),
            ("client_assertion_type", TYPE),
            ("client_assertion", assertion),
        ];
        self.server.token(&form).await
    }
}

fn public_pem(alg: Algorithm, pkcs8: &[u8]) -> String {
    let der: PublicKeyX509Der<'_> = match alg {
        Algorithm::ES256 => {
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).unwrap().public_key().as_der().unwrap()
        }
        _ => RsaKeyPair::from_pkcs8(pkcs8).unwrap().public_key().as_der().unwrap(),
    };
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref()))
}

#[tokio::test]
async fn a_client_with_a_key_is_authenticated_once_per_assertion() {
    for alg in [Algorithm::RS256, Algorithm::ES256, Algorithm::PS256] {
        let machine = Machine::start(alg).await;
        let assertion = machine.assertion(&json!({}));
        let (status, body) = machine.ask(&assertion).await;
        assert_eq!((status, &body["scope"]), (200, &json!("read:things")), "{alg:?}: {body}");
        let (status, body) = machine.ask(&assertion).await;
        assert_eq!((status, &body["error"]), (401, &json!("invalid_client")), "{alg:?}: a replay");
        assert_eq!(machine.ask(&machine.assertion(&json!({ "jti": "two" }))).await.0, 200, "{alg:?}");
    }
}

#[tokio::test]
async fn assertions_for_somebody_else_are_refused() {
    let machine = Machine::start(Algorithm::ES256).await;
    let token_endpoint = format!("{}oauth/token", machine.server.issuer);
    for change in [
        json!({ "aud": token_endpoint }),
        json!({ "aud": "https://other.example/" }),
        json!({ "aud": [machine.server.issuer, token_endpoint] }),
        json!({ "iss": "demo-m2m" }),
        json!({ "sub": "demo-m2m" }),
        json!({ "exp": NOW - 60 }),
        json!({ "exp": NOW + 3_600 }),
    ] {
        let (status, body) = machine.ask(&machine.assertion(&change)).await;
        assert_eq!((status, &body["error"]), (401, &json!("invalid_client")), "{change}");
    }
    let stranger = Machine::start(Algorithm::ES256).await;
    let forged = stranger.assertion(&json!({ "aud": machine.server.issuer }));
    assert_eq!(machine.ask(&forged).await.0, 401, "a foreign key");
    let with_secret =
        [("grant_type", "client_credentials"), ("audience", API), ("client_id", "machine"), ("client_secret", "x")];
    assert_eq!(machine.server.token(&with_secret).await.0, 401, "a secret instead");
    assert_eq!(machine.ask(&machine.assertion(&json!({}))).await.0, 200, "what was refused spent no jti");
}
