//! All SQL, one text for SQLite and PostgreSQL.
//!
//! [`Database`] is the pool; [`Store`] is one tenant's view of it: reads go straight to the pool, writes go through a [`Tx`]
//! so that a use case commits everything or nothing. Whatever may be used once is a conditional update whose row count is
//! checked. Every timestamp is Unix milliseconds; only hashes of secrets arrive here.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::client::Client;
use crate::domain::grant::{AuthorizationCode, Grant, OpaqueToken, Redemption, RefreshToken};
use crate::domain::resource_server::{ClientGrant, ResourceServer};
use crate::domain::session::{LoginTransaction, Session};
use crate::domain::user::User;

/// A failure of the database; the client sees `server_error` or `temporarily_unavailable`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused or cannot be reached.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A stored document does not have the shape it was written with.
    #[error("stored {what} cannot be read: {source}")]
    Inconsistent {
        /// Table and key.
        what: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The URL names neither SQLite nor PostgreSQL.
    #[error("`{0}` is no database URL: use `sqlite://file.db` or `postgres://user@host/database`")]
    Url(String),
}

/// `Result` with this module's error.
pub type Result<T> = std::result::Result<T, Error>;

/// The connection pool, schema up to date.
#[derive(Clone, Debug)]
pub struct Database {}

impl Database {
    /// Connects, creates an SQLite file if missing, and runs the migrations.
    ///
    /// # Errors
    /// Unreachable or unreadable databases, unknown URL schemes, failed migrations.
    pub async fn connect(url: &str) -> Result<Self> {
        todo!("{url}")
    }

    /// One tenant's view.
    #[must_use]
    pub fn tenant(&self, tenant: &str) -> Store {
        todo!("{tenant}")
    }

    /// Answers if the database does.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<()> {
        todo!()
    }

    /// Deletes what expired before `now` (codes, transactions, tokens, sessions), in batches. Expiry is checked at use anyway.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete_expired(&self, now: i64) -> Result<u64> {
        todo!("{now}")
    }

    /// Closes every connection.
    pub async fn close(&self) {}
}

/// One tenant's view of the database.
#[derive(Clone, Debug)]
pub struct Store {}

/// A user with the hash of the password, for checking it.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Who.
    pub user: User,
    /// PHC string; `None` if the user has no password.
    pub password_hash: Option<String>,
}

/// A signing key as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// Key id.
    pub kid: String,
    /// `RSA`, `EC` or `OKP`.
    pub kind: String,
    /// PKCS#8 DER.
    pub pkcs8: Vec<u8>,
    /// Self-signed certificate in DER for `x5c` (RSA only).
    pub certificate: Option<Vec<u8>>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// When another key took over signing; still published.
    pub retired_at: Option<i64>,
}

/// A live refresh token with its family.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundRefreshToken {
    /// The token.
    pub token: RefreshToken,
    /// Its grant.
    pub grant: Grant,
}

