//! The browser side through the running server: authorization requests, the login page, sessions, logout, headers.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod support;

use reqwest::StatusCode;
use serde_json::Value;
use support::agent::{Agent, CALLBACK, authorize_url, fragment, location, query};
use support::server::login_form;
use support::{PASSWORD, Server};
use vestibule::clock::Clock;

/// The payload of a JWT, unchecked.
fn payload(token: &str) -> Value {
    use base64::Engine as _;
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn p014_a_login_ends_at_the_callback_with_code_state_and_issuer_and_single_sign_on_follows() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let answer = agent.log_in(&server, &[]).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert!(location(&answer).starts_with(&format!("{CALLBACK}?")));
    let first = query(&answer);
    assert_eq!((first["state"].as_str(), first["iss"].as_str()), ("xyz", server.issuer.as_str()));

    let silent = agent.authorize(&server, &[("prompt", "none")]).await;
    assert_eq!(silent.status(), StatusCode::FOUND);
    assert_ne!(query(&silent)["code"], first["code"]);
    let again = agent.authorize(&server, &[("prompt", "login")]).await;
    assert!(location(&again).starts_with("/u/login?state="));
    server.stop().await;
}

#[tokio::test]
async fn p004_p005_untrusted_redirects_get_a_page_and_no_location() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    for parameters in [
        [("redirect_uri", "http://localhost:3000/callback/")],
        [("redirect_uri", "https://evil.example/")],
        [("redirect_uri", "")],
        [("client_id", "nobody")],
        [("client_id", "")],
    ] {
        let answer = agent.authorize(&server, &parameters).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{parameters:?}");
        assert!(!answer.headers().contains_key("location"));
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    }
    server.stop().await;
}

#[tokio::test]
async fn p007_errors_of_a_trusted_request_go_to_the_callback() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    for (parameters, expected) in [
        ([("response_type", "")], "invalid_request"),
        ([("response_type", "magic")], "unsupported_response_type"),
        ([("prompt", "none")], "login_required"),
        ([("request", "x")], "request_not_supported"),
        ([("audience", "https://nowhere.example/")], "access_denied"),
        ([("id_token_hint", "forged")], "invalid_request"),
        ([("code_challenge", "x")], "invalid_request"),
    ] {
        let answer = agent.authorize(&server, &parameters).await;
        let told = query(&answer);
        assert_eq!(told["error"], expected, "{parameters:?}");
        assert_eq!((told["state"].as_str(), told["iss"].as_str()), ("xyz", server.issuer.as_str()));
    }
    let mut twice = authorize_url(&server, &[]);
    twice.query_pairs_mut().append_pair("scope", "openid");
    assert_eq!(query(&agent.get(twice).await)["error"], "invalid_request");
    let unknown = agent.authorize(&server, &[("audience", "https://nowhere.example/"), ("prompt", "none")]).await;
    assert_eq!(query(&unknown)["error_description"], "Service not found: https://nowhere.example/");
    server.stop().await;
}

#[tokio::test]
async fn p030_p031_p160_a_login_belongs_to_one_browser_one_form_and_one_use() {
    let server = Server::start(&[]).await;
    let (agent, thief) = (Agent::new(), Agent::new());
    let (page, html) = agent.login_page(&server, &[]).await;
    let credentials = [("username", "ada@example.com"), ("password", PASSWORD)];

    assert_eq!(thief.get(page.clone()).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(thief.submit(&page, &html, &credentials).await.status(), StatusCode::FORBIDDEN);
    let forged = agent.submit(&page, &html, &[credentials[0], credentials[1], ("csrf", "guess")]).await;
    assert_eq!(forged.status(), StatusCode::FORBIDDEN);
    let (action, fields) = login_form(&page, &html);
    let foreign = agent.0.post(action).header("origin", "https://evil.example").form(&fields).send().await.unwrap();
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);

    let wrong = agent.submit(&page, &html, &[credentials[0], ("password", "wrong password")]).await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    assert!(wrong.text().await.unwrap().contains("Wrong email or password."));
    assert_eq!(agent.submit(&page, &html, &credentials).await.status(), StatusCode::SEE_OTHER);
    let replay = agent.submit(&page, &html, &credentials).await;
    assert_eq!(replay.status(), StatusCode::BAD_REQUEST);
    assert!(!replay.headers().contains_key("location"));
    server.stop().await;
}

