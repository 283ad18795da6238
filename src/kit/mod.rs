//! The kit of an action's developer: front ends of the one `decide`. Their options and printing are in `cli`.
//!
//! [`login`] rehearses a login without a server: who asks for what ([`project`], [`login::Attempt`]), the `event` of it
//! ([`event`]), and what comes of the Decision. `vestibule try`, [`test`] (unit tests of actions) and [`matrix`] use it.

pub mod difference;
pub mod event;
pub mod login;
pub mod matrix;
pub mod project;
pub mod test;
