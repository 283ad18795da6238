//! Traces on their way to the table, under `serve`: a bounded queue and one task that redacts and stores what is in it, many
//! at a time. No login waits for it; what finds no place is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::redact::Fields;
use super::{Draft, Settings};
use crate::domain::shadow::Shadowed;
use crate::domain::trace::TraceRow;
use crate::metrics::LostTraces;
use crate::store::{self, Store};

/// Traces that may wait.
const QUEUE: usize = 1_024;
/// Traces of one transaction, and how long the first one waits for others.
const BATCH: usize = 256;
const LINGER: Duration = Duration::from_millis(100);
/// What is too much is looked for when this part of what is kept has come anew, for that is to walk over all of it.
const LOOK_AFTER: usize = 20;
/// Traces too many that are deleted with one batch.
const PRUNE: usize = 1_000;

/// The way in.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    lost: LostTraces,
    complained: AtomicBool,
}

#[derive(Debug)]
enum Message {
    Store(Box<Draft>),
    /// The shadow decided otherwise about a trace that is stored or waits here.
    Shadow(Box<Draft>, Box<Shadowed>),
    /// Answered when everything before it is stored.
    Flush(oneshot::Sender<()>),
}

impl Writer {
    /// Begins the task; it ends with the writer.
    pub(super) fn start(store: Store, settings: Settings, lost: LostTraces) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE);
        // There may be too many from before.
        let fields = Arc::new(settings.redacted(false));
        let task = Task { store, settings, fields, lost: lost.clone(), since_looked: usize::MAX, beyond: None };
        tokio::spawn(task.run(messages));
        Self { queue, lost, complained: AtomicBool::new(false) }
    }

    /// Hands a trace over, or counts it as lost.
    pub(super) fn push(&self, draft: Draft) {
        if self.queue.try_send(Message::Store(Box::new(draft))).is_ok() {
            return;
        }
        self.lost.add(1);
        if !self.complained.swap(true, Ordering::Relaxed) {
            tracing::warn!("traces come faster than they are stored: some are lost, see vestibule_traces_lost_total");
        }
    }

    /// Hands over what the shadow decided otherwise. What finds no place is in the metrics of the shadow all the same.
    pub(super) fn push_shadow(&self, draft: Draft, told: Shadowed) {
        // An error means that the queue is full, and that is told of the traces themselves.
        self.queue.try_send(Message::Shadow(Box::new(draft), Box::new(told))).ok();
    }

    /// Waits until everything that was handed over is stored.
    pub(super) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).await.is_ok() {
            // An error means that the task is gone, and then there is nothing to wait for.
            flushed.await.ok();
        }
    }
}

struct Task {
    store: Store,
    settings: Settings,
    fields: Arc<Fields>,
    lost: LostTraces,
    /// Stored since the last look for traces that are too many.
    since_looked: usize,
    /// The newest of those, until it is deleted with all older ones. Whoever else deletes some: what is kept is newer.
    beyond: Option<(i64, String)>,
}

impl Task {
    async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(first) = messages.recv().await {
            let hurried = matches!(first, Message::Flush(_));
            batch.push(first);
            // Who has a full batch waits for nobody, or what comes faster than that would be lost.
            if !hurried && messages.len() < BATCH {
                tokio::time::sleep(LINGER).await;
            }
            while batch.len() < BATCH
                && let Ok(next) = messages.try_recv()
            {
                batch.push(next);
            }
            self.handle(std::mem::take(&mut batch)).await;
        }
    }

    async fn handle(&mut self, messages: Vec<Message>) {
        let (mut drafts, mut shadows, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        for message in messages {
            match message {
                Message::Store(draft) => drafts.push(*draft),
                Message::Shadow(draft, told) => shadows.push((*draft, *told)),
                Message::Flush(done) => waiting.push(done),
            }
        }
        let count = drafts.len();
        if count + shadows.len() > 0
            && let Err(error) = self.store(drafts, shadows).await
        {
            self.lost.add(count);
            tracing::warn!(%error, count, "traces were not stored");
        }
        // Who has stopped waiting need not know.
        for done in waiting {
            done.send(()).ok();
        }
    }

    async fn store(&mut self, drafts: Vec<Draft>, shadows: Vec<(Draft, Shadowed)>) -> store::Result<()> {
        let fields = Arc::clone(&self.fields);
        // Off the async threads: a batch takes milliseconds.
        let redacted = tokio::task::spawn_blocking(move || -> (Vec<TraceRow>, Vec<(String, String)>) {
            let rows = drafts.into_iter().map(|draft| draft.into_row(&fields)).collect();
            (rows, shadows.into_iter().map(|(draft, told)| draft.into_shadow(told, &fields)).collect())
        });
        let (rows, shadows) = redacted.await.unwrap_or_default();
        let (kept_ms, keep) = (self.settings.retention_days * 86_400_000, self.settings.keep(false));
        let mut tx = self.store.begin().await?;
        for row in &rows {
            tx.insert_trace(row, row.at.saturating_add(kept_ms)).await?;
        }
        for (id, shadow) in &shadows {
            tx.shadow_trace(id, shadow).await?;
        }
        let since_looked = self.since_looked.saturating_add(rows.len());
        let look = self.beyond.is_none() && since_looked > keep / LOOK_AFTER;
        let beyond = if look { tx.first_trace_beyond(keep).await? } else { self.beyond.clone() };
        let all_gone = match &beyond {
            Some(beyond) => tx.prune_traces(beyond, PRUNE).await? < PRUNE,
            None => true,
        };
        tx.commit().await?;
        self.since_looked = if look { 0 } else { since_looked };
        self.beyond = beyond.filter(|_| !all_gone);
        Ok(())
    }
}
