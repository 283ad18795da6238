//! What happens between the request and the answer: prompts, hints, sessions, pages.

use reqwest::StatusCode;
use serde_json::Value;
use vestibule::clock::Clock;

use crate::parties::{CALLBACK, WEB, form, futures_of, jwt, text};
use crate::support::agent::{Agent, authorize_url, location, query};
use crate::support::server::login_form;
use crate::support::{PASSWORD, Server};

/// The tokens behind an answer with a code.
pub(crate) async fn redeem(server: &Server, answer: &reqwest::Response) -> Value {
    let code = query(answer)["code"].clone();
    let ask = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", CALLBACK)];
    let (status, body) = server.token(&form(&WEB, &ask)).await;
    assert_eq!(status, 200, "{body}");
    body
}

async fn id_token_of_bob(server: &Server) -> String {
    let ask = [("grant_type", "password"), ("username", "bob@example.com"), ("password", PASSWORD), ("scope", "openid")];
    text(&server.token(&form(&WEB, &ask)).await.1, "id_token").to_owned()
}

#[tokio::test]
async fn p022_c18_c19_prompt_none_never_shows_a_page() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let told = query(&agent.authorize(&server, &[("prompt", "none")]).await);
    assert_eq!(told["error"], "login_required");
    let first = jwt(&redeem(&server, &agent.log_in(&server, &[]).await).await["id_token"]).1;
    let silent = agent.authorize(&server, &[("prompt", "none")]).await;
    assert_eq!(silent.status(), StatusCode::FOUND);
    let again = jwt(&redeem(&server, &silent).await["id_token"]).1;
    assert_eq!((&first["sub"], &first["auth_time"]), (&again["sub"], &again["auth_time"]));
    for prompt in ["none login", "login none", "none none consent", "None", "magic"] {
        let told = query(&agent.authorize(&server, &[("prompt", prompt)]).await);
        assert_eq!(told["error"], "invalid_request", "{prompt}");
    }
    assert!(query(&agent.authorize(&server, &[("prompt", "consent")]).await).contains_key("code"), "nothing to consent to");
    server.stop().await;
}

#[tokio::test]
async fn p023_p024_c17_c20_c21_old_logins_are_asked_for_again() {
    let clock = Clock::fixed(1_800_000_000);
    let server = Server::start_with(&[], "", clock.clone()).await;
    let agent = Agent::new();
    let first = jwt(&redeem(&server, &agent.log_in(&server, &[]).await).await["id_token"]).1;
    clock.advance(2);
    for again in [("prompt", "login"), ("max_age", "1"), ("max_age", "0"), ("prompt", "select_account")] {
        let (page, html) = agent.login_page(&server, &[again]).await;
        let cancelled = agent.submit(&page, &html, &[("action", "cancel")]).await;
        assert_eq!(query(&cancelled)["error"], "access_denied", "{again:?}");
        let (page, html) = agent.login_page(&server, &[again]).await;
        let empty = agent.submit(&page, &html, &[]).await;
        assert_eq!(empty.status(), StatusCode::BAD_REQUEST, "the live session fills no form in: {again:?}");
    }
    let silent = agent.authorize(&server, &[("prompt", "none"), ("max_age", "10000")]).await;
    assert_eq!(jwt(&redeem(&server, &silent).await["id_token"]).1["auth_time"], first["auth_time"]);
    for max_age in ["-1", "abc", "1.5", "99999999999999999999", "0x10", "+5", "1 "] {
        let told = query(&agent.authorize(&server, &[("max_age", max_age), ("prompt", "none")]).await);
        assert_eq!(told["error"], "invalid_request", "{max_age}");
    }
    let huge = agent.authorize(&server, &[("max_age", "9223372036854775807"), ("prompt", "none")]).await;
    assert!(query(&huge).contains_key("code"));
    let fresh = agent.log_in(&server, &[("prompt", "login")]).await;
    let fresh = jwt(&redeem(&server, &fresh).await["id_token"]).1;
    assert_eq!(fresh["auth_time"].as_i64(), first["auth_time"].as_i64().map(|at| at + 2));
    assert_ne!(fresh["sid"], first["sid"], "a new login is a new session");
    server.stop().await;
}

