//! What is written is read again, and lives as long as it should.

use std::collections::BTreeMap;

use sqlx::{Connection as _, Executor as _};
use vestibule::domain::client::Algorithm;
use vestibule::domain::grant::Redemption;
use vestibule::domain::resource_server::{ClientGrant, ResourceServer, TokenDialect};
use vestibule::domain::trace::{TraceFilter, TraceRow};
use vestibule::store::{Database, MetadataPatch, StoredKey};

use super::support::databases::databases;
use super::*;

#[tokio::test]
async fn clients_and_apis_are_read_as_written_by_their_tenant_only() {
    let api = ResourceServer {
        identifier: "https://api.example.com/".to_owned(),
        name: "API".to_owned(),
        scopes: vec!["read:things".to_owned()],
        signing_alg: Algorithm::RS256,
        token_lifetime: 86_400,
        token_lifetime_for_web: 7_200,
        token_dialect: TokenDialect::Rfc9068Profile,
        allow_offline_access: true,
    };
    let machine = ClientGrant { client_id: "a".to_owned(), audience: api.identifier.clone(), scope: vec![] };
    for db in databases().await {
        let store = db.store();
        let mut tx = store.begin().await.unwrap();
        tx.put_client(&client("b")).await.unwrap();
        tx.put_client(&client("a")).await.unwrap();
        tx.put_client(&Client { name: "Renamed".to_owned(), ..client("b") }).await.unwrap();
        tx.put_resource_server(&api).await.unwrap();
        tx.put_client_grant(&machine).await.unwrap();
        tx.commit().await.unwrap();
        let renamed = Client { name: "Renamed".to_owned(), ..client("b") };
        assert_eq!(store.clients().await.unwrap(), [client("a"), renamed.clone()], "{}", db.name);
        assert_eq!(store.client("b").await.unwrap().as_deref(), Some(&renamed), "{}", db.name);
        assert_eq!(store.client("B").await.unwrap(), None, "{}", db.name);
        assert_eq!(store.resource_server("https://api.example.com").await.unwrap(), None, "{}", db.name);
        assert_eq!(store.resource_servers().await.unwrap(), std::slice::from_ref(&api), "{}", db.name);
        assert_eq!(store.client_grant("a", &api.identifier).await.unwrap().as_deref(), Some(&machine), "{}", db.name);
        let other = db.database.tenant("other");
        assert_eq!(other.client("a").await.unwrap(), None, "{}", db.name);
        assert_eq!(other.resource_servers().await.unwrap(), [], "{}", db.name);
        assert_eq!(other.client_grant("a", &api.identifier).await.unwrap(), None, "{}", db.name);
    }
}

#[tokio::test]
async fn a_user_is_found_by_address_and_username_whatever_the_case() {
    for db in databases().await {
        let store = db.store();
        let mut tx = store.begin().await.unwrap();
        assert!(tx.create_user(&ada(), "phc").await.unwrap(), "{}", db.name);
        tx.commit().await.unwrap();
        for login in ["ada@example.com", " ADA@EXAMPLE.COM ", "aDa"] {
            let found = store.credentials(login).await.unwrap().unwrap();
            assert_eq!((found.user, found.password_hash.as_deref()), (ada(), Some("phc")), "{login}, {}", db.name);
        }
        assert!(store.credentials("ada@example.co").await.unwrap().is_none(), "{}", db.name);
        assert!(db.database.tenant("other").credentials("ada").await.unwrap().is_none(), "{}", db.name);
        assert_eq!(store.user("auth0|ada").await.unwrap(), Some(ada()), "{}", db.name);
        assert_eq!(store.declared_users(9).await.unwrap(), [], "who signed up is in no file, {}", db.name);
    }
}

