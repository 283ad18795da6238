//! Files, pools and migrations.

use vestibule::store::{Database, Error};

use super::support::databases::databases;
use super::*;

#[tokio::test]
async fn a_second_connect_finds_the_schema_and_the_data() {
    for db in databases().await {
        a_login(&db.store()).await;
        db.database.close().await;
        assert!(db.database.ping().await.is_err(), "{}", db.name);
        let again = Database::connect(&db.url).await.unwrap();
        again.ping().await.unwrap();
        assert_eq!(again.tenant("test").grant("g").await.unwrap(), Some(grant("g")), "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_together_migrate_once() {
    for db in databases().await {
        let again: Vec<_> = (0..4)
            .map(|_| {
                let url = db.url.clone();
                tokio::spawn(async move { Database::connect(&url).await.map(|_| ()) })
            })
            .collect();
        for task in again {
            task.await.unwrap().unwrap();
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/fresh.db", directory.path().display());
    let fresh: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { Database::connect(&url).await.map(|_| ()) })
        })
        .collect();
    for task in fresh {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_in_memory_database_is_shared_by_its_pool_and_by_nobody_else() {
    let first = Database::connect("sqlite::memory:").await.unwrap();
    let second = Database::connect("sqlite::memory:").await.unwrap();
    a_login(&first.tenant("test")).await;
    assert!(first.tenant("test").grant("g").await.unwrap().is_some());
    assert!(second.tenant("test").grant("g").await.unwrap().is_none());
    let tx = first.tenant("test").begin().await.unwrap();
    assert!(first.tenant("test").grant("g").await.unwrap().is_some(), "reads do not wait for the writer");
    drop(tx);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_writers_take_turns() {
    for db in databases().await {
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                let store = db.store();
                tokio::spawn(async move {
                    let mut tx = store.begin().await?;
                    let count = tx.count_failed_login("key", NOW).await?;
                    tx.commit().await.map(|()| count)
                })
            })
            .collect();
        let mut counts = Vec::new();
        for task in tasks {
            counts.push(task.await.unwrap().unwrap());
        }
        counts.sort_unstable();
        assert_eq!(counts, (1..=200).collect::<Vec<i64>>(), "{}", db.name);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn an_sqlite_file_is_for_its_owner_only_and_survives_a_strange_name() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a b#%41ü.db");
    let database = Database::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    a_login(&database.tenant("test")).await;
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        assert!(entry.file_name().to_string_lossy().starts_with("a b#%41ü.db"), "{entry:?}");
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
    }
}

#[tokio::test]
async fn a_bad_url_is_refused_and_its_password_not_repeated() {
    for url in ["mysql://root:secret@host/db", "file.db", "sqlite://", "sqlite://x.db?cache=shared"] {
        let error = Database::connect(url).await.unwrap_err();
        assert!(matches!(error, Error::Url(_)), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let error = Database::connect("sqlite:///nowhere/at/all.db").await.unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error}");
}