#[tokio::test]
async fn p025_c23_a_hint_names_the_only_user_who_will_do() {
    let clock = Clock::fixed(1_800_000_000);
    let server = Server::start_with(&[], "", clock.clone()).await;
    let agent = Agent::new();
    let own = text(&redeem(&server, &agent.log_in(&server, &[]).await).await, "id_token").to_owned();
    let bob = id_token_of_bob(&server).await;
    let told = async |hint: &str| query(&agent.authorize(&server, &[("id_token_hint", hint), ("prompt", "none")]).await);
    assert!(told(&own).await.contains_key("code"));
    assert_eq!(told(&bob).await["error"], "login_required");
    let (page, html) = agent.login_page(&server, &[("id_token_hint", &bob)]).await;
    let ada = agent.submit(&page, &html, &[("username", "ada@example.com"), ("password", PASSWORD)]).await;
    assert_eq!(query(&ada)["error"], "login_required", "the other user logged in");
    let unsigned = format!("{}.{}.", "eyJhbGciOiJub25lIn0", own.split('.').nth(1).unwrap());
    for forged in ["x", "a.b.c", unsigned.as_str(), &own[..own.len() - 4]] {
        assert_eq!(told(forged).await["error"], "invalid_request", "{forged}");
    }
    clock.advance(40 * 3_600);
    let expired = query(&agent.authorize(&server, &[("id_token_hint", &own), ("prompt", "none")]).await);
    assert!(expired.contains_key("code"), "an expired hint is still a hint: {expired:?}");
    server.stop().await;
}

#[tokio::test]
async fn p025_a_hint_of_a_client_with_hs256_is_understood() {
    let client = r#"
        [[clients]]
        client_id = "symmetric"
        client_secret = "a secret of more than thirty-two bytes"
        app_type = "regular_web"
        grant_types = ["authorization_code", "password"]
        callbacks = ["http://localhost:3003/callback"]
        allowed_logout_urls = ["http://localhost:3003/"]
        jwt_configuration = { alg = "HS256" }
    "#;
    let server = Server::start_with(&[], client, Clock::System).await;
    let agent = Agent::new();
    let credentials = [("client_id", "symmetric"), ("client_secret", "a secret of more than thirty-two bytes")];
    let ask = [("grant_type", "password"), ("username", "ada@example.com"), ("password", PASSWORD), ("scope", "openid")];
    let (_, body) = server.token(&form(&credentials, &ask)).await;
    assert_eq!(jwt(&body["id_token"]).0["alg"], "HS256");
    agent.log_in(&server, &[]).await;
    let own = [("client_id", "symmetric"), ("redirect_uri", "http://localhost:3003/callback"), ("prompt", "none")];
    let hinted = [&own[..], &[("id_token_hint", text(&body, "id_token"))]].concat();
    assert!(query(&agent.authorize(&server, &hinted).await).contains_key("code"));
    let mut url = server.url("/oidc/logout");
    url.query_pairs_mut()
        .append_pair("id_token_hint", text(&body, "id_token"))
        .append_pair("client_id", "symmetric")
        .append_pair("post_logout_redirect_uri", "http://localhost:3003/");
    assert_eq!(crate::support::agent::location(&agent.get(url).await), "http://localhost:3003/");
    server.stop().await;
}

#[tokio::test]
async fn p026_p164_c15_c16_c24_c25_c26_c27_hints_change_nothing_and_stay_text() {
    let server = Server::start(&[]).await;
    let hostile = "\"><script>alert(1)</script>\r\nSet-Cookie: a=b' onfocus=alert(1) ü";
    for name in
        ["login_hint", "ui_locales", "claims_locales", "acr_values", "display", "screen_hint", "connection", "claims"]
    {
        let (_, html) = Agent::new().login_page(&server, &[(name, hostile)]).await;
        let document = scraper::Html::parse_document(&html);
        let count = |selector: &str| document.select(&scraper::Selector::parse(selector).unwrap()).count();
        assert_eq!(count("script"), 0, "{name}");
        assert_eq!(count("[onfocus]"), 0, "{name}");
        let answer = Agent::new().log_in(&server, &[(name, hostile)]).await;
        assert!(query(&answer).contains_key("code"), "{name}");
    }
    for (name, value) in [
        ("display", "page"),
        ("display", "popup"),
        ("ui_locales", "se"),
        ("claims_locales", "se"),
        ("acr_values", "1 2"),
        ("login_hint", "buffy@example.com"),
    ] {
        assert!(query(&Agent::new().log_in(&server, &[(name, value)]).await).contains_key("code"), "{name}={value}");
    }
    let agent = Agent::new();
    let (page, html) = agent.login_page(&server, &[]).await;
    let wrong = agent.submit(&page, &html, &[("username", hostile), ("password", "wrong")]).await;
    let policy = wrong.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(!policy.contains("unsafe-inline"), "{policy}");
    assert!(!wrong.text().await.unwrap().contains("<script"));
    let (_, html) = agent.login_page(&server, &[("login_hint", "ada@example.com")]).await;
    assert!(html.contains("value=\"ada@example.com\""), "a hint fills the form in");
    server.stop().await;
}

