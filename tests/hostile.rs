//! Scripts that want more than they may have, one per file of `tests/hostile/`. The first line of each says what must happen.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vestibule::clock::{Clock, Random};
use vestibule::domain::decision::Outcome;
use vestibule::flow::{Cache, Event, Flow, FlowSet, Host, Http, Limits, Settings, Trigger};

/// Far more than the deadline, for machines that are busy.
const SOON: Duration = Duration::from_secs(5);

fn host() -> Host {
    Host { clock: Clock::System, random: Random::seeded(1), cache: Arc::new(Cache::default()), http: Http::Network }
}

fn event() -> Event {
    serde_json::from_value(serde_json::json!({
        "client": {"client_id": "web"},
        "user": {"user_id": "auth0|ada", "email": "ada@example.com"},
        "transaction": {"protocol": "oidc-basic-profile"}
    }))
    .unwrap()
}

/// A directory with this one action, loaded as the server loads it.
fn load(file: &Path) -> Result<FlowSet, String> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(file, directory.path().join("10-hostile.rhai")).unwrap();
    let limits = Limits { deadline_ms: 100, ..Limits::default() };
    let settings =
        Settings { directory: directory.path().to_owned(), display: "actions".to_owned(), limits, ..Settings::default() };
    FlowSet::load(&settings).map_err(|error| error.to_string())
}

/// What happened, in the words of the first lines.
async fn outcome(file: &Path) -> String {
    let set = match load(file) {
        Ok(set) => set,
        Err(problems) => return format!("refused at load: {problems}"),
    };
    let flow = Flow::new(set, &Limits::default(), host());
    match flow.decide(Trigger::PostLogin, event()).await.unwrap().outcome {
        Outcome::Allowed => "harmless".to_owned(),
        Outcome::Denied { reason, .. } => format!("denied: {reason}"),
        Outcome::Failed { message, .. } => format!("failed: {message}"),
    }
}

fn expectation(file: &Path) -> (String, String) {
    let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
    let line = text.lines().next().unwrap().trim_start_matches('\u{feff}');
    let expected = line.strip_prefix("// expect: ").unwrap_or_else(|| panic!("{}: {line}", file.display()));
    let (what, words) = expected.split_once(": ").unwrap_or((expected, ""));
    (what.to_owned(), words.to_owned())
}

/// The most memory that the process has had, in KiB; none where the system does not say.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}

/// Bytes that the process has now, in KiB.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

#[test]
fn closures_that_capture_keep_no_memory() {
    let source =
        "fn onExecutePostLogin(event, api) { let m = #{ n: 1, big: [1, 2, 3] }; let x = [1, 2].map(|i| m.n + i); m.x = x; }";
    let settings = Settings { display: "actions".to_owned(), ..Settings::default() };
    let set = FlowSet::from_sources(&settings, &[("10-a.rhai", source)]).unwrap();
    let host = host();
    let run = |times: usize| {
        for _ in 0..times {
            assert_eq!(vestibule::flow::decide(&set, Trigger::PostLogin, event(), &host).outcome, Outcome::Allowed);
        }
    };
    run(500);
    let before = resident();
    run(2_000);
    if let (Some(before), Some(after)) = (before, resident()) {
        assert!(after.saturating_sub(before) < 8 * 1024, "{before} KiB, then {after} KiB");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_scripts_are_stopped() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 80);
    let before = peak();
    let mut wrong = Vec::new();
    for file in &files {
        let (what, words) = expectation(file);
        let started = Instant::now();
        let outcome = outcome(file).await;
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if !outcome.starts_with(&what) || !outcome.contains(&words) {
            wrong.push(format!("{name}: expected {what}: {words}; got {}", outcome.chars().take(300).collect::<String>()));
        }
        if started.elapsed() > SOON {
            wrong.push(format!("{name}: took {:?}", started.elapsed()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    if let (Some(before), Some(after)) = (before, peak()) {
        assert!(after - before < 150 * 1024, "{} KiB", after - before);
    }
}
