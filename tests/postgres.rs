//! PostgreSQL goes away and comes back, hangs, or undoes what it was asked to do (rows R68, R70, R71). Needs
//! `VESTIBULE_TEST_POSTGRES_URL`; the server reaches it through a proxy that can be switched off or fall silent.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Url;
use sqlx::{Connection as _, Executor as _};
use support::process::Project;
use support::{PASSWORD, databases};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const LOGIN: [(&str, &str); 6] = [
    ("grant_type", "password"),
    ("client_id", "demo-web"),
    ("client_secret", "demo-web-secret"),
    ("username", "ada@example.com"),
    ("password", PASSWORD),
    ("scope", "openid offline_access"),
];

/// What the proxy does with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// Forwards them.
    Up,
    /// Cuts them.
    Cut,
    /// Keeps them and carries nothing, now or later, as a firewall does that has forgotten them.
    Silent,
}

async fn proxy(listener: TcpListener, upstream: (String, u16), line: watch::Receiver<Line>) {
    loop {
        let (inside, _) = listener.accept().await.unwrap();
        tokio::spawn(carry(inside, upstream.clone(), line.clone()));
    }
}

async fn carry(mut inside: TcpStream, upstream: (String, u16), mut line: watch::Receiver<Line>) {
    let mut outside = TcpStream::connect(upstream).await.unwrap();
    if *line.borrow_and_update() == Line::Up {
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut inside, &mut outside) => return,
            _ = line.changed() => {}
        }
    }
    if *line.borrow() == Line::Silent {
        // Read and thrown away, so that the other side sees no full window and no end.
        tokio::io::copy(&mut inside, &mut tokio::io::sink()).await.ok();
    }
}

/// A server that reaches a schema of its own through the proxy.
async fn behind_a_proxy(server: &str) -> (Url, watch::Sender<Line>) {
    let mut url = Url::parse(&databases::postgres(server).await.url).unwrap();
    let upstream = (url.host_str().unwrap().to_owned(), url.port().unwrap_or(5432));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    let (switch, line) = watch::channel(Line::Up);
    tokio::spawn(proxy(listener, upstream, line));
    (url, switch)
}

#[tokio::test(flavor = "multi_thread")]
async fn r68_without_postgres_there_are_quick_503s_and_a_quick_recovery() {
    let Ok(server) = std::env::var("VESTIBULE_TEST_POSTGRES_URL") else { return };
    let (url, switch) = behind_a_proxy(&server).await;
    tokio::task::spawn_blocking(move || {
        let project = Arc::new(Project::new(""));
        let listen = format!("127.0.0.1:{}", project.port);
        let _process = project.run(project.command(&["dev", "--listen", &listen, "--database", url.as_str()]));
        assert_eq!(project.token(&LOGIN).unwrap().0, 200);

        switch.send(Line::Cut).unwrap();
        for _ in 0..3 {
            let began = Instant::now();
            let logins: Vec<_> = (0..12)
                .map(|_| {
                    let project = Arc::clone(&project);
                    std::thread::spawn(move || project.token(&LOGIN).unwrap())
                })
                .collect();
            for login in logins {
                let (status, body) = login.join().unwrap();
                assert_eq!((status, body["error"].as_str()), (503, Some("temporarily_unavailable")), "{body}");
            }
            assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        }
        assert_eq!(project.get("/readyz").unwrap().0, 503);
        for path in ["/.well-known/jwks.json", "/.well-known/openid-configuration", "/healthz"] {
            assert_eq!(project.get(path).unwrap().0, 200, "{path}");
        }

        switch.send(Line::Up).unwrap();
        let began = Instant::now();
        while project.token(&LOGIN).unwrap().0 != 200 {
            assert!(began.elapsed() < Duration::from_secs(5), "it does not recover");
        }
        assert_eq!(project.get("/readyz").unwrap().0, 200);
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn r70_a_silent_line_ends_in_503s_and_a_recovery() {
    let Ok(server) = std::env::var("VESTIBULE_TEST_POSTGRES_URL") else { return };
    let (url, switch) = behind_a_proxy(&server).await;
    tokio::task::spawn_blocking(move || {
        let project = Arc::new(Project::new(""));
        let listen = format!("127.0.0.1:{}", project.port);
        let _process = project.run(project.command(&["dev", "--listen", &listen, "--database", url.as_str()]));
        assert_eq!(project.token(&LOGIN).unwrap().0, 200);
        // Some requests are in the middle of a statement when it happens.
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let load: Vec<_> = (0..4)
            .map(|_| {
                let (project, stop) = (Arc::clone(&project), Arc::clone(&stop));
                std::thread::spawn(move || {
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        let (status, body) = project.token(&LOGIN).expect("an answer");
                        assert!([200, 503].contains(&status), "{status} {body}");
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(300));
        switch.send(Line::Silent).unwrap();
        for _ in 0..3 {
            let (status, body) = project.token(&LOGIN).unwrap();
            assert_eq!((status, body["error"].as_str()), (503, Some("temporarily_unavailable")), "{body}");
        }
        assert_eq!(project.get("/.well-known/jwks.json").unwrap().0, 200);
        assert_eq!(project.get("/readyz").unwrap().0, 503);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        load.into_iter().for_each(|thread| thread.join().unwrap());
        switch.send(Line::Up).unwrap();
        let began = Instant::now();
        while project.token(&LOGIN).unwrap().0 != 200 {
            assert!(began.elapsed() < Duration::from_secs(20), "it does not recover");
        }
    })
    .await
    .unwrap();
}

/// PostgreSQL runs our transactions at READ COMMITTED, where nothing fails to serialise; a deadlock or an operator's stricter
/// default still may undo one.
#[tokio::test(flavor = "multi_thread")]
async fn r71_an_undone_transaction_is_a_clean_503_and_the_token_stays_good() {
    let Ok(server) = std::env::var("VESTIBULE_TEST_POSTGRES_URL") else { return };
    let url = databases::postgres(&server).await.url;
    let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
    let project = Arc::new(Project::new(""));
    let listen = format!("127.0.0.1:{}", project.port);
    let _process = project.run(project.command(&["dev", "--listen", &listen, "--database", &url]));
    let (status, body) = project.token(&LOGIN).unwrap();
    assert_eq!(status, 200, "{body}");
    let token = body["refresh_token"].as_str().unwrap().to_owned();
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", "demo-web"),
        ("client_secret", "demo-web-secret"),
        ("refresh_token", token.as_str()),
    ];
    for code in ["40001", "40P01"] {
        let trap = format!(
            "CREATE OR REPLACE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'undone' USING ERRCODE = '{code}'; END $$; \
             CREATE OR REPLACE TRIGGER undo BEFORE INSERT OR UPDATE ON refresh_tokens FOR EACH ROW EXECUTE FUNCTION undo();"
        );
        connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(trap))).await.unwrap();
        let (status, body) = project.token(&refresh).unwrap();
        assert_eq!((status, body["error"].as_str()), (503, Some("temporarily_unavailable")), "{code}: {body}");
        assert!(!body.to_string().contains("undone"), "{body}");
    }
    connection.execute(sqlx::raw_sql("DROP TRIGGER undo ON refresh_tokens")).await.unwrap();
    let (status, body) = project.token(&refresh).unwrap();
    assert_eq!(status, 200, "{body}");
}
