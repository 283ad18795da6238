//! Wakes the reloader: events of the file system where there are any, and who has a file open for writing.
//!
//! Watchers lose events (a replaced directory, a swapped link, a full queue, network file systems), so an event is only
//! a reason to look, and the reloader looks from time to time without one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use super::scan::identity;

/// What the watcher's thread tells the reloader.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// Something happened.
    pub(super) happened: Notify,
    /// Files that were written to and not closed yet, with the time of the last write.
    writers: Mutex<BTreeMap<PathBuf, Instant>>,
}

impl Signals {
    /// Whether a file was written to within `patience` by somebody who still has it open.
    pub(super) fn being_written(&self, patience: Duration) -> bool {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        writers.retain(|_, last| last.elapsed() < patience);
        !writers.is_empty()
    }

    fn note(&self, event: &Event, directory_name: &str) {
        let relevant = event.need_rescan() || event.paths.iter().any(|path| matters(path, directory_name));
        // Opening and reading are our own doing.
        let reading = matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write));
        if !relevant || reading {
            return;
        }
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        for path in event.paths.iter().filter(|path| is_script(path)) {
            match event.kind {
                EventKind::Modify(ModifyKind::Data(_)) => {
                    writers.insert(path.clone(), Instant::now());
                }
                EventKind::Access(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => {
                    writers.remove(path);
                }
                _ => (),
            }
        }
        drop(writers);
        self.happened.notify_one();
    }
}

fn is_script(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rhai")
}

/// Scripts, the directory itself, `lib`, and the links of a Kubernetes volume (`..data`). The directory's parent is
/// watched, too, and a database may live there.
fn matters(path: &Path, directory_name: &str) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    is_script(path) || name == directory_name || name == "lib" || name.starts_with("..")
}

/// Holds the watches, and renews them when the directory was replaced.
#[derive(Debug)]
pub(super) struct Watcher {
    signals: Arc<Signals>,
    watching: Option<(Watched, RecommendedWatcher)>,
    warned: bool,
}

/// What is watched: paths with device and inode, because a path may come to mean another directory.
type Watched = Vec<(PathBuf, (u64, u64))>;

impl Watcher {
    pub(super) fn new(signals: Arc<Signals>) -> Self {
        Self { signals, watching: None, warned: false }
    }

    /// Watches the directory as it is now; `false` if there are no events to be had.
    pub(super) fn renew(&mut self, directory: &Path) -> bool {
        let wanted = places(directory);
        if self.watching.as_ref().is_some_and(|(watched, _)| *watched == wanted) {
            return true;
        }
        self.watching = None;
        match self.watch(directory, &wanted) {
            Ok(watcher) => {
                self.watching = Some((wanted, watcher));
                self.warned = false;
                // What happened before the watch is seen by looking.
                self.signals.happened.notify_one();
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.warned, true) {
                    tracing::warn!(%error, directory = %directory.display(), "no file system events; looking at the actions from time to time");
                }
                false
            }
        }
    }

    fn watch(&self, directory: &Path, wanted: &Watched) -> notify::Result<RecommendedWatcher> {
        let signals = Arc::clone(&self.signals);
        let name = directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
            Ok(event) => signals.note(&event, &name),
            Err(_) => signals.happened.notify_one(),
        })?;
        for (path, _) in wanted {
            let watched = watcher.watch(path, RecursiveMode::NonRecursive);
            // The parent only helps to see sooner that the directory was replaced, and may be closed to us.
            if path.starts_with(directory) {
                watched?;
            }
        }
        Ok(watcher)
    }
}

/// The directory, `lib` in it, and the parent, as far as they exist.
fn places(directory: &Path) -> Watched {
    let parent = match directory.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Some(PathBuf::from(".")),
        parent => parent.map(Path::to_owned),
    };
    [parent, Some(directory.to_owned()), Some(directory.join("lib"))]
        .into_iter()
        .flatten()
        .filter_map(|path| {
            let metadata = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_dir)?;
            Some((path, identity(&metadata)))
        })
        .collect()
}
