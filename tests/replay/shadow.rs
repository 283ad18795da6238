//! The shadow of a server: another set decides beside the live one, and nobody notices but the operator.

use std::time::{Duration, Instant};

use serde_json::Value;
use vestibule::clock::Clock;
use vestibule::domain::trace::TraceFilter;
use vestibule::flow::reload::Reload;
use vestibule::traces::Record;

use crate::answerer::Answerer;
use crate::command::{log_in, replay, save};
use crate::support::process::{Project, eventually};
use crate::support::{PASSWORD, Server};

const SHADOW: &str = "\n[actions]\nshadow = \"next\"\n";
const LIVE: &str = "fn onExecutePostLogin(event, api) {\n    api.tokenResponse.setCustomParameter(\"plan\", \"free\");\n}";

/// A server with a shadow of one action.
async fn shadowed(live: &str, shadow: &str, settings: &str) -> (Server, Reload) {
    let server = Server::start_with(&[("10-plan", live)], &format!("{SHADOW}{settings}"), Clock::System).await;
    std::fs::create_dir(server.directory().join("next")).unwrap();
    let reload = rewrite(&server, shadow).await;
    (server, reload)
}

/// Saves another action for the shadow.
async fn rewrite(server: &Server, shadow: &str) -> Reload {
    std::fs::write(server.directory().join("next/10-plan.rhai"), shadow).unwrap();
    server.app.shadow.as_ref().unwrap().reloader().reload_now().await
}

async fn token(server: &Server) -> Value {
    let form = [
        ("grant_type", "password"),
        ("client_id", "demo-web"),
        ("client_secret", "demo-web-secret"),
        ("username", "ada@example.com"),
        ("password", PASSWORD),
        ("scope", "openid"),
    ];
    let (status, body) = server.token(&form).await;
    assert_eq!(status, 200, "{body}");
    body
}

