//! Many reloads of the running binary under load (rows R01, R02, R13, R14, R18).

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use support::process::{Process, Project};

const RELOADS: u64 = 120;
/// Until then, caches and pools fill.
const WARM: u64 = 40;
const MACHINE: [(&str, &str); 4] = [
    ("grant_type", "client_credentials"),
    ("client_id", "demo-m2m"),
    ("client_secret", "demo-m2m-secret"),
    ("audience", "https://api.example.com/"),
];

/// Two actions that must always agree.
fn save(project: &Project, version: u64) {
    for name in ["one", "two"] {
        let claim = format!("api.accessToken.setCustomClaim(\"https://x.example/{name}\", {version});");
        let source = format!("fn onExecuteCredentialsExchange(event, api) {{ {claim} }}\n");
        std::fs::write(project.path(&format!("actions/{name}.rhai")), source).unwrap();
    }
}

/// What both actions of a token say; panics if they differ or the request fails.
fn version(project: &Project) -> u64 {
    let (status, body) = project.token(&MACHINE).unwrap();
    assert_eq!(status, 200, "{body}\n{}", project.log());
    let payload = body["access_token"].as_str().unwrap().split('.').nth(1).unwrap();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    let said = ["one", "two"].map(|name| claims[format!("https://x.example/{name}")].as_u64().unwrap());
    assert_eq!(said[0], said[1], "a mix of two sets");
    said[0]
}

/// Resident KiB and open descriptors.
fn held(process: &Process) -> (u64, usize) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.0.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", process.0.id())).unwrap().count();
    (line.split_whitespace().nth(1).unwrap().parse().unwrap(), descriptors)
}

#[test]
fn r13_r14_reloads_under_load_fail_no_request_mix_no_sets_and_keep_nothing() {
    let project = Arc::new(Project::new(""));
    save(&project, 0);
    let process = project.start();
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let load: Vec<_> = (0..2)
        .map(|_| {
            let (project, stop, answered) = (Arc::clone(&project), Arc::clone(&stop), Arc::clone(&answered));
            std::thread::spawn(move || {
                let mut newest = 0;
                while !stop.load(Ordering::Relaxed) {
                    let now = version(&project);
                    assert!(now >= newest, "an old set came back: {now} after {newest}");
                    newest = now;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut warm = (0, 0);
    for number in 1..=RELOADS {
        save(&project, number);
        process.signal("HUP");
        let began = Instant::now();
        while version(&project) != number {
            assert!(began.elapsed() < Duration::from_secs(5), "set {number} is not used\n{}", project.log());
        }
        if number == WARM {
            warm = held(&process);
        }
    }
    stop.store(true, Ordering::Relaxed);
    load.into_iter().for_each(|thread| thread.join().unwrap());
    std::thread::sleep(Duration::from_millis(200));
    let end = held(&process);
    assert!(answered.load(Ordering::Relaxed) > RELOADS, "there was no load");
    assert!(end.0 * 100 < warm.0 * 115, "memory grew from {} to {} KiB", warm.0, end.0);
    assert!(end.1 <= warm.1 + 8, "descriptors grew from {} to {}", warm.1, end.1);
}

#[test]
fn r01_a_broken_save_under_load_fails_no_login_and_is_told_everywhere() {
    let project = Project::new("");
    save(&project, 7);
    let process = project.start();
    std::fs::write(project.path("actions/one.rhai"), "fn onExecuteCredentialsExchange(event, api) { let x = ; }").unwrap();
    process.signal("HUP");
    let began = Instant::now();
    while !project.get("/healthz").unwrap().1.contains("\"last_reload\":\"refused\"") {
        assert_eq!(version(&project), 7);
        assert!(began.elapsed() < Duration::from_secs(5), "{}", project.log());
    }
    for _ in 0..50 {
        assert_eq!(version(&project), 7);
    }
    assert!(project.log().contains("one.rhai:1:"), "{}", project.log());
    assert!(project.get("/metrics").unwrap().1.contains("reload"));
}

#[test]
fn r18_broken_actions_refuse_the_start() {
    let project = Project::new("");
    std::fs::write(project.path("actions/one.rhai"), "fn onExecutePostLogin(event, api) { let x = ; }").unwrap();
    let output = project.command(&["dev", "--listen", "127.0.0.1:0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("one.rhai:1:"), "{output:?}");
}
