//! Each script of the corpus by itself: its outcome, the memory at its height and after it, and its time.

use std::time::{Duration, Instant};

use vestibule::domain::decision::Outcome;
use vestibule::flow::{Memory, measured};

use crate::corpus::{self, MEMORY, Script};

/// More than any script needs to load: the text, two trees, the messages.
const LOAD: usize = 16 * 1024 * 1024;
/// The goal for a run with a deadline of 100 ms.
const GOAL: Duration = Duration::from_millis(250);

/// What happened, and the memory of the load and of the run.
fn outcome(script: &Script) -> (String, Memory, Memory) {
    let (set, load) = measured(|| script.load());
    let set = match set {
        Ok(set) => set,
        Err(problems) => return (format!("refused at load: {problems}"), load, Memory { most: 0, kept: 0 }),
    };
    let host = corpus::host();
    let (decision, run) = measured(|| corpus::decide(&set, &host));
    if matches!(decision.outcome, Outcome::Failed { .. }) {
        let effects = (decision.id_token.len(), decision.access_token.len(), decision.token_response.len());
        assert_eq!(effects, (0, 0, 0), "{}: a failed action has no effect", script.name);
    }
    (corpus::told(&decision.outcome), load, run)
}

#[test]
fn every_script_ends_as_its_first_line_says_within_its_memory() {
    let mut wrong = Vec::new();
    for script in corpus::corpus() {
        let (outcome, load, run) = outcome(&script);
        let shown: String = outcome.chars().take(300).collect();
        if !outcome.starts_with(&script.what) || !outcome.contains(&script.words) {
            wrong.push(format!("{}: expected {}: {}; got {shown}", script.name, script.what, script.words));
        }
        if outcome.starts_with("refused") && !corpus::names_its_place(&outcome) {
            wrong.push(format!("{}: refused without a place: {shown}", script.name));
        }
        if load.most > LOAD || run.most > MEMORY {
            wrong.push(format!("{}: {} bytes to load, {} to run", script.name, load.most, run.most));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Real times, which depend on the machine: `cargo test --release --test hostile wall_times -- --ignored --nocapture`. Of
/// three tries the best counts.
#[test]
#[ignore = "looks at the clock; `.ci/run` names it"]
fn wall_times_of_the_corpus() {
    let (mut rows, mut late) = (Vec::new(), Vec::new());
    for script in corpus::corpus() {
        let (mut load, mut run, mut most) = (Duration::MAX, Duration::MAX, 0);
        for _ in 0..3 {
            let begun = Instant::now();
            let set = script.load_with(&corpus::settings_with(100));
            load = load.min(begun.elapsed());
            let Ok(set) = set else {
                run = Duration::ZERO;
                continue;
            };
            let host = corpus::host();
            let begun = Instant::now();
            let (_, memory) = measured(|| drop(corpus::decide(&set, &host)));
            run = run.min(begun.elapsed());
            most = most.max(memory.most);
        }
        if load > GOAL || run > GOAL {
            late.push(script.name.clone());
        }
        rows.push((load.max(run), format!("{:40} load {load:>10.1?} run {run:>10.1?} {:>6} KiB", script.name, most / 1024)));
    }
    rows.sort_by(|a, b| b.cmp(a));
    rows.iter().take(15).for_each(|(_, row)| println!("{row}"));
    assert!(late.is_empty(), "more than {GOAL:?}: {late:?}");
}