#[tokio::test]
async fn p030_p031_p178_an_unfinished_login_ends_by_time_and_by_use() {
    let clock = Clock::fixed(1_800_000_000);
    let server = Server::start_with(&[], "", clock.clone()).await;
    let agent = Agent::new();
    let credentials = [("username", "ada@example.com"), ("password", PASSWORD)];
    let (page, html) = agent.login_page(&server, &[]).await;
    let (action, fields) = login_form(&page, &html);
    for step in [
        vec![],
        fields.iter().filter(|(name, _)| name != "csrf").cloned().collect(),
        fields.iter().filter(|(name, _)| name != "state").cloned().collect::<Vec<_>>(),
    ] {
        let answer = agent.0.post(action.clone()).form(&step).send().await.unwrap();
        assert!(answer.status().is_client_error() && !answer.headers().contains_key("location"), "{step:?}");
    }
    for step in ["/u/login", "/u/signup", "/u/login?state=x", "/authorize/resume", "/oidc/logout/confirm"] {
        let answer = agent.get(server.url(step)).await;
        assert!(answer.status().is_client_error(), "{step}");
    }
    assert_eq!(agent.submit(&page, &html, &credentials).await.status(), StatusCode::SEE_OTHER);
    for late in [&credentials[..], &[("action", "cancel")]] {
        let answer = agent.submit(&page, &html, late).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert!(!answer.headers().contains_key("location"));
    }
    let (page, html) = agent.login_page(&server, &[("prompt", "login")]).await;
    clock.advance(24 * 3_600);
    let late = agent.submit(&page, &html, &credentials).await;
    assert_eq!((late.status(), late.headers().contains_key("location")), (StatusCode::BAD_REQUEST, false));
    server.stop().await;
}

#[tokio::test]
async fn p031_parallel_submissions_of_one_login_make_one_code() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let (page, html) = agent.login_page(&server, &[]).await;
    let right = [("username", "ada@example.com"), ("password", PASSWORD)];
    let answers = futures_of(8, |_| agent.submit(&page, &html, &right)).await;
    let codes = answers.iter().filter(|answer| answer.headers().contains_key("location")).count();
    assert_eq!(codes, 1);
    server.stop().await;
}

#[tokio::test]
async fn p032_the_frozen_request_wins_over_the_form() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let (page, html) = agent.login_page(&server, &[("nonce", "frozen")]).await;
    let answer = agent
        .submit(
            &page,
            &html,
            &[
                ("username", "ada@example.com"),
                ("password", PASSWORD),
                ("client_id", "demo-other"),
                ("redirect_uri", "https://evil.example/"),
                ("scope", "openid email offline_access"),
                ("response_type", "token"),
                ("nonce", "changed"),
                ("audience", "https://api.example.com/"),
            ],
        )
        .await;
    let body = redeem(&server, &answer).await;
    assert_eq!(body["scope"], "openid profile");
    assert_eq!(jwt(&body["id_token"]).1["nonce"], "frozen");
    assert_eq!(body["refresh_token"], Value::Null);

    let (mut page, html) = agent.login_page(&server, &[("prompt", "login")]).await;
    page.query_pairs_mut().append_pair("redirect_uri", "https://evil.example/");
    let shown = agent.get(page.clone()).await.text().await.unwrap();
    assert!(!shown.contains("evil"), "{shown}");
    let answer = agent.submit(&page, &html, &[("username", "ada@example.com"), ("password", PASSWORD)]).await;
    assert!(query(&answer).contains_key("code"));
    server.stop().await;
}

