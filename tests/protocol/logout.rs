//! Logout: who may end a session, and where it leads.

use reqwest::{StatusCode, Url};

use crate::interaction::redeem;
use crate::parties::text;
use crate::support::agent::{Agent, authorize_url, location, query};
use crate::support::{PASSWORD, Server};

const BACK: &str = "http://localhost:3000/";

fn logout_url(server: &Server, parameters: &[(&str, &str)]) -> Url {
    let mut url = server.url("/oidc/logout");
    url.query_pairs_mut().extend_pairs(parameters);
    url
}

async fn is_logged_in(server: &Server, agent: &Agent) -> bool {
    query(&agent.authorize(server, &[("prompt", "none")]).await).contains_key("code")
}

#[tokio::test]
async fn p150_only_a_valid_hint_and_an_exact_address_lead_back() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let hint = text(&redeem(&server, &agent.log_in(&server, &[]).await).await, "id_token").to_owned();
    let (signed, _) = hint.rsplit_once('.').unwrap();
    let (unsigned, modified) = (format!("{signed}."), format!("{signed}.AAAA"));
    for parameters in [
        vec![("post_logout_redirect_uri", BACK)],
        vec![("post_logout_redirect_uri", BACK), ("client_id", "demo-web")],
        vec![("post_logout_redirect_uri", BACK), ("id_token_hint", unsigned.as_str())],
        vec![("post_logout_redirect_uri", BACK), ("id_token_hint", modified.as_str())],
        vec![("post_logout_redirect_uri", BACK), ("id_token_hint", "x")],
        vec![("post_logout_redirect_uri", BACK), ("id_token_hint", hint.as_str()), ("client_id", "demo-other")],
        vec![("state", "only")],
        vec![],
    ] {
        let answer = agent.get(logout_url(&server, &parameters)).await;
        assert!(!answer.headers().contains_key("location"), "{parameters:?}");
        assert!(is_logged_in(&server, &agent).await, "asked first: {parameters:?}");
    }
    for target in [
        "http://localhost:3000",
        "http://localhost:3000/?a=1",
        "http://localhost:3000/other",
        "https://evil.example/",
        "//localhost:3000/",
        "http://localhost:3000/#f",
        "javascript:alert(1)",
        "HTTP://localhost:3000/",
    ] {
        let agent = Agent::new();
        agent.log_in(&server, &[]).await;
        let own = logout_url(&server, &[("id_token_hint", &hint), ("post_logout_redirect_uri", target)]);
        let answer = agent.get(own).await;
        assert!(!answer.headers().contains_key("location"), "{target}");
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{target}");
        assert!(!answer.text().await.unwrap().contains("evil"));
    }
    let agent = Agent::new();
    agent.log_in(&server, &[]).await;
    let good = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BACK)];
    assert_eq!(location(&agent.get(logout_url(&server, &good)).await), BACK, "without state");
    assert!(!is_logged_in(&server, &agent).await);
    let with_state = [&good[..], &[("state", "a b\"<")]].concat();
    agent.log_in(&server, &[]).await;
    let posted = agent.0.post(server.url("/oidc/logout")).form(&with_state).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::SEE_OTHER);
    assert_eq!(query(&posted)["state"], "a b\"<");
    server.stop().await;
}

#[tokio::test]
async fn p152_p162_the_old_cookie_is_worth_nothing() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let cookie = |answer: &reqwest::Response| {
        let set = answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
        let session = set.into_iter().find(|value| value.starts_with("vestibule_session="));
        session.map(|value| value.split(';').next().unwrap().to_owned()).unwrap_or_else(|| panic!("{answer:?}"))
    };
    let first = cookie(&agent.log_in(&server, &[]).await);
    let second = cookie(&agent.log_in(&server, &[("prompt", "login")]).await);
    assert_ne!(first, second, "a login makes a new secret");
    let plain = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let try_with = async |cookie: &str| {
        let url = authorize_url(&server, &[("prompt", "none")]);
        query(&plain.get(url).header("cookie", cookie).send().await.unwrap()).contains_key("code")
    };
    assert!(!try_with(&first).await, "the session before the login is dead");
    assert!(try_with(&second).await);
    let mut url = server.url("/v2/logout");
    url.query_pairs_mut().append_pair("client_id", "demo-web").append_pair("returnTo", BACK);
    agent.get(url).await;
    assert!(!try_with(&second).await, "the server ended it, not only the browser");
    let planted = "vestibule_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert!(!try_with(planted).await);
    server.stop().await;
}

