//! The binary as a running server: saves, signals, rotated keys.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use vestibule::clock::Clock;
use vestibule::keys::Keys;

use super::{ACTION, CONFIGURATION, command, exits, project, stdout, vestibule};

/// What `serve` accepts: no secret in the file, an https issuer.
const PRODUCTION: &str = r#"
issuer = "https://login.example.com/"
[[clients]]
client_id = "machine"
client_secret = { env = "MACHINE_SECRET" }
app_type = "non_interactive"
[[resource_servers]]
identifier = "https://api.example.com/"
[[client_grants]]
client_id = "machine"
audience = "https://api.example.com/"
"#;
const SECRET: &str = "machine-secret-of-at-least-32-bytes";

/// An action of machines that sets one member of the token response.
fn sets(value: &str) -> String {
    format!("fn onExecuteCredentialsExchange(event, api) {{ api.tokenResponse.setCustomParameter(\"mark\", \"{value}\"); }}")
}

/// A file that only its owner may read.
fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

struct Running {
    child: Child,
    port: u16,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Ready when discovery answers.
    fn start(directory: &Path, subcommand: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = command(directory, &[subcommand, "--listen", &format!("127.0.0.1:{port}")])
            .env("MACHINE_SECRET", SECRET)
            .stdout(fs::File::create(directory.join("stdout")).unwrap())
            .stderr(fs::File::create(directory.join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let running = Self { child, port };
        eventually(|| running.request("GET /.well-known/openid-configuration", "").contains("\"issuer\""));
        running
    }

    /// The whole answer; empty if there is none.
    fn request(&self, line: &str, body: &str) -> String {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return String::new() };
        let head = "Host: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded";
        let _ = write!(stream, "{line} HTTP/1.1\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    fn machine_token(&self, secret: &str) -> String {
        let who = format!("client_id=machine&client_secret={secret}");
        self.request("POST /oauth/token", &format!("grant_type=client_credentials&{who}&audience=https://api.example.com/"))
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    fn end(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

fn eventually(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(30), "never");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn dev_uses_what_is_saved_and_counts_reloads() {
    let project = project(CONFIGURATION, ACTION);
    let server = Running::start(project.path(), "dev");
    let file = project.path().join("actions/20-mark.rhai");
    fs::write(&file, sets("one")).unwrap();
    eventually(|| server.machine_token("machine-secret").contains(r#""mark":"one""#));
    fs::write(&file, "fn onExecuteCredentialsExchange(event, api) { oops").unwrap();
    let metrics = || server.request("GET /metrics", "");
    eventually(|| metrics().contains(r#"vestibule_reloads_total{outcome="failed"} 1"#));
    assert!(metrics().contains(r#"vestibule_reloads_total{outcome="ok"} 2"#), "the first set and the saved one");
    assert!(server.request("GET /healthz", "").contains(r#""last_reload":"refused""#));
    assert!(server.machine_token("machine-secret").contains(r#""mark":"one""#), "the last good set serves");
    let changed = CONFIGURATION.replace("\"machine-secret\"", "\"another-secret\"");
    fs::write(project.path().join("vestibule.toml"), changed).unwrap();
    eventually(|| server.machine_token("another-secret").contains(r#""mark":"one""#));
}

/// A client that asks for HS256.
fn symmetric(client_id: &str, secret: &str) -> String {
    format!(
        "[[clients]]\nclient_id = \"{client_id}\"\nclient_secret = \"{secret}\"\ngrant_types = [\"password\"]\n\
         jwt_configuration = {{ alg = \"HS256\" }}\n"
    )
}

#[test]
fn a_changed_secret_authenticates_and_signs_at_once() {
    let (old, new) = ("the old secret of more than thirty-two bytes", "the new secret of more than thirty-two bytes");
    let project = project(&format!("{CONFIGURATION}{}", symmetric("signs", old)), ACTION);
    let server = Running::start(project.path(), "dev");
    let signed = |client_id: &str, secret: &str| {
        let user = "username=ada@example.com&password=ada-password&scope=openid";
        let who = format!("client_id={client_id}&client_secret={}", secret.replace(' ', "+"));
        let answer = server.request("POST /oauth/token", &format!("grant_type=password&{who}&{user}"));
        let (_, rest) = answer.split_once("\"id_token\":\"")?;
        let token = rest.split('"').next()?.to_owned();
        Some(Keys::verify_hs256(&token, secret, "http://localhost:8484/", Clock::System.now(), false).is_ok())
    };
    assert_eq!(signed("signs", old), Some(true));
    let changed = format!("{CONFIGURATION}{}{}", symmetric("signs", new), symmetric("late", new));
    fs::write(project.path().join("vestibule.toml"), changed).unwrap();
    eventually(|| fs::read_to_string(project.path().join("stdout")).unwrap().contains("vestibule.toml applied"));
    assert_eq!((signed("signs", old), signed("signs", new)), (None, Some(true)));
    assert_eq!(signed("late", new), Some(true), "a client that a reload brought");
    let told = fs::read_to_string(project.path().join("stderr")).unwrap();
    assert!(!told.contains("next start"), "{told}");
}

#[test]
fn text_of_a_request_neither_begins_a_line_of_the_log_nor_steers_the_terminal() {
    let project = project(CONFIGURATION, ACTION);
    let server = Running::start(project.path(), "dev");
    let hostile = "abc%0a2026-01-01T00:00:00Z%20%20INFO%20FAKE%1b%5b31m%c2%9b31m%0d";
    for path in ["/oauth/token", "/oauth/revoke", "/oauth/introspect"] {
        let body = format!("grant_type=client_credentials&token=x&client_secret=y&client_id={hostile}");
        assert!(server.request(&format!("POST {path}"), &body).contains("401"), "{path}");
    }
    server.request(&format!("GET /authorize?client_id={hostile}&redirect_uri={hostile}"), "");
    let log = || fs::read_to_string(project.path().join("stderr")).unwrap();
    eventually(|| log().matches("FAKE").count() >= 4);
    let log = log();
    assert!(!log.lines().any(|line| line.starts_with("2026-01-01")), "{log:?}");
    assert!(!log.contains(|c: char| c.is_control() && c != '\n'), "{log:?}");
    assert!(log.contains(r"abc\n2026"), "{log}");
}

#[test]
fn serve_reloads_on_a_hangup_only_and_picks_up_rotated_keys() {
    let project = project(PRODUCTION, &sets("one"));
    let server = Running::start(project.path(), "serve");
    fs::write(project.path().join("actions/10-test.rhai"), sets("two")).unwrap();
    std::thread::sleep(Duration::from_millis(400));
    assert!(server.machine_token(SECRET).contains(r#""mark":"one""#), "nobody asked for a reload");
    let rotated = command(project.path(), &["keys", "rotate"]).env("MACHINE_SECRET", SECRET).output().unwrap();
    let kid = stdout(&rotated).split_whitespace().nth(1).unwrap().to_owned();
    server.signal("-HUP");
    eventually(|| server.machine_token(SECRET).contains(r#""mark":"two""#));
    eventually(|| server.request("GET /.well-known/jwks.json", "").contains(&kid));
}

/// Clients with PS256 and ES256, an API with RS512; the keys are there once the server has started.
fn with_keys_of_every_kind(project: &Path) -> Running {
    let several = CONFIGURATION
        .replace("client_id = \"web\"\n", "client_id = \"web\"\njwt_configuration = { alg = \"PS256\" }\n")
        .replace(
            "app_type = \"non_interactive\"\n",
            "app_type = \"non_interactive\"\njwt_configuration = { alg = \"ES256\" }\n",
        )
        .replace("scopes = [\"read:things\"]\n", "scopes = [\"read:things\"]\nsigning_alg = \"RS512\"\n");
    fs::write(project.join("vestibule.toml"), several).unwrap();
    Running::start(project, "dev")
}

/// Kinds and states of `keys list`, sorted, without ids and times.
fn listed(project: &Path) -> Vec<String> {
    let text = stdout(&vestibule(project, &["keys", "list"]));
    let state = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let told = words[4..].iter().filter(|word| !word.starts_with("20"));
        format!("{}: {}", words[1], told.copied().collect::<Vec<_>>().join(" "))
    };
    let mut lines: Vec<_> = text.lines().map(state).collect();
    lines.sort();
    lines
}

#[test]
fn a_rotation_of_rsa_keys_rotates_those_of_every_rsa_algorithm() {
    let project = project(CONFIGURATION, ACTION);
    let _server = with_keys_of_every_kind(project.path());
    assert_eq!(listed(project.path()), ["EC: signs", "RSA-PS256: signs", "RSA-RS512: signs", "RSA: signs"]);
    let told = stdout(&vestibule(project.path(), &["keys", "rotate", "--kind", "rsa", "--now"]));
    let kinds: Vec<_> = told.lines().filter_map(|line| line.split_once(' ')).map(|(kind, _)| kind).take(3).collect();
    assert_eq!(kinds, ["RSA", "RSA-RS512", "RSA-PS256"], "{told}");
    assert_eq!(listed(project.path()).len(), 7, "four signed and three were made");
    let told = stdout(&vestibule(project.path(), &["keys", "rotate", "--now"]));
    assert!(["RSA ", "RSA-RS512 ", "RSA-PS256 ", "EC "].iter().all(|kind| told.contains(kind)), "{told}");
    let states = listed(project.path());
    let (signing, old): (Vec<_>, Vec<_>) = states.iter().partition(|state| state.ends_with(": signs"));
    assert_eq!(signing, ["EC: signs", "RSA-PS256: signs", "RSA-RS512: signs", "RSA: signs"]);
    assert_eq!(old.len(), 7, "{states:?}");
}

#[test]
fn a_rotation_at_once_overtakes_those_that_were_planned() {
    let project = project(CONFIGURATION, ACTION);
    for _ in 0..3 {
        assert!(vestibule(project.path(), &["keys", "rotate", "--kind", "ec"]).status.success());
    }
    let planned = ["EC: published, signs next, from", "EC: published, signs next, from until", "EC: signs until"];
    assert_eq!(listed(project.path()), planned);
    let told = stdout(&vestibule(project.path(), &["keys", "rotate", "--kind", "ec", "--now"]));
    let kid = told.split_whitespace().nth(1).unwrap();
    let text = stdout(&vestibule(project.path(), &["keys", "list"]));
    assert_eq!(text.matches("still published").count(), 3, "{text}");
    assert!(text.lines().any(|line| line.contains(kid) && line.ends_with("  signs")), "{text}");
}

#[test]
fn a_terminated_server_finishes_the_request_in_flight() {
    let busy = "fn onExecuteCredentialsExchange(event, api) {
    let n = 0;
    while n < 600000 { n += 1; }
    api.tokenResponse.setCustomParameter(\"mark\", \"late\");
}";
    let limits = "[actions]\ndeadline_ms = 60000\nmax_operations = 100000000\n";
    let project = project(&PRODUCTION.replacen("[[clients]]", &format!("{limits}[[clients]]"), 1), busy);
    let mut server = Running::start(project.path(), "serve");
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| server.machine_token(SECRET));
        std::thread::sleep(Duration::from_millis(200));
        server.signal("-TERM");
        let answer = answer.join().unwrap();
        assert!(answer.contains(r#""mark":"late""#), "{answer}");
    });
    assert!(server.end().success());
}

/// Tells its secret wherever an action can.
const LEAKY: &str = r#"fn onExecuteCredentialsExchange(event, api) {
    let key = event.secrets.KEY;
    print("secret: " + key);
    console.error("again", key);
    api.accessToken.addScope(key);
    api.accessToken.setCustomClaim("iss", key);
    switch event.request.body.wish {
        "throw" => throw "failed with " + key,
        "deny" => api.access.deny("denied " + key),
        _ => (),
    }
}"#;

#[test]
fn no_secret_of_an_action_stands_in_the_log_or_in_a_refusal() {
    let key = "Act/key&4711";
    let settings =
        "[actions]\nreport_after_failures = 1\n[actions.settings.10-test.secrets]\nKEY = { file = \"act.key\" }\n";
    let project = project(&PRODUCTION.replacen("[[clients]]", &format!("{settings}[[clients]]"), 1), LEAKY);
    private(&project.path().join("act.key"), key);
    let server = Running::start(project.path(), "serve");
    let ask = |wish: &str| {
        let who = format!("client_id=machine&client_secret={SECRET}&wish={wish}");
        let form = format!("grant_type=client_credentials&{who}&audience=https://api.example.com/");
        server.request("POST /oauth/token", &form)
    };
    let answer = ask("nothing");
    assert!(answer.contains("access_token"), "{answer}");
    assert!(ask("deny").contains(r#""error_description":"denied [redacted]""#), "{}", ask("deny"));
    assert!(ask("throw").contains("an action failed"));
    let log = fs::read_to_string(project.path().join("stderr")).unwrap();
    for told in [
        "print: secret: [redacted]",
        "print: error: again [redacted]",
        "error[V0030]: failed with [redacted]",
        "an action keeps failing",
        "denied [redacted]",
        r#""name":"[redacted]""#,
    ] {
        assert!(log.contains(told), "{told} in {log}");
    }
    assert!(!log.contains("4711"), "{log}");
}

#[test]
fn serve_and_check_refuse_files_that_everybody_may_read_or_write() {
    let secret = format!("{SECRET}-in-a-file");
    let configuration = PRODUCTION.replace("{ env = \"MACHINE_SECRET\" }", "{ file = \"machine.secret\" }");
    let project = project(&configuration, &sets("one"));
    let path = |name: &str| project.path().join(name);
    private(&path("machine.secret"), &secret);
    private(&path("vestibule.key"), &::vestibule::keys::SealingKey::generate().unwrap());
    exits(&vestibule(project.path(), &["check", "--production"]), 0);
    let opened = [
        ("machine.secret", 0o604),
        ("vestibule.key", 0o644),
        ("vestibule.key", 0o602),
        ("vestibule.toml", 0o646),
        ("actions/10-test.rhai", 0o646),
    ];
    for (name, mode) in opened {
        let permissions = fs::metadata(path(name)).unwrap().permissions();
        fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
        for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["check", "--production"]] {
            let output = vestibule(project.path(), arguments);
            let text = super::stderr(&output);
            assert!(
                !output.status.success() && text.contains(name) && text.contains("by every user of this machine"),
                "{text}"
            );
            assert!(text.contains("hint: chmod "), "{text}");
        }
        fs::set_permissions(path(name), permissions).unwrap();
    }
    fs::set_permissions(path("vestibule.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    exits(&vestibule(project.path(), &["check", "--production"]), 0);
}

#[test]
fn serve_refuses_the_demo_with_a_list() {
    let project = project(CONFIGURATION, ACTION);
    let output = vestibule(project.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(2));
    let text = super::stderr(&output);
    for wanted in ["clients[0].client_secret", "clients[1].client_secret", "users[0].password", "hint: "] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
}

#[test]
fn dev_shows_what_the_analysis_finds_at_the_start_and_after_a_save() {
    let project = project(CONFIGURATION, "fn onExecutePostLogin(event, api) { event.user.emial }");
    let server = Running::start(project.path(), "dev");
    let told = |text: &str| fs::read_to_string(project.path().join("stderr")).unwrap().contains(text);
    eventually(|| told("error[V0031]: unknown property `emial` of `event.user`"));
    assert!(server.machine_token("machine-secret").contains("access_token"), "a finding stops nothing");
    fs::write(project.path().join("actions/10-test.rhai"), "fn onExecutePostLogin(event, api) { event.user.nme }").unwrap();
    eventually(|| told("error[V0031]: unknown property `nme` of `event.user`"));
}
