//! `[[clients]]`: the applications.

use crate::domain::client::{Algorithm, AppType, AuthMethod, Client, GrantType, IdTokenPolicy, PublicKey};
use crate::domain::hash;

use super::reader::{Context, Found, Section};
use super::secret::{self, Secret, open_to_others};
use super::{metadata, refresh_tokens, uri};

/// An application of the file.
#[derive(Clone, Debug)]
pub struct DeclaredClient {
    /// As stored: with the hash of the secret.
    pub client: Client,
    /// For HS256, and for what `dev` prints.
    pub secret: Option<Secret>,
}

/// Secrets shorter than this can be guessed offline from an HS256 token; RFC 7518 section 3.2 asks for 256 bits.
const SECRET_BYTES: usize = 32;

const APP_TYPES: [(&str, AppType); 4] = [
    ("spa", AppType::Spa),
    ("native", AppType::Native),
    ("regular_web", AppType::RegularWeb),
    ("non_interactive", AppType::NonInteractive),
];

const AUTH_METHODS: [(&str, AuthMethod); 4] = [
    ("none", AuthMethod::None),
    ("client_secret_post", AuthMethod::ClientSecretPost),
    ("client_secret_basic", AuthMethod::ClientSecretBasic),
    ("private_key_jwt", AuthMethod::PrivateKeyJwt),
];

const ALGORITHMS: [(&str, Algorithm); 6] = [
    ("RS256", Algorithm::RS256),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("ES256", Algorithm::ES256),
    ("EdDSA", Algorithm::EdDSA),
    ("HS256", Algorithm::HS256),
];

/// The algorithms with a key pair: every one but HS256.
pub(super) fn asymmetric() -> &'static [(&'static str, Algorithm)] {
    &ALGORITHMS[..5]
}

/// One application, with the place of its id.
pub(super) fn read(section: &Section<'_>) -> Option<Found<DeclaredClient>> {
    let client_id = section.required("client_id", "the identifier that the application sends");
    let secret = section.node("client_secret").and_then(|node| secret::resolve(section.context, &node, "the client secret"));
    let app_type = section.choice("app_type", &APP_TYPES).unwrap_or(AppType::RegularWeb);
    let client = Client {
        client_id: client_id.as_ref().map(|id| id.value.clone()).unwrap_or_default(),
        secret_hash: secret.as_ref().map(|secret| hash::sha256(secret.reveal())),
        name: section.text("name").or_else(|| client_id.clone()).map(|name| name.value).unwrap_or_default(),
        app_type,
        grant_types: grant_types(section, app_type),
        callbacks: redirects(section, "callbacks", app_type),
        allowed_logout_urls: redirects(section, "allowed_logout_urls", app_type),
        web_origins: origins(section, "web_origins"),
        allowed_origins: origins(section, "allowed_origins"),
        metadata: metadata::client(section),
        oidc_conformant: section.flag("oidc_conformant").unwrap_or(true),
        token_endpoint_auth_method: section.choice("token_endpoint_auth_method", &AUTH_METHODS),
        id_token: id_token_policy(section),
        refresh_token: refresh_tokens::read(section),
        require_pkce: section.flag("require_pkce").unwrap_or(false),
        credentials: credentials(section),
        bypass_actions: section.flag("bypass_actions").unwrap_or(false),
    };
    section.finish();
    check(section, &client, secret.as_ref());
    client_id.map(|id| Found { value: DeclaredClient { client, secret }, at: id.at })
}

fn grant_types(section: &Section<'_>, app_type: AppType) -> Vec<GrantType> {
    let Some(words) = section.optional_texts("grant_types") else {
        return match app_type {
            AppType::NonInteractive => vec![GrantType::ClientCredentials],
            _ => vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        };
    };
    let choices = GrantType::ALL.map(|grant| (grant.as_str(), grant));
    let mut grants = Vec::new();
    for word in &words {
        if let Some(grant) = super::reader::choose(section.context, word, &choices)
            && !grants.contains(&grant)
        {
            grants.push(grant);
        }
    }
    grants
}

fn redirects(section: &Section<'_>, key: &'static str, app_type: AppType) -> Vec<String> {
    let uris = section.texts(key);
    for found in &uris {
        if let Some((message, hint)) = uri::redirect_problem(&found.value, app_type == AppType::Native) {
            section.context.problem(&found.at, message, hint);
        } else if uri::is_clear_text(&found.value) {
            section.context.insecure(&found.at, "an http URI sends the answer in clear text", "use https");
        }
    }
    uris.into_iter().map(|found| found.value).collect()
}

