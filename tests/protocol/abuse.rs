//! Cookies, forwarded addresses, passwords, floods. Guessing is in `guessing`.

use std::time::Instant;

use reqwest::StatusCode;
use vestibule::clock::Clock;

use crate::parties::{MACHINE, WEB, form, futures_of, text, tokens};
use crate::support::agent::{Agent, location, query};
use crate::support::{PASSWORD, Server};

pub(crate) fn login<'a>(username: &'a str, password: &'a str) -> Vec<(&'a str, &'a str)> {
    form(&WEB, &[("grant_type", "password"), ("username", username), ("password", password)])
}

#[tokio::test]
async fn p161_cookies_are_bound_to_host_and_transport() {
    let issuer = "https://login.example.com/";
    let server = Server::start_as(issuer).await;
    let plain = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let url = crate::support::agent::authorize_url(&server, &[]);
    let answer = plain.get(url).send().await.unwrap();
    let binding = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    let page = server.url(answer.headers()["location"].to_str().unwrap());
    let cookie = binding.split(';').next().unwrap().to_owned();
    let html = plain.get(page.clone()).header("cookie", &cookie).send().await.unwrap().text().await.unwrap();
    let (action, mut fields) = crate::support::server::login_form(&page, &html);
    fields.retain(|(name, _)| !["username", "password"].contains(&name.as_str()));
    fields.extend([("username".to_owned(), "ada@example.com".to_owned()), ("password".to_owned(), PASSWORD.to_owned())]);
    let done = plain.post(action).header("cookie", &cookie).form(&fields).send().await.unwrap();
    assert_eq!(done.status(), StatusCode::SEE_OTHER);
    assert_eq!(done.headers()["strict-transport-security"].to_str().unwrap().split('=').next(), Some("max-age"));
    let session = done.headers()["set-cookie"].to_str().unwrap().to_owned();
    let kept = done.headers().get_all("set-cookie").iter().nth(1).unwrap().to_str().unwrap();
    assert!(kept.starts_with(&cookie) && kept.contains("; Max-Age=8640000"), "the browser is known from now on: {kept}");
    for cookie in [&binding, &session] {
        assert!(cookie.starts_with("__Host-"), "{cookie}");
        for attribute in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
        let secret = cookie.split(['=', ';']).nth(1).unwrap();
        assert_eq!(secret.len(), 43, "256 bits");
    }
    server.stop().await;
}

#[tokio::test]
async fn p170_p171_headers_of_strangers_are_not_believed() {
    let server = Server::start(&[]).await;
    let spoofed = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", "203.0.113.7"),
        ("forwarded", "for=203.0.113.7;host=evil.example;proto=https"),
        ("x-real-ip", "203.0.113.7"),
        ("x-original-url", "/healthz"),
        ("x-http-method-override", "DELETE"),
    ];
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let with = |mut request: reqwest::RequestBuilder| {
        for (name, value) in spoofed {
            request = request.header(name, value);
        }
        request
    };
    let honest = http.get(server.url("/.well-known/openid-configuration")).send().await.unwrap().text().await.unwrap();
    let told = with(http.get(server.url("/.well-known/openid-configuration"))).send().await.unwrap();
    assert_eq!(told.text().await.unwrap(), honest);
    let step = with(http.get(crate::support::agent::authorize_url(&server, &[]))).send().await.unwrap();
    assert!(step.headers()["location"].to_str().unwrap().starts_with("/u/login?"));
    assert!(!step.headers()["set-cookie"].to_str().unwrap().contains("Secure"));
    for path in ["/", "/nowhere", "/authorize", "/oidc/logout"] {
        let page = with(http.get(server.url(path)).header("accept", "text/html")).send().await.unwrap();
        assert!(!page.text().await.unwrap().contains("evil"), "{path}");
    }
    // The spoofed address does not make an attacker somebody else.
    for n in 0..10 {
        let from = format!("203.0.113.{n}");
        let guess = http.post(server.url("/oauth/token")).header("x-forwarded-for", from);
        assert_eq!(guess.form(&login("bob@example.com", "wrong")).send().await.unwrap().status(), 400);
    }
    let guess = http.post(server.url("/oauth/token")).header("x-forwarded-for", "203.0.113.77");
    assert_eq!(guess.form(&login("bob@example.com", "wrong")).send().await.unwrap().status(), 429);
    server.stop().await;
}