/// As after an update of the server: the newest migration runs on rows that were written before it.
#[tokio::test]
async fn users_from_before_login_names_were_normalised_are_found_by_every_spelling() {
    let named = |id: &str, name: &str, created_at| User {
        user_id: id.to_owned(),
        email: Some(name.to_owned()),
        username: None,
        created_at,
        ..ada()
    };
    let [nfc, nfd] = ["zo\u{eb}@example.com", "zoe\u{308}@example.com"];
    for db in databases().await {
        let mut tx = db.store().begin().await.unwrap();
        for user in
            [named("alone", "rene\u{301}@example.com", 1), named("first", nfc, 2), named("second", "x@example.com", 3)]
        {
            assert!(tx.create_user(&user, "phc").await.unwrap(), "{}", db.name);
        }
        tx.commit().await.unwrap();
        sqlx::any::install_default_drivers();
        let mut connection = sqlx::AnyConnection::connect(&db.url).await.unwrap();
        let old = format!(
            "UPDATE users SET email_key = 'rene\u{301}@example.com' WHERE user_id = 'alone';
             UPDATE users SET email = '{nfd}', email_key = '{nfd}' WHERE user_id = 'second';
             DROP TABLE users_to_rekey; DELETE FROM _sqlx_migrations WHERE version = 6;"
        );
        connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(old))).await.unwrap();
        connection.close().await.unwrap();
        let store = Database::connect(&db.url).await.unwrap().tenant("test");
        let found = async |login: &str| store.credentials(login).await.unwrap().map(|found| found.user.user_id);
        for spelling in ["ren\u{e9}@example.com", "rene\u{301}@example.com", "REN\u{c9}@example.com"] {
            assert_eq!(found(spelling).await.as_deref(), Some("alone"), "{spelling}, {}", db.name);
        }
        assert_eq!(found(nfc).await.as_deref(), Some("first"), "{}", db.name);
        assert_eq!(found(nfd).await.as_deref(), Some("second"), "whose name was taken twice keeps it, {}", db.name);
    }
}

