//! The store on SQLite, and on PostgreSQL when `VESTIBULE_TEST_POSTGRES_URL` is set.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test that fails may panic")]

mod support;

#[path = "store/abort.rs"]
mod abort;
#[path = "store/declared.rs"]
mod declared;
#[path = "store/one_time.rs"]
mod one_time;
#[path = "store/pools.rs"]
mod pools;
#[path = "store/rows.rs"]
mod rows;

use serde_json::json;
use vestibule::domain::client::{AppType, Client, GrantType, IdTokenPolicy, RefreshTokenPolicy};
use vestibule::domain::decision::{Decision, Provenance, Setting};
use vestibule::domain::grant::{AuthorizationCode, Grant, OpaqueToken, RefreshToken};
use vestibule::domain::scope::Scopes;
use vestibule::domain::session::{AuthenticationMethod, LoginTransaction, Session};
use vestibule::domain::user::User;
use vestibule::store::Store;

/// Unix milliseconds at which the tests happen.
const NOW: i64 = 1_800_000_000_000;
const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

fn client(client_id: &str) -> Client {
    Client {
        client_id: client_id.to_owned(),
        secret_hash: Some("hash".to_owned()),
        name: "Demo".to_owned(),
        app_type: AppType::RegularWeb,
        grant_types: vec![GrantType::AuthorizationCode, GrantType::PasswordRealm],
        callbacks: vec!["http://localhost:3000/callback".to_owned()],
        allowed_logout_urls: vec![],
        web_origins: vec![],
        allowed_origins: vec![],
        metadata: [("plan".to_owned(), "pro".to_owned())].into(),
        oidc_conformant: true,
        token_endpoint_auth_method: None,
        id_token: IdTokenPolicy::default(),
        refresh_token: RefreshTokenPolicy::default(),
        require_pkce: false,
        credentials: vec![],
        bypass_actions: false,
    }
}

fn ada() -> User {
    User {
        user_id: "auth0|ada".to_owned(),
        email: Some("Ada@Example.com".to_owned()),
        username: Some("Ada".to_owned()),
        name: Some("Ada".to_owned()),
        email_verified: true,
        roles: vec!["admin".to_owned(), "writer".to_owned()],
        user_metadata: object(json!({"theme": "dark"})),
        app_metadata: object(json!({"region": "eu", "nested": {"a": [1, null]}})),
        created_at: NOW,
        updated_at: NOW,
        ..User::default()
    }
}

fn object(value: serde_json::Value) -> vestibule::domain::JsonMap {
    value.as_object().unwrap().clone()
}

fn grant(id: &str) -> Grant {
    let mut decision = Decision::default();
    let setting = Setting { value: json!({"a": [1, "ä", null]}), by: Provenance::default() };
    decision.id_token.insert("https://example.com/x".to_owned(), setting);
    Grant {
        id: id.to_owned(),
        client_id: "demo".to_owned(),
        user_id: "auth0|ada".to_owned(),
        session_id: Some("session".to_owned()),
        scope: Scopes::parse("openid profile"),
        requested_scope: Scopes::parse("openid profile other"),
        audience: None,
        authenticated_at: NOW,
        methods: vec![],
        nonce: Some("n".to_owned()),
        acr_values: vec![],
        protocol: "oidc-basic-profile".to_owned(),
        decision,
        created_at: NOW,
    }
}

fn session(id: &str) -> Session {
    Session {
        id: id.to_owned(),
        user_id: "auth0|ada".to_owned(),
        methods: vec![AuthenticationMethod { name: "pwd".to_owned(), timestamp: NOW }],
        authenticated_at: NOW,
        created_at: NOW,
        last_interacted_at: NOW,
        expires_at: NOW + 7 * DAY,
        idle_expires_at: NOW + 3 * DAY,
        clients: vec!["demo".to_owned()],
        initial_ip: "127.0.0.1".to_owned(),
        initial_user_agent: None,
    }
}

fn code(grant_id: &str) -> AuthorizationCode {
    AuthorizationCode {
        grant_id: grant_id.to_owned(),
        client_id: "demo".to_owned(),
        redirect_uri: "http://localhost:3000/callback".to_owned(),
        code_challenge: None,
        expires_at: NOW + MINUTE,
    }
}

fn refresh_token(grant_id: &str) -> RefreshToken {
    RefreshToken {
        id: "rt".to_owned(),
        grant_id: grant_id.to_owned(),
        created_at: NOW,
        expires_at: Some(NOW + 30 * DAY),
        idle_expires_at: Some(NOW + 15 * DAY),
        last_exchanged_at: None,
        rotating: true,
        initial_ip: "127.0.0.1".to_owned(),
        initial_user_agent: Some("agent".to_owned()),
    }
}

fn opaque_token(grant_id: &str) -> OpaqueToken {
    OpaqueToken { grant_id: grant_id.to_owned(), scope: Scopes::parse("openid"), issued_at: NOW, expires_at: NOW + DAY }
}

/// A grant with a code, a refresh token and an access token: `code`, `refresh`, `access` are their hashes.
async fn a_login(store: &Store) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_session("cookie", &session("session")).await.unwrap();
    tx.insert_grant(&grant("g")).await.unwrap();
    tx.insert_code("code", &code("g")).await.unwrap();
    tx.insert_refresh_token("refresh", &refresh_token("g")).await.unwrap();
    tx.insert_access_token("access", &opaque_token("g")).await.unwrap();
    tx.commit().await.unwrap();
}

fn login_transaction() -> LoginTransaction {
    LoginTransaction {
        id: "tx".to_owned(),
        browser_hash: "browser".to_owned(),
        parameters: [("state".to_owned(), "s".to_owned())].into(),
        method: "GET".to_owned(),
        created_at: NOW,
        expires_at: NOW + 60 * MINUTE,
    }
}