#[tokio::test]
async fn p172_passwords_count_in_full_and_common_ones_are_refused() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let sign_up = async |email: &str, password: &str| {
        let (page, html) = agent.login_page(&server, &[("screen_hint", "signup"), ("prompt", "login")]).await;
        agent.submit(&page, &html, &[("email", email), ("password", password)]).await.status().as_u16()
    };
    for weak in
        ["fourteen chars", "passwordpassword", "Password12345678", "weak@example.com", "nul\0nul\0nul\0 and more", ""]
    {
        assert_eq!(sign_up("weak@example.com", weak).await, 400, "{weak:?}");
    }
    let (long, longer) = (format!("{}a", "xylophone".repeat(8)), format!("{}b", "xylophone".repeat(8)));
    assert_eq!(sign_up("long@example.com", &long).await, 303);
    assert_eq!(server.token(&login("long@example.com", &longer)).await.0, 400, "the 73rd byte differs");
    assert_eq!(server.token(&login("long@example.com", &long)).await.0, 200);
    assert_eq!(sign_up("space@example.com", " all lower case words ").await, 303, "no composition rules");
    assert_eq!(server.token(&login("space@example.com", "all lower case words")).await.0, 400);
    assert_eq!(sign_up("emoji@example.com", "🐎🔋🌧🍀🎻🐎🔋🌧🍀🎻🐎🔋🌧🍀🎻").await, 303);
    assert_eq!(server.token(&login("emoji@example.com", "🐎🔋🌧🍀🎻🐎🔋🌧🍀🎻🐎🔋🌧🍀🎻")).await.0, 200);
    assert_eq!(sign_up("nfc@example.com", "caf\u{e9} caf\u{e9} caf\u{e9} caf\u{e9}").await, 303);
    let decomposed = "cafe\u{301} cafe\u{301} cafe\u{301} cafe\u{301}";
    assert_eq!(server.token(&login("nfc@example.com", decomposed)).await.0, 200, "another keyboard");
    assert_eq!(sign_up("huge@example.com", &"x".repeat(60_000)).await, 400);
    server.stop().await;
}

#[tokio::test]
async fn p172_one_login_name_typed_on_two_keyboards_is_one_account() {
    let zoe = "[[users]]\nuser_id = \"auth0|zoe\"\nusername = \"zo\u{eb}\"\npassword = \"correct horse battery\"\n";
    let server = Server::start_with(&[], zoe, Clock::fixed(1_800_000_000)).await;
    for name in ["zo\u{eb}", "zoe\u{308}", "ZOE\u{308}", "\u{ff3a}o\u{eb}"] {
        assert_eq!(server.token(&login(name, PASSWORD)).await.0, 200, "{name}");
    }
    let agent = Agent::new();
    let sign_up = async |email: &str| {
        let (page, html) = agent.login_page(&server, &[("screen_hint", "signup"), ("prompt", "login")]).await;
        agent.submit(&page, &html, &[("email", email), ("password", PASSWORD)]).await.status().as_u16()
    };
    assert_eq!(sign_up("ren\u{e9}@example.com").await, 303);
    assert_eq!(sign_up("rene\u{301}@example.com").await, 400, "taken");
    assert_eq!(server.token(&login("rene\u{301}@example.com", PASSWORD)).await.0, 200);
    for n in 0..10 {
        let name = ["ren\u{e9}@example.com", "rene\u{301}@example.com"][n % 2];
        assert_eq!(server.token(&login(name, "wrong password")).await.0, 400);
    }
    assert_eq!(server.token(&login("rene\u{301}@example.com", "wrong password")).await.0, 429, "one count for both");
    server.stop().await;
}

