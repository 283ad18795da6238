//! The servers: ours, with three actions; and a bare endpoint that only does what cannot be left out.

use std::collections::HashMap;
use std::sync::Arc;

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
use vestibule::domain::user::User;
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

/// The password of all users.
pub(crate) const PASSWORD: &str = "ada-password";

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

/// How much of everything there is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) actions: usize,
    pub(crate) users: usize,
}

impl Size {
    /// Three actions, one user.
    pub(crate) const USUAL: Self = Self { actions: ACTIONS.len(), users: 1 };
}

/// Serves until the process is killed; with `watch`, reloads the actions when they change.
pub(crate) async fn vestibule(alg: &str, size: Size, watch: bool) {
    let null = std::fs::File::create("/dev/null").unwrap();
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter("info,sqlx=warn").with_writer(null).init();
    let directory = std::env::current_dir().unwrap();
    std::fs::create_dir_all(directory.join("actions")).unwrap();
    for (number, (stem, source)) in ACTIONS.iter().cycle().take(size.actions).enumerate() {
        std::fs::write(directory.join(format!("actions/{number}-{stem}.rhai")), source).unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}/", listener.local_addr().unwrap());
    let source = Source { path: directory.join("vestibule.toml"), ..Source::default() };
    let config = source.parse(&CONFIGURATION.replace("ISSUER", &issuer).replace("ALG", alg));
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    let app = App::build(&config, Surroundings::system(false)).await.unwrap();
    sign_up(&app, size.users - 1).await;
    println!("{issuer}");
    let (reloader, shutdown) = (Arc::clone(&app.reloader), CancellationToken::new());
    let watching = shutdown.clone();
    if watch {
        tokio::spawn(async move { reloader.watch(|_| {}, watching).await });
    }
    vestibule::http::server::serve(listener, app, shutdown).await.unwrap();
}

/// The login of the user of a number; 0 is the declared one.
pub(crate) fn login(number: usize) -> String {
    if number == 0 { "ada@example.com".to_owned() } else { format!("user-{number}@example.com") }
}

/// Further users like the declared one, unless they are there. They share a password and its hash.
async fn sign_up(app: &App, users: usize) {
    if users == 0 || app.store.user(&format!("auth0|user-{users}")).await.unwrap().is_some() {
        return;
    }
    let (ada, hash) = (app.store.user("auth0|ada").await.unwrap().unwrap(), app.passwords.hash(PASSWORD).await.unwrap());
    let numbers: Vec<usize> = (1..=users).collect();
    for some in numbers.chunks(1_000) {
        let mut tx = app.store.begin().await.unwrap();
        for number in some {
            let user = User { user_id: format!("auth0|user-{number}"), email: Some(login(*number)), ..ada.clone() };
            assert!(tx.create_user(&user, &hash).await.unwrap());
        }
        tx.commit().await.unwrap();
    }
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
