//! The binary as a running server: saves, signals, rotated keys.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

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
            .stdout(Stdio::null())
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
