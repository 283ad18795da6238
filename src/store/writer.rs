//! The one writer of an SQLite file: concurrent transactions share a commit.
//!
//! SQLite makes a commit durable with an fsync, which takes longer than everything else that a request does. So transactions
//! queue for the writing connection (a fair lock) and work on it one after the other in one outer transaction, each in a savepoint
//! of its own. Who leaves with something to keep joins the group that waits for the COMMIT, and the first of a group calls the
//! committer, a thread, which queues for the connection like everybody else: so whoever stood in the queue before it is in
//! the group, whoever comes while the disk works is in the next one, and nobody waits for company that does not come.
//!
//! A transaction hears `Ok` only once the COMMIT that holds its work has succeeded. One that is dropped is undone before the next
//! one works; no future has to be polled for that.

#[cfg(test)]
mod tests;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use super::sqlite::{self, Place};
use super::{Error, Result};

const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";
const ENTER: &str = "SAVEPOINT member";
const KEEP: &str = "RELEASE member";
const UNDO: &str = "ROLLBACK TO member";

/// The queue for the writing connection.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    shared: Arc<Mutex<Shared>>,
    committer: Sender<()>,
    wait: Duration,
}

/// The connection and who waits for the COMMIT of what it holds.
#[derive(Debug)]
struct Shared {
    place: Place,
    /// `None` if it was lost and could not be opened again, or is closed.
    connection: Option<Connection>,
    closed: bool,
    group: Vec<Outcome>,
}

/// Where the outcome of the shared commit is told.
type Outcome = oneshot::Sender<Result<()>>;

/// A transaction's turn at the connection. Dropping it undoes the transaction.
pub(super) struct Seat {
    shared: OwnedMutexGuard<Shared>,
    committer: Sender<()>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Began the outer transaction.
    First,
    /// In a savepoint, after others.
    Member,
    /// Nothing to undo.
    Done,
}

impl Writer {
    /// A writer; `wait` is how long a transaction queues.
    pub(super) fn new(place: Place, wait: Duration) -> Result<Self> {
        let connection = Some(place.open_writer()?);
        let shared = Arc::new(Mutex::new(Shared { place, connection, closed: false, group: Vec::new() }));
        let (committer, calls) = channel();
        let weak = Arc::downgrade(&shared);
        let thread = std::thread::Builder::new().name("sqlite-commit".to_owned()).stack_size(256 * 1024);
        thread.spawn(move || commit_when_called(&weak, &calls)).map_err(sqlx::Error::Io)?;
        Ok(Self { shared, committer, wait })
    }

    /// Waits for a seat.
    pub(super) async fn begin(&self) -> Result<Seat> {
        let queue = Arc::clone(&self.shared).lock_owned();
        let shared = tokio::time::timeout(self.wait, queue).await.map_err(|_| Error::Busy)?;
        let mut seat = Seat { shared, committer: self.committer.clone(), state: State::Done };
        match seat.enter() {
            // Another process writes. Waiting for it would take this thread away from others.
            Err(Error::Sqlite(error)) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                let patient = tokio::task::spawn_blocking(move || seat.enter_patiently().map(|()| seat));
                patient.await.map_err(|_| Error::Closed)?
            }
            entered => entered.map(|()| seat),
        }
    }

    /// Closes the connection after the transactions in the queue.
    pub(super) async fn close(&self) {
        let mut shared = self.shared.lock().await;
        shared.commit();
        (shared.connection, shared.closed) = (None, true);
    }
}

impl Seat {
    /// What the statements of the transaction run on; an error if SQLite has ended it (a full disk does that), for they would
    /// be transactions of their own then.
    pub(super) fn connection(&self) -> Result<&Connection> {
        self.shared.in_transaction()
    }

    fn enter(&mut self) -> Result<()> {
        self.shared.make_ready()?;
        let (statement, state) = if self.shared.group.is_empty() { (BEGIN, State::First) } else { (ENTER, State::Member) };
        run(self.shared.connection()?, statement)?;
        self.state = state;
        Ok(())
    }

