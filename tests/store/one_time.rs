//! What may be used once is used once.

use vestibule::domain::grant::Redemption;
use vestibule::store::Store;

use super::support::databases::databases;
use super::*;

async fn redeem(store: &Store, now: i64) -> Redemption<()> {
    let mut tx = store.begin().await.unwrap();
    let redemption = tx.redeem_code("code", now).await.unwrap();
    tx.commit().await.unwrap();
    match redemption {
        Redemption::Redeemed((found, of)) => {
            assert_eq!((found, of), (code("g"), grant("g")));
            Redemption::Redeemed(())
        }
        Redemption::Replayed { grant_id } => Redemption::Replayed { grant_id },
        Redemption::Unknown => Redemption::Unknown,
    }
}

fn replayed<T>() -> Redemption<T> {
    Redemption::Replayed { grant_id: "g".to_owned() }
}

#[tokio::test]
async fn a_code_is_redeemed_once_and_then_replayed_even_when_expired() {
    for db in databases().await {
        let store = db.store();
        a_login(&store).await;
        assert_eq!(redeem(&store, NOW).await, Redemption::Redeemed(()), "{}", db.name);
        assert_eq!(redeem(&store, NOW + 1).await, replayed(), "{}", db.name);
        assert_eq!(redeem(&store, NOW + DAY).await, replayed(), "{}", db.name);
    }
}

#[tokio::test]
async fn an_expired_foreign_or_revoked_code_is_unknown() {
    for db in databases().await {
        let store = db.store();
        a_login(&store).await;
        assert_eq!(redeem(&store, NOW + MINUTE).await, Redemption::Unknown, "expired, {}", db.name);
        assert_eq!(redeem(&db.database.tenant("other"), NOW).await, Redemption::Unknown, "other tenant, {}", db.name);
        let mut tx = store.begin().await.unwrap();
        tx.revoke_grant("g", NOW).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(redeem(&store, NOW).await, Redemption::Unknown, "revoked, {}", db.name);
    }
}

#[tokio::test]
async fn a_rollback_leaves_the_code_usable() {
    for db in databases().await {
        let store = db.store();
        a_login(&store).await;
        let mut tx = store.begin().await.unwrap();
        assert!(matches!(tx.redeem_code("code", NOW).await.unwrap(), Redemption::Redeemed(_)));
        drop(tx);
        assert_eq!(redeem(&store, NOW).await, Redemption::Redeemed(()), "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_redemptions_at_once_one_wins() {
    for db in databases().await {
        a_login(&db.store()).await;
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let store = db.store();
                tokio::spawn(async move { redeem(&store, NOW).await })
            })
            .collect();
        let mut redeemed = 0;
        for task in tasks {
            match task.await.unwrap() {
                Redemption::Redeemed(()) => redeemed += 1,
                other => assert_eq!(other, replayed(), "{}", db.name),
            }
        }
        assert_eq!(redeemed, 1, "{}", db.name);
    }
}

async fn spend(store: &Store, now: i64, leeway_ms: i64) -> bool {
    let mut tx = store.begin().await.unwrap();
    let spent = tx.spend_refresh_token("refresh", now, leeway_ms).await.unwrap();
    tx.commit().await.unwrap();
    spent
}

#[tokio::test]
async fn a_refresh_token_is_spent_once_but_for_the_leeway() {
    for db in databases().await {
        let store = db.store();
        a_login(&store).await;
        let Redemption::Redeemed(found) = store.refresh_token("refresh", NOW, 0).await.unwrap() else {
            panic!("{}", db.name)
        };
        assert_eq!((found.token, found.grant), (refresh_token("g"), grant("g")), "{}", db.name);
        assert!(spend(&store, NOW, 0).await, "{}", db.name);
        assert!(!spend(&store, NOW, 0).await, "{}", db.name);
        assert_eq!(store.refresh_token("refresh", NOW, 0).await.unwrap(), replayed(), "{}", db.name);

        // The leeway counts from the first use, however often the token is used within it.
        assert!(spend(&store, NOW + 5_000, 10_000).await, "{}", db.name);
        assert!(matches!(store.refresh_token("refresh", NOW + 9_999, 10_000).await.unwrap(), Redemption::Redeemed(_)));
        assert!(!spend(&store, NOW + 10_000, 10_000).await, "{}", db.name);
        assert_eq!(store.refresh_token("refresh", NOW + 10_000, 10_000).await.unwrap(), replayed(), "{}", db.name);
    }
}