impl Store {
    /// A write transaction. Dropping it rolls back.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin(&self) -> Result<Tx> {
        todo!()
    }

    /// A client by id.
    ///
    /// # Errors
    /// The database's.
    pub async fn client(&self, client_id: &str) -> Result<Option<Client>> {
        todo!("{client_id}")
    }

    /// Every client, by id.
    ///
    /// # Errors
    /// The database's.
    pub async fn clients(&self) -> Result<Vec<Client>> {
        todo!()
    }

    /// An API by identifier, compared exactly.
    ///
    /// # Errors
    /// The database's.
    pub async fn resource_server(&self, identifier: &str) -> Result<Option<ResourceServer>> {
        todo!("{identifier}")
    }

    /// Every API, by identifier.
    ///
    /// # Errors
    /// The database's.
    pub async fn resource_servers(&self) -> Result<Vec<ResourceServer>> {
        todo!()
    }

    /// The grant of a machine client to an API.
    ///
    /// # Errors
    /// The database's.
    pub async fn client_grant(&self, client_id: &str, audience: &str) -> Result<Option<ClientGrant>> {
        todo!("{client_id}{audience}")
    }

    /// A user by id.
    ///
    /// # Errors
    /// The database's.
    pub async fn user(&self, user_id: &str) -> Result<Option<User>> {
        todo!("{user_id}")
    }

    /// The user who logs in with this e-mail address or username (case is ignored), with the password's hash.
    ///
    /// # Errors
    /// The database's.
    pub async fn credentials(&self, login: &str) -> Result<Option<Credentials>> {
        todo!("{login}")
    }

    /// The first `limit` users by id, for the demo buttons of `dev`.
    ///
    /// # Errors
    /// The database's.
    pub async fn users(&self, limit: i64) -> Result<Vec<User>> {
        todo!("{limit}")
    }

    /// A login transaction by the hash of its handle, unless expired or finished.
    ///
    /// # Errors
    /// The database's.
    pub async fn login_transaction(&self, handle_hash: &str, now: i64) -> Result<Option<LoginTransaction>> {
        todo!("{handle_hash}{now}")
    }

    /// A live session by the hash of its cookie (not expired, not idle too long, not revoked).
    ///
    /// # Errors
    /// The database's.
    pub async fn session(&self, cookie_hash: &str, now: i64) -> Result<Option<Session>> {
        todo!("{cookie_hash}{now}")
    }

    /// A session by its public id, whether or not it still lives; `None` if revoked or unknown.
    ///
    /// # Errors
    /// The database's.
    pub async fn session_by_id(&self, id: &str) -> Result<Option<Session>> {
        todo!("{id}")
    }

    /// A grant unless revoked.
    ///
    /// # Errors
    /// The database's.
    pub async fn grant(&self, id: &str) -> Result<Option<Grant>> {
        todo!("{id}")
    }

    /// Looks a refresh token up without spending it. Expiry, leeway and spent state are judged here:
    /// `Redeemed` = usable now, `Replayed` = spent and outside `leeway_ms`, `Unknown` = unknown, expired or revoked.
    ///
    /// # Errors
    /// The database's.
    pub async fn refresh_token(&self, hash: &str, now: i64, leeway_ms: i64) -> Result<Redemption<FoundRefreshToken>> {
        todo!("{hash}{now}{leeway_ms}")
    }

    /// An opaque access token with its grant, unless expired or revoked.
    ///
    /// # Errors
    /// The database's.
    pub async fn access_token(&self, hash: &str, now: i64) -> Result<Option<(OpaqueToken, Grant)>> {
        todo!("{hash}{now}")
    }

    /// Whether the `jti` of a JWT access token was revoked by itself (revocation of its grant is found through the grant).
    ///
    /// # Errors
    /// The database's.
    pub async fn is_jti_revoked(&self, jti: &str) -> Result<bool> {
        todo!("{jti}")
    }

    /// All signing keys, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn signing_keys(&self) -> Result<Vec<StoredKey>> {
        todo!()
    }

    /// Failed password checks for `key` since the last success, and when the last one was.
    ///
    /// # Errors
    /// The database's.
    pub async fn failed_logins(&self, key: &str) -> Result<(i64, i64)> {
        todo!("{key}")
    }
}

/// First-level patches of a user's metadata; `Null` deletes a key.
#[derive(Clone, Debug, Default)]
pub struct MetadataPatch {
    /// `user_metadata`.
    pub user: BTreeMap<String, Value>,
    /// `app_metadata`.
    pub app: BTreeMap<String, Value>,
}

impl MetadataPatch {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.user.is_empty() && self.app.is_empty()
    }
}

/// A write transaction. Every method takes effect at [`Tx::commit`]; dropping rolls back.
pub struct Tx {}

impl Tx {
    /// Makes everything durable.
    ///
    /// # Errors
    /// The database's; then nothing has happened.
    pub async fn commit(self) -> Result<()> {
        todo!()
    }

