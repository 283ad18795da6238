//! The configuration file and what people changed since live together.

use std::collections::{BTreeMap, BTreeSet};

use vestibule::store::{Declared, Error, MetadataPatch};

use super::support::databases::databases;
use super::*;

async fn declare(store: &Store, user: &User, password_hash: Option<&str>) {
    let mut tx = store.begin().await.unwrap();
    tx.put_user(user, password_hash).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_restart_with_the_same_declaration_changes_nothing() {
    for db in databases().await {
        let store = db.store();
        declare(&store, &ada(), Some("phc")).await;
        let mut tx = store.begin().await.unwrap();
        tx.count_login("auth0|ada", NOW).await.unwrap();
        let patch = MetadataPatch { app: BTreeMap::from([("welcomed".to_owned(), json!(true))]), ..Default::default() };
        tx.patch_metadata("auth0|ada", &patch, NOW + 1).await.unwrap();
        tx.commit().await.unwrap();
        let before = store.user("auth0|ada").await.unwrap().unwrap();
        declare(&store, &User { created_at: NOW + DAY, updated_at: NOW + DAY, ..ada() }, None).await;
        assert_eq!(store.user("auth0|ada").await.unwrap(), Some(before), "{}", db.name);
        let found = store.credentials("ada").await.unwrap().unwrap();
        assert_eq!(found.password_hash.as_deref(), Some("phc"), "{}", db.name);
    }
}

#[tokio::test]
async fn a_changed_declaration_applies_what_changed_and_leaves_the_rest() {
    for db in databases().await {
        let store = db.store();
        declare(&store, &ada(), Some("phc")).await;
        let mut tx = store.begin().await.unwrap();
        let patch = MetadataPatch {
            app: BTreeMap::from([("welcomed".to_owned(), json!(true)), ("nested".to_owned(), json!(0))]),
            user: BTreeMap::new(),
        };
        tx.patch_metadata("auth0|ada", &patch, NOW + 1).await.unwrap();
        tx.count_login("auth0|ada", NOW).await.unwrap();
        tx.commit().await.unwrap();
        let changed = User {
            email: Some("lovelace@example.com".to_owned()),
            roles: vec!["writer".to_owned()],
            user_metadata: object(json!({})),
            app_metadata: object(json!({"region": "us", "nested": {"a": [1, null]}})),
            blocked: true,
            created_at: NOW + DAY,
            updated_at: NOW + DAY,
            ..ada()
        };
        declare(&store, &changed, None).await;
        let user = store.user("auth0|ada").await.unwrap().unwrap();
        // `nested` was not changed by the declaration, so the value of the action stays.
        let app_metadata = object(json!({"region": "us", "nested": 0, "welcomed": true}));
        let expected = User { app_metadata, created_at: NOW, logins_count: 1, last_password_reset: Some(NOW), ..changed };
        assert_eq!(user, expected, "{}", db.name);
        assert!(store.credentials("ada@example.com").await.unwrap().is_none(), "{}", db.name);
        assert!(store.credentials("lovelace@example.com").await.unwrap().is_some(), "{}", db.name);
    }
}

#[tokio::test]
async fn a_newly_declared_password_is_set_and_remembered() {
    for db in databases().await {
        let store = db.store();
        assert_eq!(store.declared_password_hash("auth0|ada").await.unwrap(), None, "{}", db.name);
        declare(&store, &ada(), None).await;
        assert_eq!(store.credentials("ada").await.unwrap().unwrap().password_hash, None, "{}", db.name);
        declare(&store, &User { updated_at: NOW + 5, ..ada() }, Some("first")).await;
        let found = store.credentials("ada").await.unwrap().unwrap();
        assert_eq!(found.password_hash.as_deref(), Some("first"), "{}", db.name);
        assert_eq!(found.user.last_password_reset, Some(NOW + 5), "{}", db.name);
        assert_eq!(store.declared_password_hash("auth0|ada").await.unwrap().as_deref(), Some("first"), "{}", db.name);
    }
}

#[tokio::test]
async fn a_declared_address_of_somebody_else_is_an_error_by_name() {
    for db in databases().await {
        let store = db.store();
        declare(&store, &ada(), None).await;
        let bob = User { user_id: "auth0|bob".to_owned(), username: None, ..ada() };
        let mut tx = store.begin().await.unwrap();
        let error = tx.put_user(&bob, None).await.unwrap_err();
        assert!(matches!(&error, Error::LoginTaken { user_id } if user_id == "auth0|bob"), "{error}, {}", db.name);
        drop(tx);
        let alone = User { email: None, ..bob.clone() };
        declare(&store, &alone, None).await;
        let mut tx = store.begin().await.unwrap();
        let error = tx.put_user(&bob, None).await.unwrap_err();
        assert!(matches!(error, Error::LoginTaken { .. }), "{error}, {}", db.name);
    }
}

#[tokio::test]
async fn what_is_no_longer_declared_disappears_and_who_signed_up_stays() {
    for db in databases().await {
        let store = db.store();
        a_login(&store).await;
        declare(&store, &ada(), None).await;
        let bob = User { user_id: "auth0|bob".to_owned(), email: None, username: None, ..ada() };
        let mut tx = store.begin().await.unwrap();
        tx.create_user(&bob, "phc").await.unwrap();
        tx.put_client(&client("demo")).await.unwrap();
        tx.put_client(&client("kept")).await.unwrap();
        tx.put_role("admin", "").await.unwrap();
        tx.put_role("writer", "").await.unwrap();
        let all = Declared {
            clients: BTreeSet::from(["demo".to_owned(), "kept".to_owned()]),
            roles: BTreeSet::from(["admin".to_owned(), "writer".to_owned()]),
            users: BTreeSet::from(["auth0|ada".to_owned()]),
            ..Declared::default()
        };
        assert_eq!(tx.remove_undeclared(&all, NOW).await.unwrap(), 0, "{}", db.name);
        let fewer = Declared {
            clients: BTreeSet::from(["kept".to_owned()]),
            roles: BTreeSet::from(["writer".to_owned()]),
            ..Declared::default()
        };
        assert_eq!(tx.remove_undeclared(&fewer, NOW).await.unwrap(), 3, "{}", db.name);
        tx.commit().await.unwrap();
        assert_eq!(store.clients().await.unwrap(), [client("kept")], "{}", db.name);
        let writer = User { roles: vec!["writer".to_owned()], ..bob };
        assert_eq!(store.user("auth0|bob").await.unwrap(), Some(writer), "{}", db.name);
        assert_eq!(store.user("auth0|ada").await.unwrap(), None, "{}", db.name);
        assert_eq!(store.declared_users(10).await.unwrap(), [], "{}", db.name);
        assert_eq!(store.grant("g").await.unwrap(), None, "{}", db.name);
        assert_eq!(store.session("cookie", NOW).await.unwrap(), None, "{}", db.name);
    }
}

#[tokio::test]
async fn a_changed_client_is_seen_at_once_here_and_within_a_second_by_a_replica() {
    for db in databases().await {
        let (here, replica) = (db.store(), db.database.tenant("test"));
        for name in ["Old", "New"] {
            let mut tx = here.begin().await.unwrap();
            tx.put_client(&Client { name: name.to_owned(), ..client("demo") }).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(here.client("demo").await.unwrap().unwrap().name, name, "{}", db.name);
            if name == "Old" {
                assert_eq!(replica.client("demo").await.unwrap().unwrap().name, name, "{}", db.name);
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(1050)).await;
        assert_eq!(replica.client("demo").await.unwrap().unwrap().name, "New", "{}", db.name);
        let mut tx = here.begin().await.unwrap();
        tx.remove_undeclared(&Declared::default(), NOW).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(here.client("demo").await.unwrap(), None, "{}", db.name);
    }
}
