//! The one writer of an SQLite file: concurrent transactions share a commit.
//!
//! SQLite makes a commit durable with an fsync, which takes longer than everything else that a request does. So a task owns the
//! writing connection and seats the transactions that queue for it one after the other in one outer transaction, each in a
//! savepoint of its own. A transaction that commits hears `Ok` only once the COMMIT that holds its work has succeeded; one
//! that is dropped is undone before the next one is seated. With nobody waiting, a transaction is committed at once.
//!
//! The task is never cancelled, callers may be at any point: they hold the connection's lock and a channel, and dropping
//! both is the order to roll back.

#[cfg(test)]
mod tests;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Executor as _};
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Error, Result};

/// Transactions in one commit, and how long the first of them waits for more: bounds of the latency under load.
const MAX_MEMBERS: usize = 64;
const MAX_AGE: Duration = Duration::from_millis(20);

const BEGIN: &str = "BEGIN IMMEDIATE; SAVEPOINT member";
/// The last one stays, the next one comes.
const KEEP_AND_SEAT: &str = "RELEASE member; SAVEPOINT member";
/// The last one goes; its savepoint remains for the next one.
const UNDO_AND_SEAT: &str = "ROLLBACK TO member";
const KEEP_AND_COMMIT: &str = "RELEASE member; COMMIT";
const UNDO_AND_COMMIT: &str = "ROLLBACK TO member; COMMIT";
const ROLLBACK: &str = "ROLLBACK";

/// The queue for the writing connection.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::UnboundedSender<Request>,
    stop: CancellationToken,
    pool: AnyPool,
    wait: Duration,
}

/// Somebody who wants a seat.
type Request = oneshot::Sender<Result<Seat>>;
/// Where the outcome of the shared commit is told.
type Outcome = oneshot::Sender<Result<()>>;

/// How a transaction leaves its seat on its own accord; one that just drops the seat is undone, and not waited for.
struct Leave {
    keep: bool,
    outcome: Outcome,
}

/// A transaction's turn at the connection. Dropping it undoes the transaction.
pub(super) struct Seat {
    // Dropped before `leave`: the task takes the lock as soon as it hears from there.
    connection: OwnedMutexGuard<PoolConnection<Any>>,
    leave: oneshot::Sender<Leave>,
}

impl Writer {
    /// A writer on the only connection of `pool`; `wait` is how long a transaction queues.
    pub(super) fn new(pool: AnyPool, wait: Duration) -> Self {
        let (queue, requests) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        tokio::spawn(Task { pool: pool.clone(), requests, connection: None }.run(stop.clone()));
        Self { queue, stop, pool, wait }
    }

    /// Waits for a seat.
    pub(super) async fn begin(&self) -> Result<Seat> {
        let (request, seat) = oneshot::channel();
        self.queue.send(request).map_err(|_| sqlx::Error::PoolClosed)?;
        match tokio::time::timeout(self.wait, seat).await {
            Ok(seat) => seat.map_err(|_| sqlx::Error::PoolClosed)?,
            Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
        }
    }

    /// Ends the task after the commit in progress, and closes its connection.
    pub(super) async fn close(&self) {
        self.stop.cancel();
        self.pool.close().await;
    }
}

impl Seat {
    /// Makes the work of this transaction durable.
    pub(super) async fn commit(self) -> Result<()> {
        self.leave(true).await
    }

    /// Undoes the work of this transaction, and waits until what it saw of earlier ones is durable.
    pub(super) async fn rollback(self) -> Result<()> {
        self.leave(false).await
    }

    async fn leave(self, keep: bool) -> Result<()> {
        let Self { connection, leave } = self;
        let (outcome, committed) = oneshot::channel();
        drop(connection);
        // It only fails when the task is gone, and then so is the other end of `outcome`.
        leave.send(Leave { keep, outcome }).ok();
        committed.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }
}

impl Deref for Seat {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.connection
    }
}

impl DerefMut for Seat {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }
}

/// Owns the connection.
struct Task {
    pool: AnyPool,
    requests: mpsc::UnboundedReceiver<Request>,
    connection: Option<Arc<Mutex<PoolConnection<Any>>>>,
}

