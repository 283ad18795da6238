//! The corpus in the real server: none of it becomes "allow", hangs a request or shows the engine's words to a client.

use serde_json::Value;
use vestibule::clock::Clock;
use vestibule::flow::reload::Reload;

use crate::corpus::{self, Script};
use crate::support::agent::{Agent, query};
use crate::support::{PASSWORD, Server};

const DEADLINE: &str = "\n[actions]\ndeadline_ms = 1000\n";
const GOOD: &str = "fn onExecutePostLogin(event, api) { api.tokenResponse.setCustomParameter(\"good\", true); }";
const LOGIN: [(&str, &str); 6] = [
    ("grant_type", "password"),
    ("client_id", "demo-web"),
    ("client_secret", "demo-web-secret"),
    ("username", "ada@example.com"),
    ("password", PASSWORD),
    ("scope", "openid offline_access"),
];

/// A user whose refresh token is exchanged again and again.
struct Session {
    server: Server,
    token: String,
}

impl Session {
    async fn begin() -> Self {
        let server = Server::start_with(&[("10-hostile", GOOD)], DEADLINE, Clock::System).await;
        let (status, body) = server.token(&LOGIN).await;
        assert_eq!(status, 200, "{body}");
        Self { server, token: body["refresh_token"].as_str().unwrap().to_owned() }
    }

    async fn save(&self, bytes: &[u8]) -> Reload {
        std::fs::write(self.server.actions.join("10-hostile.rhai"), bytes).unwrap();
        self.server.app.reloader.reload_now().await
    }

    async fn refresh(&mut self) -> (u16, Value) {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "demo-web"),
            ("client_secret", "demo-web-secret"),
            ("refresh_token", &self.token),
        ];
        let (status, body) = self.server.token(&form).await;
        if let Some(next) = body["refresh_token"].as_str() {
            next.clone_into(&mut self.token);
        }
        (status, body)
    }

    /// What is wrong with how the server takes the script; nothing if all is well.
    async fn judge(&mut self, script: &Script) -> Option<String> {
        let bytes = std::fs::read(&script.path).unwrap();
        if script.what == "refused at load" {
            self.save(GOOD.as_bytes()).await;
            let Reload::Kept { reason, .. } = self.save(&bytes).await else { return Some("it was loaded".to_owned()) };
            let (status, body) = self.refresh().await;
            let last_good = (status, &body["good"]) == (200, &Value::Bool(true));
            return (!last_good || !reason.contains("10-hostile.rhai")).then(|| format!("{status} {body}: {reason}"));
        }
        if let Reload::Kept { reason, .. } = self.save(&bytes).await {
            return Some(reason);
        }
        let (status, body) = self.refresh().await;
        let expected = match script.what.as_str() {
            "harmless" => (200, Value::Null),
            "denied" => (403, "access_denied".into()),
            _ => (500, "server_error".into()),
        };
        let told = body["error_description"].as_str().unwrap_or_default();
        let leaked = status == 500 && (told.len() > 200 || told.contains("rhai") || told.contains("onExecute"));
        ((status, body["error"].clone()) != expected || leaked).then(|| format!("{status} {body}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_script_becomes_allow_in_the_real_server() {
    let mut session = Session::begin().await;
    let mut wrong = Vec::new();
    for script in corpus::corpus() {
        if let Some(problem) = session.judge(&script).await {
            wrong.push(format!("{}: {}", script.name, problem.chars().take(300).collect::<String>()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    session.save(GOOD.as_bytes()).await;
    let (status, body) = session.refresh().await;
    assert_eq!((status, &body["good"]), (200, &Value::Bool(true)), "and the server is as it was");
    assert_eq!(reqwest::get(session.server.url("/readyz")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn s56_s57_what_an_action_says_stays_text() {
    let reason = "\r\nLocation: https://evil.example/\r\n\r\n<script>alert(1)</script>&error=none#x";
    let source = format!("fn onExecutePostLogin(event, api) {{ api.access.deny({}); }}", serde_json::json!(reason));
    let server = Server::start(&[("10-deny", &source)]).await;
    let answer = Agent::new().log_in(&server, &[]).await;
    if !answer.headers().contains_key("location") {
        panic!("{}", answer.text().await.unwrap());
    }
    let raw = answer.headers()["location"].to_str().unwrap();
    assert!(raw.starts_with("http://localhost:3000/callback?") && !raw.contains('<') && !raw.contains('#'), "{raw}");
    let answered = query(&answer);
    assert_eq!(answered["error"], "access_denied");
    assert!(!answered.contains_key("code"), "{answered:?}");
    let (status, body) = server.token(&LOGIN).await;
    assert_eq!((status, body["error"].as_str()), (403, Some("access_denied")), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s59_a_thousand_slow_runs_leave_the_rest_alone() {
    let slow = "fn onExecuteCredentialsExchange(event, api) { loop {} }";
    let limits = "\n[server]\nmax_requests = 2000\n[actions]\ndeadline_ms = 100\nmax_operations = 100000000\n\
                  max_concurrent_runs = 4\nmax_waiting_runs = 12\n";
    let server = std::sync::Arc::new(Server::start_with(&[("10-slow", slow)], limits, Clock::System).await);
    let client = reqwest::Client::new();
    let asked: Vec<_> = (0..1_000)
        .map(|_| {
            let form = [
                ("grant_type", "client_credentials"),
                ("client_id", "demo-m2m"),
                ("client_secret", "demo-m2m-secret"),
                ("audience", "https://api.example.com/"),
            ];
            tokio::spawn(client.post(server.url("/oauth/token")).form(&form).send())
        })
        .collect();
    let keys = client.get(server.url("/.well-known/jwks.json")).send().await.unwrap();
    assert_eq!(keys.status(), 200);
    let (mut stopped, mut busy) = (0, 0);
    for answer in asked {
        let answer = answer.await.unwrap().unwrap();
        match answer.status().as_u16() {
            500 => stopped += 1,
            503 => {
                assert!(answer.headers().contains_key("retry-after"), "{answer:?}");
                busy += 1;
            }
            other => panic!("{other}: {}", answer.text().await.unwrap()),
        }
    }
    assert!(stopped > 0 && busy > 0, "{stopped} stopped, {busy} busy");
    let (status, body) = server.token(&LOGIN).await;
    assert_eq!(status, 200, "{body}");
}