fn origins(section: &Section<'_>, key: &'static str) -> Vec<String> {
    let origins = section.texts(key);
    for found in &origins {
        if let Some((message, hint)) = uri::origin_problem(&found.value) {
            section.context.problem(&found.at, message, hint);
        } else if uri::is_clear_text(&found.value) {
            section.context.insecure(&found.at, "an http origin can be forged on the network", "use https");
        }
    }
    origins.into_iter().map(|found| found.value).collect()
}

fn id_token_policy(section: &Section<'_>) -> IdTokenPolicy {
    let mut policy = IdTokenPolicy::default();
    if let Some(table) = section.section("jwt_configuration") {
        policy.alg = table.choice("alg", &ALGORITHMS).unwrap_or(policy.alg);
        policy.lifetime_in_seconds =
            table.number("lifetime_in_seconds", 1..=2_592_000).unwrap_or(policy.lifetime_in_seconds);
        table.finish();
    }
    policy
}

fn credentials(section: &Section<'_>) -> Vec<PublicKey> {
    let keys = section.sections("credentials");
    keys.iter().filter_map(|key| public_key(section.context, key)).collect()
}

fn public_key(context: &Context<'_>, section: &Section<'_>) -> Option<PublicKey> {
    let kid = section.text("kid").map(|kid| kid.value);
    let alg = section.choice("alg", asymmetric()).unwrap_or(Algorithm::RS256);
    let (pem, file) = (section.text("pem"), section.text("pem_file"));
    section.finish();
    let pem = match (pem, file) {
        (Some(pem), None) => pem,
        (None, Some(file)) => {
            let path = context.base.join(&file.value);
            if open_to_others(&path, 0o002) {
                let message = format!("`{}` may be written by every user of this machine", file.value);
                context.insecure(&file.at, message, format!("chmod o-w {}", path.display()));
            }
            match std::fs::read_to_string(path) {
                Ok(value) => Found { value, at: file.at },
                Err(error) => {
                    context.problem(&file.at, format!("`{}` cannot be read: {error}", file.value), None);
                    return None;
                }
            }
        }
        _ => {
            context.problem(&section.at, "a credential needs either `pem` or `pem_file`", None);
            return None;
        }
    };
    if !pem.value.contains("-----BEGIN PUBLIC KEY-----") {
        let hint = "export it with `openssl pkey -in private.pem -pubout`".to_owned();
        context.problem(&pem.at, "must be a public key in PEM (`-----BEGIN PUBLIC KEY-----`)", hint);
        return None;
    }
    Some(PublicKey { kid, alg, pem: pem.value })
}

/// What must hold between the fields of one application.
fn check(section: &Section<'_>, client: &Client, secret: Option<&Secret>) {
    authentication(section, client, secret);
    let public = client.is_public();
    if public && client.allows(GrantType::ClientCredentials) {
        let hint = "give it a client_secret, or remove the grant".to_owned();
        section.problem("grant_types", "a public client cannot use client_credentials", hint);
    }
    let interactive = client.allows(GrantType::AuthorizationCode) || client.allows(GrantType::Implicit);
    if client.app_type == AppType::NonInteractive && interactive && client.callbacks.is_empty() {
        let hint = "use app_type = \"regular_web\" and list its callbacks, or remove the grant".to_owned();
        section.problem("grant_types", "a non_interactive client has no user to send to /authorize", hint);
    }
    if client.id_token.alg == Algorithm::HS256 && (public || secret.is_none()) {
        let hint = "public clients cannot keep a secret; use RS256".to_owned();
        section.problem("jwt_configuration", "HS256 needs a confidential client with a secret", hint);
    }
    if let Some(secret) = secret
        && secret.reveal().len() < SECRET_BYTES
    {
        let message = format!("the client secret has fewer than {SECRET_BYTES} bytes");
        section.context.insecure(&section.at("client_secret"), message, "make one with `openssl rand -base64 48`");
    }
}

fn authentication(section: &Section<'_>, client: &Client, secret: Option<&Secret>) {
    let key = "token_endpoint_auth_method";
    match client.token_endpoint_auth_method {
        Some(AuthMethod::None) if secret.is_some() => {
            section.problem(key, "`none` contradicts the client secret", "remove one of the two".to_owned());
        }
        Some(AuthMethod::PrivateKeyJwt) if client.credentials.is_empty() => {
            let hint = "add [[clients.credentials]] with kid, alg and pem".to_owned();
            section.problem(key, "`private_key_jwt` needs the client's public key", hint);
        }
        Some(AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost) if secret.is_none() => {
            section.problem(key, "needs a client_secret", None);
        }
        None if secret.is_none()
            && client.credentials.is_empty()
            && !client.is_public()
            && !section.has("client_secret") =>
        {
            let hint = "add client_secret, or use app_type = \"spa\" or \"native\" for a public client".to_owned();
            section.problem("client_id", "a confidential client needs a client_secret or credentials", hint);
        }
        _ => {}
    }
}
