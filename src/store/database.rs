//! The pools behind [`super::Store`]: what SQLite and PostgreSQL need to behave the same.
//!
//! SQLite has one writer, so writes have a pool of exactly one connection: they queue for it in memory, fairly, rather than
//! meet `SQLITE_BUSY`, and share commits. PostgreSQL has one pool for both, and groups commits itself.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Executor as _, Transaction};

use super::writer::{Seat, Writer};
use super::{Error, Result, Store};

/// How long a write waits for its turn, and SQLite for another process.
const SQLITE_WAIT: Duration = Duration::from_secs(5);
/// How long a request waits for PostgreSQL before it is answered with 503.
const POSTGRES_WAIT: Duration = Duration::from_secs(2);

/// Settings of every SQLite connection. `FULL`: a commit that was answered survives a power loss.
const SQLITE_CONNECTION: &str = "PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL;";
/// Readers see the last commit and cannot write by mistake.
const SQLITE_READER: &str = "PRAGMA query_only = ON;";
/// Readers of a shared in-memory database would otherwise wait for the open write transaction; tests only.
const SQLITE_MEMORY_READER: &str = "PRAGMA read_uncommitted = ON; PRAGMA query_only = ON;";
/// Bounds of every PostgreSQL session, in milliseconds.
const POSTGRES_CONNECTION: &str = "SET statement_timeout = 5000; SET lock_timeout = 4000; \
                                   SET idle_in_transaction_session_timeout = 30000;";

/// The connection pool, schema up to date.
#[derive(Clone, Debug)]
pub struct Database {
    /// For reads outside a transaction.
    pub(super) readers: AnyPool,
    pub(super) write: Write,
}

/// Where transactions come from.
#[derive(Clone, Debug)]
pub(super) enum Write {
    /// SQLite: everybody queues for one connection.
    Shared(Writer),
    /// PostgreSQL.
    Pool(AnyPool),
}

/// What the statements of a write transaction run on.
pub(super) enum Connection {
    Seat(Seat),
    Own(Transaction<'static, Any>),
}

impl Connection {
    pub(super) async fn commit(self) -> Result<()> {
        match self {
            Self::Seat(seat) => seat.commit().await,
            Self::Own(transaction) => Ok(transaction.commit().await?),
        }
    }

    pub(super) async fn rollback(self) -> Result<()> {
        match self {
            Self::Seat(seat) => seat.rollback().await,
            Self::Own(transaction) => Ok(transaction.rollback().await?),
        }
    }
}

impl Deref for Connection {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match self {
            Self::Seat(seat) => seat,
            Self::Own(transaction) => transaction,
        }
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match self {
            Self::Seat(seat) => seat,
            Self::Own(transaction) => transaction,
        }
    }
}

impl Database {
    /// Connects, creates an SQLite file if missing (readable by its owner only), and runs the migrations.
    ///
    /// `sqlite://vestibule.db` (relative paths as given), `sqlite::memory:` (gone with the last connection), or
    /// `postgres://user@host/database`.
    ///
    /// # Errors
    /// Unreachable or unreadable databases, unknown URL schemes, failed migrations.
    pub async fn connect(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let database = match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Self::connect_sqlite(url).await?,
            Some("postgres" | "postgresql") => Self::connect_postgres(url).await?,
            _ => return Err(Error::Url(without_password(url))),
        };
        Ok(database)
    }

    async fn connect_sqlite(url: &str) -> Result<Self> {
        let place = SqlitePlace::parse(url)?;
        place.create_file()?;
        let url = place.url();
        let in_memory = matches!(place, SqlitePlace::Memory(_));
        if !in_memory {
            migrate(&url).await?;
        }
        let options = || AnyPoolOptions::new().acquire_timeout(SQLITE_WAIT).test_before_acquire(false).max_lifetime(None);
        // An in-memory database lives as long as a connection to it: this one is never closed for idling.
        let writer = options()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .after_connect(|connection, _| Box::pin(prepare(connection, &[SQLITE_CONNECTION])))
            .connect(&url)
            .await?;
        if in_memory {
            migrate_sqlite(&mut *writer.acquire().await?).await?;
        }
        let reader = if in_memory { SQLITE_MEMORY_READER } else { SQLITE_READER };
        let readers = options()
            .max_connections(4)
            .after_connect(move |connection, _| {
                Box::pin(async move { prepare(connection, &[SQLITE_CONNECTION, reader]).await })
            })
            .connect(&url)
            .await?;
        Ok(Self { readers, write: Write::Shared(Writer::new(writer, SQLITE_WAIT)) })
    }

    async fn connect_postgres(url: &str) -> Result<Self> {
        migrate(url).await?;
        let pool = AnyPoolOptions::new()
            .max_connections(10)
            .acquire_timeout(POSTGRES_WAIT)
            .after_connect(|connection, _| Box::pin(prepare(connection, &[POSTGRES_CONNECTION])))
            .connect(url)
            .await?;
        Ok(Self { readers: pool.clone(), write: Write::Pool(pool) })
    }

    /// One tenant's view.
    #[must_use]
    pub fn tenant(&self, tenant: &str) -> Store {
        Store { database: self.clone(), tenant: Arc::from(tenant), remembered: Arc::default() }
    }

    pub(super) async fn begin(&self) -> Result<Connection> {
        Ok(match &self.write {
            Write::Shared(writer) => Connection::Seat(writer.begin().await?),
            Write::Pool(pool) => Connection::Own(pool.begin().await?),
        })
    }

    /// Answers if the database does.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    /// Closes every connection; what is written is on disk then.
    pub async fn close(&self) {
        self.readers.close().await;
        match &self.write {
            Write::Shared(writer) => writer.close().await,
            Write::Pool(pool) => pool.close().await,
        }
    }
}

