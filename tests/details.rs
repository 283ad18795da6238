//! Details that clients, browsers and operators rely on, through the running server.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

#[path = "details/break_glass.rs"]
mod break_glass;
#[path = "details/connections.rs"]
mod connections;
#[path = "details/development.rs"]
mod development;
#[path = "details/failing_actions.rs"]
mod failing_actions;
#[path = "details/https.rs"]
mod https;
#[path = "details/logout.rs"]
mod logout;
#[path = "details/protocols.rs"]
mod protocols;
