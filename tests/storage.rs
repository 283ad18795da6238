//! What lies on disk: sealed keys, one owner, damage, a full disk, expiry (rows O14, O15, O18, R43, R63 to R76).

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::print_stdout, reason = "times are shown, not judged")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;
use std::time::Duration;

use base64::Engine as _;
use reqwest::Url;
use serde_json::Value;
use sqlx::Connection as _;
use support::process::Project;
use support::{Browser, PASSWORD, Server, databases};
use vestibule::clock::{Clock, Random};
use vestibule::domain::client::Algorithm;
use vestibule::keys::{Keys, SealingKey};
use vestibule::store::Database;

const NOW: i64 = 1_800_000_000;
const CALLBACK: &str = "http://localhost:3000/callback";
const WEB: [(&str, &str); 2] = [("client_id", "demo-web"), ("client_secret", "demo-web-secret")];
const OFFLINE: [(&str, &str); 4] = [
    ("grant_type", "password"),
    ("username", "ada@example.com"),
    ("password", PASSWORD),
    ("scope", "openid offline_access"),
];

fn login() -> Vec<(&'static str, &'static str)> {
    [&WEB[..], &OFFLINE].concat()
}

fn refresh(token: &str) -> Vec<(&str, &str)> {
    [&WEB[..], &[("grant_type", "refresh_token"), ("refresh_token", token)]].concat()
}

fn redeem(code: &str) -> Vec<(&str, &str)> {
    [&WEB[..], &[("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)]].concat()
}

fn text<'a>(body: &'a Value, member: &str) -> &'a str {
    body[member].as_str().unwrap_or_else(|| panic!("no {member} in {body}"))
}

fn authorize_url(issuer: &str) -> Url {
    let query = [
        ("client_id", "demo-web"),
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid offline_access"),
    ];
    Url::parse_with_params(&format!("{issuer}authorize"), query).unwrap()
}

fn code_of(callback: &Url) -> String {
    callback.query_pairs().find(|(name, _)| name == "code").unwrap_or_else(|| panic!("{callback}")).1.into_owned()
}

fn refused(code: i32, output: &Output, expected: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for text in expected {
        assert!(said.contains(text), "{text:?} not in:\n{said}");
    }
}

async fn stored_private_keys(project: &Project) -> Vec<String> {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}", project.path("vestibule.db").display());
    let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
    let rows: Vec<(String,)> = sqlx::query_as("SELECT pkcs8 FROM signing_keys").fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    rows.into_iter().map(|(key,)| key).collect()
}

/// `30` begins every unsealed key (DER); in base64, the letter M.
fn is_sealed(key: &str) -> bool {
    base64::engine::general_purpose::STANDARD.decode(key).unwrap()[0] != 0x30
}

