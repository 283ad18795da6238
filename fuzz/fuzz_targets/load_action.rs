#![no_main]
#![allow(missing_docs)]

#[path = "../../tests/fuzz/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::load_action::run(data));
