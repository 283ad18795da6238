//! What is left behind: nothing, to the byte, on the thread that ran the actions.

use vestibule::domain::decision::Outcome;
use vestibule::flow::{FlowSet, measured};

use crate::corpus;

/// Bytes that a thousand logins may leave: what the library keeps for its own first times.
const FORGOTTEN: usize = 4 * 1024;

/// The number of logins: 20,000 of the row take seconds in a release.
fn logins() -> usize {
    std::env::var("VESTIBULE_HOSTILE_LOGINS").map_or(2_000, |logins| logins.parse().expect("a number of logins"))
}

/// KiB that the process has now; none where the system does not say.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

/// Closures with everything around them, in every way that the loader lets through.
const CLOSURES: &str = r#"
fn onExecutePostLogin(event, api) {
    let m = #{ n: 1, big: [1, 2, 3] };
    m.x = [1, 2].map(|i| m.n + i);
    let roles = event.user.app_metadata.roles.filter(|role| role != m);
    let again = [roles, m].map(|each| [each].filter(|inner| inner != m && each != roles));
    m.self = m;
    m.again = again;
    api.idToken.setCustomClaim("roles", roles);
    api.cache.set("key", roles.len().to_string());
    try { again[9]; } catch (error) { console.log(error); }
}"#;

#[test]
fn s19_s20_thousands_of_logins_keep_nothing() {
    let set = FlowSet::from_sources(&corpus::settings(), &[("10-a.rhai", CLOSURES)]).unwrap();
    let host = corpus::host();
    let run = |times: usize| {
        for _ in 0..times {
            let decision = corpus::decide(&set, &host);
            assert_eq!(decision.outcome, Outcome::Allowed, "{:?}", decision.trace);
        }
    };
    run(500);
    let before = resident();
    let ((), memory) = measured(|| run(logins()));
    assert!(memory.kept < FORGOTTEN, "{} logins kept {} bytes", logins(), memory.kept);
    if let (Some(before), Some(after)) = (before, resident()) {
        println!("{} logins: {} bytes kept, {before} KiB before, {after} KiB after", logins(), memory.kept);
    }
}

#[test]
fn no_script_of_the_corpus_keeps_memory_after_its_run() {
    for script in corpus::corpus() {
        let Ok(set) = script.load() else { continue };
        let host = corpus::host();
        drop(corpus::decide(&set, &host));
        let ((), memory) = measured(|| drop(corpus::decide(&set, &host)));
        assert!(memory.kept < FORGOTTEN, "{} kept {} bytes", script.name, memory.kept);
    }
}
