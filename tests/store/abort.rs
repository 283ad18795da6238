//! A client that hangs up in the middle of a write leaves nothing behind.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use super::support::databases::databases;
use super::*;

/// Polls a future at most `polls` times and then drops it where it stands; whether it came to its end.
async fn give_up_after(polls: usize, future: impl Future<Output = ()>) -> bool {
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(|context| {
        if polled == polls {
            return Poll::Ready(false);
        }
        polled += 1;
        future.as_mut().poll(context).map(|()| true)
    })
    .await
}

#[tokio::test]
async fn a_write_given_up_at_any_point_does_not_happen_by_half_nor_block_the_next() {
    for db in databases().await {
        let mut finished = 0;
        for polls in (0..60).chain([usize::MAX]) {
            let store = db.store();
            let write = async move {
                let mut tx = store.begin().await.unwrap();
                tx.count_failed_login("first", NOW).await.unwrap();
                tx.count_failed_login("second", NOW).await.unwrap();
                tx.commit().await.unwrap();
            };
            finished += i64::from(give_up_after(polls, write).await);
        }
        let mut tx = db.store().begin().await.unwrap();
        tx.count_failed_login("third", NOW).await.unwrap();
        tx.commit().await.unwrap();
        let (first, _) = db.store().failed_logins("first", NOW).await.unwrap();
        let (second, _) = db.store().failed_logins("second", NOW).await.unwrap();
        assert_eq!(first, second, "{}", db.name);
        // A commit that was sent may arrive although nobody waited for its answer.
        assert!(first >= finished && first <= 61 && finished >= 1, "{first} of {finished}, {}", db.name);
        assert!(finished <= 60, "some were given up: {finished}, {}", db.name);
        assert_eq!(db.store().failed_logins("third", NOW).await.unwrap(), (1, NOW), "{}", db.name);
    }
}
