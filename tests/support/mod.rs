//! What several test files share. Each uses a part of it.
#![allow(dead_code, unreachable_pub, unused_imports, clippy::unwrap_used, reason = "each test file uses a part of it")]

pub mod agent;
pub mod databases;
pub mod process;
pub mod server;

pub use server::{Browser, PASSWORD, Server};
