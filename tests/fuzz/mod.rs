//! What each fuzzer does with its bytes: shared by `tests/fuzz.rs`, which tries mutated seeds in every test run, and by the
//! targets of `fuzz/`, which search for as long as they are let. A broken promise is a panic.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, reason = "each user takes a part of it")]

pub mod client_assertion;
pub mod decide;
pub mod load_action;
pub mod provider;
pub mod redirect_uri;
pub mod token_request;
