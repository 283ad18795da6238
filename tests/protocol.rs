//! The protocol, row by row of the checks: what an attacker or a careless client may send, through real HTTP. Test names carry
//! the ids of the rows; `docs/checks.md` is made from them.

#![allow(clippy::unwrap_used, clippy::type_complexity, reason = "tables of cases read best in place")]
#![allow(clippy::print_stdout, reason = "times are shown, not judged")]

mod support;

#[path = "protocol/abuse.rs"]
mod abuse;
#[path = "protocol/assertions.rs"]
mod assertions;
#[path = "protocol/authorization.rs"]
mod authorization;
#[path = "protocol/basic_op.rs"]
mod basic_op;
#[path = "protocol/client_authentication.rs"]
mod client_authentication;
#[path = "protocol/forged.rs"]
mod forged;
#[path = "protocol/guessing.rs"]
mod guessing;
#[path = "protocol/hygiene.rs"]
mod hygiene;
#[path = "protocol/interaction.rs"]
mod interaction;
#[path = "protocol/keys.rs"]
mod keys;
#[path = "protocol/logout.rs"]
mod logout;
#[path = "protocol/matrix.rs"]
mod matrix;
#[path = "token/parties.rs"]
mod parties;
#[path = "protocol/pkce.rs"]
mod pkce;
#[path = "protocol/refresh.rs"]
mod refresh;
#[path = "protocol/resources.rs"]
mod resources;