#[tokio::test]
async fn an_expired_idle_or_revoked_refresh_token_is_unknown() {
    for db in databases().await {
        let store = db.store();
        a_login(&store).await;
        let idle = NOW + 15 * DAY;
        assert_eq!(store.refresh_token("refresh", idle, 0).await.unwrap(), Redemption::Unknown, "{}", db.name);
        assert!(!spend(&store, idle, 0).await, "{}", db.name);
        assert_eq!(store.refresh_token("other", NOW, 0).await.unwrap(), Redemption::Unknown, "{}", db.name);
        assert_eq!(db.database.tenant("other").refresh_token("refresh", NOW, 0).await.unwrap(), Redemption::Unknown);
        let mut tx = store.begin().await.unwrap();
        tx.revoke_grant("g", NOW).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(store.refresh_token("refresh", NOW, 0).await.unwrap(), Redemption::Unknown, "{}", db.name);
        assert!(!spend(&store, NOW, 0).await, "{}", db.name);
    }
}

#[tokio::test]
async fn a_non_rotating_refresh_token_is_touched_until_its_absolute_end() {
    for db in databases().await {
        let store = db.store();
        a_login(&store).await;
        let touch = async |now: i64, idle: Option<i64>| {
            let mut tx = store.begin().await.unwrap();
            let touched = tx.touch_refresh_token("refresh", idle, now).await.unwrap();
            tx.commit().await.unwrap();
            touched
        };
        assert!(touch(NOW + 14 * DAY, Some(NOW + 29 * DAY)).await, "{}", db.name);
        let Redemption::Redeemed(found) = store.refresh_token("refresh", NOW + 20 * DAY, 0).await.unwrap() else {
            panic!("{}", db.name)
        };
        assert_eq!(found.token.last_exchanged_at, Some(NOW + 14 * DAY));
        assert!(touch(NOW + 28 * DAY, None).await, "{}", db.name);
        assert!(!touch(NOW + 30 * DAY, None).await, "{}", db.name);
    }
}

#[tokio::test]
async fn an_assertion_and_a_login_form_are_used_once() {
    for db in databases().await {
        let mut tx = db.store().begin().await.unwrap();
        assert!(tx.use_assertion("demo", "jti", NOW).await.unwrap(), "{}", db.name);
        assert!(!tx.use_assertion("demo", "jti", NOW).await.unwrap(), "{}", db.name);
        assert!(tx.use_assertion("other", "jti", NOW).await.unwrap(), "{}", db.name);
        tx.insert_login_transaction("handle", &login_transaction()).await.unwrap();
        assert!(tx.finish_login_transaction("handle", NOW).await.unwrap(), "{}", db.name);
        assert!(!tx.finish_login_transaction("handle", NOW).await.unwrap(), "{}", db.name);
        tx.commit().await.unwrap();
        assert_eq!(db.store().login_transaction("handle", NOW).await.unwrap(), None, "{}", db.name);
    }
}

#[tokio::test]
async fn revoking_a_grant_ends_every_token_of_it() {
    for db in databases().await {
        let store = db.store();
        a_login(&store).await;
        assert_eq!(store.access_token("access", NOW).await.unwrap(), Some((opaque_token("g"), grant("g"))), "{}", db.name);
        let mut tx = store.begin().await.unwrap();
        tx.revoke_grant("g", NOW).await.unwrap();
        tx.revoke_grant("g", NOW + 1).await.unwrap();
        tx.update_grant(&grant("g")).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(store.access_token("access", NOW).await.unwrap(), None, "{}", db.name);
        assert_eq!(store.grant("g").await.unwrap(), None, "{}", db.name);
    }
}

/// A request may read its clock and then wait for the writer while another, younger one spends the token.
#[tokio::test]
async fn r43_a_spent_refresh_token_is_spent_for_older_clocks_too() {
    for db in databases().await {
        let store = db.store();
        a_login(&store).await;
        assert!(spend(&store, NOW + 5, 0).await, "{}", db.name);
        for older in [NOW + 5, NOW + 4, NOW - DAY] {
            assert!(!spend(&store, older, 0).await, "{}, {older}", db.name);
            let found = store.refresh_token("refresh", older, 0).await.unwrap();
            assert_eq!(found, replayed(), "{}, {older}", db.name);
        }
        assert!(!spend(&store, NOW - DAY, 1_000).await, "{}, with leeway", db.name);
    }
}
