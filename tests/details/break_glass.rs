//! `bypass_actions`: the operators get in when an action does not let anybody in.

use serde_json::Value;

use crate::support::process::{Project, eventually};
use crate::support::{Browser, PASSWORD, Server};
use vestibule::clock::Clock;

const CONFIGURATION: &str = r#"
[actions]
deadline_ms = 50
[[clients]]
client_id = "operators"
client_secret = "operators-secret"
grant_types = ["authorization_code", "implicit", "refresh_token", "password"]
callbacks = ["http://localhost:3009/callback"]
bypass_actions = true
[[clients]]
client_id = "operators-machine"
client_secret = "operators-machine-secret"
app_type = "non_interactive"
bypass_actions = true
[[client_grants]]
client_id = "operators-machine"
audience = "https://api.example.com/"
scope = ["read:things"]
[[users]]
user_id = "auth0|mallory"
email = "mallory@example.com"
password = "correct horse battery"
blocked = true
"#;

const ACTIONS: [(&str, &str); 2] = [
    (
        "10-claims",
        r#"fn onExecutePostLogin(event, api) { api.tokenResponse.setCustomParameter("touched", true); }
           fn onExecuteCredentialsExchange(event, api) { api.tokenResponse.setCustomParameter("touched", true); }"#,
    ),
    (
        "20-hangs",
        "fn onExecutePostLogin(event, api) { loop {} }
         fn onExecuteCredentialsExchange(event, api) { throw \"broken\"; }",
    ),
];

async fn server() -> Server {
    Server::start_with(&ACTIONS, CONFIGURATION, Clock::System).await
}

async fn token(server: &Server, client: &str, more: &[(&str, &str)]) -> (u16, Value) {
    let secret = format!("{client}-secret");
    server.token(&[&[("client_id", client), ("client_secret", &secret)], more].concat()).await
}

fn password<'a>(user: &'a str, password: &'a str) -> [(&'a str, &'a str); 4] {
    [("grant_type", "password"), ("username", user), ("password", password), ("scope", "openid offline_access")]
}

/// What the callback of the operators' application is told after a login with the page.
async fn callback(server: &Server, response_type: &str) -> Vec<(String, String)> {
    let mut url = server.url("/authorize");
    url.query_pairs_mut().extend_pairs([
        ("response_type", response_type),
        ("client_id", "operators"),
        ("redirect_uri", "http://localhost:3009/callback"),
        ("scope", "openid offline_access"),
        ("nonce", "n"),
        ("state", "s"),
    ]);
    let mut callback = Browser::new().log_in(&url, "ada@example.com", PASSWORD).await;
    if let Some(fragment) = callback.fragment().map(str::to_owned) {
        callback.set_query(Some(&fragment));
    }
    callback.query_pairs().into_owned().collect()
}

fn untouched(status: u16, body: &Value) -> bool {
    status == 200 && body["access_token"].is_string() && body["touched"].is_null()
}

