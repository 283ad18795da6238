//! A running server on a port of its own, and a browser that logs in at it.

use std::path::PathBuf;
use std::sync::Arc;

use reqwest::Url;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vestibule::app::{App, Surroundings};
use vestibule::clock::{Clock, Random};
use vestibule::config::{Config, Source};

use super::databases;

/// The password of every user of [`CONFIGURATION`].
pub const PASSWORD: &str = "correct horse battery";

/// Clients, APIs and users that the tests share. `ISSUER` and `DATABASE` are replaced.
pub const CONFIGURATION: &str = r#"
issuer = "ISSUER"
tenant = "test"
[database]
url = "DATABASE"
[[clients]]
client_id = "demo-web"
client_secret = "demo-web-secret"
name = "Demo web"
app_type = "regular_web"
grant_types = ["authorization_code", "refresh_token", "password", "http://auth0.com/oauth/grant-type/password-realm"]
callbacks = ["http://localhost:3000/callback"]
allowed_logout_urls = ["http://localhost:3000/"]
web_origins = ["http://localhost:3000"]
client_metadata = { plan = "pro" }
[[clients]]
client_id = "demo-other"
client_secret = "demo-other-secret"
app_type = "regular_web"
grant_types = ["authorization_code", "refresh_token"]
callbacks = ["http://localhost:3001/callback"]
[[clients]]
client_id = "demo-spa"
app_type = "spa"
grant_types = ["authorization_code", "refresh_token"]
callbacks = ["http://localhost:5173/callback"]
web_origins = ["http://localhost:5173"]
[[clients]]
client_id = "demo-implicit"
client_secret = "demo-implicit-secret"
app_type = "regular_web"
grant_types = ["authorization_code", "implicit"]
callbacks = ["http://localhost:3002/callback"]
[[clients]]
client_id = "demo-m2m"
client_secret = "demo-m2m-secret"
app_type = "non_interactive"
grant_types = ["client_credentials"]
[[resource_servers]]
identifier = "https://api.example.com/"
scopes = ["read:things", "write:things"]
allow_offline_access = true
[[resource_servers]]
identifier = "https://rfc9068.example.com/"
scopes = ["read:things"]
token_dialect = "rfc9068_profile"
[[client_grants]]
client_id = "demo-m2m"
audience = "https://api.example.com/"
scope = ["read:things"]
[[roles]]
name = "admin"
[[roles]]
name = "intern"
[[users]]
user_id = "auth0|ada"
email = "ada@example.com"
email_verified = true
password = "correct horse battery"
name = "Ada"
roles = ["admin", "intern"]
app_metadata = { region = "eu", patient = "p-17", permissions = ["read:things"] }
user_metadata = { theme = "dark" }
[[users]]
user_id = "auth0|bob"
email = "bob@example.com"
password = "correct horse battery"
name = "Bob"
"#;

/// A server over TCP with a database, a directory of actions and a configuration of its own.
pub struct Server {
    /// Its issuer, which is also its base URL: `http://127.0.0.1:PORT/`.
    pub issuer: String,
    /// What it serves.
    pub app: Arc<App>,
    /// Its `actions/`.
    pub actions: PathBuf,
    base: Url,
    configuration: String,
    clock: Clock,
    directory: Arc<TempDir>,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts with the given actions (stem, source) and the system's clock.
    pub async fn start(actions: &[(&str, &str)]) -> Self {
        Self::start_with(actions, "", Clock::System).await
    }

    /// Starts with further configuration and another clock.
    pub async fn start_with(actions: &[(&str, &str)], configuration: &str, clock: Clock) -> Self {
        let surroundings = Surroundings { clock, random: Random::seeded(7), ..Surroundings::system(false) };
        Self::start_in(surroundings, None, actions, configuration).await
    }

    /// Starts as `vestibule dev` would.
    pub async fn start_dev() -> Self {
        Self::start_in(Surroundings::system(true), None, &[], "").await
    }

