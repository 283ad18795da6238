//! The heart: load, check, decide, reload. Knows Rhai; knows no SQL and no HTTP server.
//!
//! The path of a file: `load` reads it, `source` looks at its bytes, `compile` makes a tree, `check` applies our rules, `set`
//! puts the files together. The path of a login: `pool` finds a place, `decide` goes through the actions, `run` runs one with an
//! engine from `toolbox`, on `event` and `api`, which record `effects` in the run's `context`; `failure` says what went wrong. What
//! comes from outside goes through the decision's `witness`, which notes it for a `recording`. `analysis` says what would go wrong.

mod analysis;
pub mod api;
mod bounds;
mod brake;
mod cache;
mod check;
pub mod codes;
mod compile;
mod context;
pub(crate) mod coverage;
mod decide;
mod diagnostic;
mod effects;
pub mod event;
mod failure;
pub mod functions;
mod http;
mod javascript;
mod library;
mod limits;
mod load;
mod logs;
mod memory;
mod names;
mod overrides;
mod pace;
mod pool;
mod recording;
pub mod reload;
mod run;
pub(crate) mod script;
mod set;
mod settings;
mod shadow;
mod sort;
mod source;
mod streaks;
pub(crate) mod suggest;
#[cfg(test)]
mod tests;
mod toolbox;
mod value;
mod witness;

use std::sync::Arc;

use crate::clock::{Clock, Random};
pub use crate::domain::decision::Decision;
pub use crate::domain::outside::{HttpAnswer, HttpRequest};
pub use cache::Cache;
pub(crate) use cache::Expiry;
pub use codes::{Code, Severity};
pub use decide::decide;
pub use diagnostic::{Diagnostic, LoadError, Spot};
pub use event::Event;
pub use http::{Http, HttpAnswers};
pub use limits::Limits;
pub use memory::{Memory, measured};
pub use pool::{Busy, Flow};
pub use recording::{REDACTED, Recording};
pub use set::{ActionInfo, FlowSet};
pub use settings::{ActionSettings, OnError, Settings};
pub use shadow::{Offered, Shadow, Sparing};
pub use source::natural_order;
pub use streaks::Failing;
pub(crate) use value::{to_json as json_of, to_script as script_value};
pub use witness::Witness;

/// When actions run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// A person logs in, or a refresh token is exchanged.
    PostLogin,
    /// A machine asks for a token.
    CredentialsExchange,
}

impl Trigger {
    /// Every trigger.
    pub const ALL: [Self; 2] = [Self::PostLogin, Self::CredentialsExchange];

    /// `post-login`, `credentials-exchange`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PostLogin => "post-login",
            Self::CredentialsExchange => "credentials-exchange",
        }
    }

    /// The function that a file defines to take part.
    #[must_use]
    pub const fn handler(self) -> &'static str {
        match self {
            Self::PostLogin => "onExecutePostLogin",
            Self::CredentialsExchange => "onExecuteCredentialsExchange",
        }
    }
}

/// Everything that an action can get from outside; a decision sees it through its [`Witness`].
#[derive(Clone, Debug)]
pub struct Host {
    /// `time::now()`.
    pub clock: Clock,
    /// `crypto::random_uuid()`, the ids of traces.
    pub random: Random,
    /// `api.cache`, shared by all runs of a tenant.
    pub cache: Arc<Cache>,
    /// `http::`.
    pub http: Http,
}
