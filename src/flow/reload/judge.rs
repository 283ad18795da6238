//! Decides what a look at the directory means: nothing, wait, another set, or a refusal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::scan::{Scan, sha256, writable_by_all};
use super::watcher::Signals;
use super::{QUIET, Reload};
use crate::flow::Settings;

/// How long a change that takes files away must stay: a directory that is being replaced looks like that, too.
const QUIET_WHEN_SHRINKING: Duration = Duration::from_millis(150);
/// When changes that do not end are judged all the same.
const STORM: Duration = Duration::from_millis(400);
/// How long an emptied file may stay empty before that is an error.
const EMPTY: Duration = Duration::from_secs(2);
/// How long a file may stay open after it was written to.
const OPEN: Duration = Duration::from_secs(10);
/// Contents are read again after this time even if no stamp has changed.
const FULL: Duration = Duration::from_secs(5);
/// How often a set is compiled anew because the directory changed meanwhile.
const ATTEMPTS: usize = 5;

/// A loaded set that is not in use yet.
pub(super) struct Candidate {
    pub(super) hash: String,
    pub(super) actions: Vec<String>,
    /// Puts it in place.
    pub(super) put: Box<dyn FnOnce() + Send>,
}

/// What a look led to.
pub(super) enum Verdict {
    /// All is as it was judged before.
    Nothing,
    /// Something changes at this moment: look again after the quiet time.
    Wait,
    /// Something new was judged.
    Done(Reload),
}

type Load = Box<dyn Fn(&Settings) -> Result<Candidate, String> + Send + Sync>;

/// Everything that is compared between looks.
pub(super) struct Judge {
    load: Load,
    /// Hash and number of actions of the set in use.
    current: Box<dyn Fn() -> (String, usize) + Send + Sync>,
    settings: Box<dyn Fn() -> Settings + Send + Sync>,
    production: bool,
    signals: Arc<Signals>,
    /// The directory of the set in use.
    active: Scan,
    /// What was judged last.
    judged: Option<Seen>,
    /// A change that was seen and is not judged yet.
    pending: Option<Pending>,
    read_fully: Instant,
    /// The scan whose stamps save reading.
    latest: Scan,
}

/// Everything that a judgement depends on.
#[derive(Clone, PartialEq, Eq)]
struct Seen {
    scan: Scan,
    /// A hash, for the settings hold secrets.
    settings: [u8; 32],
    writable: Option<PathBuf>,
}

struct Pending {
    seen: Seen,
    since: Instant,
    changed: Instant,
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judge").field("active", &self.active).finish_non_exhaustive()
    }
}

impl Judge {
    pub(super) fn new(
        load: Load,
        current: Box<dyn Fn() -> (String, usize) + Send + Sync>,
        settings: Box<dyn Fn() -> Settings + Send + Sync>,
        production: bool,
        signals: Arc<Signals>,
    ) -> Self {
        let active = Scan::take(&settings().directory, None);
        let latest = active.clone();
        let read_fully = Instant::now();
        Self { load, current, settings, production, signals, active, judged: None, pending: None, read_fully, latest }
    }

    /// The directory that is looked at.
    pub(super) fn directory(&self) -> PathBuf {
        (self.settings)().directory
    }

    /// Looks at the directory; `told` says that there is a reason to read contents.
    pub(super) fn look(&mut self, told: bool) -> Verdict {
        let settings = (self.settings)();
        let seen = self.see(&settings, told);
        if self.judged.as_ref() == Some(&seen) {
            self.pending = None;
            return Verdict::Nothing;
        }
        if self.is_settling(&seen) {
            return Verdict::Wait;
        }
        match self.judge(&settings, seen, 1) {
            Some(reload) => Verdict::Done(reload),
            None => Verdict::Wait,
        }
    }

    /// Loads the directory as it is.
    pub(super) fn now(&mut self) -> Reload {
        let settings = (self.settings)();
        let seen = self.see(&settings, true);
        self.judge(&settings, seen, ATTEMPTS).unwrap_or_else(|| self.kept("error: the files keep changing".to_owned()))
    }

    fn see(&mut self, settings: &Settings, told: bool) -> Seen {
        let fully = told || self.read_fully.elapsed() > FULL;
        if fully {
            self.read_fully = Instant::now();
        }
        self.latest = Scan::take(&settings.directory, Some(&self.latest).filter(|_| !fully));
        let writable = if self.production { writable_by_all(&settings.directory) } else { None };
        Seen { scan: self.latest.clone(), settings: settings_hash(settings), writable }
    }