#[tokio::test]
async fn p173_a_flood_of_logins_leaves_the_other_endpoints_free() {
    let server = Server::start(&[]).await;
    let names: Vec<String> = (0..120).map(|n| format!("user{n}@example.com")).collect();
    let flood = futures_of(120, |n| {
        let (server, name) = (&server, &names[n]);
        async move { server.token(&login(name, "wrong password")).await.0 }
    });
    let calm = async {
        let mut slowest = std::time::Duration::ZERO;
        for _ in 0..10 {
            let began = Instant::now();
            let answer = reqwest::get(server.url("/.well-known/jwks.json")).await.unwrap();
            assert_eq!(answer.status(), 200);
            slowest = slowest.max(began.elapsed());
        }
        slowest
    };
    let (statuses, slowest) = tokio::join!(flood, calm);
    println!("slowest JWKS under the flood: {slowest:?}");
    assert!(statuses.iter().all(|status| [400, 429, 503].contains(status)), "{statuses:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p173_beyond_the_queue_of_hashes_there_is_a_503() {
    let server = std::sync::Arc::new(Server::start(&[]).await);
    let stop = tokio_util::sync::CancellationToken::new();
    let crowd: Vec<_> = (0..300)
        .map(|_| {
            let (server, stop) = (std::sync::Arc::clone(&server), stop.clone());
            tokio::spawn(async move {
                while !stop.is_cancelled() {
                    server.app.passwords.verify("x", None).await.ok();
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let client = reqwest::Client::new();
    let mut tries = 0..200;
    let refused = loop {
        let form = login("ada@example.com", PASSWORD);
        let answer = client.post(server.url("/oauth/token")).form(&form).send().await.unwrap();
        if answer.status() == 503 {
            break answer;
        }
        assert_eq!(answer.status(), 200, "a free place was found");
        assert!(tries.next().is_some(), "the queue is never full");
    };
    assert!(refused.headers().contains_key("retry-after"), "{refused:?}");
    let body: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(body["error"], "temporarily_unavailable");
    stop.cancel();
    for one in crowd {
        one.await.unwrap();
    }
    assert_eq!(server.token(&login("ada@example.com", PASSWORD)).await.0, 200);
}

#[tokio::test]
async fn p173_a_flood_of_words_is_refused_before_anybody_looks_at_them() {
    let reading = "fn onExecutePostLogin(event, api) { print(event.transaction.requested_scopes.len()); }";
    let server = Server::start(&[("reading", reading)]).await;
    let words = |count: usize| (0..count).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ");
    let (few, many) = (words(1_000), words(1_001));
    let agent = Agent::new();
    for name in ["scope", "acr_values", "ui_locales", "claims_locales"] {
        assert_eq!(query(&agent.authorize(&server, &[(name, &many)]).await)["error"], "invalid_request", "{name}");
        assert!(location(&agent.authorize(&server, &[(name, &few)]).await).starts_with("/u/login"), "{name}");
    }
    let repeated = ["login"; 1_001].join(" ");
    assert_eq!(query(&agent.authorize(&server, &[("prompt", &repeated)]).await)["error"], "invalid_request");
    let machine = [("grant_type", "client_credentials"), ("audience", "https://api.example.com/")];
    let own = tokens(&server, "offline_access", None).await;
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", text(&own, "refresh_token"))];
    for (client, ask) in [(&MACHINE, &machine[..]), (&WEB, &login("ada@example.com", PASSWORD)[2..]), (&WEB, &refresh)] {
        let (status, body) = server.token(&form(client, &[ask, &[("scope", many.as_str())]].concat())).await;
        assert_eq!((status, &body["error"]), (400, &"invalid_request".into()), "{ask:?}");
    }
    let (status, body) = server.token(&[&login("ada@example.com", PASSWORD)[..], &[("scope", &few)]].concat()).await;
    assert_eq!(status, 200, "{body}");
    server.stop().await;
}

/// Two thousand samples of each, in turns; of the medians. Looks at the clock, so `.ci/run` names it.
#[tokio::test]
#[ignore = "looks at the clock; `.ci/run` names it"]
async fn p066_wrong_secrets_and_unknown_clients_take_the_same_time() {
    let server = Server::start(&[]).await;
    let client = reqwest::Client::new();
    let cases = [
        ("unknown client", "nobody", "demo-m2m-secret"),
        ("wrong first byte", "demo-m2m", "Xemo-m2m-secret"),
        ("wrong last byte", "demo-m2m", "demo-m2m-secreX"),
    ];
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..2_000 {
        for (times, (_, id, secret)) in times.iter_mut().zip(cases) {
            let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
            let began = Instant::now();
            let answer = client.post(server.url("/oauth/token")).form(&form).send().await.unwrap();
            assert_eq!(answer.status(), 401);
            times.push(began.elapsed());
        }
    }
    let medians = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    for ((what, ..), median) in cases.iter().zip(medians) {
        println!("{what}: {median:?}");
    }
    let difference = medians.iter().max().unwrap().abs_diff(*medians.iter().min().unwrap());
    assert!(difference < std::time::Duration::from_millis(1), "{difference:?}");
}
