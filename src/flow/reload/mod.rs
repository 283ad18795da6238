//! Hot reload: a saved file is used by the next login, a broken one never.
//!
//! A change is judged when two scans of the contents, a quiet time apart, agree and nobody has a script open for
//! writing; so saves that follow each other are one switch, and a half-written file is not read. Before and after a set
//! is compiled the directory must look the same. What was judged once is not judged again until it changes, so a broken
//! save is reported once. Whatever is wrong, the last good set keeps serving.

mod judge;
mod scan;
mod watcher;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use super::{Flow, FlowSet, Settings};
use judge::{Candidate, Judge, Verdict};
use scan::Scan;
pub use scan::writable_by_all;
use watcher::{Signals, Watcher};

/// How long a change must stay as it is.
const QUIET: Duration = Duration::from_millis(50);
/// Between an event and the look that it causes: the first event of a save comes before its content.
const SAVE: Duration = Duration::from_millis(5);
/// Between looks when events tell of changes, too.
const LOOK: Duration = Duration::from_secs(1);
/// Between looks when there are no events.
const LOOK_WITHOUT_EVENTS: Duration = Duration::from_millis(200);

/// What a look at the directory led to. `Display` is for people: a line, and the diagnostics of a refused set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reload {
    /// The next login uses another set.
    Switched {
        /// The set's content hash.
        hash: String,
        /// The hash of the set before.
        previous: String,
        /// New files, relative to the directory.
        added: Vec<String>,
        /// Files that are gone; their actions are no longer part of the flow.
        removed: Vec<String>,
        /// Files with another content.
        changed: Vec<String>,
        /// The actions in order of execution.
        actions: Vec<String>,
    },
    /// The directory describes the set that is in use.
    Unchanged {
        /// Its content hash.
        hash: String,
    },
    /// What lies there is refused; the last good set keeps serving.
    Kept {
        /// The content hash of the set that keeps serving.
        hash: String,
        /// Rendered diagnostics, several lines.
        reason: String,
    },
}

impl std::fmt::Display for Reload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Switched { hash, previous, added, removed, changed, actions } => {
                write!(f, "actions reloaded: set {hash} (was {previous})")?;
                for (what, files) in [("added", added), ("removed", removed), ("changed", changed)] {
                    if !files.is_empty() {
                        write!(f, ", {what} {}", files.join(" "))?;
                    }
                }
                write!(f, "; now {}", if actions.is_empty() { "no actions".to_owned() } else { actions.join(" → ") })
            }
            Self::Unchanged { hash } => write!(f, "actions unchanged: set {hash}"),
            Self::Kept { hash, reason } => write!(f, "{reason}\nactions not reloaded: set {hash} keeps serving"),
        }
    }
}

/// For health and metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReloadState {
    /// The content hash of the set in use.
    pub hash: String,
    /// Why the directory's present contents are refused; `None` if they are in use.
    pub last_error: Option<String>,
    /// How often another set was put in place.
    pub switched: u64,
    /// How often a set was refused.
    pub refused: u64,
    /// Whether the file system tells of changes; `None` if nobody watches.
    pub events: Option<bool>,
}

/// What lies in some directories, and some files, at one moment; equal if nothing that matters differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look(Vec<(Scan, Option<Vec<u8>>)>);

impl Look {
    /// Looks at directories of scripts and at single files.
    #[must_use]
    pub fn at(places: &[PathBuf]) -> Self {
        let look = |place: &PathBuf| match place.is_dir() {
            true => (Scan::take(place, None), None),
            false => (Scan::Gone, std::fs::read(place).ok()),
        };
        Self(places.iter().map(look).collect())
    }
}

/// Reloads the actions of one flow, when told to or by itself.
#[derive(Debug)]
pub struct Reloader {
    judge: Mutex<Judge>,
    signals: Arc<Signals>,
    state: Arc<Mutex<ReloadState>>,
    /// Whether to ask the file system for events.
    events: bool,
}

impl Reloader {
    /// A reloader for `flow`; `settings` are asked for at each load, so that a changed configuration is seen.
    ///
    /// `production` refuses a directory that every user of the machine may write to.
    #[must_use]
    pub fn new(flow: Arc<Flow>, settings: impl Fn() -> Settings + Send + Sync + 'static, production: bool) -> Self {
        let current = Arc::clone(&flow);
        Self::putting(move |set| flow.replace(set), move || current.current(), settings, production)
    }

    /// The same for a set that is in no flow.
    pub(super) fn of(
        set: Arc<ArcSwap<FlowSet>>,
        settings: impl Fn() -> Settings + Send + Sync + 'static,
        production: bool,
    ) -> Self {
        let current = Arc::clone(&set);
        Self::putting(move |new| set.store(Arc::new(new)), move || current.load_full(), settings, production)
    }