/// Waits until a line of the metrics is there.
async fn metric(server: &Server, line: &str) {
    let began = Instant::now();
    while !server.app.metrics.render().lines().any(|own| own == line) {
        assert!(began.elapsed() < Duration::from_secs(30), "{line} is not in\n{}", server.app.metrics.render());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn records(server: &Server) -> Vec<Record> {
    server.app.traces.flush().await;
    let rows = server.app.store.traces(&TraceFilter::default()).await.unwrap();
    rows.iter().map(|row| Record::try_from(row).unwrap()).collect()
}

#[tokio::test]
async fn a_difference_is_counted_and_kept_with_the_trace_and_never_applied() {
    let next = LIVE.replace("free", "pro") + "\nfn onExecuteCredentialsExchange(event, api) {}";
    let (server, _) = shadowed(
        LIVE,
        &next.replace(
            "\n}",
            "\n    api.idToken.setCustomClaim(\"mail\", event.user.email);\n    api.user.setAppMetadata(\"seen\", 1);\n}",
        ),
        "",
    )
    .await;
    let body = token(&server).await;
    assert_eq!(body["plan"], "free");
    metric(&server, r#"vestibule_shadow_logins_total{outcome="different"} 1"#).await;
    metric(&server, r#"vestibule_shadow_differences_total{part="token_response",change="changed"} 1"#).await;
    let kept = records(&server).await;
    let shadow = kept[0].shadow.as_ref().unwrap();
    assert_eq!(shadow.set, server.app.shadow.as_ref().unwrap().current().hash());
    let plan = shadow.differences.iter().find(|own| own.name == "plan").unwrap();
    let place =
        |own: &Option<vestibule::domain::decision::Setting>| own.as_ref().map(|own| own.by.to_string()).unwrap_or_default();
    assert!(place(&plan.before).ends_with("actions/10-plan.rhai:2:23"), "{}", place(&plan.before));
    assert!(place(&plan.after).ends_with("next/10-plan.rhai:2:23"), "{}", place(&plan.after));
    let text = serde_json::to_string(&kept[0]).unwrap();
    assert!(!text.contains("ada@example.com"), "what is redacted in a trace is redacted here, too: {text}");
    let ada = server.app.store.user("auth0|ada").await.unwrap().unwrap();
    assert!(!ada.app_metadata.contains_key("seen"));
}

#[tokio::test]
async fn the_same_decision_is_counted_and_leaves_no_mark() {
    let (server, _) = shadowed(LIVE, LIVE, "").await;
    token(&server).await;
    metric(&server, r#"vestibule_shadow_logins_total{outcome="same"} 1"#).await;
    assert!(records(&server).await[0].shadow.is_none());
}

#[tokio::test]
async fn the_shadow_has_the_answers_of_the_live_run_and_asks_and_writes_nothing() {
    let answerer = Answerer::start();
    let calls = format!(
        "fn onExecutePostLogin(event, api) {{
            let answer = http::get(\"http://{}/plan\");
            let known = api.cache.get(\"n\");
            api.cache.set(\"n\", if known == () {{ \"1\" }} else {{ known.value + \"1\" }});
            api.tokenResponse.setCustomParameter(\"all\", [answer.json.number, known?.value, crypto::random_uuid(), time::now()]);
        }}",
        answerer.host
    );
    let settings = format!("\n[actions.settings.\"10-plan\"]\nallow_hosts = [\"{}\"]\n", answerer.host);
    let (server, _) = shadowed(&calls, &calls, &settings).await;
    let (first, second) = (token(&server).await, token(&server).await);
    metric(&server, r#"vestibule_shadow_logins_total{outcome="same"} 2"#).await;
    assert_eq!((answerer.requests(), &first["all"][0], &second["all"][1]), (2, &1.into(), &"1".into()));

    let more = calls.replace("/plan", "/other");
    rewrite(&server, &more).await;
    token(&server).await;
    metric(&server, r#"vestibule_shadow_logins_total{outcome="not_comparable"} 1"#).await;
    assert_eq!(answerer.requests(), 3, "only the live actions called");
    let kept = records(&server).await;
    // The answerer has the address of the person who logs in, which is redacted.
    let unrecorded = &kept[0].shadow.as_ref().unwrap().unrecorded;
    assert!(
        matches!(unrecorded.as_slice(), [call] if call.starts_with("GET ") && call.ends_with("/other")),
        "{unrecorded:?}"
    );
}

#[tokio::test]
async fn a_broken_shadow_is_told_and_serves_nobody_worse() {
    let (server, reload) = shadowed(LIVE, "fn onExecutePostLogin(event, api) {", "").await;
    let Reload::Kept { reason, .. } = reload else { panic!("{reload}") };
    assert!(reason.contains("next/10-plan.rhai:1:36"), "{reason}");
    assert_eq!(token(&server).await["plan"], "free");
    metric(&server, r#"vestibule_shadow_logins_total{outcome="not_run"} 1"#).await;
    assert!(matches!(rewrite(&server, LIVE).await, Reload::Switched { .. }));
    token(&server).await;
    metric(&server, r#"vestibule_shadow_logins_total{outcome="same"} 1"#).await;
    // A set that was good goes on when the next one is broken.
    assert!(matches!(rewrite(&server, "broken").await, Reload::Kept { .. }));
    token(&server).await;
    metric(&server, r#"vestibule_shadow_logins_total{outcome="same"} 2"#).await;
}

#[tokio::test]
async fn a_failing_and_a_hanging_shadow_are_counted_and_hurt_no_login() {
    let (server, _) = shadowed(LIVE, "fn onExecutePostLogin(event, api) { loop {} }", "").await;
    for _ in 0..5 {
        assert_eq!(token(&server).await["plan"], "free");
    }
    metric(&server, r#"vestibule_shadow_logins_total{outcome="failed"} 5"#).await;
    metric(&server, r#"vestibule_shadow_differences_total{part="failure",change="added"} 5"#).await;
    assert!(records(&server).await.iter().all(|record| record.outcome == "allowed"));
}

#[test]
fn a_server_with_a_shadow_says_so_and_traces_show_what_it_would_have_done() {
    let project = Project::new("\n[actions]\nshadow = \"next\"\n");
    save(&project, "actions", LIVE);
    save(&project, "next", "broken {");
    let _server = project.start();
    assert!(project.log().contains("next/10-plan.rhai:1:8"), "{}", project.log());
    assert!(project.log().contains("shadow not loaded: nothing is compared; logins are not affected"), "{}", project.log());
    assert_eq!(log_in(&project, "ada"), 200);

    save(&project, "next", &LIVE.replace("free", "pro"));
    eventually(|| project.log().contains("decides beside the actions: 10-plan"));
    assert_eq!(log_in(&project, "ada"), 200);
    eventually(|| project.log().contains("the shadow decided otherwise"));
    assert!(project.log().contains("token_response plan changed (actions/10-plan.rhai:2:23 → next/10-plan.rhai:2:23)"));
    let id = newest(&project);
    let listen = format!("127.0.0.1:{}", project.port);
    let shown = project.command(&["traces", "show", &id, "--listen", &listen]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("decided otherwise:\n  ~ token_response plan: \"free\" → \"pro\""), "{shown}");
    // And the recording is one as ever.
    assert_eq!(replay(&project, &["--all"]).0, 0);
    assert_eq!(replay(&project, &["--all", "--with", "next"]).0, 1);
}

#[test]
fn the_log_of_the_shadow_has_no_secret_in_a_name() {
    let secret = "[actions.settings.10-plan.secrets]\nKEY = \"Shadow/key-4711\"\n";
    let project = Project::new(&format!("{SHADOW}{secret}"));
    save(&project, "actions", LIVE);
    save(&project, "next", &LIVE.replace("\"plan\"", "`plan_${event.secrets.KEY}`"));
    let _server = project.start();
    assert_eq!(log_in(&project, "ada"), 200);
    eventually(|| project.log().contains("the shadow decided otherwise"));
    let log = project.log();
    let told = log.lines().find(|line| line.contains("the shadow decided otherwise")).unwrap();
    assert!(told.contains("token_response plan_[redacted] added") && !told.contains("4711"), "{told}");
}

fn newest(project: &Project) -> String {
    let listen = format!("127.0.0.1:{}", project.port);
    let listed = project.command(&["traces", "--json", "--limit", "1", "--listen", &listen]).output().unwrap();
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    listed[0]["id"].as_str().unwrap().to_owned()
}
