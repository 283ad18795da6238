//! The servers: ours, with three actions; and a bare endpoint that only does what cannot be left out.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Form, State};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vestibule::app::{App, Surroundings};
use vestibule::clock::{Clock, Random};
use vestibule::config::Source;
use vestibule::domain::client::Algorithm;
use vestibule::keys::Keys;

const CONFIGURATION: &str = r#"
issuer = "ISSUER"
tenant = "bench"
[database]
url = "sqlite://bench.db"
[[clients]]
client_id = "machine"
client_secret = "machine-secret"
app_type = "non_interactive"
grant_types = ["client_credentials"]
client_metadata = { plan = "pro", region = "eu" }
[[clients]]
client_id = "web"
client_secret = "web-secret"
app_type = "regular_web"
grant_types = ["authorization_code", "refresh_token", "password"]
callbacks = ["http://localhost:3000/callback"]
client_metadata = { plan = "pro", region = "eu" }
jwt_configuration = { alg = "ALG" }
[[resource_servers]]
identifier = "https://api.example.com/"
scopes = ["read:things", "write:things"]
allow_offline_access = true
signing_alg = "ALG"
[[client_grants]]
client_id = "machine"
audience = "https://api.example.com/"
scope = ["read:things"]
[[roles]]
name = "admin"
[[users]]
user_id = "auth0|ada"
email = "ada@example.com"
email_verified = true
password = "ada-password"
name = "Ada"
roles = ["admin"]
app_metadata = { region = "eu", roles = ["editor", "banned", "author"], permissions = ["read:things"] }
"#;

const ACTIONS: [(&str, &str); 3] = [
    (
        "10-roles",
        r#"
        const NAMESPACE = "https://example.com";
        fn onExecutePostLogin(event, api) {
            let roles = event.user.app_metadata.roles.filter(|role| role != "banned").map(|role| role.toUpperCase());
            api.idToken.setCustomClaim(`${NAMESPACE}/roles`, roles);
            api.accessToken.setCustomClaim(`${NAMESPACE}/roles`, roles);
            api.accessToken.setCustomClaim(`${NAMESPACE}/permissions`, event.user.app_metadata.permissions);
        }
        fn onExecuteCredentialsExchange(event, api) {
            let scopes = event.accessToken.scope.filter(|word| word != "banned").map(|word| word.toUpperCase());
            api.accessToken.setCustomClaim(`${NAMESPACE}/scopes`, scopes);
            api.accessToken.setCustomClaim(`${NAMESPACE}/plan`, event.client.metadata.plan);
        }"#,
    ),
    (
        "20-region",
        r#"
        fn onExecutePostLogin(event, api) {
            api.tokenResponse.setCustomParameter("api_region", event.user.app_metadata.region ?? "eu");
        }
        fn onExecuteCredentialsExchange(event, api) {
            api.tokenResponse.setCustomParameter("api_region", event.client.metadata.region ?? "eu");
        }"#,
    ),
    (
        "30-verified",
        r#"
        fn onExecutePostLogin(event, api) {
            if !event.user.email_verified { api.access.deny("not verified"); }
            api.accessToken.setCustomClaim("https://example.com/email", event.user.email);
        }
        fn onExecuteCredentialsExchange(event, api) {
            if event.client.metadata.plan == "none" { api.access.deny("invalid_request", "no plan"); }
            api.accessToken.setCustomClaim("https://example.com/client", event.client.name);
        }"#,
    ),
];

/// Serves until the process is killed.
pub(crate) async fn vestibule(alg: &str) {
    let null = std::fs::File::create("/dev/null").unwrap();
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter("info,sqlx=warn").with_writer(null).init();
    let directory = std::env::current_dir().unwrap();
    std::fs::create_dir_all(directory.join("actions")).unwrap();
    for (stem, source) in ACTIONS {
        std::fs::write(directory.join(format!("actions/{stem}.rhai")), source).unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}/", listener.local_addr().unwrap());
    let source = Source { path: directory.join("vestibule.toml"), ..Source::default() };
    let config = source.parse(&CONFIGURATION.replace("ISSUER", &issuer).replace("ALG", alg));
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    let app = App::build(&config, Surroundings::system(false)).await.unwrap();
    println!("{issuer}");
    vestibule::http::server::serve(listener, app, CancellationToken::new()).await.unwrap();
}

/// Parses the form, builds 20 claims, signs once or twice.
pub(crate) async fn bare(alg: &str) {
    let algorithm = if alg == "RS256" { Algorithm::RS256 } else { Algorithm::ES256 };
    let key = Keys::generate(algorithm, &Clock::System, &Random::system()).unwrap();
    let state = Arc::new((Keys::new(&[key]).unwrap(), algorithm));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}/", listener.local_addr().unwrap());
    axum::serve(listener, Router::new().route("/oauth/token", post(bare_token)).with_state(state)).await.unwrap();
}

async fn bare_token(
    State(state): State<Arc<(Keys, Algorithm)>>,
    Form(form): Form<HashMap<String, String>>,
) -> Json<Map<String, Value>> {
    let mut answer = Map::new();
    for n in 0..form["signatures"].parse().unwrap() {
        let mut claims = Map::new();
        for claim in 0..20 {
            claims.insert(format!("https://example.com/claim-{claim}"), json!(form["client_id"]));
        }
        answer.insert(format!("token_{n}"), state.0.sign(state.1, "JWT", &claims).unwrap().into());
    }
    Json(answer)
}

/// A server in a process of its own.
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) url: String,
    /// With an empty directory, the key to be made.
    pub(crate) first_start: Duration,
    /// With everything there.
    pub(crate) second_start: Duration,
    _directory: tempfile::TempDir,
}

impl Child {
    pub(crate) fn start(kind: &str, alg: &str) -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (mut first, _, first_start) = spawn(kind, alg, directory.path());
        end(&mut first);
        let (process, url, second_start) = spawn(kind, alg, directory.path());
        Self { process, url, first_start, second_start, _directory: directory }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// User and system time so far.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
    }

    /// Resident memory.
    pub(crate) fn memory_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

fn end(process: &mut std::process::Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}

/// Until the server has said where it listens.
fn spawn(kind: &str, alg: &str, directory: &Path) -> (std::process::Child, String, Duration) {
    let began = Instant::now();
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut process = command.args([kind, alg]).current_dir(directory).stdout(Stdio::piped()).spawn().unwrap();
    let url = BufReader::new(process.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    (process, url, began.elapsed())
}
