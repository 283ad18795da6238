//! PostgreSQL goes away and comes back (row R68). Needs `VESTIBULE_TEST_POSTGRES_URL`; the server reaches it through a proxy that
//! can be switched off.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Url;
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

/// Forwards connections as long as `up`, and cuts all of them when it no longer is.
async fn proxy(listener: TcpListener, upstream: (String, u16), up: watch::Receiver<bool>) {
    loop {
        let (mut inside, _) = listener.accept().await.unwrap();
        let (upstream, mut up) = (upstream.clone(), up.clone());
        tokio::spawn(async move {
            if !*up.borrow_and_update() {
                return;
            }
            let mut outside = TcpStream::connect(upstream).await.unwrap();
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut inside, &mut outside) => {}
                _ = up.changed() => {}
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r68_without_postgres_there_are_quick_503s_and_a_quick_recovery() {
    let Ok(server) = std::env::var("VESTIBULE_TEST_POSTGRES_URL") else { return };
    let mut url = Url::parse(&databases::postgres(&server).await.url).unwrap();
    let upstream = (url.host_str().unwrap().to_owned(), url.port().unwrap_or(5432));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    let (switch, up) = watch::channel(true);
    tokio::spawn(proxy(listener, upstream, up));

    tokio::task::spawn_blocking(move || {
        let project = Arc::new(Project::new(""));
        let listen = format!("127.0.0.1:{}", project.port);
        let _process = project.run(project.command(&["dev", "--listen", &listen, "--database", url.as_str()]));
        assert_eq!(project.token(&LOGIN).unwrap().0, 200);

        switch.send(false).unwrap();
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

        switch.send(true).unwrap();
        let began = Instant::now();
        while project.token(&LOGIN).unwrap().0 != 200 {
            assert!(began.elapsed() < Duration::from_secs(5), "it does not recover");
        }
        assert_eq!(project.get("/readyz").unwrap().0, 200);
    })
    .await
    .unwrap();
}
