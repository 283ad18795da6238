//! Transactions that share a commit are atomic, isolated from each other, and hear of it only when it has happened.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use tempfile::TempDir;

use super::*;

const SCHEMA: &str = "PRAGMA journal_mode = WAL; CREATE TABLE kept (n BIGINT PRIMARY KEY);
                      CREATE TABLE child (n BIGINT REFERENCES kept (n))";

/// A writer on a file, and a reader beside it.
struct File {
    writer: Writer,
    place: Place,
    _directory: TempDir,
}

impl File {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::File(directory.path().join("test.db").display().to_string());
        place.create_file().unwrap();
        place.open_writer().unwrap().execute_batch(SCHEMA).unwrap();
        Self { writer: Writer::new(place.clone(), Duration::from_secs(5)).unwrap(), place, _directory: directory }
    }

    /// What a reader sees: the committed rows.
    async fn rows(&self) -> Vec<i64> {
        let readers = sqlite::Readers::new(self.place.clone()).unwrap();
        let read = |connection: &Connection| -> Result<Vec<i64>> {
            let mut statement = connection.prepare("SELECT n FROM kept ORDER BY n")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        };
        readers.with(read).unwrap()
    }

    async fn seat_with(&self, n: i64) -> Seat {
        let seat = self.writer.begin().await.unwrap();
        insert(&seat, n).unwrap();
        seat
    }
}

fn insert(seat: &Seat, n: i64) -> Result<()> {
    seat.connection()?.execute("INSERT INTO kept (n) VALUES ($1)", [n])?;
    Ok(())
}

fn run_batch(seat: &Seat, statements: &str) -> Result<()> {
    Ok(seat.connection()?.execute_batch(statements)?)
}

/// Polls once: a request for a seat stands in the queue then, a `commit` has left its seat.
async fn start<T>(future: &mut Pin<&mut impl Future<Output = T>>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}

#[tokio::test]
async fn a_transaction_that_nobody_follows_is_committed_at_once() {
    let file = File::new().await;
    file.seat_with(1).await.commit().await.unwrap();
    assert_eq!(file.rows().await, [1]);
}

#[tokio::test]
async fn a_commit_is_shared_with_who_waits_and_told_when_it_has_happened() {
    let file = File::new().await;
    let first = file.seat_with(1).await;
    let mut second = pin!(file.seat_with(2));
    assert!(!start(&mut second).await);
    let mut first = pin!(first.commit());
    assert!(!start(&mut first).await);
    let second = second.await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!start(&mut first).await, "nothing is durable yet");
    assert!(file.rows().await.is_empty());
    second.commit().await.unwrap();
    assert_eq!(file.rows().await, [1, 2]);
    first.await.unwrap();
}

#[tokio::test]
async fn what_one_undoes_or_does_wrong_is_not_the_matter_of_others() {
    let file = File::new().await;
    let first = file.seat_with(1).await;
    assert!(insert(&first, 1).is_err(), "taken");
    let (mut second, mut third) = (pin!(file.seat_with(2)), pin!(file.seat_with(3)));
    assert!(!start(&mut second).await && !start(&mut third).await);
    let mut first = pin!(first.commit());
    assert!(!start(&mut first).await);
    let second = second.await;
    assert!(insert(&second, 1).is_err(), "it sees the work of the first");
    drop(second);
    let third = third.await;
    third.commit().await.unwrap();
    first.await.unwrap();
    assert_eq!(file.rows().await, [1, 3]);
}

#[tokio::test]
async fn who_rolls_back_waits_for_what_it_saw() {
    let file = File::new().await;
    let first = file.seat_with(1).await;
    let mut second = pin!(file.seat_with(2));
    assert!(!start(&mut second).await);
    let mut first = pin!(first.commit());
    assert!(!start(&mut first).await);
    second.await.rollback().await.unwrap();
    assert_eq!(file.rows().await, [1]);
    first.await.unwrap();
}

#[tokio::test]
async fn a_commit_that_fails_fails_for_everybody_in_it() {
    let file = File::new().await;
    let first = file.seat_with(1).await;
    let mut second = pin!(file.seat_with(2));
    assert!(!start(&mut second).await);
    let mut first = pin!(first.commit());
    assert!(!start(&mut first).await);
    let second = second.await;
    // A violation that is noticed at the COMMIT only.
    run_batch(&second, "PRAGMA defer_foreign_keys = ON; INSERT INTO child (n) VALUES (99)").unwrap();
    assert!(matches!(second.commit().await, Err(Error::Commit(_))));
    assert!(matches!(first.await, Err(Error::Commit(_))));
    assert!(file.rows().await.is_empty());
    file.seat_with(3).await.commit().await.unwrap();
    assert_eq!(file.rows().await, [3]);
}

