//! The token side through the real server: grants, replay, races, introspection, revocation.

#![allow(clippy::unwrap_used, clippy::type_complexity, reason = "tables of cases read best in place")]

mod support;

#[path = "token/assertions.rs"]
mod assertions;
#[path = "token/client_credentials.rs"]
mod client_credentials;
#[path = "token/clients.rs"]
mod clients;
#[path = "token/code.rs"]
mod code;
#[path = "token/endpoints.rs"]
mod endpoints;
#[path = "token/parties.rs"]
mod parties;
#[path = "token/password.rs"]
mod password;
#[path = "token/refresh.rs"]
mod refresh;