    fn putting(
        put: impl Fn(FlowSet) + Clone + Send + Sync + 'static,
        current: impl Fn() -> Arc<FlowSet> + Send + Sync + 'static,
        settings: impl Fn() -> Settings + Send + Sync + 'static,
        production: bool,
    ) -> Self {
        let load = move |settings: &Settings| {
            let set = FlowSet::load(settings).map_err(|error| error.to_string())?;
            let put = put.clone();
            Ok(Candidate {
                hash: set.hash().to_owned(),
                actions: set.actions().into_iter().map(|action| action.name).collect(),
                put: Box::new(move || put(set)),
            })
        };
        let current = move || {
            let set = current();
            (set.hash().to_owned(), set.actions().len())
        };
        Self::with(load, current, settings, production)
    }

    /// The same for any kind of set.
    fn with(
        load: impl Fn(&Settings) -> Result<Candidate, String> + Send + Sync + 'static,
        current: impl Fn() -> (String, usize) + Send + Sync + 'static,
        settings: impl Fn() -> Settings + Send + Sync + 'static,
        production: bool,
    ) -> Self {
        let state = ReloadState { hash: current().0, ..ReloadState::default() };
        let signals = Arc::new(Signals::default());
        let judge = Judge::new(Box::new(load), Box::new(current), Box::new(settings), production, Arc::clone(&signals));
        Self { judge: Mutex::new(judge), signals, state: Arc::new(Mutex::new(state)), events: true }
    }

    /// Only looks from time to time, for file systems that have no events (network volumes, some containers).
    #[must_use]
    pub fn without_events(self) -> Self {
        Self { events: false, ..self }
    }

    /// The state after the last look.
    #[must_use]
    pub fn state(&self) -> ReloadState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Loads the directory as it is now, for SIGHUP; the answer names the set or the errors. Does nothing in the
    /// background.
    pub async fn reload_now(self: &Arc<Self>) -> Reload {
        let reloader = Arc::clone(self);
        let reload = blocking(move || reloader.lock_judge().now()).await;
        let reload = reload.unwrap_or_else(|| Reload::Kept {
            hash: self.state().hash,
            reason: "error: the loader of actions failed unexpectedly".to_owned(),
        });
        self.remember(&reload);
        reload
    }

    /// Watches until `shutdown`; calls `report` for every switch and every refusal, once each.
    pub async fn watch(self: Arc<Self>, report: impl Fn(&Reload) + Send + Sync, shutdown: CancellationToken) {
        let work = self.watch_for_ever(report);
        tokio::select! {
            () = shutdown.cancelled() => (),
            () = work => (),
        }
    }

    async fn watch_for_ever(self: &Arc<Self>, report: impl Fn(&Reload) + Send + Sync) {
        let mut watcher = Watcher::new(Arc::clone(&self.signals));
        let mut told = true;
        loop {
            let begun = Instant::now();
            // This look sees what was told so far; told once more, it would hold up the look after the next save.
            told |= pin!(self.signals.happened.notified()).enable();
            let reloader = Arc::clone(self);
            let looked = blocking(move || {
                let directory = reloader.lock_judge().directory();
                let events = reloader.events && watcher.renew(&directory);
                let verdict = reloader.lock_judge().look(told);
                (watcher, events, verdict)
            })
            .await;
            let Some((renewed, events, verdict)) = looked else {
                // The loader panicked: the next look starts anew.
                watcher = Watcher::new(Arc::clone(&self.signals));
                tokio::time::sleep(LOOK).await;
                continue;
            };
            watcher = renewed;
            self.state.lock().unwrap_or_else(PoisonError::into_inner).events = Some(events);
            told = match verdict {
                Verdict::Wait => {
                    tokio::time::sleep(QUIET).await;
                    true
                }
                Verdict::Nothing => self.next_reason(events, begun).await,
                Verdict::Done(reload) => {
                    self.remember(&reload);
                    if !matches!(reload, Reload::Unchanged { .. }) {
                        report(&reload);
                    }
                    self.next_reason(events, begun).await
                }
            };
        }
    }

    /// Waits for an event or until it is time to look anyway; `true` for an event. A storm of events does not make more
    /// than one look in a quiet time.
    async fn next_reason(&self, events: bool, looked: Instant) -> bool {
        let pause = if events { LOOK } else { LOOK_WITHOUT_EVENTS };
        let told = tokio::time::timeout(pause, self.signals.happened.notified()).await.is_ok();
        let rest = QUIET.saturating_sub(looked.elapsed());
        tokio::time::sleep(if told { rest.max(SAVE) } else { rest }).await;
        told
    }

    fn lock_judge(&self) -> std::sync::MutexGuard<'_, Judge> {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, reload: &Reload) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match reload {
            Reload::Switched { hash, .. } => {
                state.hash.clone_from(hash);
                state.last_error = None;
                state.switched += 1;
            }
            Reload::Unchanged { hash } => {
                state.hash.clone_from(hash);
                state.last_error = None;
            }
            Reload::Kept { reason, .. } => {
                state.last_error = Some(reason.clone());
                state.refused += 1;
            }
        }
    }
}

/// Runs file work off the asynchronous threads; `None` if it panicked or the runtime ends.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
