//! The kit of those who write actions: what stands behind the commands that test, show and explain them. Every answer comes
//! from the one `decide` or from the set of actions as it is loaded; nothing here decides on its own.

pub mod catalogue;
pub mod init;
