//! All SQL, one text for SQLite and PostgreSQL.
//!
//! [`Database`] is the pool; [`Store`] is one tenant's view of it: reads go straight to the pool, writes go through a [`Tx`]
//! so that a use case commits everything or nothing. Whatever may be used once is a conditional update whose row count is
//! checked. Every timestamp is Unix milliseconds; only hashes of secrets arrive here.
//!
//! One file per subject, each with its reads on [`Store`] and then its writes on [`Tx`]:
//!
//! - `clients`, `apis`, `users` (with roles), `login_names`, `metadata`, `declared`, `undeclared`: what the configuration declares and people change.
//! - `login_transactions`, `sessions`, `attempts`, `known_places`: the login.
//! - `grants` and what hangs on them: `codes`, `refresh_tokens`, `access_tokens` (with revoked `jti`s and used assertions).
//! - `traces`: what was decided, for the operator; nothing of the protocol looks at them.
//! - `signing_keys`, `cleanup`, `integrity`, `database` (pools and migrations), `sql` (statements on either
//!   database), `sqlite` (its connections), `writer` (commits that are shared), `remembered`
//!   (what every request needs), `document` (JSON in columns).

mod access_tokens;
mod apis;
mod attempts;
mod cleanup;
mod clients;
mod codes;
mod database;
mod declared;
mod document;
mod grants;
mod integrity;
mod known_places;
mod login_names;
mod login_transactions;
mod metadata;
mod refresh_tokens;
mod remembered;
mod sessions;
mod signing_keys;
mod sql;
mod sqlite;
mod traces;
mod undeclared;
mod users;
mod writer;

use std::sync::Arc;

pub use database::Database;
pub use metadata::MetadataPatch;
pub use refresh_tokens::FoundRefreshToken;
pub use signing_keys::StoredKey;
pub use undeclared::Declared;
pub use users::Credentials;

use database::Connection;
use remembered::Remembered;

/// A failure of the database; the client sees `server_error` or `temporarily_unavailable`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused or cannot be reached.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// SQLite refused.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A commit that this transaction shared with others failed; nothing of it has happened.
    #[error("commit: {0}")]
    Commit(Arc<Error>),
    /// SQLite ended the transaction, as it does when the disk is full.
    #[error("the database ended the transaction")]
    Ended,
    /// Others have been writing for too long.
    #[error("the database is busy")]
    Busy,
    /// The server is going down.
    #[error("the database is closed")]
    Closed,
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
    /// A declared user has the e-mail address or username of another user; the transaction cannot go on.
    #[error("user `{user_id}`: the e-mail address or username belongs to another user")]
    LoginTaken {
        /// The declared user.
        user_id: String,
    },
    /// The SQLite file can be neither opened nor created.
    #[error("database file `{path}`: {source}")]
    File {
        /// As given.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The SQLite file is damaged.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// The URL names neither SQLite nor PostgreSQL.
    #[error("`{0}` is no database URL: use `sqlite://file.db` or `postgres://user@host/database`")]
    Url(String),
}

/// `Result` with this module's error.
pub type Result<T> = std::result::Result<T, Error>;

/// One tenant's view of the database.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    tenant: Arc<str>,
    remembered: Arc<Remembered>,
}

impl Store {
    /// A write transaction. Dropping it rolls back. On SQLite there is one at a time: hold it briefly, never across a script, a
    /// password hash or a read through the [`Store`] that must see its writes.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin(&self) -> Result<Tx> {
        let (tenant, remembered) = (self.tenant.clone(), self.remembered.clone());
        Ok(Tx { inner: self.database.begin().await?, tenant, remembered, forget: false })
    }
}

/// A write transaction. Every method takes effect at [`Tx::commit`]; dropping rolls back.
///
/// On SQLite it may see the work of transactions whose commit is still under way: it shares that commit. So who answers
/// by what he saw, or reads it again through the [`Store`], ends with `commit` or `rollback` rather than by dropping.
pub struct Tx {
    inner: Connection,
    tenant: Arc<str>,
    remembered: Arc<Remembered>,
    /// Whether what is remembered will no longer be true.
    forget: bool,
}

impl Tx {
    /// Makes everything durable.
    ///
    /// # Errors
    /// The database's; then nothing has happened.
    pub async fn commit(self) -> Result<()> {
        let committed = self.inner.commit().await;
        // Also after an error: a commit may have arrived although its answer did not.
        if self.forget {
            self.remembered.forget();
        }
        committed
    }

    /// Undoes everything, and waits until what it saw of other transactions is durable.
    ///
    /// # Errors
    /// The database's; then what it saw may not have happened.
    pub async fn rollback(self) -> Result<()> {
        self.inner.rollback().await
    }
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}
