//! Traces of decisions: what is kept, what never is, who may read it, and what `vestibule traces` and `why` make of it.

#![allow(clippy::unwrap_used, dead_code, reason = "tests; actors are shared with other files")]

mod support;

#[path = "traces/commands.rs"]
mod commands;
#[path = "traces/endpoint.rs"]
mod endpoint;
#[path = "traces/keeping.rs"]
mod keeping;
#[path = "token/parties.rs"]
mod parties;
#[path = "traces/secrets.rs"]
mod secrets;
#[path = "traces/why.rs"]
mod why;
