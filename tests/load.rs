//! Slow, greedy and too many clients, and an orderly end (rows R30 to R38).

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::print_stdout, reason = "times are shown, not judged")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use support::process::Project;
use support::{PASSWORD, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use vestibule::clock::Clock;

/// Every timeout as short as it may be.
const IMPATIENT: &str = "\n[server]\nheader_timeout_seconds = 1\nbody_timeout_seconds = 1\nidle_timeout_seconds = 1\n\
                         write_timeout_seconds = 1\ndrain_seconds = 1\n";
const MACHINE: [(&str, &str); 4] = [
    ("grant_type", "client_credentials"),
    ("client_id", "demo-m2m"),
    ("client_secret", "demo-m2m-secret"),
    ("audience", "https://api.example.com/"),
];
const LOGIN: [(&str, &str); 5] = [
    ("grant_type", "password"),
    ("client_id", "demo-web"),
    ("client_secret", "demo-web-secret"),
    ("username", "ada@example.com"),
    ("password", PASSWORD),
];
const HALF_HEAD: &str = "GET /readyz HTTP/1.1\r\nhost: x\r\nx-slow: ";
const HALF_BODY: &str = "POST /oauth/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                         content-length: 1000\r\n\r\ngrant_type=";

async fn server(configuration: &str) -> Server {
    Server::start_with(&[], configuration, Clock::System).await
}

async fn connect(server: &Server, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", server.url("/").port().unwrap())).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream
}

/// Everything until the peer closes; panics if it does not within the limit.
async fn rest(stream: &mut TcpStream, limit: Duration) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(limit, stream.read_to_end(&mut bytes)).await;
    assert!(read.is_ok(), "still open after {limit:?}");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn r30_a_graceful_stop_answers_what_is_in_flight() {
    let project = Arc::new(Project::new(""));
    let mut process = project.start();
    let (client, stopping) = (reqwest::Client::new(), Arc::new(AtomicBool::new(false)));
    let load = |form: &'static [(&'static str, &'static str)], again: bool| {
        let (client, project, stopping) = (client.clone(), Arc::clone(&project), Arc::clone(&stopping));
        tokio::spawn(async move {
            loop {
                match client.post(project.url("/oauth/token")).form(form).send().await {
                    Ok(answer) => {
                        assert_eq!(answer.status(), 200);
                        let body: serde_json::Value = answer.json().await.unwrap();
                        assert!(body["access_token"].is_string());
                    }
                    Err(error) => {
                        assert!(error.is_connect() && stopping.load(Ordering::Relaxed), "{form:?} {error:?}");
                        return;
                    }
                }
                if !again {
                    return;
                }
            }
        })
    };
    let mut tasks: Vec<_> = (0..8).map(|_| load(&MACHINE, true)).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    tasks.extend((0..20).map(|_| load(&LOGIN, false)));
    tokio::time::sleep(Duration::from_millis(100)).await;
    stopping.store(true, Ordering::Relaxed);
    process.signal("TERM");
    for task in tasks {
        task.await.unwrap();
    }
    assert!(process.ended_within(Duration::from_secs(12)).success());
}

#[tokio::test]
async fn r30_readiness_is_false_at_once() {
    let server = server("").await;
    server.begin_to_stop();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let answer = reqwest::get(server.url("/readyz")).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["connection"].to_str().unwrap()), (503, "close"));
    server.stop().await;
}

