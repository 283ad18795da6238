//! Domain values for the unit tests of this module.

use crate::domain::client::{AppType, Client, GrantType};
use crate::domain::grant::Grant;
use crate::domain::hash;
use crate::domain::scope::Scopes;

/// A confidential web application with the secret `secret` and every grant.
pub(super) fn client(client_id: &str) -> Client {
    Client {
        client_id: client_id.into(),
        secret_hash: Some(hash::sha256("secret")),
        name: "Web".into(),
        app_type: AppType::RegularWeb,
        grant_types: GrantType::ALL.to_vec(),
        callbacks: vec!["https://app.example.com/callback".into()],
        allowed_logout_urls: Vec::new(),
        web_origins: Vec::new(),
        allowed_origins: Vec::new(),
        metadata: Default::default(),
        oidc_conformant: true,
        token_endpoint_auth_method: None,
        id_token: Default::default(),
        refresh_token: Default::default(),
        require_pkce: false,
        credentials: Vec::new(),
        bypass_actions: false,
    }
}

/// A grant of the client `web` to Ada without an API.
pub(super) fn grant(scope: &str, requested: &str) -> Grant {
    Grant {
        id: "grant".into(),
        client_id: "web".into(),
        user_id: "auth0|ada".into(),
        session_id: None,
        scope: Scopes::parse(scope),
        requested_scope: Scopes::parse(requested),
        audience: None,
        authenticated_at: 0,
        methods: Vec::new(),
        nonce: None,
        acr_values: Vec::new(),
        protocol: "oidc-basic-profile".into(),
        decision: Default::default(),
        created_at: 0,
    }
}

/// A confidential web application without the implicit grant.
pub(super) fn web_application() -> Client {
    Client {
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        callbacks: vec!["https://rp.example/cb".into()],
        allowed_logout_urls: vec!["https://rp.example/".into()],
        ..client("demo-web")
    }
}