    fn enter_patiently(&mut self) -> Result<()> {
        self.shared.connection()?.busy_timeout(sqlite::WAIT)?;
        let entered = self.enter();
        self.shared.connection()?.busy_timeout(Duration::ZERO)?;
        entered
    }

    /// Makes the work of this transaction durable.
    pub(super) async fn commit(self) -> Result<()> {
        let connection = self.connection()?;
        if self.state == State::Member {
            run(connection, KEEP)?;
        }
        self.leave().await
    }

    /// Undoes the work of this transaction, and waits until what it saw of earlier ones is durable.
    pub(super) async fn rollback(mut self) -> Result<()> {
        self.undo()?;
        if self.shared.group.is_empty() { Ok(()) } else { self.leave().await }
    }

    /// Joins the group and makes room for the next one.
    async fn leave(mut self) -> Result<()> {
        self.state = State::Done;
        let (outcome, committed) = oneshot::channel();
        let first = self.shared.group.is_empty();
        self.shared.group.push(outcome);
        let committer = self.committer.clone();
        drop(self);
        if first {
            // Without it there is nobody to tell an outcome either.
            committer.send(()).ok();
        }
        committed.await.map_err(|_| Error::Closed)?
    }

    fn undo(&mut self) -> Result<()> {
        let state = std::mem::replace(&mut self.state, State::Done);
        let undone = match (state, self.shared.in_transaction()) {
            (State::Done, _) => return Ok(()),
            (_, Err(ended)) => Err(ended),
            (State::First, Ok(connection)) => run(connection, ROLLBACK),
            (State::Member, Ok(connection)) => run(connection, UNDO).and_then(|()| run(connection, KEEP)),
        };
        if undone.is_err() {
            self.shared.abandon();
        }
        undone
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Who could hear of an error is gone.
        let _ = self.undo();
    }
}

impl Shared {
    fn connection(&self) -> Result<&Connection> {
        self.connection.as_ref().ok_or(Error::Closed)
    }

    /// Opens a lost connection again. The outer transaction is there if and only if somebody waits for it.
    fn make_ready(&mut self) -> Result<()> {
        if self.connection.is_none() && !self.closed {
            self.connection = Some(self.place.open_writer()?);
        }
        if self.group.is_empty() != self.connection()?.is_autocommit() {
            self.abandon();
        }
        Ok(())
    }

    fn in_transaction(&self) -> Result<&Connection> {
        match self.connection()? {
            connection if connection.is_autocommit() => Err(Error::Ended),
            connection => Ok(connection),
        }
    }

    /// Commits what there is and tells the group.
    fn commit(&mut self) {
        let group = std::mem::take(&mut self.group);
        if group.is_empty() {
            return;
        }
        match self.in_transaction().and_then(|connection| run(connection, COMMIT)) {
            Ok(()) => group.into_iter().for_each(|member| drop(member.send(Ok(())))),
            Err(error) => {
                self.group = group;
                self.fail(&Arc::new(error));
                self.reset();
            }
        }
    }

    /// The outer transaction is lost. What it held is undone for everybody in it.
    fn abandon(&mut self) {
        self.fail(&Arc::new(Error::Ended));
        self.reset();
    }

    fn fail(&mut self, error: &Arc<Error>) {
        for member in self.group.drain(..) {
            // Who does not wait any more need not know.
            member.send(Err(Error::Commit(Arc::clone(error)))).ok();
        }
    }

    /// Rolls back after a failure, unless SQLite has done so itself; a connection that cannot is replaced.
    fn reset(&mut self) {
        let Some(connection) = &self.connection else { return };
        if !connection.is_autocommit() && run(connection, ROLLBACK).is_err() {
            self.connection = self.place.open_writer().ok();
        }
    }
}

/// Until the writer is gone.
fn commit_when_called(shared: &Weak<Mutex<Shared>>, calls: &Receiver<()>) {
    while calls.recv().is_ok() {
        let Some(shared) = shared.upgrade() else { return };
        shared.blocking_lock().commit();
    }
}

fn run(connection: &Connection, statement: &'static str) -> Result<()> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}