#[tokio::test]
async fn r31_the_drain_is_bounded() {
    let patient = "\n[server]\nheader_timeout_seconds = 60\nbody_timeout_seconds = 25\ndrain_seconds = 1\n";
    let project = Project::new(patient);
    let mut process = project.start();
    let mut sockets = Vec::new();
    for bytes in [HALF_HEAD, "", HALF_BODY] {
        let mut stream = TcpStream::connect(("127.0.0.1", project.port)).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        sockets.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    process.signal("TERM");
    assert!(process.ended_within(Duration::from_secs(4)).success());
}

#[tokio::test]
async fn r31_an_action_that_goes_on_does_not_outlive_the_drain() {
    let patient = "\n[actions]\ndeadline_ms = 20000\nmax_operations = 100000000\n[server]\ndrain_seconds = 1\n";
    let project = Project::new(patient);
    let endless = "fn onExecuteCredentialsExchange(event, api) { loop {} }";
    std::fs::write(project.path("actions/10-endless.rhai"), endless).unwrap();
    let mut process = project.start();
    let asked = reqwest::Client::new().post(project.url("/oauth/token")).form(&MACHINE).send();
    let asked = tokio::spawn(asked);
    tokio::time::sleep(Duration::from_millis(300)).await;
    process.signal("TERM");
    assert!(process.ended_within(Duration::from_secs(6)).success());
    assert!(asked.await.unwrap().is_err(), "there was no answer to give");
}

#[tokio::test(flavor = "multi_thread")]
async fn r32_stalled_connections_are_closed_while_others_are_served() {
    let server = server(IMPATIENT).await;
    let mut stalled = Vec::new();
    for number in 0..200 {
        stalled.push((number % 3, connect(&server, [HALF_HEAD, "", HALF_BODY][number % 3]).await));
    }
    // A byte now and then does not help.
    let began = Instant::now();
    let mut dripping = connect(&server, HALF_HEAD).await;
    let drip = tokio::spawn(async move {
        while dripping.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    assert_eq!(server.token(&MACHINE).await.0, 200);
    for (kind, mut stream) in stalled {
        let answer = rest(&mut stream, Duration::from_secs(5)).await;
        assert_eq!(answer.starts_with("HTTP/1.1 408"), kind == 2, "{answer}");
    }
    drip.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test]
async fn r32_an_idle_connection_is_closed_after_its_time() {
    let server = server(IMPATIENT).await;
    let mut stream = connect(&server, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let began = Instant::now();
    let answer = rest(&mut stream, Duration::from_secs(4)).await;
    assert!(answer.starts_with("HTTP/1.1 200") && began.elapsed() > Duration::from_millis(900), "{answer}");
}

#[tokio::test]
async fn r33_a_flood_of_connections_is_survived() {
    let project = Project::new(IMPATIENT);
    let listen = format!("127.0.0.1:{}", project.port);
    let _process = project.run(project.limited("-n 128", &["dev", "--listen", &listen]));
    let mut flood = Vec::new();
    for _ in 0..400 {
        flood.extend(TcpStream::connect(("127.0.0.1", project.port)).await);
    }
    let began = Instant::now();
    drop(flood);
    assert_eq!(project.get("/readyz").unwrap().0, 200);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(!project.log().contains("cannot accept"), "{}", project.log());
}

#[tokio::test]
async fn r34_a_peer_that_never_reads_is_cut_off() {
    let server = server(IMPATIENT).await;
    let mut stream = connect(&server, "").await;
    let request = "GET /.well-known/jwks.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    let greedy = async { while stream.write_all(request.as_bytes()).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(20), greedy).await.unwrap();
    assert_eq!(server.token(&MACHINE).await.0, 200);
}

/// An HTTP/2 frame (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `GET / HTTP/2` from HPACK's static table.
const GET: [u8; 5] = [0x82, 0x86, 0x84, 0x01, 0x00];

async fn h2_abuse(server: &Server, frames: impl Iterator<Item = Vec<u8>>) {
    let mut stream = connect(server, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    stream.write_all(&frame(4, 0, 0, &[])).await.unwrap();
    for frame in frames {
        if stream.write_all(&frame).await.is_err() {
            break;
        }
    }
    let mut scrap = vec![0; 65_536];
    let closed = async { while stream.read(&mut scrap).await.is_ok_and(|read| read > 0) {} };
    tokio::time::timeout(Duration::from_secs(8), closed).await.expect("the connection is closed");
    assert_eq!(server.token(&MACHINE).await.0, 200);
}

#[tokio::test]
async fn r35_http2_abuse_ends_the_connection() {
    let server = server(IMPATIENT).await;
    let resets = (0..5_000_u32).map(|n| {
        let stream = 2 * n + 1;
        [frame(1, 5, stream, &GET), frame(3, 0, stream, &8_u32.to_be_bytes())].concat()
    });
    h2_abuse(&server, resets).await;
    let endless = std::iter::once(frame(1, 1, 1, &GET)).chain((0..5_000).map(|_| frame(9, 0, 1, &[0x84; 1_000])));
    h2_abuse(&server, endless).await;
}

#[tokio::test]
async fn r36_big_bodies_are_refused_early() {
    let server = server("").await;
    let head = "POST /oauth/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    let mut announced = connect(&server, &format!("{head}content-length: 1000000000\r\n\r\n")).await;
    let answer = rest(&mut announced, Duration::from_secs(2)).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("invalid_request"), "{answer}");
    let mut endless = connect(&server, &format!("{head}transfer-encoding: chunked\r\n\r\n")).await;
    let chunk = format!("2000\r\n{}\r\n", "x".repeat(0x2000));
    let mut sent = 0;
    while sent < 100_000_000 && endless.write_all(chunk.as_bytes()).await.is_ok() {
        sent += chunk.len();
    }
    assert!(sent < 100_000_000, "the server read {sent} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn r37_what_is_beyond_capacity_is_told_so_at_once() {
    let server = Arc::new(server("\n[server]\nmax_requests = 4\n").await);
    let logins: Vec<_> = (0..40)
        .map(|_| {
            let url = server.url("/oauth/token");
            tokio::spawn(async move {
                let answer = reqwest::Client::new().post(url).form(&LOGIN).send().await.unwrap();
                let again = answer.headers().get("retry-after").is_some();
                (answer.status().as_u16(), again, answer.json::<serde_json::Value>().await.unwrap())
            })
        })
        .collect();
    assert_eq!(reqwest::get(server.url("/.well-known/jwks.json")).await.unwrap().status(), 200);
    let (mut served, mut shed) = (0, 0);
    for login in logins {
        match login.await.unwrap() {
            (200, ..) => served += 1,
            (503, true, body) if body["error"] == "temporarily_unavailable" => shed += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(served >= 4 && shed > 0, "{served} served, {shed} shed");
    assert_eq!(server.token(&LOGIN).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn r38_password_hashing_does_not_slow_keys_and_tokens() {
    let server = Arc::new(server("").await);
    let logins: Vec<_> = (0..60)
        .map(|_| {
            tokio::spawn({
                let server = Arc::clone(&server);
                async move { server.token(&LOGIN).await }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let client = reqwest::Client::new();
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..20 {
        let began = Instant::now();
        assert_eq!(client.get(server.url("/.well-known/jwks.json")).send().await.unwrap().status(), 200);
        times[0].push(began.elapsed());
        let began = Instant::now();
        assert_eq!(client.post(server.url("/oauth/token")).form(&MACHINE).send().await.unwrap().status(), 200);
        times[1].push(began.elapsed());
    }
    let waiting = logins.iter().filter(|login| !login.is_finished()).count();
    for (what, times) in ["JWKS", "token"].into_iter().zip(&mut times) {
        times.sort();
        println!("{what} beside sixty logins: median {:?}, slowest {:?}", times[10], times[19]);
    }
    assert!(waiting > 0, "keys and tokens waited for the logins");
    for login in logins {
        login.await.unwrap();
    }
}