#[tokio::test]
async fn p032_a_client_that_changed_meanwhile_is_checked_again() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let (page, html) = agent.login_page(&server, &[]).await;
    server.reconfigure(|text| text.replacen(CALLBACK, "http://localhost:3000/elsewhere", 1)).await;
    let answer = agent.submit(&page, &html, &[("username", "ada@example.com"), ("password", PASSWORD)]).await;
    assert_eq!((answer.status(), answer.headers().contains_key("location")), (StatusCode::BAD_REQUEST, false));
    server.stop().await;
}

#[tokio::test]
async fn p034_two_tabs_finish_in_any_order() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let first = agent.login_page(&server, &[("state", "one"), ("nonce", "n-one")]).await;
    let second = agent.login_page(&server, &[("state", "two"), ("nonce", "n-two")]).await;
    for ((page, html), state, nonce) in [(second, "two", "n-two"), (first, "one", "n-one")] {
        let answer = agent.submit(&page, &html, &[("username", "ada@example.com"), ("password", PASSWORD)]).await;
        assert_eq!(query(&answer)["state"], state);
        assert_eq!(jwt(&redeem(&server, &answer).await["id_token"]).1["nonce"], nonce);
    }
    server.stop().await;
}

#[tokio::test]
async fn p034_tabs_that_a_fresh_browser_opens_at_once_all_finish() {
    let server = Server::start(&[]).await;
    let (agent, thief) = (Agent::new(), Agent::new());
    let states = ["one", "two", "three"];
    let right = [("username", "ada@example.com"), ("password", PASSWORD)];
    let open = async |n: usize| agent.login_page(&server, &[("state", states[n])]).await;
    let pages = futures_of(3, open).await;
    thief.login_page(&server, &[]).await;
    for ((page, html), state) in pages.iter().zip(states).rev() {
        assert_eq!(thief.get(page.clone()).await.status(), StatusCode::FORBIDDEN, "another browser's cookie opens nothing");
        assert_eq!(thief.submit(page, html, &right).await.status(), StatusCode::FORBIDDEN);
        assert_eq!(query(&agent.submit(page, html, &right).await)["state"], state);
    }
    server.stop().await;
}

#[tokio::test]
async fn p034_a_browser_keeps_few_bindings_and_all_but_the_first_no_longer_than_a_login_waits() {
    let server = Server::start(&[]).await;
    let plain = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let begin = async |cookies: &str| {
        let answer = plain.get(authorize_url(&server, &[])).header("cookie", cookies).send().await.unwrap();
        let set = answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned());
        (set.collect::<Vec<_>>(), server.url(&location(&answer)))
    };
    let pair = |cookie: &str| cookie.split(';').next().unwrap().to_owned();
    let (mut own, mut pages) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        let (set, page) = begin("").await;
        assert!(set.len() == 1 && set[0].contains("; Max-Age=3600"), "{set:?}");
        own.push(pair(&set[0]));
        pages.push(page);
    }
    let (set, page) = begin(&own.join("; ")).await;
    assert_eq!(pair(&set[0]), own[0], "the oldest serves every tab that is opened later");
    assert!(set[0].contains("; Max-Age=8640000"), "and stays: {}", set[0]);
    assert_eq!(set.len(), 9, "the others beyond 32 go: {set:?}");
    for (gone, cookie) in set[1..].iter().zip(&own[32..]) {
        let name = cookie.split('=').next().unwrap();
        assert!(gone.starts_with(&format!("{name}=;")) && gone.contains("; Max-Age=0"), "{gone}");
    }
    let kept = own[..32].join("; ");
    for page in [&page, &pages[0], &pages[31]] {
        let shown = plain.get(page.clone()).header("cookie", &kept).send().await.unwrap();
        assert_eq!(shown.status(), StatusCode::OK);
    }
    let secret = own[0].split('=').nth(1).unwrap();
    for planted in [format!("vestibule_browser_AAAAAAAA={secret}"), format!("vestibule_browser={secret}")] {
        let shown = plain.get(page.clone()).header("cookie", planted).send().await.unwrap();
        assert_eq!(shown.status(), StatusCode::FORBIDDEN);
    }
    server.stop().await;
}