    /// Starts as `vestibule dev` would, with actions and further configuration.
    pub async fn start_dev_with(actions: &[(&str, &str)], configuration: &str) -> Self {
        Self::start_in(Surroundings::system(true), None, actions, configuration).await
    }

    /// Starts behind a proxy that serves this issuer.
    pub async fn start_as(issuer: &str) -> Self {
        Self::start_in(Surroundings::system(false), Some(issuer), &[], "").await
    }

    async fn start_in(
        surroundings: Surroundings,
        public: Option<&str>,
        actions: &[(&str, &str)],
        configuration: &str,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let folder = directory.path().join("actions");
        std::fs::create_dir(&folder).unwrap();
        for (stem, source) in actions {
            let file = folder.join(format!("{stem}.rhai"));
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, source).unwrap();
        }
        let database = match std::env::var("VESTIBULE_TEST_POSTGRES_URL") {
            Ok(server) => databases::postgres(&server).await.url,
            Err(_) => format!("sqlite://{}", directory.path().join("test.db").display()),
        };
        let issuer = public.map_or_else(|| base(&listener).to_string(), str::to_owned);
        let text = format!("{CONFIGURATION}{configuration}").replace("ISSUER", &issuer).replace("DATABASE", &database);
        Self::launch(listener, directory, text, surroundings).await
    }

    async fn launch(
        listener: TcpListener,
        directory: Arc<TempDir>,
        configuration: String,
        surroundings: Surroundings,
    ) -> Self {
        let config = parse(&directory, &configuration);
        let clock = surroundings.clock.clone();
        let app = App::build(&config, surroundings).await.unwrap();
        let (shutdown, base) = (CancellationToken::new(), base(&listener));
        let task = tokio::spawn({
            let (app, shutdown) = (Arc::clone(&app), shutdown.clone());
            async move { vestibule::http::server::serve(listener, app, shutdown).await.unwrap() }
        });
        let (issuer, actions) = (config.issuer, directory.path().join("actions"));
        Self { issuer, app, actions, base, configuration, clock, directory, shutdown, task }
    }

    /// The same clock, but randomness that repeats no id.
    fn again(&self) -> Surroundings {
        Surroundings { clock: self.clock.clone(), ..Surroundings::system(self.app.dev) }
    }

    /// Another process on the same database, as behind a load balancer.
    pub async fn replica(&self) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (directory, configuration) = (Arc::clone(&self.directory), self.configuration.clone());
        Self::launch(listener, directory, configuration, self.again()).await
    }

    /// Ends it and starts it again at the same address.
    pub async fn restart(self) -> Self {
        let (directory, configuration) = (Arc::clone(&self.directory), self.configuration.clone());
        let (surroundings, address) = (self.again(), self.base.socket_addrs(|| None).unwrap()[0]);
        self.stop().await;
        Self::launch(TcpListener::bind(address).await.unwrap(), directory, configuration, surroundings).await
    }

    /// Reads the signing keys again, as every minute.
    pub async fn read_keys(&self) {
        self.app.load_keys(&parse(&self.directory, &self.configuration)).await.unwrap();
    }

    /// The configuration file changes, as a watched one does.
    pub async fn reconfigure(&self, change: impl Fn(&str) -> String) {
        let text = change(&self.configuration);
        assert_ne!(text, self.configuration, "the change changes something");
        self.app.declare(&parse(&self.directory, &text)).await.unwrap();
    }

    /// The text of its configuration.
    pub fn configuration(&self) -> &str {
        &self.configuration
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> Url {
        self.base.join(path.trim_start_matches('/')).unwrap()
    }

    /// Posts a form to the token endpoint: status and body.
    pub async fn token(&self, form: &[(&str, &str)]) -> (u16, Value) {
        let answer = reqwest::Client::new().post(self.url("/oauth/token")).form(form).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// A directory that lives as long as the server.
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Asks it to end, as SIGTERM does.
    pub fn begin_to_stop(&self) {
        self.shutdown.cancel();
    }

    /// Ends it and waits until it has ended.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}

fn base(listener: &TcpListener) -> Url {
    Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap()
}

fn parse(directory: &TempDir, text: &str) -> Config {
    let source = Source { path: directory.path().join("vestibule.toml"), ..Source::default() };
    source.parse(text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A browser: keeps cookies, follows redirects as long as they stay at the server.
pub struct Browser(reqwest::Client);

impl Browser {
    /// Without cookies.
    pub fn new() -> Self {
        Self(reqwest::Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap())
    }

    /// With cookies that others see, too.
    pub fn with_cookies(cookies: Arc<reqwest::cookie::Jar>) -> Self {
        let builder = reqwest::Client::builder().cookie_provider(cookies);
        Self(builder.redirect(reqwest::redirect::Policy::none()).build().unwrap())
    }

    /// Opens an authorization URL, fills the login form in, and returns the URL of the application's callback.
    pub async fn log_in(&self, url: &Url, username: &str, password: &str) -> Url {
        let (page, html) = match self.open(url).await {
            Arrived::Callback(callback) => return callback,
            Arrived::Page(page, html) => (page, html),
        };
        let (action, mut fields) = login_form(&page, &html);
        for (name, value) in &mut fields {
            match name.as_str() {
                "username" => username.clone_into(value),
                "password" => password.clone_into(value),
                _ => {}
            }
        }
        match self.submit(action, &fields).await {
            Arrived::Callback(callback) => callback,
            Arrived::Page(page, html) => panic!("still at {page}: {html}"),
        }
    }

    /// Opens a URL and follows redirects until a page or a foreign address.
    pub async fn open(&self, url: &Url) -> Arrived {
        let answer = self.0.get(url.clone()).send().await.unwrap();
        self.follow(answer).await
    }

    /// Submits a form and follows like [`Browser::open`].
    pub async fn submit(&self, action: Url, fields: &[(String, String)]) -> Arrived {
        let answer = self.0.post(action).form(fields).send().await.unwrap();
        self.follow(answer).await
    }

    async fn follow(&self, mut answer: reqwest::Response) -> Arrived {
        loop {
            let here = answer.url().clone();
            let Some(location) = answer.headers().get("location") else {
                return Arrived::Page(here, answer.text().await.unwrap());
            };
            let next = here.join(location.to_str().unwrap()).unwrap();
            if next.origin() != here.origin() {
                return Arrived::Callback(next);
            }
            answer = self.0.get(next).send().await.unwrap();
        }
    }
}

/// Where a browser ends up.
pub enum Arrived {
    /// At the application: its address with the answer.
    Callback(Url),
    /// At a page of the server.
    Page(Url, String),
}

/// The action and fields of a page's first form with its first submit button, as a browser would send them.
pub fn login_form(page: &Url, html: &str) -> (Url, Vec<(String, String)>) {
    let document = scraper::Html::parse_document(html);
    let select = |selector: &str| scraper::Selector::parse(selector).unwrap();
    let form = document.select(&select("form")).next().unwrap_or_else(|| panic!("no form at {page}: {html}"));
    let mut fields = Vec::new();
    for input in form.select(&select("input[name]")) {
        if input.attr("type") != Some("submit") {
            fields.push((input.attr("name").unwrap().to_owned(), input.attr("value").unwrap_or_default().to_owned()));
        }
    }
    if let Some(button) = form.select(&select("button:not([type=button]), input[type=submit]")).next()
        && let Some(name) = button.attr("name")
    {
        fields.push((name.to_owned(), button.attr("value").unwrap_or_default().to_owned()));
    }
    let action = form.attr("action").map_or_else(|| page.clone(), |action| page.join(action).unwrap());
    (action, fields)
}