#[tokio::test]
async fn p032_p033_the_form_cannot_change_what_was_asked_for_and_cancel_is_told() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let (page, html) = agent.login_page(&server, &[]).await;
    let answer = agent
        .submit(
            &page,
            &html,
            &[("action", "cancel"), ("redirect_uri", "https://evil.example/"), ("client_id", "demo-other")],
        )
        .await;
    assert!(location(&answer).starts_with(CALLBACK));
    assert_eq!(query(&answer)["error"], "access_denied");
    server.stop().await;
}

#[tokio::test]
async fn actions_see_the_request_and_their_denial_reaches_the_callback_with_metadata_kept() {
    let action = r#"
        fn onExecutePostLogin(event, api) {
            api.user.setUserMetadata("tenant", event.request.query.launch);
            if event.transaction.protocol != "oidc-basic-profile" { throw "protocol"; }
            if event.stats.logins_count != 1 { throw "count"; }
            if event.transaction.requested_scopes != ["openid", "profile"] { throw "scopes"; }
            if event.session.user_id != event.user.user_id { throw "session"; }
            if event.authentication.methods[0].name != "pwd" { throw "methods"; }
            api.access.deny("only on weekdays");
        }
    "#;
    let server = Server::start(&[("10-deny", action)]).await;
    let answer = Agent::new().log_in(&server, &[("launch", "ward-7")]).await;
    let told = query(&answer);
    assert_eq!(told["error_description"], "only on weekdays");
    assert_eq!((told["error"].as_str(), told["state"].as_str()), ("access_denied", "xyz"));
    let ada = server.app.store.user("auth0|ada").await.unwrap().unwrap();
    assert_eq!(ada.user_metadata["tenant"], "ward-7");
    assert_eq!(ada.logins_count, 1);
    server.stop().await;
}

