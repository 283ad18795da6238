//! An action that fails login after login is reported, by `/healthz` and `/metrics`, until it works again.

use serde_json::{Value, json};

use crate::support::process::Project;
use crate::support::{PASSWORD, Server};
use vestibule::clock::Clock;

/// Fails for everybody but Ada.
const MOODY: &str = r#"fn onExecutePostLogin(event, api) {
    if event.user.user_id != "auth0|ada" { throw "the directory of " + event.user.email + " is down"; }
    api.tokenResponse.setCustomParameter("mood", "good");
}"#;
const THREE: &str = "[actions]\nreport_after_failures = 3\n";
const SKIP: &str = "[actions.settings.\"10-moody\"]\non_error = \"skip\"\n";

async fn server(configuration: &str) -> Server {
    Server::start_with(&[("10-moody", MOODY)], &format!("{THREE}{configuration}"), Clock::System).await
}

async fn log_in(server: &Server, user: &str) -> u16 {
    let form = [
        ("grant_type", "password"),
        ("client_id", "demo-web"),
        ("client_secret", "demo-web-secret"),
        ("username", user),
        ("password", PASSWORD),
    ];
    server.token(&form).await.0
}

async fn text(server: &Server, path: &str) -> String {
    reqwest::get(server.url(path)).await.unwrap().text().await.unwrap()
}

async fn failing(server: &Server) -> Value {
    let health: Value = serde_json::from_str(&text(server, "/healthz").await).unwrap();
    assert_eq!(health["status"], "ok", "the process lives: {health}");
    health["actions"]["failing"].clone()
}

async fn gauge(server: &Server) -> Option<String> {
    let metrics = text(server, "/metrics").await;
    metrics.lines().find(|line| line.starts_with("vestibule_action_failures_in_a_row{")).map(str::to_owned)
}

#[tokio::test]
async fn an_action_is_reported_from_the_configured_failure_in_a_row_on_until_it_works() {
    let server = server("").await;
    for _ in 0..2 {
        assert_eq!(log_in(&server, "bob@example.com").await, 500);
    }
    assert_eq!((failing(&server).await, gauge(&server).await), (json!([]), None));
    for failures in 3..5 {
        assert_eq!(log_in(&server, "bob@example.com").await, 500);
        assert_eq!(failing(&server).await, json!([{ "action": "10-moody" }]));
        let line = format!(r#"vestibule_action_failures_in_a_row{{action="10-moody"}} {failures}"#);
        assert_eq!(gauge(&server).await, Some(line));
    }
    assert_eq!(log_in(&server, "ada@example.com").await, 200);
    assert_eq!((failing(&server).await, gauge(&server).await), (json!([]), None));
    server.stop().await;
}

#[tokio::test]
async fn a_login_that_works_begins_the_count_again() {
    let server = server("").await;
    for _ in 0..3 {
        log_in(&server, "bob@example.com").await;
        log_in(&server, "bob@example.com").await;
        log_in(&server, "ada@example.com").await;
    }
    assert_eq!(failing(&server).await, json!([]));
    server.stop().await;
}

#[tokio::test]
async fn failures_that_are_skipped_count_too() {
    let server = server(SKIP).await;
    for _ in 0..3 {
        assert_eq!(log_in(&server, "bob@example.com").await, 200);
    }
    assert_eq!(failing(&server).await, json!([{ "action": "10-moody" }]));
    server.stop().await;
}

#[tokio::test]
async fn another_set_of_actions_begins_without_failures() {
    let server = server("").await;
    for _ in 0..3 {
        log_in(&server, "bob@example.com").await;
    }
    std::fs::write(server.actions.join("10-moody.rhai"), format!("{MOODY}\n// edited\n")).unwrap();
    server.app.reloader.reload_now().await;
    assert_eq!(failing(&server).await, json!([]));
    server.stop().await;
}

#[tokio::test]
async fn the_error_of_a_failing_action_is_shown_to_developers_only() {
    let server = Server::start_dev().await;
    std::fs::write(server.actions.join("10-moody.rhai"), MOODY).unwrap();
    server.app.reloader.reload_now().await;
    for _ in 0..5 {
        log_in(&server, "bob@example.com").await;
    }
    let failing = failing(&server).await;
    assert_eq!((&failing[0]["action"], &failing[0]["failures"]), (&json!("10-moody"), &json!(5)));
    let error = failing[0]["error"].as_str().unwrap();
    assert!(error.starts_with("actions/10-moody.rhai:2:") || error.contains("10-moody.rhai:2:"), "{error}");
    server.stop().await;
}

#[test]
fn the_log_says_once_that_it_began_and_once_that_it_ended() {
    let project = Project::new(THREE);
    std::fs::write(project.path("actions/10-moody.rhai"), MOODY).unwrap();
    let _server = project.start();
    let log_in = |user| {
        let form = [
            ("grant_type", "password"),
            ("client_id", "demo-web"),
            ("client_secret", "demo-web-secret"),
            ("username", user),
            ("password", PASSWORD),
        ];
        project.token(&form).unwrap().0
    };
    let count = |text: &str| project.log().matches(text).count();
    (0..2).for_each(|_| assert_eq!(log_in("bob@example.com"), 500));
    assert_eq!(count("an action keeps failing"), 0, "{}", project.log());
    (0..3).for_each(|_| assert_eq!(log_in("bob@example.com"), 500));
    assert_eq!(count("an action keeps failing"), 1, "{}", project.log());
    (0..2).for_each(|_| assert_eq!(log_in("ada@example.com"), 200));
    assert_eq!(count("an action that kept failing works again"), 1, "{}", project.log());
}
