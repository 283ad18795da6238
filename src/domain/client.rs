//! An application that asks for tokens (RFC 6749 section 2; names as in Auth0's client object).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::hash;

/// A registered application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The public identifier, as in the request parameter.
    pub client_id: String,
    /// SHA-256 of the client secret; `None` for a client without one.
    pub secret_hash: Option<String>,
    /// For people: the login page and `event.client.name`.
    pub name: String,
    /// What kind of application it is; decides whether it is public.
    pub app_type: AppType,
    /// The grants that it may use.
    pub grant_types: Vec<GrantType>,
    /// Redirect URIs, compared exactly.
    pub callbacks: Vec<String>,
    /// Where a logout may lead, compared exactly.
    pub allowed_logout_urls: Vec<String>,
    /// Origins that may receive `web_message` answers; also allowed by CORS.
    pub web_origins: Vec<String>,
    /// Further origins allowed by CORS.
    pub allowed_origins: Vec<String>,
    /// `event.client.metadata`: at most 10 keys, keys and values at most 255 characters.
    pub metadata: BTreeMap<String, String>,
    /// `false` selects Auth0's legacy pipeline, where scope words name profile attributes.
    pub oidc_conformant: bool,
    /// The one way it must authenticate; `None`: Basic or body for a client with a secret.
    pub token_endpoint_auth_method: Option<AuthMethod>,
    /// Signature and lifetime of its ID tokens.
    pub id_token: IdTokenPolicy,
    /// Rotation and lifetimes of its refresh tokens.
    pub refresh_token: RefreshTokenPolicy,
    /// Whether a code needs PKCE; public clients always do.
    pub require_pkce: bool,
    /// Public keys for `private_key_jwt`.
    pub credentials: Vec<PublicKey>,
    /// Break-glass: its logins run no actions, so that a broken action cannot lock the operators out.
    #[serde(default)]
    pub bypass_actions: bool,
}

impl Client {
    /// Whether the client cannot keep a secret: no secret, no key, and an application on the user's device; or declared `none`.
    #[must_use]
    pub fn is_public(&self) -> bool {
        match self.token_endpoint_auth_method {
            Some(method) => method == AuthMethod::None,
            None => {
                self.secret_hash.is_none()
                    && self.credentials.is_empty()
                    && matches!(self.app_type, AppType::Spa | AppType::Native)
            }
        }
    }

    /// Whether the client may use the grant.
    #[must_use]
    pub fn allows(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }

    /// Whether `secret` is the client's secret, in constant time.
    #[must_use]
    pub fn secret_matches(&self, secret: &str) -> bool {
        let presented = hash::sha256(secret);
        self.secret_hash.as_ref().is_some_and(|expected| hash::equal(expected, &presented))
    }

    /// Whether a code without PKCE is refused.
    #[must_use]
    pub fn must_use_pkce(&self) -> bool {
        self.require_pkce || self.is_public()
    }
}

/// `app_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppType {
    /// A single-page application in the browser: public.
    Spa,
    /// An application installed on a device: public.
    Native,
    /// A web application with a server: confidential.
    RegularWeb,
    /// A machine: confidential.
    NonInteractive,
}

/// A grant type as registered for clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GrantType {
    /// RFC 6749 section 4.1.
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// Tokens from the authorization endpoint: the implicit and hybrid response types.
    #[serde(rename = "implicit")]
    Implicit,
    /// RFC 6749 section 6.
    #[serde(rename = "refresh_token")]
    RefreshToken,
    /// RFC 6749 section 4.4.
    #[serde(rename = "client_credentials")]
    ClientCredentials,
    /// RFC 6749 section 4.3.
    #[serde(rename = "password")]
    Password,
    /// Auth0's password grant that names the connection in `realm`.
    #[serde(rename = "http://auth0.com/oauth/grant-type/password-realm")]
    PasswordRealm,
}

impl GrantType {
    /// Every grant, in the order of discovery.
    pub const ALL: [Self; 6] = [
        Self::AuthorizationCode,
        Self::Implicit,
        Self::RefreshToken,
        Self::ClientCredentials,
        Self::Password,
        Self::PasswordRealm,
    ];

    /// The registered name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::Implicit => "implicit",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::Password => "password",
            Self::PasswordRealm => "http://auth0.com/oauth/grant-type/password-realm",
        }
    }
}

/// `token_endpoint_auth_method` (OpenID Connect Core section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// No authentication: a public client.
    None,
    /// The secret in the body.
    ClientSecretPost,
    /// The secret in the `Authorization` header.
    ClientSecretBasic,
    /// A JWT signed with the client's key (RFC 7523).
    PrivateKeyJwt,
}

/// `jwt_configuration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdTokenPolicy {
    /// How ID tokens are signed.
    pub alg: Algorithm,
    /// `exp` minus `iat`, in seconds; 36 000 by default.
    pub lifetime_in_seconds: i64,
}

impl Default for IdTokenPolicy {
    fn default() -> Self {
        Self { alg: Algorithm::RS256, lifetime_in_seconds: 36_000 }
    }
}

/// A signature algorithm (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    /// HMAC with the client's secret; ID tokens of confidential clients only.
    HS256,
    /// RSA PKCS#1 with SHA-256: the default.
    RS256,
    /// RSA PKCS#1 with SHA-512.
    RS512,
    /// RSA PSS with SHA-256.
    PS256,
    /// ECDSA on P-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl Algorithm {
    /// The name in the JOSE header.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::RS256 => "RS256",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }
}

/// `refresh_token` of a client: rotation and lifetimes in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefreshTokenPolicy {
    /// Whether each use replaces the token; rotating by default.
    pub rotation_type: RotationType,
    /// Whether the lifetimes below hold.
    pub expiration_type: ExpirationType,
    /// Absolute lifetime from the login on; rotation does not extend it.
    pub token_lifetime: i64,
    /// How long a token may lie unused.
    pub idle_token_lifetime: i64,
    /// Seconds during which the token just replaced may be used once more; 0 by default.
    pub leeway: i64,
    /// Ignore `token_lifetime`.
    pub infinite_token_lifetime: bool,
    /// Ignore `idle_token_lifetime`.
    pub infinite_idle_token_lifetime: bool,
}

impl Default for RefreshTokenPolicy {
    fn default() -> Self {
        Self {
            rotation_type: RotationType::Rotating,
            expiration_type: ExpirationType::Expiring,
            token_lifetime: 2_592_000,
            idle_token_lifetime: 1_296_000,
            leeway: 0,
            infinite_token_lifetime: false,
            infinite_idle_token_lifetime: false,
        }
    }
}

/// Whether a refresh token is replaced at each use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RotationType {
    /// A new one at each use; the old one is spent.
    Rotating,
    /// The same one until it expires.
    NonRotating,
}

/// Whether refresh tokens end by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExpirationType {
    /// The lifetimes hold.
    Expiring,
    /// They last until revoked.
    NonExpiring,
}

/// A public key that a client signs its assertions with (RFC 7523).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicKey {
    /// Compared with the assertion's `kid` when both are present.
    #[serde(default)]
    pub kid: Option<String>,
    /// RS256, RS512, PS256, ES256 or EdDSA.
    pub alg: Algorithm,
    /// The key in PEM (SubjectPublicKeyInfo).
    pub pem: String,
}
