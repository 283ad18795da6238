//! Recorded logins decided again: `vestibule replay` as a user runs it, and the shadow of a server.

#![allow(clippy::unwrap_used, dead_code, reason = "tests; actors are shared with other files")]

mod support;

#[path = "replay/answerer.rs"]
mod answerer;
#[path = "replay/command.rs"]
mod command;
#[path = "replay/outside.rs"]
mod outside;
#[path = "replay/shadow.rs"]
mod shadow;
#[path = "replay/table.rs"]
mod table;