    /// Inserts or replaces a client.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_client(&mut self, client: &Client) -> Result<()> {
        todo!("{client:?}")
    }

    /// Inserts or replaces an API.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_resource_server(&mut self, api: &ResourceServer) -> Result<()> {
        todo!("{api:?}")
    }

    /// Inserts or replaces a machine's grant.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_client_grant(&mut self, grant: &ClientGrant) -> Result<()> {
        todo!("{grant:?}")
    }

    /// Inserts or updates a role by name.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_role(&mut self, name: &str, description: &str) -> Result<()> {
        todo!("{name}{description}")
    }

    /// Inserts a declared user, or updates the profile, roles and metadata of an existing one (`logins_count` and
    /// `created_at` stay). `password_hash: None` leaves a stored one.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_user(&mut self, user: &User, password_hash: Option<&str>) -> Result<()> {
        todo!("{user:?}{password_hash:?}")
    }

    /// Inserts a user who signs up; `false` if the e-mail address, username or id is taken.
    ///
    /// # Errors
    /// The database's.
    pub async fn create_user(&mut self, user: &User, password_hash: &str) -> Result<bool> {
        todo!("{user:?}{password_hash}")
    }

    /// Counts a login with credentials; the new count.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_login(&mut self, user_id: &str, now: i64) -> Result<i64> {
        todo!("{user_id}{now}")
    }

    /// Applies first-level patches to the metadata as they are now (read and written inside the transaction).
    ///
    /// # Errors
    /// The database's.
    pub async fn patch_metadata(&mut self, user_id: &str, patch: &MetadataPatch, now: i64) -> Result<()> {
        todo!("{user_id}{patch:?}{now}")
    }

    /// Stores a login that waits for its form.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_login_transaction(&mut self, handle_hash: &str, login: &LoginTransaction) -> Result<()> {
        todo!("{handle_hash}{login:?}")
    }

    /// Finishes a login transaction; `false` if it was finished before.
    ///
    /// # Errors
    /// The database's.
    pub async fn finish_login_transaction(&mut self, handle_hash: &str, now: i64) -> Result<bool> {
        todo!("{handle_hash}{now}")
    }

    /// Stores a new session.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_session(&mut self, cookie_hash: &str, session: &Session) -> Result<()> {
        todo!("{cookie_hash}{session:?}")
    }

    /// Writes the changeable parts of a session (idle end, clients, methods, last interaction).
    ///
    /// # Errors
    /// The database's.
    pub async fn update_session(&mut self, session: &Session) -> Result<()> {
        todo!("{session:?}")
    }

    /// Ends a session; with `and_grants`, every grant of it too.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_session(&mut self, id: &str, and_grants: bool, now: i64) -> Result<()> {
        todo!("{id}{and_grants}{now}")
    }

    /// Stores a grant.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_grant(&mut self, grant: &Grant) -> Result<()> {
        todo!("{grant:?}")
    }

    /// Replaces the scopes and the Decision of a grant (refresh).
    ///
    /// # Errors
    /// The database's.
    pub async fn update_grant(&mut self, grant: &Grant) -> Result<()> {
        todo!("{grant:?}")
    }

    /// Revokes a grant: its code, refresh tokens and access tokens are dead. Idempotent.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_grant(&mut self, grant_id: &str, now: i64) -> Result<()> {
        todo!("{grant_id}{now}")
    }

    /// Stores a code.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_code(&mut self, hash: &str, code: &AuthorizationCode) -> Result<()> {
        todo!("{hash}{code:?}")
    }

    /// Spends a code by a conditional update. The caller must commit even when it then refuses (a wrong verifier spends the
    /// code), and must revoke the grant of a replayed one.
    ///
    /// # Errors
    /// The database's.
    pub async fn redeem_code(&mut self, hash: &str, now: i64) -> Result<Redemption<(AuthorizationCode, Grant)>> {
        todo!("{hash}{now}")
    }

    /// Stores a refresh token.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_refresh_token(&mut self, hash: &str, token: &RefreshToken) -> Result<()> {
        todo!("{hash}{token:?}")
    }

    /// Spends a refresh token by a conditional update; `false` if it was spent meanwhile (outside `leeway_ms`), expired, or
    /// its grant revoked.
    ///
    /// # Errors
    /// The database's.
    pub async fn spend_refresh_token(&mut self, hash: &str, now: i64, leeway_ms: i64) -> Result<bool> {
        todo!("{hash}{now}{leeway_ms}")
    }

    /// Notes the use of a non-rotating refresh token (new idle end); `false` if it is gone.
    ///
    /// # Errors
    /// The database's.
    pub async fn touch_refresh_token(&mut self, hash: &str, idle_expires_at: Option<i64>, now: i64) -> Result<bool> {
        todo!("{hash}{idle_expires_at:?}{now}")
    }

    /// Stores an opaque access token.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_access_token(&mut self, hash: &str, token: &OpaqueToken) -> Result<()> {
        todo!("{hash}{token:?}")
    }

    /// Revokes an opaque access token by hash.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_access_token(&mut self, hash: &str, now: i64) -> Result<()> {
        todo!("{hash}{now}")
    }

    /// Notes a JWT access token as revoked until it expires.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_jti(&mut self, jti: &str, expires_at: i64) -> Result<()> {
        todo!("{jti}{expires_at}")
    }

    /// Notes the `jti` of a client assertion; `false` if the client used it before (RFC 7523 section 3).
    ///
    /// # Errors
    /// The database's.
    pub async fn use_assertion(&mut self, client_id: &str, jti: &str, expires_at: i64) -> Result<bool> {
        todo!("{client_id}{jti}{expires_at}")
    }

    /// Counts a failed password check for `key`, atomically; the new count.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_failed_login(&mut self, key: &str, now: i64) -> Result<i64> {
        todo!("{key}{now}")
    }

    /// Forgets the failed password checks of `key`.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_failed_logins(&mut self, key: &str) -> Result<()> {
        todo!("{key}")
    }

    /// Stores a signing key.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_signing_key(&mut self, key: &StoredKey) -> Result<()> {
        todo!("{key:?}")
    }

    /// Marks every key of `kind` except `kid` as retired.
    ///
    /// # Errors
    /// The database's.
    pub async fn retire_signing_keys(&mut self, kind: &str, kid: &str, now: i64) -> Result<()> {
        todo!("{kind}{kid}{now}")
    }
}