/// Applies settings to a fresh connection.
async fn prepare(connection: &mut AnyConnection, settings: &[&'static str]) -> std::result::Result<(), sqlx::Error> {
    for setting in settings {
        connection.execute(sqlx::raw_sql(*setting)).await?;
    }
    Ok(())
}

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Brings the schema up to date on a connection of its own, without the limits of the pool's: a migration may take longer.
async fn migrate(url: &str) -> Result<()> {
    let connect = AnyConnection::connect(url);
    let mut connection = match tokio::time::timeout(Duration::from_secs(10), connect).await {
        Ok(connection) => connection?,
        Err(_) => return Err(Error::Database(sqlx::Error::PoolTimedOut)),
    };
    if url.starts_with("sqlite") {
        // Write-ahead logging is a property of the file: readers do not wait for the writer.
        prepare(&mut connection, &[SQLITE_CONNECTION, "PRAGMA journal_mode = WAL;"]).await?;
        migrate_sqlite(&mut connection).await?;
    } else {
        run_migrations(&mut connection).await?;
    }
    connection.close().await?;
    Ok(())
}

/// All or nothing, and of several processes one after the other: sqlx takes no lock on SQLite (on PostgreSQL it does).
async fn migrate_sqlite(connection: &mut AnyConnection) -> Result<()> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    run_migrations(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// `Migrator::run` does not compile in a future that changes threads (its `Acquire` is "not general enough"); sqlx offers this
/// method for that case, though it hides it from its documentation.
async fn run_migrations(connection: &mut AnyConnection) -> Result<()> {
    Ok(MIGRATOR.run_direct(None, connection, false).await?)
}

/// Where an SQLite database is.
enum SqlitePlace {
    Memory(u64),
    File(String),
}

impl SqlitePlace {
    fn parse(url: &str) -> Result<Self> {
        /// Tells in-memory databases of one process apart.
        static SEQUENCE: AtomicU64 = AtomicU64::new(0);
        let rest = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or_default();
        let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        match (path, parameters) {
            (":memory:", "") => Ok(Self::Memory(SEQUENCE.fetch_add(1, Ordering::Relaxed))),
            ("", _) => Err(Error::Url(url.to_owned())),
            (path, "" | "mode=rwc" | "mode=rw") => Ok(Self::File(path.to_owned())),
            _ => Err(Error::Url(url.to_owned())),
        }
    }

    /// The URL as sqlx wants it. Every byte that could mean something in a URL is escaped, so that a path is what it says.
    fn url(&self) -> String {
        match self {
            // Only a `file:` name is shared between connections.
            Self::Memory(number) => format!("sqlite:file%3Avestibule-{number}?mode=memory&cache=shared"),
            Self::File(path) => {
                let escaped: String = path.bytes().map(escape).collect();
                format!("sqlite:{escaped}?mode=rwc")
            }
        }
    }

    /// Creates the file with mode 0600: it holds password hashes and signing keys. SQLite gives its companions the same mode.
    fn create_file(&self) -> Result<()> {
        let Self::File(path) = self else { return Ok(()) };
        let mut options = std::fs::OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(Path::new(path)).map_err(|source| Error::File { path: path.clone(), source })?;
        Ok(())
    }
}

fn escape(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-') {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

/// The URL for a message: a password does not belong there.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rfind('@')) {
        (Some((scheme, _)), Some(at)) => format!("{scheme}://…{}", &url[at..]),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SQLite's FULL syncs the log at every commit; PostgreSQL does by default.
    #[tokio::test]
    async fn r61_a_commit_on_sqlite_is_on_disk() {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::connect(&format!("sqlite://{}", directory.path().join("x.db").display())).await.unwrap();
        let mut connection = database.begin().await.unwrap();
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await.unwrap();
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await.unwrap();
        assert_eq!((synchronous, journal.as_str()), (2, "wal"));
    }
}
