//! The pools behind [`super::Store`]: what SQLite and PostgreSQL need to behave the same.
//!
//! SQLite has one writer: transactions queue for it in memory, fairly, rather than meet `SQLITE_BUSY`, and share commits.
//! PostgreSQL has one pool for both, and groups commits itself. The migrations of both run through sqlx.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AnyConnection, Connection as _, Executor as _, PgConnection, Postgres, Transaction};

use super::sql::{self, Readers};
use super::sqlite::{self, Place};
use super::writer::{Seat, Writer};
use super::{Error, Result, Store};

/// How long a request waits for PostgreSQL before it is answered with 503.
const POSTGRES_WAIT: Duration = Duration::from_secs(2);

/// Settings of the connection that brings an SQLite file up to date. Write-ahead logging is a property of the file: readers do
/// not wait for the writer.
const SQLITE_MIGRATION: &str =
    "PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL;";
/// Bounds of every PostgreSQL session, in milliseconds.
const POSTGRES_CONNECTION: &str = "SET statement_timeout = 5000; SET lock_timeout = 4000; \
                                   SET idle_in_transaction_session_timeout = 30000;";

/// The connection pool, schema up to date.
#[derive(Clone, Debug)]
pub struct Database {
    /// For reads outside a transaction.
    pub(super) readers: Readers,
    pub(super) write: Write,
}

/// Where transactions come from.
#[derive(Clone, Debug)]
pub(super) enum Write {
    /// SQLite: everybody queues for one connection.
    Shared(Writer),
    /// PostgreSQL.
    Pool(PgPool),
}

/// What the statements of a write transaction run on.
pub(super) enum Connection {
    Seat(Seat),
    Own(Transaction<'static, Postgres>),
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
        database.rekey_users().await?;
        Ok(database)
    }

    async fn connect_sqlite(url: &str) -> Result<Self> {
        let place = Place::parse(url)?;
        place.create_file()?;
        // An in-memory database lives as long as a connection to it.
        let writer = matches!(place, Place::Memory(_)).then(|| Writer::new(place.clone(), sqlite::WAIT)).transpose()?;
        migrate(&place.url()).await?;
        let writer = writer.map_or_else(|| Writer::new(place.clone(), sqlite::WAIT), Ok)?;
        let readers = Readers::Sqlite(sqlite::Readers::new(place)?);
        Ok(Self { readers, write: Write::Shared(writer) })
    }

    async fn connect_postgres(url: &str) -> Result<Self> {
        migrate(url).await?;
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .acquire_timeout(POSTGRES_WAIT)
            .after_connect(|connection, _| Box::pin(set_bounds(connection)))
            .connect(url)
            .await?;
        Ok(Self { readers: Readers::Postgres(pool.clone()), write: Write::Pool(pool) })
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
        let _: (i64,) = sql::query_as("SELECT CAST(1 AS BIGINT)").fetch_one(&self.readers).await?;
        Ok(())
    }

    /// Closes every connection; what is written is on disk then.
    pub async fn close(&self) {
        if let Readers::Sqlite(readers) = &self.readers {
            readers.close();
        }
        match &self.write {
            Write::Shared(writer) => writer.close().await,
            Write::Pool(pool) => pool.close().await,
        }
    }
}

async fn set_bounds(connection: &mut PgConnection) -> std::result::Result<(), sqlx::Error> {
    connection.execute(sqlx::raw_sql(POSTGRES_CONNECTION)).await.map(drop)
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
        connection.execute(sqlx::raw_sql(SQLITE_MIGRATION)).await?;
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
        let (synchronous,): (i64,) = sql::query_as("PRAGMA synchronous").fetch_one(&mut connection).await.unwrap();
        let (journal,): (String,) = sql::query_as("PRAGMA journal_mode").fetch_one(&mut connection).await.unwrap();
        assert_eq!((synchronous, journal.as_str()), (2, "wal"));
    }
}
