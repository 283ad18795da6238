//! Guessing passwords and names: how it is slowed down, and that nobody else is.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use reqwest::StatusCode;
use reqwest::cookie::Jar;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use vestibule::clock::Clock;

use crate::abuse::login;
use crate::parties::{futures_of, tokens};
use crate::support::agent::Agent;
use crate::support::{PASSWORD, Server};

/// A client with another address of this machine.
fn from_elsewhere(last: u8) -> reqwest::Client {
    reqwest::Client::builder().local_address(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))).build().unwrap()
}

/// Makes the test a proxy whose word about addresses is believed.
const BEHIND_PROXY: &str = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The status of Ada's login at the token endpoint, from an address behind the proxy.
async fn token_from(server: &Server, address: &str, password: &str) -> u16 {
    let ask = reqwest::Client::new().post(server.url("/oauth/token")).header(FORWARDED, address);
    ask.form(&login("ada@example.com", password)).send().await.unwrap().status().as_u16()
}

/// The status of Ada's login at the page, in the browser with these cookies and from an address behind the proxy.
async fn page_from(server: &Server, address: &str, cookies: &Arc<Jar>, password: &str) -> u16 {
    let forwarded = HeaderMap::from_iter([(FORWARDED, HeaderValue::from_str(address).unwrap())]);
    let browser = reqwest::Client::builder().cookie_provider(Arc::clone(cookies)).default_headers(forwarded);
    let agent = Agent(browser.redirect(reqwest::redirect::Policy::none()).build().unwrap());
    let (page, html) = agent.login_page(server, &[("prompt", "login")]).await;
    agent.submit(&page, &html, &[("username", "ada@example.com"), ("password", password)]).await.status().as_u16()
}

#[tokio::test]
async fn p165_known_unknown_and_blocked_users_look_alike() {
    let blocked = r#"
        [[users]]
        user_id = "auth0|mallory"
        email = "mallory@example.com"
        password = "correct horse battery"
        blocked = true
        [[users]]
        user_id = "auth0|nopassword"
        email = "nopassword@example.com"
    "#;
    let server = Server::start_with(&[], blocked, Clock::System).await;
    let names = ["ada@example.com", "nobody@example.com", "mallory@example.com", "nopassword@example.com"];
    let mut told = Vec::new();
    for name in names {
        let began = Instant::now();
        let answer = server.token(&login(name, "wrong password")).await;
        let agent = Agent::new();
        let (page, html) = agent.login_page(&server, &[]).await;
        let shown = agent.submit(&page, &html, &[("username", name), ("password", "wrong password")]).await;
        let status = shown.status();
        let (_, fields) = crate::support::server::login_form(&page, &html);
        let mut text = shown.text().await.unwrap().replace(name, "NAME");
        for (_, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            text = text.replace(value, "VALUE");
        }
        // Shown, not judged: a busy machine would fail the test. The hash is computed for every name alike.
        println!("{name}: {:?}", began.elapsed());
        told.push((answer, status, text));
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:#?}");
    server.stop().await;
}

#[tokio::test]
async fn p166_p169_guessing_is_throttled_and_locks_nobody_else_out() {
    let clock = Clock::fixed(1_800_000_000);
    let server = Server::start_with(&[], "", clock.clone()).await;
    let mut looked_at = 0;
    for _ in 0..200 {
        looked_at += usize::from(server.token(&login("ada@example.com", "wrong password")).await.0 == 400);
        clock.advance(1);
    }
    assert!(looked_at < 25, "{looked_at} guesses in 200 seconds");
    let refused = reqwest::Client::new().post(server.url("/oauth/token"));
    let refused = refused.form(&login("ada@example.com", PASSWORD)).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<i64>().unwrap() > 0);
    // Another spelling of the same name is the same account.
    for spelling in ["ADA@example.com", " ada@example.com ", "Ada@Example.Com\t"] {
        assert_eq!(server.token(&login(spelling, "wrong password")).await.0, 429, "{spelling:?}");
    }
    let elsewhere = from_elsewhere(2).post(server.url("/oauth/token")).form(&login("ada@example.com", PASSWORD));
    assert_eq!(elsewhere.send().await.unwrap().status(), StatusCode::OK, "the user at home logs in");
    server.stop().await;
}

#[tokio::test]
async fn p169_one_ipv6_network_guesses_like_one_address() {
    let server = Server::start_with(&[], BEHIND_PROXY, Clock::fixed(1_800_000_000)).await;
    let mut looked_at = 0;
    for n in 0..55 {
        looked_at += usize::from(token_from(&server, &format!("2001:db8::{n:x}"), "wrong password").await == 400);
    }
    assert_eq!(looked_at, 10);
    assert_eq!(token_from(&server, "2001:db8:0:1::1", PASSWORD).await, 200);
    assert_eq!(page_from(&server, "198.51.100.1", &Arc::default(), PASSWORD).await, 303);
    server.stop().await;
}