    /// Whether to wait: the change is too young, or somebody is writing.
    fn is_settling(&mut self, seen: &Seen) -> bool {
        let now = Instant::now();
        let pending = match self.pending.take() {
            Some(pending) if pending.seen == *seen => pending,
            Some(pending) => Pending { seen: seen.clone(), since: pending.since, changed: now },
            None => Pending { seen: seen.clone(), since: now, changed: now },
        };
        let (quiet, age) = (pending.changed.elapsed(), pending.since.elapsed());
        self.pending = Some(pending);
        if self.signals.being_written(OPEN) {
            return age < OPEN;
        }
        if seen.scan.emptied_since(&self.active).is_some() {
            return quiet < EMPTY;
        }
        let needed = if seen.scan.lacks_some_of(&self.active) { QUIET_WHEN_SHRINKING } else { QUIET };
        // Timers end a little early or late; a scan that agrees after most of the quiet time is quiet.
        quiet + Duration::from_millis(5) < needed && age < STORM
    }

    /// Loads and switches; `None` if the directory changed meanwhile, `attempts` times.
    fn judge(&mut self, settings: &Settings, mut seen: Seen, attempts: usize) -> Option<Reload> {
        if let Some(reason) = self.objection(settings, &seen) {
            return Some(self.refuse(seen, reason));
        }
        for _ in 0..attempts {
            let loaded = (self.load)(settings);
            let after = self.see(settings, true);
            let endless = self.pending.as_ref().is_some_and(|pending| pending.since.elapsed() > EMPTY);
            if after == seen || endless {
                return Some(self.conclude(seen, loaded));
            }
            seen = after;
        }
        None
    }

    /// What speaks against a directory before anything is compiled.
    fn objection(&self, settings: &Settings, seen: &Seen) -> Option<String> {
        let directory = settings.directory.display();
        match &seen.scan {
            Scan::Gone => Some(format!("error: the directory of actions `{directory}` is gone\nhint: put it back, and it is used without a restart")),
            Scan::Unreadable(error) => Some(format!("error: the directory of actions `{directory}` cannot be read: {error}")),
            Scan::Files(_) if seen.writable.is_some() => seen.writable.as_deref().map(writable),
            Scan::Files(_) => seen.scan.emptied_since(&self.active).map(|name| {
                let file = format!("{}/{name}", settings.display);
                format!("error: `{file}` is empty\nhint: to take an action out of the flow, delete its file or put `_` before its name")
            }),
        }
    }

    fn conclude(&mut self, seen: Seen, loaded: Result<Candidate, String>) -> Reload {
        let (previous, actions_before) = (self.current)();
        let candidate = match loaded {
            Ok(candidate) => candidate,
            Err(reason) => return self.refuse(seen, reason),
        };
        if candidate.actions.is_empty() && actions_before > 0 {
            let reason = "error: no action is left\nhint: to run without actions, restart with an empty directory";
            return self.refuse(seen, reason.to_owned());
        }
        let before = std::mem::replace(&mut self.active, seen.scan.clone());
        self.judged = Some(seen);
        self.pending = None;
        if candidate.hash == previous {
            return Reload::Unchanged { hash: previous };
        }
        (candidate.put)();
        let (added, removed, changed) = differences(&before, &self.active);
        Reload::Switched { hash: candidate.hash, previous, added, removed, changed, actions: candidate.actions }
    }

    fn refuse(&mut self, seen: Seen, reason: String) -> Reload {
        self.judged = Some(seen);
        self.pending = None;
        self.kept(reason)
    }

    fn kept(&self, reason: String) -> Reload {
        Reload::Kept { hash: (self.current)().0, reason }
    }
}

/// Secrets are not part of the debug text.
fn settings_hash(settings: &Settings) -> [u8; 32] {
    let secrets: Vec<_> = settings.actions.values().map(|action| &action.secrets).collect();
    sha256(format!("{settings:?}{secrets:?}").as_bytes())
}

/// Files that were added, removed, changed.
fn differences(before: &Scan, after: &Scan) -> (Vec<String>, Vec<String>, Vec<String>) {
    let missing_in = |scan: &Scan, other: &Scan| -> Vec<String> {
        scan.files().filter(|(name, _)| other.file(name).is_none()).map(|(name, _)| name.clone()).collect()
    };
    let changed = after.files().filter(|(name, file)| before.file(name).is_some_and(|earlier| earlier != *file));
    (missing_in(after, before), missing_in(before, after), changed.map(|(name, _)| name.clone()).collect())
}

/// Whoever may write an action may decide who logs in.
fn writable(place: &Path) -> String {
    format!("error: `{0}` is writable by every user of the machine\nhint: chmod o-w {0}", place.display())
}