#[tokio::test]
async fn if_sqlite_ends_the_shared_transaction_nobody_is_told_otherwise() {
    for keep in [true, false] {
        let file = File::new().await;
        let first = file.seat_with(1).await;
        let (mut second, mut third) = (pin!(file.seat_with(2)), pin!(file.seat_with(3)));
        assert!(!start(&mut second).await && !start(&mut third).await);
        let mut first = pin!(first.commit());
        assert!(!start(&mut first).await);
        let second = second.await;
        // What a full disk does: the statement's error rolls everything back.
        assert!(run_batch(&second, "INSERT OR ROLLBACK INTO kept (n) VALUES (1)").is_err());
        if keep {
            assert!(second.commit().await.is_err());
        } else {
            drop(second);
        }
        third.await.commit().await.unwrap();
        assert!(first.await.is_err());
        assert_eq!(file.rows().await, [3]);
    }
}

#[tokio::test]
async fn seats_are_given_in_the_order_of_asking() {
    let file = File::new().await;
    let first = file.seat_with(1).await;
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let tasks: Vec<_> = (2..30)
        .map(|n| {
            let (writer, order) = (file.writer.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                let seat = writer.begin().await.unwrap();
                order.lock().unwrap().push(n);
                insert(&seat, n).unwrap();
                seat.commit().await.unwrap();
            })
        })
        .collect();
    tokio::task::yield_now().await;
    first.commit().await.unwrap();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (2..30).collect::<Vec<_>>());
    assert_eq!(file.rows().await, (1..30).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gives_up_at_any_point_leaves_all_or_nothing_and_the_others_alone() {
    let file = File::new().await;
    let tasks: Vec<_> = (0..120_i64)
        .map(|n| {
            let writer = file.writer.clone();
            tokio::spawn(async move {
                let mut polls = if n % 2 == 0 { i64::MAX } else { n / 2 % 6 };
                let mut work = pin!(async {
                    let seat = writer.begin().await?;
                    insert(&seat, 2 * n)?;
                    insert(&seat, 2 * n + 1)?;
                    seat.commit().await
                });
                poll_fn(|context| {
                    polls -= 1;
                    if polls < 0 { Poll::Ready(None) } else { work.as_mut().poll(context).map(Some) }
                })
                .await
            })
        })
        .collect();
    let mut told = Vec::new();
    for (n, task) in (0..).zip(tasks) {
        if let Some(done) = task.await.unwrap() {
            done.unwrap();
            told.push(n);
        }
    }
    // The last word of the queue: whatever was sent before has been done.
    file.seat_with(1000).await.commit().await.unwrap();
    let rows = file.rows().await;
    for n in 0..120 {
        assert_eq!(rows.contains(&(2 * n)), rows.contains(&(2 * n + 1)), "{n} by half");
        assert!(!told.contains(&n) || rows.contains(&(2 * n)), "{n} was told and is not there");
    }
    assert!((60..120).contains(&told.len()), "some gave up: {}", told.len());
}

#[tokio::test]
async fn who_waits_too_long_goes_and_a_closed_writer_seats_nobody() {
    let mut file = File::new().await;
    file.writer.wait = Duration::from_millis(20);
    let first = file.seat_with(1).await;
    let late = file.writer.begin().await.err().unwrap();
    assert!(matches!(late, Error::Busy), "{late}");
    first.commit().await.unwrap();
    file.writer.close().await;
    let closed = file.writer.begin().await.err().unwrap();
    assert!(matches!(closed, Error::Closed), "{closed}");
}

#[tokio::test]
async fn another_process_that_writes_is_waited_for_elsewhere() {
    let file = File::new().await;
    let other = file.place.open_writer().unwrap();
    other.execute_batch("BEGIN IMMEDIATE; INSERT INTO kept (n) VALUES (7)").unwrap();
    let mut seat = pin!(file.seat_with(8));
    assert!(!start(&mut seat).await, "this thread is free meanwhile");
    other.execute_batch("COMMIT").unwrap();
    seat.await.commit().await.unwrap();
    assert_eq!(file.rows().await, [7, 8]);
}

#[tokio::test]
async fn nothing_is_done_outside_of_a_transaction_that_sqlite_has_ended() {
    let file = File::new().await;
    let seat = file.seat_with(1).await;
    assert!(run_batch(&seat, "INSERT OR ROLLBACK INTO kept (n) VALUES (1)").is_err());
    assert!(matches!(insert(&seat, 2), Err(Error::Ended)));
    drop(seat);
    assert!(file.rows().await.is_empty());
    file.seat_with(3).await.commit().await.unwrap();
    assert_eq!(file.rows().await, [3]);
}