/// Sends a form as a page of another site makes a browser send it: without `SameSite=Lax` cookies, which go with what follows.
async fn post_from_elsewhere(server: &Server, agent: &Agent, path: &str, form: &[(&str, &str)]) -> reqwest::Response {
    let stranger = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let sent = stranger.post(server.url(path)).header("sec-fetch-site", "cross-site").form(form).send().await.unwrap();
    match sent.headers().get("location").map(|to| to.to_str().unwrap().to_owned()) {
        Some(local) if local.starts_with('/') => {
            assert!(!sent.headers().contains_key("set-cookie"), "nothing is decided yet: {sent:?}");
            agent.get(server.url(&local)).await
        }
        _ => sent,
    }
}

#[tokio::test]
async fn p150_p151_a_form_of_another_site_logs_out_as_a_link_does() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let earlier = text(&redeem(&server, &agent.log_in(&server, &[]).await).await, "id_token").to_owned();

    let way_back = [("client_id", "demo-web"), ("post_logout_redirect_uri", BACK), ("state", "a b&c")];
    let asked = post_from_elsewhere(&server, &agent, "/oidc/logout", &way_back).await;
    assert_eq!(asked.status(), StatusCode::OK);
    assert!(is_logged_in(&server, &agent).await, "asked first");
    let (page, html) = (asked.url().clone(), asked.text().await.unwrap());
    let done = agent.submit(&page, &html, &[]).await;
    assert_eq!(query(&done)["state"], "a b&c");
    assert!(!is_logged_in(&server, &agent).await);

    agent.log_in(&server, &[]).await;
    let session = agent.log_in(&server, &[("prompt", "login")]).await;
    let cookie = session.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let hinted = [("id_token_hint", earlier.as_str()), ("post_logout_redirect_uri", BACK)];
    assert_eq!(location(&post_from_elsewhere(&server, &agent, "/oidc/logout", &hinted).await), BACK);
    let silent = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let silent = silent.get(authorize_url(&server, &[("prompt", "none")])).header("cookie", cookie).send().await.unwrap();
    assert_eq!(query(&silent)["error"], "login_required", "the server ended the session, not only the browser");

    let (page, html) = agent.login_page(&server, &[]).await;
    agent.submit(&page, &html, &[("username", "bob@example.com"), ("password", PASSWORD)]).await;
    let asked = post_from_elsewhere(&server, &agent, "/oidc/logout", &hinted).await;
    assert_eq!((asked.status(), asked.headers().contains_key("set-cookie")), (StatusCode::OK, false));
    assert!(is_logged_in(&server, &agent).await, "somebody else's token ends nothing");
    server.stop().await;
}

#[tokio::test]
async fn p151_no_other_site_can_press_the_button() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    // The form that anybody gets who has no session.
    let stranger = Agent::new();
    let asked = stranger.get(logout_url(&server, &[])).await;
    let (_, fields) = crate::support::server::login_form(&asked.url().clone(), &asked.text().await.unwrap());
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    agent.log_in(&server, &[]).await;
    let pressed = post_from_elsewhere(&server, &agent, "/oidc/logout/confirm", &fields).await;
    assert_eq!((pressed.status(), pressed.headers().contains_key("set-cookie")), (StatusCode::BAD_REQUEST, false));
    assert!(is_logged_in(&server, &agent).await);
    server.stop().await;
}
