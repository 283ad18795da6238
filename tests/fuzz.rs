//! Fuzzing without a fuzzer: each target of `fuzz/` on its seeds and on so many changes of them, the same in every run (row
//! S65). `VESTIBULE_FUZZ_ROUNDS` sets the number of changes; with `VESTIBULE_FUZZ_CORPUS` they begin with what a real search has
//! found, too, in threads whose stack is as small as the server's. `fuzz/README.md` says how to search for real.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "fuzz/mod.rs"]
mod targets;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Pieces that mean something to one of the targets.
const WORDS: &[&str] = &[
    "onExecutePostLogin(event, api)",
    "fn ",
    "let ",
    "const ",
    "if ",
    "for x in ",
    "loop {",
    "}",
    "=>",
    "||",
    "|x| ",
    "${",
    "`",
    "\"",
    "#{",
    "api.idToken.setCustomClaim(\"a\", ",
    "event.user.app_metadata",
    "9223372036854775807",
    "-1",
    "\0",
    "\u{feff}",
    "ä",
    "💥",
    "&",
    "=",
    "%00",
    "%FF",
    "+",
    "client_id=machine",
    "client_secret=the-secret-of-the-machine",
    "grant_type=client_credentials",
    "Basic ",
    "Bearer ",
    "\n",
    "http://127.0.0.1:",
    "http://[::1]",
    "@",
    "/..",
    "\\",
    "?",
    "#",
    "\"exp\":",
    "\"aud\":",
    "null",
    "1e308",
    "[]",
    "{}",
];

fn rounds() -> usize {
    std::env::var("VESTIBULE_FUZZ_ROUNDS").map_or(150, |rounds| rounds.parse().expect("a number of rounds"))
}

/// The files of a folder, and of those in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The seeds of a target; those that take actions begin with all that we have.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut folders = vec![format!("fuzz/seeds/{target}")];
    if matches!(target, "load_action" | "decide") {
        folders.extend(["tests/hostile", "actions", "examples"].map(str::to_owned));
    }
    let found = format!("fuzz/corpus/{target}");
    if std::env::var_os("VESTIBULE_FUZZ_CORPUS").is_some() && Path::new(&found).is_dir() {
        folders.push(found);
    }
    let is_seed = |path: &PathBuf| path.starts_with("fuzz") || path.extension().is_some_and(|end| end == "rhai");
    let paths = folders.iter().flat_map(|folder| files(Path::new(folder))).filter(is_seed);
    let seeds: Vec<_> = paths.map(|path| std::fs::read(path).unwrap()).filter(|seed| seed.len() < 8 * 1024).collect();
    assert!(!seeds.is_empty(), "{target} has no seeds");
    seeds
}

/// One to four changes.
fn changed(chance: &mut ChaCha8Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut data = seeds[chance.random_range(0..seeds.len())].clone();
    for _ in 0..chance.random_range(1..5) {
        let at = chance.random_range(0..=data.len());
        let end = (at + chance.random_range(0..40)).min(data.len());
        match chance.random_range(0..6) {
            0 => drop(data.drain(at..end)),
            1 if at < data.len() => data[at] = chance.random(),
            2 if at < data.len() => data[at] ^= 1 << chance.random_range(0..8),
            3 => drop(data.splice(at..at, data[at..end].repeat(chance.random_range(1..20)))),
            4 => {
                let other = &seeds[chance.random_range(0..seeds.len())];
                let cut = chance.random_range(0..=other.len());
                data.truncate(at);
                data.extend_from_slice(&other[cut..]);
            }
            _ => drop(data.splice(at..at, WORDS[chance.random_range(0..WORDS.len())].bytes())),
        }
    }
    data
}

fn search(target: &str, run: fn(&[u8])) {
    let seeds = seeds(target);
    let mut chance = ChaCha8Rng::seed_from_u64(65);
    seeds.iter().for_each(|seed| run(seed));
    for round in 0..rounds() {
        let data = changed(&mut chance, &seeds);
        let text = String::from_utf8_lossy(&data).into_owned();
        if let Err(panic) = std::panic::catch_unwind(|| run(&data)) {
            let told = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            panic!("{target}, round {round}: {told}\n{text:?}");
        }
    }
}

#[test]
fn s65_changed_actions_are_loaded_or_refused() {
    search("load_action", targets::load_action::run);
}

#[test]
fn s65_changed_actions_decide_within_their_bounds_and_twice_the_same() {
    search("decide", targets::decide::run);
}

#[test]
fn s65_changed_token_requests_are_answered_by_the_protocol() {
    search("token_request", targets::token_request::run);
    assert!(targets::provider::provider().let_in.load(Ordering::Relaxed) > 0, "no request got a token");
}

#[test]
fn s65_changed_redirect_uris_lead_nowhere_else() {
    search("redirect_uri", targets::redirect_uri::run);
}

#[test]
fn s65_changed_assertions_prove_nothing() {
    search("client_assertion", targets::client_assertion::run);
    assert!(targets::provider::provider().let_in.load(Ordering::Relaxed) > 0, "no assertion was accepted");
}
