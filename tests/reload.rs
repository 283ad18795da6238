//! Many reloads of the running binary under load (rows R01, R03, R13 to R15, R18, S40).

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::print_stdout, reason = "what was measured is shown")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use support::agent::{Agent, CALLBACK, query};
use support::process::{Process, Project};
use support::{PASSWORD, Server};
use vestibule::flow::reload::Reload;
use vestibule::flow::{FlowSet, Settings};

/// The row asks for a thousand, of two hundred files: `VESTIBULE_RELOADS=1000`.
const RELOADS: u64 = 160;
/// Until then, caches and pools fill.
const WARM: u64 = 80;
const MACHINE: [(&str, &str); 4] = [
    ("grant_type", "client_credentials"),
    ("client_id", "demo-m2m"),
    ("client_secret", "demo-m2m-secret"),
    ("audience", "https://api.example.com/"),
];

fn reloads() -> u64 {
    std::env::var("VESTIBULE_RELOADS").map_or(RELOADS, |reloads| reloads.parse().expect("a number of reloads"))
}

/// Two actions that must always agree; one has what it says from a library, which changes with it.
fn save(project: &Project, version: u64) {
    let action = |name: &str, value: &str| {
        let claim = format!("api.accessToken.setCustomClaim(\"https://x.example/{name}\", {value});");
        format!("fn onExecuteCredentialsExchange(event, api) {{ {claim} }}\n")
    };
    std::fs::create_dir_all(project.path("actions/lib")).unwrap();
    let files = [
        ("one", action("one", &version.to_string())),
        ("lib/both", format!("fn version() {{ {version} }}\n")),
        ("two", action("two", "both::version()")),
    ];
    for (name, source) in files {
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
fn r13_r14_s40_reloads_under_load_fail_no_request_mix_no_sets_and_keep_nothing() {
    let project = Arc::new(Project::new(""));
    save(&project, 0);
    for number in 0..if reloads() < 1_000 { 7 } else { 197 } {
        let source =
            format!("fn onExecutePostLogin(event, api) {{ api.idToken.setCustomClaim(\"n{number}\", {number}); }}\n");
        std::fs::write(project.path(&format!("actions/9-{number}.rhai")), source).unwrap();
    }
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
    for number in 1..=reloads() {
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
    assert!(answered.load(Ordering::Relaxed) > reloads(), "there was no load");
    println!("{} reloads: {} KiB after {WARM}, {} KiB at the end", reloads(), warm.0, end.0);
    assert!(end.0 * 100 < warm.0 * 105, "memory grew from {} to {} KiB", warm.0, end.0);
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

/// What the token response says of the set that decided.
fn versioned(version: u64) -> String {
    format!("fn onExecutePostLogin(event, api) {{ api.tokenResponse.setCustomParameter(\"version\", {version}); }}")
}

#[tokio::test]
async fn r03_a_login_is_decided_by_one_set_and_its_code_keeps_the_decision() {
    let server = Server::start(&[("10-a", &versioned(1))]).await;
    let deploy = async |version: u64| {
        std::fs::write(server.actions.join("10-a.rhai"), versioned(version)).unwrap();
        assert!(matches!(server.app.reloader.reload_now().await, Reload::Switched { .. }));
    };
    let agent = Agent::new();
    let (page, html) = agent.login_page(&server, &[]).await;
    deploy(2).await;
    let answer = agent.submit(&page, &html, &[("username", "ada@example.com"), ("password", PASSWORD)]).await;
    deploy(3).await;
    let code = &query(&answer)["code"];
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "demo-web"),
        ("client_secret", "demo-web-secret"),
        ("redirect_uri", CALLBACK),
        ("code", code),
    ];
    let (status, body) = server.token(&form).await;
    assert_eq!((status, &body["version"]), (200, &2.into()), "{body}");
}

#[test]
fn r15_a_thousand_files_are_one_set() {
    let directory = tempfile::tempdir().unwrap();
    for number in 0..1_000 {
        let source = format!("{}// {}\n", versioned(number), "x".repeat(3_800));
        std::fs::write(directory.path().join(format!("{number}-a.rhai")), source).unwrap();
    }
    let settings = Settings { directory: directory.path().to_owned(), display: "actions".to_owned(), ..Settings::default() };
    let began = Instant::now();
    let set = FlowSet::load(&settings).unwrap();
    println!("1,000 files of 4 KB: {:?}", began.elapsed());
    let names: Vec<_> = set.actions().into_iter().map(|action| action.name).collect();
    assert!(names.len() == 1_000 && names[2] == "2-a" && names[999] == "999-a", "{names:?}");
}
