//! Scripts that want more than they may have, one per file of `tests/hostile/`, named by the row of the checks. The first line
//! of each says what must happen: `// expect: harmless`, `denied`, `failed` or `refused at load`, and words of the message.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "times and memory are shown")]

mod support;

#[path = "hostile/corpus.rs"]
mod corpus;
#[path = "hostile/kept.rs"]
mod kept;
#[path = "hostile/large.rs"]
mod large;
#[path = "hostile/outside.rs"]
mod outside;
#[path = "hostile/served.rs"]
mod served;
#[path = "hostile/stopped.rs"]
mod stopped;
