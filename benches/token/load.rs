//! The client: keep-alive connections that each have one request in flight, and as little else as possible.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::child::Child;
use crate::server::{self, PASSWORD};

/// How long each measurement takes.
const DURATION: Duration = Duration::from_millis(1500);

/// What is asked.
#[derive(Clone)]
pub(crate) struct Target {
    address: String,
    path: String,
    body: Body,
}

#[derive(Clone)]
enum Body {
    Same(String),
    /// Each connection goes on with the refresh token that the last answer gave.
    Refresh(Vec<Arc<Mutex<String>>>),
}

/// What came of it.
pub(crate) struct Figures {
    pub(crate) rate: f64,
    pub(crate) cpu_us: f64,
    pub(crate) median_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Target {
    fn new(url: &str, path: &str, body: Body) -> Self {
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { address, path: path.to_owned(), body }
    }

    pub(crate) fn bare(url: &str, signatures: usize) -> Self {
        let body = format!("grant_type=x&client_id=a&client_secret=b&signatures={signatures}");
        Self::new(url, "/oauth/token", Body::Same(body))
    }

    pub(crate) fn machine(url: &str) -> Self {
        let body = "grant_type=client_credentials&client_id=machine&client_secret=machine-secret\
                    &audience=https%3A%2F%2Fapi.example.com%2F";
        Self::new(url, "/oauth/token", Body::Same(body.to_owned()))
    }

    pub(crate) fn refresh(url: &str, families: &[Arc<Mutex<String>>]) -> Self {
        Self::new(url, "/oauth/token", Body::Refresh(families.to_vec()))
    }
}

/// Logs in `count` times, as users from all over the `users`; the refresh tokens.
pub(crate) async fn families(url: &str, count: usize, users: usize) -> Vec<Arc<Mutex<String>>> {
    let mut connection = Connection::open(&Target::new(url, "/oauth/token", Body::Refresh(Vec::new())).address).await;
    let mut families = Vec::with_capacity(count);
    for n in 0..count {
        let login = server::login(n * users / count).replace('@', "%40");
        let body = format!(
            "grant_type=password&client_id=web&client_secret=web-secret&username={login}&password={PASSWORD}\
             &audience=https%3A%2F%2Fapi.example.com%2F&scope=openid%20profile%20email%20offline_access%20read%3Athings"
        );
        let target = Target::new(url, "/oauth/token", Body::Same(body));
        let Body::Same(body) = &target.body else { unreachable!("the line above") };
        let answer = connection.post(&target, body).await;
        families.push(Arc::new(Mutex::new(member(&answer, "refresh_token"))));
    }
    families
}

/// How long it takes from the save of an action to the first answer that shows it, each time, sorted.
pub(crate) async fn saves(server: &Child, count: usize) -> Vec<Duration> {
    let (target, file) = (Target::machine(&server.url), server.path("actions/99-saved.rhai"));
    let Body::Same(body) = &target.body else { unreachable!("a machine always asks for the same") };
    let mut connection = Connection::open(&target.address).await;
    let mut took = Vec::with_capacity(count);
    for n in 0..count {
        let source = format!(
            "fn onExecuteCredentialsExchange(event, api) {{ api.tokenResponse.setCustomParameter(\"saved\", \"{n}.\"); }}"
        );
        std::fs::write(&file, source).unwrap();
        let saved = Instant::now();
        while !connection.post(&target, body).await.contains(&format!("\"saved\":\"{n}.\"")) {
            assert!(saved.elapsed() < Duration::from_secs(10), "a save has no effect");
        }
        took.push(saved.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    took.sort_unstable();
    took
}

/// Sends requests for a while, `in_flight` at a time.
pub(crate) async fn run(server: &Child, target: &Target, in_flight: usize) -> Figures {
    let (cpu, began) = (server.processor_time(), Instant::now());
    let tasks: Vec<_> = (0..in_flight).map(|n| tokio::spawn(client(target.clone(), n, began + DURATION))).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let (took, cpu) = (began.elapsed(), server.processor_time() - cpu);
    latencies.sort_unstable();
    let quantile = |part: usize| latencies[(latencies.len() - 1) * part / 100].as_secs_f64() * 1e3;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let requests = latencies.len() as f64;
    Figures {
        rate: requests / took.as_secs_f64(),
        cpu_us: cpu.as_secs_f64() * 1e6 / requests,
        median_ms: quantile(50),
        p99_ms: quantile(99),
    }
}

async fn client(target: Target, n: usize, end: Instant) -> Vec<Duration> {
    let mut connection = Connection::open(&target.address).await;
    let mut latencies = Vec::new();
    while Instant::now() < end {
        let began = Instant::now();
        match &target.body {
            Body::Same(body) => drop(connection.post(&target, body).await),
            Body::Refresh(families) => {
                let mut token = families[n].lock().await;
                let body =
                    format!("grant_type=refresh_token&client_id=web&client_secret=web-secret&refresh_token={}", *token);
                *token = member(&connection.post(&target, &body).await, "refresh_token");
            }
        }
        latencies.push(began.elapsed());
    }
    latencies
}

fn member(answer: &str, name: &str) -> String {
    let (_, rest) = answer.split_once(&format!("\"{name}\":\"")).unwrap_or_else(|| panic!("no {name}: {answer}"));
    rest.split('"').next().unwrap().to_owned()
}

/// A connection with a request at a time.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::with_capacity(16 * 1024) }
    }

    /// The body of the answer, which must be a good one.
    async fn post(&mut self, target: &Target, body: &str) -> String {
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            target.path,
            target.address,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await.unwrap();
        self.buffer.clear();
        loop {
            assert_ne!(self.stream.read_buf(&mut self.buffer).await.unwrap(), 0, "the server hung up");
            let text = std::str::from_utf8(&self.buffer).unwrap();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() >= length.parse().unwrap() {
                assert!(head.starts_with("HTTP/1.1 200"), "{text}");
                return body.to_owned();
            }
        }
    }
}
