//! The kit of an action's developer: what stands behind the commands that test, show and explain actions. Every answer comes
//! from the one `decide`, or from the set of actions as it is loaded; nothing here decides on its own. Options and printing
//! are in `cli`.
//!
//! [`login`] rehearses a login without a server: who asks for what ([`project`], [`login::Attempt`]), the `event` of it
//! ([`event`]), and what comes of the Decision. `vestibule try`, [`test`] (unit tests of actions) and [`matrix`] use it.
//! [`traces`] finds and tells what was decided about real logins, [`why`] explains a claim by one of them, [`replay`]
//! decides them again.

pub mod catalogue;
pub mod difference;
pub mod event;
pub mod findings;
pub mod init;
pub mod login;
pub mod matrix;
pub mod project;
pub mod reference;
pub mod replay;
pub mod statistics;
pub mod test;
pub mod traces;
pub mod why;
