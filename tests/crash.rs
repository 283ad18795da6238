//! Kills the server at random moments under load and looks at what it still knows (rows R60, R62, R72).
//!
//! Nothing that was acknowledged may be lost, and nothing that may be used once may work twice, also when the process died
//! between "marked used" and "answered". `VESTIBULE_CRASH_ROUNDS` sets the number of kills: hundreds in CI, ten thousand by hand.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::print_stderr, reason = "with --nocapture, what the kills were worth")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::{Rng as _, SeedableRng as _};
use reqwest::Url;
use reqwest::cookie::Jar;
use serde_json::Value;
use sqlx::Connection as _;
use support::process::Project;
use support::{Browser, PASSWORD};

const CALLBACK: &str = "http://localhost:3000/callback";
const ROUNDS: u64 = 12;
const WORKERS: usize = 8;
/// Enough for a busy machine and a debug build; the row asks for two seconds of a release.
const RESTART: Duration = Duration::from_secs(5);

fn rounds() -> u64 {
    std::env::var("VESTIBULE_CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().expect("a number of rounds"))
}

/// Something that may be used once.
#[derive(Clone, Debug)]
enum Once {
    Code(String),
    Refresh(String),
}

/// What a client of the crashed server knows.
#[derive(Debug, Default)]
struct Ledger {
    /// Received and never presented: must work.
    unused: Vec<Once>,
    /// Presented, and the connection broke: may work once.
    doubtful: Vec<Once>,
    /// Presented with success: must never work again.
    spent: Vec<Once>,
}

/// An application with a user who is logged in.
#[derive(Clone)]
struct Application {
    client: reqwest::Client,
    issuer: String,
}

impl Application {
    fn new(project: &Project, cookies: &Arc<Jar>) -> Self {
        let builder = reqwest::Client::builder().cookie_provider(Arc::clone(cookies));
        let client = builder.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { client, issuer: project.url("/") }
    }

    fn authorize_url(&self) -> Url {
        let query = [
            ("client_id", "demo-web"),
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid offline_access"),
        ];
        Url::parse_with_params(&format!("{}authorize", self.issuer), query).unwrap()
    }

    /// A code by single sign-on; `None` if the connection broke.
    async fn code(&self) -> Option<Once> {
        let answer = self.client.get(self.authorize_url()).send().await.ok()?;
        let location = answer.headers().get("location").map(|location| location.to_str().unwrap().to_owned());
        let location = location.unwrap_or_else(|| panic!("no redirect: {answer:?}"));
        let callback = Url::parse(&location).unwrap_or_else(|_| panic!("the session is lost: {location}"));
        let code = callback.query_pairs().find(|(name, _)| name == "code");
        Some(Once::Code(code.unwrap_or_else(|| panic!("{callback}")).1.into_owned()))
    }

    /// Presents it: status and body; `None` if the connection broke.
    async fn present(&self, once: &Once) -> Option<(u16, Value)> {
        let mut form = vec![("client_id", "demo-web"), ("client_secret", "demo-web-secret")];
        match once {
            Once::Code(code) => {
                form.extend([("grant_type", "authorization_code"), ("redirect_uri", CALLBACK), ("code", code)]);
            }
            Once::Refresh(token) => form.extend([("grant_type", "refresh_token"), ("refresh_token", token)]),
        }
        let answer = self.client.post(format!("{}oauth/token", self.issuer)).form(&form).send().await.ok()?;
        Some((answer.status().as_u16(), answer.json().await.ok()?))
    }

    /// Works until the server dies: codes, redemptions, three refreshes; every fourth code is kept.
    async fn work(self) -> Ledger {
        let mut ledger = Ledger::default();
        for turn in 0.. {
            let Some(code) = self.code().await else { break };
            if turn % 4 == 3 {
                ledger.unused.push(code);
                continue;
            }
            let Some(token) = self.spend(code, &mut ledger).await else { break };
            let mut current = token;
            for _ in 0..3 {
                let Some(next) = self.spend(current, &mut ledger).await else { return ledger };
                current = next;
            }
            ledger.unused.push(current);
        }
        ledger
    }

    /// The refresh token that comes of it.
    async fn spend(&self, once: Once, ledger: &mut Ledger) -> Option<Once> {
        let Some((status, body)) = self.present(&once).await else {
            ledger.doubtful.push(once);
            return None;
        };
        assert_eq!(status, 200, "{once:?}: {body}");
        ledger.spent.push(once);
        Some(Once::Refresh(body["refresh_token"].as_str().unwrap().to_owned()))
    }

    /// Compares what the server knows with what it has said. Replays revoke what came of them, so they come last.
    async fn settle(&self, ledger: &Ledger) {
        for once in &ledger.unused {
            let (status, body) = self.present(once).await.unwrap();
            assert_eq!(status, 200, "an acknowledged {once:?} is lost: {body}");
        }
        for once in &ledger.doubtful {
            let (first, second) = tokio::join!(self.present(once), self.present(once));
            let worked = [first, second].into_iter().flatten().filter(|(status, _)| *status == 200).count();
            assert!(worked <= 1, "{once:?} worked twice");
        }
        for once in ledger.spent.iter().rev().take(20) {
            let (status, body) = self.present(once).await.unwrap();
            assert_eq!((status, body["error"].as_str()), (400, Some("invalid_grant")), "{once:?} worked twice");
        }
    }
}

async fn is_whole(project: &Project) {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}", project.path("vestibule.db").display());
    let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
    let (found,): (String,) = sqlx::query_as("PRAGMA integrity_check").fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    assert_eq!(found, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn r60_r62_a_crash_loses_nothing_and_lets_nothing_work_twice() {
    let seed = rand_chacha::rand_core::RngCore::next_u64(&mut rand_chacha::ChaCha20Rng::from_os_rng());
    let mut chance = rand_chacha::ChaCha20Rng::seed_from_u64(seed);
    let (project, cookies) = (Project::new(""), Arc::new(Jar::default()));
    let mut process = project.start();
    let login = Application::new(&project, &cookies).authorize_url();
    Browser::with_cookies(Arc::clone(&cookies)).log_in(&login, "ada@example.com", PASSWORD).await;
    let (mut unused, mut doubtful, mut spent, mut slowest) = (0, 0, 0, Duration::ZERO);
    for round in 0..rounds() {
        let application = Application::new(&project, &cookies);
        let workers: Vec<_> = (0..WORKERS).map(|_| tokio::spawn(application.clone().work())).collect();
        tokio::time::sleep(Duration::from_millis(chance.random_range(1..250))).await;
        drop(process); // kill -9
        let mut ledgers = Vec::new();
        for worker in workers {
            ledgers.push(worker.await.unwrap_or_else(|error| panic!("round {round}, seed {seed}: {error}")));
        }
        let began = Instant::now();
        process = project.start();
        slowest = slowest.max(began.elapsed());
        is_whole(&project).await;
        let application = Application::new(&project, &cookies);
        for ledger in &ledgers {
            application.settle(ledger).await;
            unused += ledger.unused.len();
            doubtful += ledger.doubtful.len();
            spent += ledger.spent.len();
        }
    }
    assert!(slowest < RESTART, "a restart took {slowest:?}");
    assert!(spent > 0 && doubtful > 0, "the load was none: {spent} spent, {doubtful} doubtful");
    eprintln!("{} kills: {unused} unused, {doubtful} doubtful, {spent} spent; slowest start {slowest:?}", rounds());
}

#[test]
fn r72_a_crash_while_the_schema_is_made_is_survived() {
    for step in 0..8 {
        let project = Project::new("");
        let mut child = project.command(&["dev", "--listen", &format!("127.0.0.1:{}", project.port)]);
        let mut child = child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(10 + 15 * step));
        child.kill().unwrap();
        child.wait().unwrap();
        let _process = project.start();
        assert_eq!(project.get("/.well-known/jwks.json").unwrap().0, 200);
    }
}