#[tokio::test]
async fn o18_signing_keys_are_sealed_and_the_sealing_key_can_be_changed() {
    let project = Project::new("");
    let process = project.start();
    let jwks = project.get("/.well-known/jwks.json").unwrap().1;
    drop(process);
    assert!(stored_private_keys(&project).await.iter().all(|key| is_sealed(key)));
    let file = project.path("vestibule.key");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let (old, new) = (std::fs::read_to_string(&file).unwrap(), SealingKey::generate().unwrap());
    std::fs::write(&file, &new).unwrap();
    let listen = format!("127.0.0.1:{}", project.port);
    let dev = ["dev", "--listen", listen.as_str()];
    refused(1, &project.command(&dev).output().unwrap(), &["is sealed with another sealing key", "vestibule keys reseal"]);
    refused(1, &project.command(&["keys", "reseal"]).output().unwrap(), &["is sealed with another sealing key"]);
    let output = project.command(&["keys", "reseal"]).env("VESTIBULE_SECRETS__PREVIOUS_KEY", old.trim()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let _process = project.start();
    assert_eq!(project.get("/.well-known/jwks.json").unwrap().1, jwks);
}

#[test]
fn o18_a_missing_sealing_key_is_named_and_never_replaced() {
    let project = Project::new("");
    drop(project.start());
    let (key, safe) = (project.path("vestibule.key"), project.path("safe.key"));
    std::fs::rename(&key, &safe).unwrap();
    for arguments in [&["dev", "--listen", "127.0.0.1:0"][..], &["keys", "rotate"], &["keys", "reseal"]] {
        let output = project.command(arguments).output().unwrap();
        refused(
            1,
            &output,
            &["vestibule.key is missing, and the database has signing keys that it sealed", "from its backup"],
        );
        assert!(!key.exists());
    }
    std::fs::rename(&safe, &key).unwrap();
    let _process = project.start();
}

#[test]
fn r67_a_database_that_begins_anew_beside_its_sealing_key_is_a_warning() {
    let project = Project::new("");
    drop(project.start());
    let warned = || project.log().matches("the database is empty although its sealing key exists").count();
    assert_eq!(warned(), 0, "{}", project.log());
    for suffix in ["-wal", "-shm"] {
        std::fs::remove_file(project.path(&format!("vestibule.db{suffix}"))).ok();
    }
    std::fs::write(project.path("vestibule.db"), "").unwrap();
    drop(project.start());
    assert_eq!(warned(), 1, "{}", project.log());
    drop(project.start());
    assert_eq!(warned(), 1, "{}", project.log());
}

#[tokio::test]
async fn p110_o18_keys_that_lie_readable_are_sealed_at_start() {
    let project = Project::new("");
    let database = Database::connect(&format!("sqlite://{}", project.path("vestibule.db").display())).await.unwrap();
    let key = Keys::generate(Algorithm::RS256, &Clock::System, &Random::system()).unwrap();
    let mut tx = database.tenant("test").begin().await.unwrap();
    tx.insert_first_signing_key(&key).await.unwrap();
    tx.commit().await.unwrap();
    database.close().await;
    assert!(!is_sealed(&stored_private_keys(&project).await[0]));
    let _process = project.start();
    assert!(project.get("/.well-known/jwks.json").unwrap().1.contains(&key.kid));
    assert!(is_sealed(&stored_private_keys(&project).await[0]));
}

#[test]
fn o15_serve_refuses_absent_and_weak_secrets() {
    let project = Project::new("");
    let serve = || project.command(&["serve"]);
    let postgres = project.command(&["serve", "--database", "postgres://nobody@localhost/none"]).output().unwrap();
    refused(2, &postgres, &["secrets.key: without a key", "openssl rand -base64 32"]);
    let weak = "A".repeat(43) + "=";
    refused(2, &serve().env("VESTIBULE_SECRETS__KEY", weak).output().unwrap(), &["the sealing key is too weak"]);
    let short = serve().env("VESTIBULE_CLIENTS__0__CLIENT_SECRET", "from-env-but-short").output().unwrap();
    refused(2, &short, &["clients[0].client_secret: the client secret has fewer than 32 bytes"]);
    assert!(!project.path("vestibule.db").exists());
}

#[tokio::test]
async fn o14_no_secret_is_logged_at_trace_level() {
    let project = Project::new("");
    let mut command = project.command(&["dev", "--listen", &format!("127.0.0.1:{}", project.port)]);
    command.env("RUST_LOG", "trace");
    let _process = project.run(command);
    let issuer = project.url("/");
    let verifier = "the-verifier-of-this-test-the-verifier-of-this-test";
    let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes()));
    let mut url = authorize_url(&issuer);
    url.query_pairs_mut().append_pair("code_challenge", &challenge).append_pair("code_challenge_method", "S256");
    let jar = std::sync::Arc::new(reqwest::cookie::Jar::default());
    let callback = Browser::with_cookies(std::sync::Arc::clone(&jar)).log_in(&url, "ada@example.com", PASSWORD).await;
    let code = code_of(&callback);
    let form = [&redeem(&code)[..], &[("code_verifier", verifier)]].concat();
    let (status, tokens) = project.token(&form).unwrap();
    assert_eq!(status, 200, "{tokens}");
    let mut secrets = vec![code.clone(), verifier.to_owned(), PASSWORD.to_owned(), "demo-web-secret".to_owned()];
    let (_, more) = project.token(&refresh(text(&tokens, "refresh_token"))).unwrap();
    for body in [&tokens, &more] {
        secrets.extend(["access_token", "refresh_token", "id_token"].map(|member| text(body, member).to_owned()));
    }
    // What goes wrong is logged, too.
    assert_eq!(project.token(&form).unwrap().0, 400);
    assert_eq!(project.token(&[("client_id", "demo-web"), ("client_secret", "wrong-client-secret")]).unwrap().0, 401);
    let mut wrong = login();
    wrong.retain(|(name, _)| *name != "password");
    wrong.push(("password", "a-wrong-password"));
    assert!(project.token(&wrong).unwrap().0 >= 400);
    let client = reqwest::Client::new();
    let userinfo = project.url("/userinfo");
    for token in [text(&more, "access_token"), "not-a-token-of-ours"] {
        client.get(&userinfo).bearer_auth(token).send().await.unwrap();
        let form = [("token", token)];
        let introspect = client.post(project.url("/oauth/introspect")).basic_auth("demo-web", Some("demo-web-secret"));
        introspect.form(&form).send().await.unwrap();
    }
    secrets.extend(["wrong-client-secret", "a-wrong-password", "not-a-token-of-ours"].map(str::to_owned));
    let cookies = reqwest::cookie::CookieStore::cookies(&*jar, &Url::parse(&issuer).unwrap());
    let cookies = cookies.unwrap().to_str().unwrap().to_owned();
    secrets.extend(cookies.split("; ").filter_map(|cookie| Some(cookie.split_once('=')?.1.to_owned())));
    secrets.push(std::fs::read_to_string(project.path("vestibule.key")).unwrap().trim().to_owned());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let log = project.log();
    assert!(log.contains("TRACE") && secrets.len() > 12, "the log is at trace level");
    for secret in secrets {
        for shape in [secret.clone(), secret.replace(' ', "+"), secret.replace(' ', "%20")] {
            // The start page shows the demo's secrets; it is no log.
            let found = log.lines().find(|line| {
                line.contains(&shape)
                    && line.contains("TRACE")
                        | line.contains("DEBUG")
                        | line.contains("INFO")
                        | line.contains("WARN")
                        | line.contains("ERROR")
            });
            assert!(found.is_none(), "{shape} is in the log: {found:?}");
        }
    }
}