impl Task {
    async fn run(mut self, stop: CancellationToken) {
        let mut next = None;
        loop {
            let first = match next.take() {
                Some(request) => request,
                None => tokio::select! {
                    () = stop.cancelled() => return,
                    request = self.requests.recv() => match request {
                        Some(request) => request,
                        None => return,
                    },
                },
            };
            next = self.share(first).await;
        }
    }

    /// One outer transaction, begun for `first`, joined by those who queue meanwhile. Who was taken from the queue and found
    /// no seat any more is handed back.
    async fn share(&mut self, first: Request) -> Option<Request> {
        let connection = match self.connection().await {
            Ok(connection) => connection,
            Err(error) => {
                first.send(Err(error.into())).ok();
                return None;
            }
        };
        if let Err(error) = execute(&connection, BEGIN).await {
            self.abandon(&connection).await;
            first.send(Err(error.into())).ok();
            return None;
        }
        let (opened, mut waiting, mut request) = (Instant::now(), Vec::new(), first);
        loop {
            let keep = serve(&connection, request, &mut waiting).await;
            let open = waiting.len() < MAX_MEMBERS && opened.elapsed() < MAX_AGE;
            let next = if open { self.waiting_request() } else { None };
            let statement = match (keep, next.is_some(), waiting.is_empty()) {
                (true, true, _) => KEEP_AND_SEAT,
                (true, false, _) => KEEP_AND_COMMIT,
                (false, true, _) => UNDO_AND_SEAT,
                (false, false, false) => UNDO_AND_COMMIT,
                (false, false, true) => ROLLBACK,
            };
            match (execute(&connection, statement).await, next) {
                (Ok(()), Some(next)) => request = next,
                (done, next) => {
                    if done.is_err() {
                        // A full disk, for one, ends the outer transaction. What it held is undone for all of them.
                        self.abandon(&connection).await;
                    }
                    tell(waiting, done);
                    return next;
                }
            }
        }
    }

    /// The next one who has not given up.
    fn waiting_request(&mut self) -> Option<Request> {
        std::iter::from_fn(|| self.requests.try_recv().ok()).find(|request| !request.is_closed())
    }

    async fn connection(&mut self) -> std::result::Result<Arc<Mutex<PoolConnection<Any>>>, sqlx::Error> {
        if let Some(connection) = &self.connection {
            return Ok(Arc::clone(connection));
        }
        let connection = Arc::new(Mutex::new(self.pool.acquire().await?));
        self.connection = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// Rolls back after a failure. "No transaction is active" is what SQLite says when it has done so itself; a connection that
    /// cannot even begin and end an empty transaction then is replaced.
    async fn abandon(&mut self, connection: &Mutex<PoolConnection<Any>>) {
        execute(connection, ROLLBACK).await.ok();
        if execute(connection, "BEGIN; ROLLBACK").await.is_err() {
            connection.lock().await.close_on_drop();
            self.connection = None;
        }
    }
}

/// Gives the seat away and waits until it is left; whether the work shall stay.
async fn serve(connection: &Arc<Mutex<PoolConnection<Any>>>, request: Request, waiting: &mut Vec<Outcome>) -> bool {
    let guard = Arc::clone(connection).lock_owned().await;
    let (leave, left) = oneshot::channel();
    // If nobody takes the seat, dropping it is leaving it.
    request.send(Ok(Seat { connection: guard, leave })).ok();
    let Ok(Leave { keep, outcome }) = left.await else { return false };
    waiting.push(outcome);
    keep
}

async fn execute(connection: &Mutex<PoolConnection<Any>>, statement: &'static str) -> std::result::Result<(), sqlx::Error> {
    let mut connection = connection.lock().await;
    (**connection).execute(sqlx::raw_sql(statement)).await.map(drop)
}

/// Tells everybody in the shared transaction how it ended.
fn tell(waiting: Vec<Outcome>, done: std::result::Result<(), sqlx::Error>) {
    let done = done.map_err(Arc::new);
    for outcome in waiting {
        outcome.send(done.clone().map_err(Error::Commit)).ok();
    }
}
