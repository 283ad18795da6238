//! Empty databases for tests: an SQLite file, and a PostgreSQL schema of its own when `VESTIBULE_TEST_POSTGRES_URL` is set, so
//! that tests run in parallel.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{Connection as _, Executor as _};
use tempfile::TempDir;
use vestibule::store::{Database, Store};

/// A fresh database with the schema in place.
pub struct TestDatabase {
    /// `sqlite` or `postgres`, for messages.
    pub name: &'static str,
    /// Connects to it again.
    pub url: String,
    /// The pools.
    pub database: Database,
    directory: Option<TempDir>,
}

impl TestDatabase {
    /// The view of tenant `test`.
    pub fn store(&self) -> Store {
        self.database.tenant("test")
    }
}

/// A fresh database of each kind that can be tested here.
pub async fn databases() -> Vec<TestDatabase> {
    let mut databases = vec![sqlite().await];
    if let Ok(server) = std::env::var("VESTIBULE_TEST_POSTGRES_URL") {
        databases.push(postgres(&server).await);
    }
    databases
}

/// A fresh SQLite file, deleted at the end of the test.
pub async fn sqlite() -> TestDatabase {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("test.db").display());
    let database = Database::connect(&url).await.unwrap();
    TestDatabase { name: "sqlite", url, database, directory: Some(directory) }
}

/// A fresh schema on the server; it stays there.
pub async fn postgres(server: &str) -> TestDatabase {
    static SEQUENCE: AtomicU64 = AtomicU64::new(0);
    sqlx::any::install_default_drivers();
    let number = SEQUENCE.fetch_add(1, Ordering::Relaxed);
    let schema = format!("vestibule_test_{}_{number}", std::process::id());
    let mut connection = sqlx::AnyConnection::connect(server).await.unwrap();
    let fresh = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
    connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(fresh))).await.unwrap();
    connection.close().await.unwrap();
    let separator = if server.contains('?') { '&' } else { '?' };
    let url = format!("{server}{separator}options[search_path]={schema}");
    let database = Database::connect(&url).await.unwrap();
    TestDatabase { name: "postgres", url, database, directory: None }
}