#[tokio::test]
async fn a_client_that_bypasses_the_actions_gets_tokens_by_every_grant_while_they_hang() {
    let server = server().await;
    let (status, body) = token(&server, "operators", &password("ada@example.com", PASSWORD)).await;
    assert!(untouched(status, &body), "{body}");
    let refresh = body["refresh_token"].as_str().unwrap();
    let (status, body) = token(&server, "operators", &[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    assert!(untouched(status, &body), "{body}");
    let arrived = callback(&server, "code").await;
    let code = &arrived.iter().find(|(name, _)| name == "code").unwrap().1;
    let redemption =
        [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", "http://localhost:3009/callback")];
    let (status, body) = token(&server, "operators", &redemption).await;
    assert!(untouched(status, &body), "{body}");
    let arrived = callback(&server, "id_token token").await;
    assert!(arrived.iter().any(|(name, _)| name == "access_token"), "{arrived:?}");
    assert!(arrived.iter().all(|(name, _)| name != "touched"), "{arrived:?}");
    let machine = [("grant_type", "client_credentials"), ("audience", "https://api.example.com/")];
    let (status, body) = token(&server, "operators-machine", &machine).await;
    assert!(untouched(status, &body), "{body}");
    server.stop().await;
}

#[tokio::test]
async fn everybody_else_is_denied_by_an_action_that_fails() {
    let server = server().await;
    let (status, body) = token(&server, "demo-web", &password("ada@example.com", PASSWORD)).await;
    assert_eq!((status, &body["error"]), (500, &"server_error".into()), "{body}");
    let machine = [("grant_type", "client_credentials"), ("audience", "https://api.example.com/")];
    let (status, body) = token(&server, "demo-m2m", &machine).await;
    assert_eq!((status, &body["error"]), (500, &"server_error".into()), "{body}");
    server.stop().await;
}

#[tokio::test]
async fn bypassing_the_actions_lets_nobody_in_who_cannot_authenticate() {
    let server = server().await;
    let (status, body) = token(&server, "operators", &password("ada@example.com", "wrong password")).await;
    assert_eq!((status, &body["error"]), (400, &"invalid_grant".into()), "{body}");
    let (status, body) = token(&server, "operators", &password("mallory@example.com", PASSWORD)).await;
    assert!((400..500).contains(&status) && body["access_token"].is_null(), "a blocked user: {status} {body}");
    let form = [&[("client_id", "operators"), ("client_secret", "guessed")][..], &password("ada@example.com", PASSWORD)];
    let (status, body) = server.token(&form.concat()).await;
    assert_eq!((status, &body["error"]), (401, &"invalid_client".into()), "{body}");
    server.stop().await;
}

#[tokio::test]
async fn every_login_without_actions_is_counted() {
    let server = server().await;
    for _ in 0..3 {
        assert_eq!(token(&server, "operators", &password("ada@example.com", PASSWORD)).await.0, 200);
    }
    let metrics = reqwest::get(server.url("/metrics")).await.unwrap().text().await.unwrap();
    let line = r#"vestibule_actions_bypassed_total{trigger="post-login"} 3"#;
    assert!(metrics.lines().any(|have| have == line), "{metrics}");
    server.stop().await;
}

#[tokio::test]
async fn a_client_gains_and_loses_the_bypass_at_the_next_request() {
    let server = server().await;
    server.reconfigure(|text| text.replace("bypass_actions = true", "bypass_actions = false")).await;
    assert_eq!(token(&server, "operators", &password("ada@example.com", PASSWORD)).await.0, 500);
    server.stop().await;
}

#[test]
fn the_operator_is_told_at_the_start_at_a_reload_and_at_each_login() {
    let project = Project::new(CONFIGURATION);
    std::fs::write(project.path("actions/10-claims.rhai"), ACTIONS[0].1).unwrap();
    let check = project.command(&["check"]).output().unwrap();
    let said = String::from_utf8(check.stdout).unwrap();
    assert!(
        check.status.success() && said.contains("clients `operators`, `operators-machine` have `bypass_actions`"),
        "{said}"
    );
    let _server = project.start();
    let count = |text: &str| project.log().matches(text).count();
    assert_eq!(count("warning: clients `operators`, `operators-machine` have `bypass_actions`: no action runs"), 1);
    assert!(project.log().contains("runs no actions"), "the start page: {}", project.log());
    let credentials = [("client_id", "operators"), ("client_secret", "operators-secret")];
    for _ in 0..2 {
        let form = [&credentials[..], &password("ada@example.com", PASSWORD)].concat();
        assert_eq!(project.token(&form).unwrap().0, 200);
    }
    assert_eq!(count("no action ran: the client has `bypass_actions`"), 2, "{}", project.log());
    let file = project.path("vestibule.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, after) = text.rsplit_once("bypass_actions = true").unwrap();
    std::fs::write(&file, format!("{before}{after}")).unwrap();
    eventually(|| count("warning: client `operators` has `bypass_actions`: no action runs") == 1);
}
