//! Peers that say nothing, or never finish.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::Server;

#[tokio::test]
async fn a_peer_that_never_finishes_its_head_is_cut_off_and_the_others_are_served() {
    let server = Server::start(&[]).await;
    let url = server.url("/");
    let address = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let mut silent = TcpStream::connect(&address).await.unwrap();
    let mut slow = TcpStream::connect(&address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Endless: ").await.unwrap();

    let health = reqwest::get(server.url("/healthz")).await.unwrap();
    assert_eq!(health.status(), 200);
    let mut heard = Vec::new();
    for peer in [&mut silent, &mut slow] {
        let ended = tokio::time::timeout(Duration::from_secs(20), peer.read_to_end(&mut heard)).await;
        assert!(ended.is_ok(), "the connection is still open");
    }
    server.stop().await;
}
