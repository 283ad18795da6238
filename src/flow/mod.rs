//! The heart: load, check, decide, reload. Knows Rhai; knows no SQL and no HTTP server.
//!
//! The path of a file: `load` reads it, `source` looks at its bytes, `compile` makes a tree, `check` applies our rules, `set`
//! puts the files together. The path of a login: `pool` finds a place, `decide` goes through the actions, `run` runs one with an
//! engine from `toolbox`, on `event` and `api`, which record `effects` in the run's `context`; `failure` says what went wrong.

mod api;
mod bounds;
mod cache;
mod check;
mod compile;
mod context;
mod decide;
mod diagnostic;
mod effects;
pub mod event;
mod failure;
pub mod functions;
mod javascript;
mod limits;
mod load;
mod logs;
mod memory;
mod names;
mod overrides;
mod pool;
pub mod reload;
mod run;
mod set;
mod settings;
mod sort;
mod source;
mod suggest;
#[cfg(test)]
mod tests;
mod toolbox;
mod value;

use std::sync::Arc;

use crate::clock::{Clock, Random};
pub use crate::domain::decision::Decision;
pub use cache::Cache;
pub use decide::decide;
pub use diagnostic::{Diagnostic, LoadError};
pub use event::Event;
pub use limits::Limits;
pub use memory::most_owned;
pub use pool::{Busy, Flow};
pub use set::{ActionInfo, FlowSet};
pub use settings::{ActionSettings, OnError, Settings};
pub use source::natural_order;

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