#[tokio::test]
async fn a_failing_action_tells_a_reference_and_no_details() {
    let server = Server::start(&[("10-fail", r#"fn onExecutePostLogin(event, api) { throw "internal-secret"; }"#)]).await;
    let told = query(&Agent::new().log_in(&server, &[]).await);
    assert_eq!(told["error"], "server_error");
    assert!(told["error_description"].contains("reference") && !told["error_description"].contains("internal-secret"));
    server.stop().await;
}

#[tokio::test]
async fn implicit_answers_carry_tokens_and_parameters_in_the_fragment() {
    let action = r#"
        fn onExecutePostLogin(event, api) {
            api.idToken.setCustomClaim("https://example.com/protocol", event.transaction.protocol);
            api.tokenResponse.setCustomParameter("context", #{ patient: 17 });
        }
    "#;
    let server = Server::start(&[("10-claims", action)]).await;
    let implicit = [
        ("client_id", "demo-implicit"),
        ("redirect_uri", "http://localhost:3002/callback"),
        ("response_type", "token id_token"),
        ("nonce", "n-1"),
    ];
    let agent = Agent::new();
    let told = fragment(&agent.log_in(&server, &implicit).await);
    assert_eq!((told["token_type"].as_str(), told["state"].as_str()), ("Bearer", "xyz"));
    assert_eq!(told["context"], r#"{"patient":17}"#);
    assert!(told["expires_in"].parse::<i64>().unwrap() > 0 && !told["access_token"].is_empty());
    let claims = payload(&told["id_token"]);
    assert_eq!(
        (claims["nonce"].as_str(), claims["https://example.com/protocol"].as_str()),
        (Some("n-1"), Some("oidc-implicit-profile"))
    );

    let hybrid = [implicit[0], implicit[1], ("response_type", "code id_token"), ("nonce", "n-2")];
    let told = fragment(&agent.authorize(&server, &hybrid).await);
    assert!(payload(&told["id_token"])["c_hash"].is_string() && !told["code"].is_empty());
    assert!(!told.contains_key("access_token") && !told.contains_key("token_type"));
    let refused = agent.authorize(&server, &[("response_type", "id_token"), ("nonce", "n")]).await;
    assert_eq!(fragment(&refused)["error"], "unauthorized_client");
    server.stop().await;
}

#[tokio::test]
async fn pages_deliver_forms_and_messages_to_the_right_place() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    agent.log_in(&server, &[]).await;
    let posted = agent.authorize(&server, &[("response_mode", "form_post")]).await;
    assert_eq!(posted.status(), StatusCode::OK);
    let (action, fields) = login_form(&posted.url().clone(), &posted.text().await.unwrap());
    assert_eq!(action.as_str(), CALLBACK);
    assert!(fields.iter().any(|(name, value)| name == "code" && value.len() == 43));

    let message = agent.authorize(&server, &[("response_mode", "web_message"), ("prompt", "none")]).await;
    let policy = message.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors http://localhost:3000"));
    assert!(!message.headers().contains_key("x-frame-options"));
    let spa = [("client_id", "demo-other"), ("redirect_uri", "http://localhost:3001/callback")];
    let refused = agent.authorize(&server, &[spa[0], spa[1], ("response_mode", "web_message")]).await;
    assert_eq!(query(&refused)["error"], "invalid_request");
    server.stop().await;
}

#[tokio::test]
async fn p163_sessions_end_by_age_idleness_and_request() {
    let clock = Clock::fixed(1_800_000_000);
    let server = Server::start_with(&[], "", clock.clone()).await;
    let agent = Agent::new();
    agent.log_in(&server, &[]).await;
    clock.advance(2);
    for (max_age, expected) in [("10000", "code"), ("1", "error"), ("0", "error")] {
        let told = query(&agent.authorize(&server, &[("prompt", "none"), ("max_age", max_age)]).await);
        assert!(told.contains_key(expected), "{max_age}: {told:?}");
    }
    clock.advance(73 * 3_600);
    assert_eq!(query(&agent.authorize(&server, &[("prompt", "none")]).await)["error"], "login_required");
    server.stop().await;
}

#[tokio::test]
async fn sign_up_makes_a_user_who_is_logged_in() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let (page, html) = agent.login_page(&server, &[("screen_hint", "signup")]).await;
    assert_eq!(page.path(), "/u/signup");
    let short = agent.submit(&page, &html, &[("email", "new@example.com"), ("password", "short")]).await;
    assert_eq!(short.status(), StatusCode::BAD_REQUEST);
    let taken = agent.submit(&page, &html, &[("email", "ADA@example.com"), ("password", "long enough words")]).await;
    assert_eq!(taken.status(), StatusCode::BAD_REQUEST);
    let done = agent.submit(&page, &html, &[("email", "new@example.com"), ("password", "long enough words")]).await;
    assert!(query(&done).contains_key("code"));
    let user = server.app.store.credentials("new@example.com").await.unwrap().unwrap().user;
    assert_eq!((user.user_id.len(), user.logins_count), ("auth0|".len() + 24, 1));
    server.stop().await;
}

#[tokio::test]
async fn sixteen_wrong_passwords_at_once_are_ten_guesses_and_then_a_wait() {
    let clock = Clock::fixed(1_800_000_000);
    let server = Server::start_with(&[], "", clock.clone()).await;
    let agent = Agent::new();
    let (page, html) = agent.login_page(&server, &[]).await;
    let wrong = [("username", "ada@example.com"), ("password", "wrong password")];
    let mut attempts = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (agent, page, html) = (Agent(agent.0.clone()), page.clone(), html.clone());
        attempts.spawn(async move { agent.submit(&page, &html, &wrong).await.status().as_u16() });
    }
    let statuses = attempts.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 10, "{statuses:?}");
    let right = [wrong[0], ("password", PASSWORD)];
    let waiting = agent.submit(&page, &html, &right).await;
    assert_eq!(waiting.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(waiting.headers().contains_key("retry-after"));
    clock.advance(120);
    assert_eq!(agent.submit(&page, &html, &right).await.status(), StatusCode::SEE_OTHER);
    server.stop().await;
}

#[tokio::test]
async fn logout_returns_to_registered_addresses_only_and_ends_the_session() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    agent.log_in(&server, &[]).await;
    let mut url = server.url("/v2/logout");
    url.query_pairs_mut().append_pair("client_id", "demo-web").append_pair("returnTo", "https://evil.example/");
    let refused = agent.get(url).await;
    assert_eq!((refused.status(), refused.headers().contains_key("location")), (StatusCode::BAD_REQUEST, false));
    let mut url = server.url("/v2/logout");
    url.query_pairs_mut().append_pair("client_id", "demo-web").append_pair("returnTo", "http://localhost:3000/");
    assert_eq!(location(&agent.get(url).await), "http://localhost:3000/");
    assert_eq!(query(&agent.authorize(&server, &[("prompt", "none")]).await)["error"], "login_required");
    server.stop().await;
}

#[tokio::test]
async fn p151_rp_initiated_logout_asks_unless_an_id_token_speaks_for_the_user() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let code = query(&agent.log_in(&server, &[]).await)["code"].clone();
    let (status, tokens) = server
        .token(&[
            ("grant_type", "authorization_code"),
            ("client_id", "demo-web"),
            ("client_secret", "demo-web-secret"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
        ])
        .await;
    assert_eq!(status, 200, "{tokens}");

    let bare = agent.get(server.url("/oidc/logout")).await;
    let (page, html) = (bare.url().clone(), bare.text().await.unwrap());
    assert!(query(&agent.authorize(&server, &[("prompt", "none")]).await).contains_key("code"), "asking ends nothing");
    assert_eq!(agent.submit(&page, &html, &[("csrf", "guess")]).await.status(), StatusCode::BAD_REQUEST);

    let mut url = server.url("/oidc/logout");
    url.query_pairs_mut()
        .append_pair("id_token_hint", tokens["id_token"].as_str().unwrap())
        .append_pair("post_logout_redirect_uri", "http://localhost:3000/")
        .append_pair("state", "bye now");
    assert_eq!(location(&agent.get(url).await), "http://localhost:3000/?state=bye%20now");
    assert_eq!(query(&agent.authorize(&server, &[("prompt", "none")]).await)["error"], "login_required");
    server.stop().await;
}

#[tokio::test]
async fn p016_p018_p019_every_answer_has_its_headers_and_cross_origin_access_its_limits() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let (page, _) = agent.login_page(&server, &[]).await;
    let shown = agent.get(page).await;
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(shown.headers()[name], value);
    }
    assert!(!shown.headers()["content-security-policy"].to_str().unwrap().contains("unsafe"));

    let from = |method: reqwest::Method, path: &str, origin: &str| {
        agent
            .0
            .request(method, server.url(path))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .send()
    };
    let allowed = from(reqwest::Method::OPTIONS, "/oauth/token", "http://localhost:5173").await.unwrap();
    assert_eq!(allowed.headers()["access-control-allow-origin"], "http://localhost:5173");
    for origin in ["https://evil.example", "null"] {
        let refused = from(reqwest::Method::OPTIONS, "/oauth/token", origin).await.unwrap();
        assert!(!refused.headers().contains_key("access-control-allow-origin"), "{origin}");
        assert_eq!(refused.headers()["vary"], "Origin");
    }
    let authorize = from(reqwest::Method::GET, "/authorize", "http://localhost:3000").await.unwrap();
    assert!(authorize.headers().keys().all(|name| !name.as_str().starts_with("access-control")));
    let keys = from(reqwest::Method::GET, "/.well-known/jwks.json", "https://evil.example").await.unwrap();
    assert_eq!(keys.headers()["access-control-allow-origin"], "*");
    assert!(keys.headers()["cache-control"].to_str().unwrap().contains("max-age"));

    let unknown = agent.get(server.url("/nowhere")).await;
    assert_eq!(
        (unknown.status(), unknown.headers()["content-type"].to_str().unwrap()),
        (StatusCode::NOT_FOUND, "application/json")
    );
    let wrong_method = agent.0.delete(server.url("/authorize")).send().await.unwrap();
    assert_eq!(wrong_method.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(wrong_method.headers()["allow"].to_str().unwrap().contains("GET"));
    let long = agent.0.post(server.url("/authorize")).form(&[("x", "y".repeat(70_000))]).send().await.unwrap();
    assert_eq!(long.status(), StatusCode::PAYLOAD_TOO_LARGE);
    server.stop().await;
}

#[tokio::test]
async fn health_readiness_and_metrics_answer() {
    let server = Server::start(&[("10-nothing", "fn onExecutePostLogin(event, api) {}")]).await;
    let agent = Agent::new();
    agent.log_in(&server, &[]).await;
    let health: Value = agent.get(server.url("/healthz")).await.json().await.unwrap();
    assert_eq!((health["status"].as_str(), health["actions"]["count"].as_u64()), (Some("ok"), Some(1)));
    assert_eq!(agent.get(server.url("/readyz")).await.status(), StatusCode::OK);
    let metrics = agent.get(server.url("/metrics")).await.text().await.unwrap();
    assert!(metrics.contains(r#"vestibule_logins_total{outcome="ok"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"route="/u/login""#) && metrics.contains(r#"action="10-nothing""#), "{metrics}");
    server.stop().await;
}
