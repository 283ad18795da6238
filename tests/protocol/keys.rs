//! The key set and its rotation.

use serde_json::Value;
use vestibule::clock::{Clock, Random};
use vestibule::domain::client::Algorithm;
use vestibule::keys::{Keys, PUBLISHED_BEFORE_USE_MS};

use crate::parties::{API, jwt, text, tokens, userinfo};
use crate::support::Server;

async fn jwks(server: &Server) -> Vec<Value> {
    let body: Value = reqwest::get(server.url("/.well-known/jwks.json")).await.unwrap().json().await.unwrap();
    body["keys"].as_array().unwrap().clone()
}

#[tokio::test]
async fn p107_c03_the_key_set_is_public_and_says_what_each_key_is_for() {
    let api = "\n[[resource_servers]]\nidentifier = \"https://es256.example.com/\"\nsigning_alg = \"ES256\"\n";
    let server = Server::start_with(&[], api, Clock::System).await;
    let keys = jwks(&server).await;
    assert_eq!(keys.len(), 2);
    let mut kids = std::collections::BTreeSet::new();
    for key in &keys {
        assert!(kids.insert(key["kid"].as_str().unwrap().to_owned()));
        assert_eq!(key["use"], "sig");
        assert!(key["alg"].is_string());
        for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
            assert_eq!(key[private], Value::Null, "{private}");
        }
        if key["kty"] == "RSA" {
            assert!(key["n"].as_str().unwrap().len() >= 342, "2048 bits");
        }
    }
    let answer = reqwest::get(server.url("/.well-known/jwks.json")).await.unwrap();
    let cache = answer.headers()["cache-control"].to_str().unwrap();
    let age = cache.split("max-age=").nth(1).and_then(|age| age.parse::<u32>().ok()).unwrap();
    assert!((1..=86_400).contains(&age), "{cache}");
    let body = tokens(&server, "openid", None).await;
    let header = jwt(&body["id_token"]).0;
    assert_eq!(header["alg"], "RS256");
    assert!(kids.contains(header["kid"].as_str().unwrap()));
    server.stop().await;
}

/// What `vestibule keys rotate` does, with the server reading the keys again as on SIGHUP.
async fn rotate(server: &Server, clock: &Clock, random: &Random) {
    let key = Keys::generate(Algorithm::RS256, clock, random).unwrap();
    let mut tx = server.app.store.begin().await.unwrap();
    tx.insert_signing_key(&key).await.unwrap();
    tx.retire_signing_keys(&key.kind, &key.kid, clock.now_ms()).await.unwrap();
    tx.commit().await.unwrap();
    let stored = server.app.store.signing_keys().await.unwrap();
    server.app.keys.store(std::sync::Arc::new(Keys::new(&stored).unwrap()));
}

#[tokio::test]
async fn p108_rotation_under_load_fails_no_verification() {
    let server = Server::start(&[]).await;
    let first = tokens(&server, "openid offline_access", Some(API)).await;
    let (random, done) = (Random::system(), std::sync::atomic::AtomicBool::new(false));
    let rotating = async {
        for _ in 0..5 {
            rotate(&server, &Clock::System, &random).await;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    let load = async {
        let (mut latest, mut kids) = (first.clone(), std::collections::BTreeSet::new());
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            let (status, next) = crate::parties::refresh(&server, text(&latest, "refresh_token"), &[]).await;
            assert_eq!(status, 200, "{next}");
            latest = next;
            let published = jwks(&server).await;
            for token in ["id_token", "access_token"] {
                let kid = jwt(&latest[token]).0["kid"].clone();
                assert!(published.iter().any(|key| key["kid"] == kid), "a token's key is published");
                kids.insert(kid.to_string());
            }
            assert_eq!(userinfo(&server, text(&latest, "access_token")).await.0, 200);
        }
        kids
    };
    let (kids, ()) = tokio::join!(load, rotating);
    assert!(kids.len() > 1, "several keys signed: {kids:?}");
    assert_eq!(jwks(&server).await.len(), 6, "the old keys stay published");
    assert_eq!(userinfo(&server, text(&first, "access_token")).await.0, 200, "a token of the first key still works");
    server.stop().await;
}

#[tokio::test]
async fn p108_a_new_key_is_published_before_it_signs() {
    let clock = Clock::fixed(1_800_000_000);
    let server = Server::start_with(&[], "", clock.clone()).await;
    let used = async || jwt(&tokens(&server, "openid", None).await["id_token"]).0["kid"].clone();
    let mut kids = vec![used().await];
    for _ in 0..2 {
        clock.advance(60);
        let key = Keys::generate(Algorithm::RS256, &clock, &Random::system()).unwrap();
        let mut tx = server.app.store.begin().await.unwrap();
        tx.insert_signing_key(&key).await.unwrap();
        tx.retire_signing_keys(&key.kind, &key.kid, clock.now_ms() + PUBLISHED_BEFORE_USE_MS).await.unwrap();
        tx.commit().await.unwrap();
        kids.push(key.kid.into());
        server.read_keys().await;
        assert_eq!(used().await, kids[0], "clients may not have seen the new key yet");
    }
    assert_eq!(jwks(&server).await.len(), 3);
    // The first rotation is due ten minutes after it was asked for, the second a minute later.
    clock.advance(PUBLISHED_BEFORE_USE_MS / 1000 - 60);
    for kid in &kids[1..] {
        server.read_keys().await;
        assert_eq!(used().await, *kid);
        clock.advance(60);
    }
    assert_eq!(jwks(&server).await.len(), 3, "the old keys stay published");
    server.stop().await;
}

#[tokio::test]
async fn p109_an_emergency_does_not_wait_for_a_rotation_that_was_planned() {
    let clock = Clock::fixed(1_800_000_000);
    let server = Server::start_with(&[], "", clock.clone()).await;
    let rotate = async |wait: i64| {
        clock.advance(60);
        let key = Keys::generate(Algorithm::RS256, &clock, &Random::system()).unwrap();
        let mut tx = server.app.store.begin().await.unwrap();
        tx.insert_signing_key(&key).await.unwrap();
        tx.retire_signing_keys(&key.kind, &key.kid, clock.now_ms() + wait).await.unwrap();
        tx.commit().await.unwrap();
        server.read_keys().await;
        key.kid
    };
    rotate(PUBLISHED_BEFORE_USE_MS).await;
    let new = rotate(0).await;
    assert_eq!(jwt(&tokens(&server, "openid", None).await["id_token"]).0["kid"], new);
    assert_eq!(jwks(&server).await.len(), 3, "the old keys stay published");
    server.stop().await;
}

#[test]
fn p114_private_keys_are_used_by_one_constant_time_library() {
    let lock = std::fs::read_to_string("Cargo.lock").unwrap();
    assert!(!lock.contains("name = \"openssl\""));
    // The `rsa` crate leaks its private key through timing. Only the client library of the tests, which has none, uses it.
    let users = lock.split("[[package]]").filter(|package| package.contains("\n \"rsa\","));
    let users: Vec<&str> = users.filter_map(|package| package.lines().nth(1)).collect();
    assert_eq!(users, ["name = \"openidconnect\""]);
}
