//! What several test files share. Each uses a part of it.
#![allow(dead_code, unreachable_pub, unused_imports)]

pub mod databases;

pub mod server;

pub use server::{Browser, PASSWORD, Server};