#[tokio::test]
async fn p169_where_a_user_logged_in_before_nobody_elsewhere_locks_him_out() {
    let clock = Clock::fixed(1_800_000_000);
    let server = Server::start_with(&[], BEHIND_PROXY, clock.clone()).await;
    let (home, phone) = ("198.51.100.1", Arc::<Jar>::default());
    assert_eq!(token_from(&server, home, PASSWORD).await, 200);
    assert_eq!(page_from(&server, "198.51.100.2", &phone, PASSWORD).await, 303);
    let mut looked_at = 0;
    for n in 0..160 {
        looked_at += usize::from(token_from(&server, &format!("203.0.113.{n}"), "wrong password").await == 400);
        if n >= 60 {
            clock.advance(6);
        }
    }
    assert!((50..70).contains(&looked_at), "{looked_at} guesses in ten minutes");
    assert_eq!(token_from(&server, home, PASSWORD).await, 200, "at home");
    assert_eq!(page_from(&server, "192.0.2.1", &phone, PASSWORD).await, 303, "with his phone, on the way");
    assert_eq!(page_from(&server, "192.0.2.2", &Arc::default(), PASSWORD).await, 429, "where he never was");
    assert_eq!(page_from(&server, home, &Arc::default(), PASSWORD).await, 303, "another browser at home");
    server.stop().await;
}

#[tokio::test]
async fn p169_who_shares_an_address_with_a_user_does_not_lock_his_browser_out() {
    let clock = Clock::fixed(1_800_000_000);
    let server = Server::start_with(&[], BEHIND_PROXY, clock.clone()).await;
    let (office, desk) = ("198.51.100.1", Arc::<Jar>::default());
    assert_eq!(page_from(&server, office, &desk, PASSWORD).await, 303);
    let mut looked_at = 0;
    for _ in 0..20 {
        looked_at += usize::from(token_from(&server, office, "wrong password").await == 400);
    }
    assert_eq!(looked_at, 10);
    for n in 0..60 {
        let name = format!("user{n}@example.com");
        let ask = reqwest::Client::new().post(server.url("/oauth/token")).header(FORWARDED, office);
        ask.form(&login(&name, "wrong password")).send().await.unwrap();
    }
    assert_eq!(page_from(&server, office, &desk, PASSWORD).await, 303);
    let mut looked_at = 0;
    for _ in 0..20 {
        looked_at += usize::from(page_from(&server, office, &desk, "wrong password").await == 400);
    }
    assert_eq!(looked_at, 10, "who has the browser does not guess for ever");
    clock.advance(86_400 + 1);
    assert_eq!(page_from(&server, office, &desk, PASSWORD).await, 303);
    server.stop().await;
}

#[tokio::test]
async fn p169_who_signed_up_is_known_where_he_did() {
    let clock = Clock::fixed(1_800_000_000);
    let server = Server::start_with(&[], BEHIND_PROXY, clock.clone()).await;
    let agent = Agent::new();
    let (page, html) = agent.login_page(&server, &[("screen_hint", "signup")]).await;
    let fields = [("email", "New@example.com"), ("password", "xylophone zebra quilt")];
    assert_eq!(agent.submit(&page, &html, &fields).await.status(), 303);
    let ask = async |address: String, password: &str| {
        let ask = reqwest::Client::new().post(server.url("/oauth/token")).header(FORWARDED, address);
        ask.form(&login("new@example.com", password)).send().await.unwrap().status().as_u16()
    };
    for n in 0..60 {
        ask(format!("203.0.113.{n}"), "wrong password").await;
    }
    assert_eq!(ask("203.0.113.99".to_owned(), "xylophone zebra quilt").await, 429);
    assert_eq!(server.token(&login("new@example.com", "xylophone zebra quilt")).await.0, 200);
    server.stop().await;
}

#[tokio::test]
async fn p167_parallel_guesses_at_replicas_and_a_restart_do_not_help() {
    let clock = Clock::fixed(1_800_000_000);
    let first = Server::start_with(&[], "", clock.clone()).await;
    let mut servers = [first.replica().await, first.replica().await, first];
    let guess = async |servers: &[Server; 3], n: usize| {
        let wave = futures_of(n, |i| {
            let server = &servers[i % 3];
            async move { server.token(&login("ada@example.com", "wrong password")).await.0 }
        });
        wave.await.into_iter().filter(|status| *status == 400).count()
    };
    let before = guess(&servers, 40).await;
    let [a, b, c] = servers;
    servers = [a.restart().await, b.restart().await, c.restart().await];
    let after = guess(&servers, 40).await;
    assert_eq!((before, after), (10, 0));
    clock.advance(2);
    assert_eq!(guess(&servers, 30).await, 1, "once the wait is over there is one guess");
}

#[tokio::test]
async fn p168_one_address_cannot_try_everybody() {
    let clock = Clock::fixed(1_800_000_000);
    let server = Server::start_with(&[], "", clock.clone()).await;
    let mut looked_at = 0;
    let mut last = 0;
    for n in 0..80 {
        last = server.token(&login(&format!("user{n}@example.com"), "password1")).await.0;
        looked_at += usize::from(last == 400);
    }
    assert!((50..=110).contains(&looked_at) && last == 429, "{looked_at} names tried, then {last}");
    let agent = Agent::new();
    let (page, html) = agent.login_page(&server, &[]).await;
    let shown = agent.submit(&page, &html, &[("username", "bob@example.com"), ("password", PASSWORD)]).await;
    assert_eq!(shown.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(shown.headers().contains_key("retry-after"));
    let elsewhere = from_elsewhere(2).post(server.url("/oauth/token")).form(&login("bob@example.com", PASSWORD));
    assert_eq!(elsewhere.send().await.unwrap().status(), StatusCode::OK, "others are not slowed down");
    let (page, html) = agent.login_page(&server, &[("screen_hint", "signup")]).await;
    let probed = agent.submit(&page, &html, &[("email", "ada@example.com"), ("password", "long enough words")]).await;
    assert_eq!(probed.status(), StatusCode::TOO_MANY_REQUESTS, "nor ask the sign-up page who is there");
    clock.advance(61);
    tokens(&server, "openid", None).await;
    server.stop().await;
}