#[test]
fn r66_a_second_server_on_the_same_file_is_refused() {
    let project = Project::new("");
    let _process = project.start();
    let second = project.command(&["dev", "--listen", "127.0.0.1:0"]).output().unwrap();
    refused(1, &second, &["another server already uses", "several replicas need PostgreSQL"]);
    for arguments in [&["keys", "list"][..], &["keys", "rotate"], &["check"]] {
        let output = project.command(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(project.token(&login()).unwrap().0, 200);
}

#[test]
fn r67_a_damaged_database_is_refused_with_advice_and_left_alone() {
    for damage in ["header", "pages"] {
        let project = Project::new("");
        let mut process = project.start();
        process.signal("TERM");
        assert!(process.ended_within(Duration::from_secs(10)).success());
        let file = project.path("vestibule.db");
        let mut bytes = std::fs::read(&file).unwrap();
        match damage {
            "header" => bytes[..100].fill(0x55),
            _ => bytes[8_192..].chunks_mut(4_096).for_each(|page| page[..64].fill(0xaa)),
        }
        std::fs::write(&file, &bytes).unwrap();
        let output = project.command(&["dev", "--listen", "127.0.0.1:0"]).output().unwrap();
        refused(1, &output, &["restore", "from a backup"]);
        assert_eq!(std::fs::read(&file).unwrap(), bytes, "{damage}: the file is as it was");
    }
}

#[test]
fn r63_a_full_disk_fails_writes_only_and_is_recovered_from() {
    let project = Project::new("");
    let listen = format!("127.0.0.1:{}", project.port);
    let process = project.run(project.limited("-S -f 2400; trap '' XFSZ", &["dev", "--listen", &listen]));
    let (_, body) = project.token(&login()).unwrap();
    let mut token = text(&body, "refresh_token").to_owned();
    let mut refreshes = 0;
    let full = loop {
        let (status, body) = project.token(&refresh(&token)).unwrap();
        match status {
            200 => token = text(&body, "refresh_token").to_owned(),
            _ => break (status, text(&body, "error").to_owned()),
        }
        refreshes += 1;
        assert!(refreshes < 3_000, "the disk is never full");
    };
    assert_eq!(full, (503, "temporarily_unavailable".to_owned()));
    assert_eq!(project.get("/.well-known/jwks.json").unwrap().0, 200);
    let machine = [
        ("client_id", "demo-m2m"),
        ("client_secret", "demo-m2m-secret"),
        ("grant_type", "client_credentials"),
        ("audience", "https://api.example.com/"),
    ];
    assert_eq!(project.token(&machine).unwrap().0, 200);
    let unlimited = rustix::process::Rlimit { current: None, maximum: None };
    let pid = rustix::process::Pid::from_child(&process.0);
    rustix::process::prlimit(Some(pid), rustix::process::Resource::Fsize, unlimited).unwrap();
    let (status, body) = project.token(&refresh(&token)).unwrap();
    assert_eq!(status, 200, "the token that was refused is still good: {body}\n{}", project.log());
}

#[test]
fn r64_lost_permissions_stop_no_server_and_refuse_the_next_start() {
    use std::fs::{Permissions, set_permissions};
    let project = Project::new("");
    let listen = format!("127.0.0.1:{}", project.port);
    let mut process = project.run(project.unprivileged(&["dev", "--listen", &listen]));
    let (_, body) = project.token(&login()).unwrap();
    let files: Vec<_> = ["vestibule.db", "vestibule.db-wal", "vestibule.db-shm"].map(|name| project.path(name)).to_vec();
    let modes = |file: u32, folder: u32| {
        let there = files.iter().filter(|file| file.exists());
        there.for_each(|path| set_permissions(path, Permissions::from_mode(file)).unwrap());
        set_permissions(project.directory.path(), Permissions::from_mode(folder)).unwrap();
    };
    modes(0o400, 0o500);
    // What is open stays open, so writes may still work; if not, the answer says so.
    let (status, answer) = project.token(&login()).unwrap();
    assert!(status == 200 || (status == 503 && answer["error"] == "temporarily_unavailable"), "{status} {answer}");
    assert_eq!(project.get("/.well-known/jwks.json").unwrap().0, 200);
    process.signal("TERM");
    assert!(process.ended_within(Duration::from_secs(15)).success());
    let output = project.unprivileged(&["dev", "--listen", "127.0.0.1:0"]).output().unwrap();
    refused(1, &output, &["vestibule.db"]);
    modes(0o600, 0o700);
    let _process = project.run(project.unprivileged(&["dev", "--listen", &listen]));
    assert_eq!(project.token(&refresh(text(&body, "refresh_token"))).unwrap().0, 200, "nothing is lost");
}

#[test]
fn r19_everything_but_the_data_may_be_read_only() {
    use std::fs::{Permissions, set_permissions};
    let (project, data) = (Project::new(""), tempfile::tempdir().unwrap());
    let (listen, path) = (format!("127.0.0.1:{}", project.port), data.path().display().to_string());
    let database = format!("sqlite://{path}/vestibule.db");
    let arguments = ["dev", "--listen", &listen, "--database", &database];
    let command = if rustix::process::geteuid().is_root() {
        // A file system of its own for the data; the rest of what the process sees cannot be written.
        let mut command = project.shell("exec unshare -m sh -c 'mount -t tmpfs none \"$DATA\" && mount -o remount,bind,ro / && exec \"$0\" \"$@\"' \"$0\" \"$@\"", &arguments);
        command.env("DATA", &path);
        command
    } else {
        set_permissions(project.directory.path(), Permissions::from_mode(0o500)).unwrap();
        project.command(&arguments)
    };
    let mut process = project.run(command);
    let (status, body) = project.token(&login()).unwrap();
    assert_eq!(status, 200, "{body}");
    assert_eq!(project.token(&refresh(text(&body, "refresh_token"))).unwrap().0, 200);
    assert!(!project.path("vestibule.db").exists() && !project.path("vestibule.key").exists());
    process.signal("TERM");
    assert!(process.ended_within(Duration::from_secs(15)).success());
    set_permissions(project.directory.path(), Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn r65_two_hundred_writers_wait_for_each_other() {
    for db in databases::databases().await {
        let store = db.store();
        let writers: Vec<_> = (0..200)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move {
                    let began = std::time::Instant::now();
                    let mut tx = store.begin().await?;
                    tx.put_role(&format!("role-{number}"), "").await?;
                    tx.commit().await.map(|()| began.elapsed())
                })
            })
            .collect();
        let mut times = Vec::new();
        for writer in writers {
            times.push(writer.await.unwrap().unwrap_or_else(|error| panic!("{}: {error}", db.name)));
        }
        times.sort();
        println!("{}: 200 writers at once, median {:?}, slowest {:?}", db.name, times[100], times[199]);
    }
}

#[tokio::test]
async fn r75_nothing_expired_is_accepted_without_the_janitor() {
    let clock = Clock::fixed(NOW);
    let server = Server::start_with(&[], "", clock.clone()).await;
    let browser = Browser::new();
    let code = code_of(&browser.log_in(&authorize_url(&server.issuer), "ada@example.com", PASSWORD).await);
    let (status, tokens) = server.token(&login()).await;
    assert_eq!(status, 200, "{tokens}");
    clock.advance(601);
    assert_eq!(server.token(&redeem(&code)).await.0, 400, "code");
    clock.advance(31 * 86_400);
    let userinfo = reqwest::Client::new().get(server.url("/userinfo")).bearer_auth(text(&tokens, "access_token"));
    assert_eq!(userinfo.send().await.unwrap().status(), 401, "opaque access token");
    assert_eq!(server.token(&refresh(text(&tokens, "refresh_token"))).await.0, 400, "refresh token");
    let mut silent = authorize_url(&server.issuer);
    silent.query_pairs_mut().append_pair("prompt", "none");
    let callback = browser.log_in(&silent, "", "").await;
    assert!(callback.as_str().contains("error=login_required"), "session: {callback}");
}

#[tokio::test]
async fn r43_a_clock_that_jumps_opens_no_reuse_window() {
    let clock = Clock::fixed(NOW);
    let server = Server::start_with(&[], "", clock.clone()).await;
    let browser = Browser::new();
    let code = code_of(&browser.log_in(&authorize_url(&server.issuer), "ada@example.com", PASSWORD).await);
    clock.advance(30);
    let (status, tokens) = server.token(&redeem(&code)).await;
    assert_eq!(status, 200, "{tokens}");
    // A small step back must not make what was issued a moment ago invalid.
    clock.advance(-60);
    let userinfo = reqwest::Client::new().get(server.url("/userinfo")).bearer_auth(text(&tokens, "access_token"));
    assert_eq!(userinfo.send().await.unwrap().status(), 200);
    let (status, rotated) = server.token(&refresh(text(&tokens, "refresh_token"))).await;
    assert_eq!(status, 200, "{rotated}");
    clock.advance(-3_600);
    let (status, body) = server.token(&refresh(text(&tokens, "refresh_token"))).await;
    assert_eq!(status, 400, "a spent refresh token, an hour earlier: {body}");
    for step in [0, 7_200, -3_600] {
        clock.advance(step);
        assert_eq!(server.token(&redeem(&code)).await.0, 400, "code after {step}");
    }
}
