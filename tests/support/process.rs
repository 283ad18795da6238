//! The built binary as a process of its own, for what cannot be seen from inside: signals, crashes, limits, the log.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::server::CONFIGURATION;

/// A directory with a configuration, actions and a database, and the port that its issuer names.
pub struct Project {
    pub directory: TempDir,
    pub port: u16,
}

impl Project {
    /// The clients and users of all tests, and further configuration.
    pub fn new(configuration: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("actions")).unwrap();
        let text = format!("{CONFIGURATION}{configuration}")
            .replace("ISSUER", &format!("http://127.0.0.1:{port}/"))
            .replace("DATABASE", "sqlite://vestibule.db");
        let project = Self { directory, port };
        std::fs::write(project.path("vestibule.toml"), text).unwrap();
        project
    }

    /// A path below the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A URL of the server.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The binary with these arguments, and no setting from outside.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        self.prepare(&mut command);
        command.args(arguments);
        command
    }

    /// As [`Project::command`], under a limit of the shell (`ulimit`).
    pub fn limited(&self, limit: &str, arguments: &[&str]) -> Command {
        self.shell(&format!("ulimit {limit}; exec \"$0\" \"$@\""), arguments)
    }

    /// A script of the shell to which `"$0" "$@"` is the command.
    pub fn shell(&self, script: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("sh");
        self.prepare(&mut command);
        command.args(["-c", script, env!("CARGO_BIN_EXE_vestibule")]).args(arguments);
        command
    }

    /// As [`Project::command`], bound by the permissions of files even when root runs the tests.
    pub fn unprivileged(&self, arguments: &[&str]) -> Command {
        if !rustix::process::geteuid().is_root() {
            return self.command(arguments);
        }
        let mut command = Command::new("setpriv");
        self.prepare(&mut command);
        let without = ["--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-dac_override,-dac_read_search"];
        command.args(without).arg(env!("CARGO_BIN_EXE_vestibule")).args(arguments);
        command
    }

    fn prepare(&self, command: &mut Command) {
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VESTIBULE_")) {
            command.env_remove(name);
        }
        command.current_dir(self.directory.path()).env_remove("RUST_LOG").stdin(Stdio::null());
    }

    /// Starts `dev` on the port and waits until it is ready.
    pub fn start(&self) -> Process {
        self.run(self.command(&["dev", "--listen", &format!("127.0.0.1:{}", self.port)]))
    }

    /// Starts a prepared command and waits until it is ready.
    pub fn run(&self, mut command: Command) -> Process {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let mut process = Process(command.spawn().unwrap());
        let began = Instant::now();
        while self.get("/readyz").is_none_or(|(status, _)| status != 200) {
            let ended = process.0.try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < Duration::from_secs(30), "not ready: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        process
    }

    /// What the processes of this project have printed.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Status and body; `None` if the connection broke.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        exchange(self.port, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"))
    }

    /// Posts a form to the token endpoint: status and body; `None` if the connection broke before the answer was complete.
    pub fn token(&self, form: &[(&str, &str)]) -> Option<(u16, Value)> {
        let body = form_urlencoded(form);
        let (status, body) = exchange(
            self.port,
            &format!(
                "POST /oauth/token HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                 content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ),
        )?;
        Some((status, serde_json::from_str(&body).ok()?))
    }
}

/// A running server; killed when dropped.
pub struct Process(pub Child);

impl Process {
    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.0.id())]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the end, at most so long.
    pub fn ended_within(&mut self, limit: Duration) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < limit, "still running after {limit:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until something holds; half a minute is for ever.
pub fn eventually(holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "it does not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn form_urlencoded(form: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(form).unwrap()
}

/// One request on a connection of its own.
fn exchange(port: u16, request: &str) -> Option<(u16, String)> {
    use std::io::Write as _;
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    (length.parse::<usize>().ok()? == body.len()).then_some(())?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}
