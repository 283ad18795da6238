//! Vestibule: a login-flow runtime with an OpenID provider around it.
//!
//! The map, from the outside in; imports run one way, top to bottom:
//!
//! - [`cli`]: one file per command (`dev`, `serve`, `check`, `try`, `keys`).
//! - [`kit`]: the kit of an action's developer: rehearsed logins, unit tests of actions, the matrix of who gets what.
//! - [`http`]: axum and only axum: routes, extractors, answers, pages.
//! - [`oauth`]: the protocol as use cases: authorize, login, one file per grant, userinfo, logout, revocation.
//! - [`app`]: the only place that wires; owns a tenant's parts.
//! - [`config`]: `vestibule.toml`, with all problems reported at once.
//! - [`traces`]: what was decided about each login, kept redacted for `traces`, `why` and `replay`.
//! - [`flow`]: the heart: load, check, decide, reload. Knows Rhai; knows no SQL and no HTTP server.
//! - [`store`]: all SQL, one text for SQLite and PostgreSQL.
//! - [`keys`]: signing keys, JWKS, sign and verify.
//! - [`domain`]: pure types and rules.
//! - [`passwords`]: argon2id on its own few threads.
//! - [`metrics`]: the counters behind `/metrics`.
//! - [`clock`]: time and randomness as values that tests can fix.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod flow;
pub mod http;
pub mod keys;
pub mod kit;
pub mod metrics;
pub mod oauth;
pub mod passwords;
pub mod store;
pub mod traces;