#[tokio::test]
async fn a_taken_address_username_or_id_cannot_sign_up() {
    let somebody = User { user_id: "auth0|x".to_owned(), email: None, username: None, ..ada() };
    let address = User { email: Some("ADA@example.com".to_owned()), ..somebody.clone() };
    let name = User { username: Some("ada".to_owned()), ..somebody.clone() };
    let name_is_address = User { username: Some("ada@example.com".to_owned()), ..somebody.clone() };
    let id = User { user_id: ada().user_id, ..somebody.clone() };
    for db in databases().await {
        let mut tx = db.store().begin().await.unwrap();
        assert!(tx.create_user(&ada(), "phc").await.unwrap(), "{}", db.name);
        for taken in [&address, &name, &name_is_address, &id] {
            assert!(!tx.create_user(taken, "phc").await.unwrap(), "{taken:?}, {}", db.name);
        }
        assert!(tx.create_user(&somebody, "phc").await.unwrap(), "the transaction goes on, {}", db.name);
        tx.commit().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_sign_ups_at_once_with_one_address_one_wins() {
    for db in databases().await {
        let tasks: Vec<_> = (0..10)
            .map(|number| {
                let store = db.store();
                tokio::spawn(async move {
                    let mut tx = store.begin().await.unwrap();
                    let user = User { user_id: format!("auth0|{number}"), ..ada() };
                    let created = tx.create_user(&user, "phc").await.unwrap();
                    tx.commit().await.unwrap();
                    created
                })
            })
            .collect();
        let mut created = 0;
        for task in tasks {
            created += usize::from(task.await.unwrap());
        }
        assert_eq!(created, 1, "{}", db.name);
    }
}

#[tokio::test]
async fn logins_are_counted_without_touching_the_profile() {
    for db in databases().await {
        let store = db.store();
        let mut tx = store.begin().await.unwrap();
        tx.create_user(&ada(), "phc").await.unwrap();
        assert_eq!(tx.count_login("auth0|ada", NOW + 1).await.unwrap(), 1, "{}", db.name);
        assert_eq!(tx.count_login("auth0|ada", NOW + 2).await.unwrap(), 2, "{}", db.name);
        assert_eq!(tx.count_login("auth0|nobody", NOW).await.unwrap(), 0, "{}", db.name);
        tx.commit().await.unwrap();
        let user = store.user("auth0|ada").await.unwrap().unwrap();
        assert_eq!((user.logins_count, user.updated_at), (2, NOW), "{}", db.name);
    }
}

#[tokio::test]
async fn metadata_patches_merge_the_first_level_and_null_deletes() {
    let patch = MetadataPatch {
        user: BTreeMap::from([("theme".to_owned(), json!(null)), ("lang".to_owned(), json!("de"))]),
        app: BTreeMap::from([("nested".to_owned(), json!({"b": 1}))]),
    };
    for db in databases().await {
        let store = db.store();
        let mut tx = store.begin().await.unwrap();
        tx.create_user(&ada(), "phc").await.unwrap();
        tx.patch_metadata("auth0|ada", &patch, NOW + 5).await.unwrap();
        tx.patch_metadata("auth0|ada", &patch, NOW + 9).await.unwrap();
        tx.patch_metadata("auth0|nobody", &patch, NOW + 9).await.unwrap();
        tx.commit().await.unwrap();
        let user = store.user("auth0|ada").await.unwrap().unwrap();
        assert_eq!(user.user_metadata, object(json!({"lang": "de"})), "{}", db.name);
        assert_eq!(user.app_metadata, object(json!({"region": "eu", "nested": {"b": 1}})), "{}", db.name);
        assert_eq!(user.updated_at, NOW + 5, "a patch that changes nothing is no change, {}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patches_at_the_same_time_do_not_lose_each_other() {
    for db in databases().await {
        let mut tx = db.store().begin().await.unwrap();
        tx.create_user(&ada(), "phc").await.unwrap();
        tx.commit().await.unwrap();
        let tasks: Vec<_> = (0..20)
            .map(|number| {
                let store = db.store();
                tokio::spawn(async move {
                    let app = BTreeMap::from([(format!("key{number}"), json!(number))]);
                    let mut tx = store.begin().await.unwrap();
                    tx.patch_metadata("auth0|ada", &MetadataPatch { app, ..Default::default() }, NOW).await.unwrap();
                    tx.commit().await.unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let user = db.store().user("auth0|ada").await.unwrap().unwrap();
        assert_eq!(user.app_metadata.len(), ada().app_metadata.len() + 20, "{}", db.name);
    }
}

#[tokio::test]
async fn a_session_lives_until_it_expires_idles_or_is_revoked() {
    for db in databases().await {
        let store = db.store();
        a_login(&store).await;
        assert_eq!(store.session("cookie", NOW).await.unwrap(), Some(session("session")), "{}", db.name);
        assert_eq!(store.session("cookie", NOW + 3 * DAY).await.unwrap(), None, "idle, {}", db.name);
        assert_eq!(db.database.tenant("other").session("cookie", NOW).await.unwrap(), None, "{}", db.name);

        let used = Session { idle_expires_at: NOW + 9 * DAY, clients: vec!["second".to_owned()], ..session("session") };
        let mut tx = store.begin().await.unwrap();
        tx.update_session(&used).await.unwrap();
        tx.commit().await.unwrap();
        let found = store.session("cookie", NOW + 6 * DAY).await.unwrap().unwrap();
        assert_eq!(found.clients, ["demo", "second"], "{}", db.name);
        assert_eq!(store.session("cookie", NOW + 7 * DAY).await.unwrap(), None, "absolute end, {}", db.name);
        assert!(store.session_by_id("session").await.unwrap().is_some(), "{}", db.name);

        let mut tx = store.begin().await.unwrap();
        tx.revoke_session("session", false, NOW).await.unwrap();
        tx.update_session(&used).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(store.session("cookie", NOW).await.unwrap(), None, "{}", db.name);
        assert_eq!(store.session_by_id("session").await.unwrap(), None, "{}", db.name);
        assert!(store.grant("g").await.unwrap().is_some(), "grants live on, {}", db.name);
        let mut tx = store.begin().await.unwrap();
        tx.revoke_session("session", true, NOW).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(store.grant("g").await.unwrap(), None, "{}", db.name);
    }
}

#[tokio::test]
async fn access_tokens_end_by_time_hash_and_jti() {
    for db in databases().await {
        let store = db.store();
        a_login(&store).await;
        assert_eq!(store.access_token("access", NOW + DAY).await.unwrap(), None, "{}", db.name);
        assert!(!store.is_jti_revoked("jti").await.unwrap(), "{}", db.name);
        let mut tx = store.begin().await.unwrap();
        tx.revoke_access_token("access", NOW).await.unwrap();
        tx.revoke_jti("jti", NOW + DAY).await.unwrap();
        tx.revoke_jti("jti", NOW + DAY).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(store.access_token("access", NOW).await.unwrap(), None, "{}", db.name);
        assert!(store.is_jti_revoked("jti").await.unwrap(), "{}", db.name);
        assert!(store.grant("g").await.unwrap().is_some(), "{}", db.name);
    }
}

#[tokio::test]
async fn failed_logins_are_counted_and_forgotten() {
    for db in databases().await {
        let store = db.store();
        assert_eq!(store.failed_logins("key", NOW).await.unwrap(), (0, 0), "{}", db.name);
        let mut tx = store.begin().await.unwrap();
        assert_eq!(tx.count_failed_login("key", NOW).await.unwrap(), 1, "{}", db.name);
        assert_eq!(tx.count_failed_login("key", NOW + 7).await.unwrap(), 2, "{}", db.name);
        tx.commit().await.unwrap();
        assert_eq!(store.failed_logins("key", NOW).await.unwrap(), (2, NOW + 7), "{}", db.name);
        let days_later = NOW + 2 * 86_400_000;
        assert_eq!(store.failed_logins("key", days_later).await.unwrap(), (0, 0), "{}", db.name);
        let mut tx = store.begin().await.unwrap();
        assert_eq!(tx.count_failed_login("key", days_later).await.unwrap(), 1, "{}", db.name);
        drop(tx);
        let mut tx = store.begin().await.unwrap();
        tx.forget_failed_logins("key").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(store.failed_logins("key", NOW).await.unwrap(), (0, 0), "{}", db.name);
    }
}

#[tokio::test]
async fn a_known_place_is_one_account_s_and_is_forgotten_ninety_days_after_the_last_login() {
    for db in databases().await {
        let store = db.store();
        for at in [NOW - DAY, NOW] {
            let mut tx = store.begin().await.unwrap();
            tx.remember_place("ada", "home", at).await.unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(store.known_place("ada", "home", NOW + 90 * DAY).await.unwrap(), Some(NOW), "{}", db.name);
        assert_eq!(store.known_place("ada", "home", NOW + 90 * DAY + 1).await.unwrap(), None, "{}", db.name);
        assert_eq!(store.known_place("ada", "office", NOW).await.unwrap(), None, "{}", db.name);
        assert_eq!(store.known_place("bob", "home", NOW).await.unwrap(), None, "{}", db.name);
        assert_eq!(db.database.tenant("other").known_place("ada", "home", NOW).await.unwrap(), None, "{}", db.name);
        assert_eq!(db.database.delete_expired(NOW + 90 * DAY).await.unwrap(), 0, "{}", db.name);
        assert_eq!(db.database.delete_expired(NOW + 90 * DAY + 1).await.unwrap(), 1, "{}", db.name);
    }
}

#[tokio::test]
async fn signing_keys_are_read_newest_first_and_only_one_is_the_first() {
    let key = |kid: &str, created_at| StoredKey {
        kid: kid.to_owned(),
        kind: "RSA".to_owned(),
        pkcs8: vec![0, 1, 255],
        certificate: Some(vec![9]),
        created_at,
        retired_at: None,
    };
    for db in databases().await {
        let store = db.store();
        let mut tx = store.begin().await.unwrap();
        assert!(tx.insert_first_signing_key(&key("a", NOW)).await.unwrap(), "{}", db.name);
        assert!(!tx.insert_first_signing_key(&key("c", NOW)).await.unwrap(), "{}", db.name);
        tx.insert_signing_key(&StoredKey { certificate: None, ..key("b", NOW + 1) }).await.unwrap();
        // The earliest end that somebody asked for holds: an emergency overtakes what was planned.
        for end in [NOW + 9, NOW + 2, NOW + 5] {
            tx.retire_signing_keys("RSA", "b", end).await.unwrap();
        }
        tx.commit().await.unwrap();
        let retired = StoredKey { retired_at: Some(NOW + 2), ..key("a", NOW) };
        let newest = StoredKey { certificate: None, ..key("b", NOW + 1) };
        assert_eq!(store.signing_keys().await.unwrap(), [newest, retired], "{}", db.name);
        assert_eq!(db.database.tenant("other").signing_keys().await.unwrap(), [], "{}", db.name);
    }
}

#[tokio::test]
async fn cleanup_takes_what_ended_and_keeps_spent_codes_with_their_grant() {
    for db in databases().await {
        let store = db.store();
        a_login(&store).await;
        let mut tx = store.begin().await.unwrap();
        tx.insert_login_transaction("handle", &login_transaction()).await.unwrap();
        tx.count_failed_login("key", NOW).await.unwrap();
        assert!(matches!(tx.redeem_code("code", NOW).await.unwrap(), Redemption::Redeemed(_)));
        tx.commit().await.unwrap();
        assert_eq!(db.database.delete_expired(NOW).await.unwrap(), 0, "{}", db.name);
        // Session, login transaction, access token, failed logins.
        assert_eq!(db.database.delete_expired(NOW + 4 * DAY).await.unwrap(), 4, "{}", db.name);
        let mut tx = store.begin().await.unwrap();
        let replayed = Redemption::Replayed { grant_id: "g".to_owned() };
        assert_eq!(tx.redeem_code("code", NOW + 45 * DAY).await.unwrap(), replayed, "{}", db.name);
        drop(tx);
        assert_eq!(db.database.delete_expired(NOW + 45 * DAY).await.unwrap(), 0, "{}", db.name);
        assert_eq!(db.database.delete_expired(NOW + 47 * DAY).await.unwrap(), 1, "{}", db.name);
        assert_eq!(store.grant("g").await.unwrap(), None, "{}", db.name);
        let mut tx = store.begin().await.unwrap();
        assert_eq!(tx.redeem_code("code", NOW).await.unwrap(), Redemption::Unknown, "{}", db.name);
    }
}

#[tokio::test]
async fn r76_what_expired_is_deleted_in_batches_between_which_others_write() {
    for db in databases().await {
        let store = db.store();
        let mut tx = store.begin().await.unwrap();
        for number in 0..2_000 {
            tx.insert_login_transaction(&format!("handle-{number}"), &login_transaction()).await.unwrap();
        }
        tx.commit().await.unwrap();
        let (database, began) = (db.database.clone(), std::time::Instant::now());
        let cleanup = tokio::spawn(async move { database.delete_expired(NOW + 4 * DAY).await });
        let mut tx = store.begin().await.unwrap();
        tx.put_role("meanwhile", "").await.unwrap();
        tx.commit().await.unwrap();
        let waited = began.elapsed();
        assert_eq!(cleanup.await.unwrap().unwrap(), 2_000, "{}", db.name);
        assert!(waited < began.elapsed(), "{}: the writer waited {waited:?} for the whole cleanup", db.name);
    }
}

#[tokio::test]
async fn what_is_kept_of_the_traces_stays_though_others_delete_meanwhile() {
    for db in databases().await {
        let store = db.store();
        let mut tx = store.begin().await.unwrap();
        for number in 0..10 {
            let row = TraceRow { id: format!("t{number}"), at: number / 2, ..TraceRow::default() };
            tx.insert_trace(&row, i64::MAX).await.unwrap();
        }
        let beyond = tx.first_trace_beyond(5).await.unwrap().unwrap();
        assert_eq!(beyond, (2, "t4".to_owned()), "{}", db.name);
        // Another server on the same database.
        assert_eq!(tx.prune_traces(&beyond, 3).await.unwrap(), 3, "{}", db.name);
        assert_eq!(tx.prune_traces(&beyond, 3).await.unwrap(), 2, "{}", db.name);
        assert_eq!(tx.prune_traces(&beyond, 3).await.unwrap(), 0, "{}", db.name);
        assert_eq!(tx.first_trace_beyond(5).await.unwrap(), None, "{}", db.name);
        tx.commit().await.unwrap();
        let kept = store.traces(&TraceFilter { limit: 100, ..TraceFilter::default() }).await.unwrap();
        let kept: Vec<_> = kept.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(kept, ["t9", "t8", "t7", "t6", "t5"], "{}", db.name);
    }
}
