//! The heart: load, check, decide, reload. Knows Rhai; knows no SQL and no HTTP server.

pub mod event;
pub mod functions;
pub mod reload;

pub use event::Event;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::{Clock, Random};
pub use crate::domain::decision::Decision;

/// When actions run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// A person logs in, or a refresh token is exchanged.
    PostLogin,
    /// A machine asks for a token.
    CredentialsExchange,
}

impl Trigger {
    /// `post-login`, `credentials-exchange`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PostLogin => "post-login",
            Self::CredentialsExchange => "credentials-exchange",
        }
    }

    /// The function that a file defines to take part.
    #[must_use]
    pub fn handler(self) -> &'static str {
        match self {
            Self::PostLogin => "onExecutePostLogin",
            Self::CredentialsExchange => "onExecuteCredentialsExchange",
        }
    }
}

/// `[actions]` of the configuration, resolved: what the loader needs to know.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The directory that holds the `.rhai` files (absolute, or relative to the working directory).
    pub directory: PathBuf,
    /// How the directory is called in messages and provenance: `actions`.
    pub display: String,
    /// What a run may use.
    pub limits: Limits,
    /// By file stem. A stem without a file is a load problem.
    pub actions: BTreeMap<String, ActionSettings>,
}

/// `[actions.settings."stem"]`, secrets resolved.
#[derive(Clone, Debug)]
pub struct ActionSettings {
    /// What an error of the action means for the login.
    pub on_error: OnError,
    /// Only for these clients; `None`: for all.
    pub clients: Option<Vec<String>>,
    /// `event.secrets`.
    pub secrets: BTreeMap<String, String>,
    /// Hosts that `http::` may reach; none by default.
    pub allow_hosts: Vec<String>,
    /// `false` takes the action out of the flow.
    pub enabled: bool,
}

impl Default for ActionSettings {
    fn default() -> Self {
        Self { on_error: OnError::Deny, clients: None, secrets: BTreeMap::new(), allow_hosts: Vec::new(), enabled: true }
    }
}

/// What an error of an action means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The login fails with `server_error`.
    #[default]
    Deny,
    /// The effects of this action are dropped and the login goes on.
    Skip,
}

/// What a run may use; every one is configurable and has a safe default.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Milliseconds for the whole trigger, all actions and host calls together.
    pub deadline_ms: u64,
    /// Rhai operations of one action.
    pub max_operations: u64,
    /// Characters of a string, summed over a tree.
    pub max_string_size: usize,
    /// Elements of an array, summed over a tree.
    pub max_array_size: usize,
    /// Members of a map, summed over a tree.
    pub max_map_size: usize,
    /// Variables in scope.
    pub max_variables: usize,
    /// Functions of a file.
    pub max_functions: usize,
    /// Nested calls.
    pub max_call_levels: usize,
    /// Bytes that a run may own at once.
    pub max_memory: usize,
    /// Bytes of a file.
    pub max_file_size: usize,
    /// Bytes of `print` output kept of a run.
    pub max_log_size: usize,
    /// Bytes of custom claims per token.
    pub max_claims_size: usize,
    /// Runs at the same time; more wait, and `max_waiting` more are refused.
    pub max_concurrent_runs: usize,
    /// Runs that may wait for a place.
    pub max_waiting_runs: usize,
    /// Entries of `api.cache` for each trigger.
    pub max_cache_entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline_ms: 2_000,
            max_operations: 500_000,
            max_string_size: 16 * 1024,
            max_array_size: 1_000,
            max_map_size: 256,
            max_variables: 128,
            max_functions: 64,
            max_call_levels: 32,
            max_memory: 16 * 1024 * 1024,
            max_file_size: 64 * 1024,
            max_log_size: 8 * 1024,
            max_claims_size: 100 * 1024,
            max_concurrent_runs: 16,
            max_waiting_runs: 64,
            max_cache_entries: 20,
        }
    }
}

/// Everything that an action can get from outside.
#[derive(Clone, Debug)]
pub struct Host {
    /// `time::now()`.
    pub clock: Clock,
    /// `crypto::random_uuid()`, references of failures.
    pub random: Random,
    /// `api.cache`, shared by all runs of a tenant.
    pub cache: Arc<Cache>,
}

/// `api.cache`: per trigger, bounded, in memory.
#[derive(Debug, Default)]
pub struct Cache {}

/// An immutable, compiled, content-addressed set of actions.
#[derive(Debug)]
pub struct FlowSet {}

/// One action as shown to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionInfo {
    /// File stem.
    pub name: String,
    /// `actions/10-roles.rhai`.
    pub file: String,
    /// Triggers that it takes part in.
    pub triggers: Vec<Trigger>,
    /// Only for these clients.
    pub clients: Option<Vec<String>>,
}

impl FlowSet {
    /// Reads, compiles and checks every file. All problems are reported, not just the first.
    ///
    /// # Errors
    /// The problems, rendered by `Display` as a compiler would: `file:line:col`, source line, caret, hint.
    pub fn load(settings: &Settings) -> Result<Self, LoadError> {
        todo!("{settings:?}")
    }

    /// The content hash over names, sources and settings that matter; 12 hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> &str {
        todo!()
    }

    /// The actions in order of execution.
    #[must_use]
    pub fn actions(&self) -> Vec<ActionInfo> {
        todo!()
    }
}

/// Why a set was refused.
#[derive(Debug, thiserror::Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct LoadError {
    /// At least one.
    pub problems: Vec<Diagnostic>,
}

/// One problem, rendered like a good compiler's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// `actions/10-roles.rhai`.
    pub file: String,
    /// From 1; 0 if the problem has no place.
    pub line: usize,
    /// From 1; 0 if the problem has no place.
    pub column: usize,
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// The line of source, for the caret.
    pub source_line: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "error: {}", self.message)
    }
}

/// Runs the trigger's actions in order. Pure but for `host`; blocks, so call it through [`Flow::decide`].
#[must_use]
pub fn decide(set: &FlowSet, trigger: Trigger, event: Event, host: &Host) -> Decision {
    todo!("{set:?} {trigger:?} {event:?} {host:?}")
}

/// The running flow of a tenant: the current set, swapped atomically, and the bounded pool that runs it.
#[derive(Debug)]
pub struct Flow {}

/// The pool is full: answer `temporarily_unavailable` with `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all places for running actions are taken")]
pub struct Busy;

impl Flow {
    /// A flow that runs `set` until another is put in its place.
    #[must_use]
    pub fn new(set: FlowSet, limits: &Limits, host: Host) -> Self {
        todo!("{set:?} {limits:?} {host:?}")
    }

    /// The set that the next login will use.
    #[must_use]
    pub fn current(&self) -> Arc<FlowSet> {
        todo!()
    }

    /// Puts another set in place; logins in flight finish on theirs.
    pub fn replace(&self, set: FlowSet) {
        todo!("{set:?}")
    }

    /// Runs the trigger on the bounded blocking pool.
    ///
    /// A panic in a host function yields [`crate::domain::decision::Outcome::Failed`].
    ///
    /// # Errors
    /// [`Busy`] when too many runs wait already.
    pub async fn decide(&self, trigger: Trigger, event: Event) -> Result<Decision, Busy> {
        todo!("{trigger:?} {event:?}")
    }
}

/// Natural order of file names: `2-a` before `10-a`.
#[must_use]
pub fn natural_order(a: &Path, b: &Path) -> std::cmp::Ordering {
    todo!("{a:?} {b:?}")
}
