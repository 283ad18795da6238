//! Authorization requests: redirect URIs, parameters, answers.

use reqwest::{Method, StatusCode};

use crate::interaction::redeem;
use crate::parties::tokens;
use crate::support::Server;
use crate::support::agent::{Agent, CALLBACK, authorize_url, fragment, location, query};
use crate::support::server::login_form;
use vestibule::clock::Clock;

const CLIENTS: &str = r#"
[[clients]]
client_id = "rp"
client_secret = "rp-secret"
app_type = "regular_web"
grant_types = ["authorization_code"]
callbacks = ["https://rp.example/cb", "https://rp.example/query?a=1"]
[[clients]]
client_id = "native"
app_type = "native"
grant_types = ["authorization_code"]
callbacks = ["http://127.0.0.1/cb"]
"#;
/// A challenge of the right form.
const CHALLENGE: [(&str, &str); 2] =
    [("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), ("code_challenge_method", "S256")];

#[tokio::test]
async fn p001_only_the_exact_redirect_uri_is_answered() {
    let server = Server::start_with(&[], CLIENTS, Clock::System).await;
    let agent = Agent::new();
    for uri in [
        "https://rp.example/cb/",
        "https://rp.example/CB",
        "https://rp.example/cb?x=1",
        "https://rp.example/cb?",
        "https://rp.example/cb#f",
        "https://rp.example/cb#",
        "https://rp.example:443/cb",
        "https://rp.example/cb/../evil",
        "https://rp.example/./cb",
        "https://rp.example/cb%2e%2e%2f",
        "https://rp.example/cb%252f",
        "https://rp.example/%63b",
        "https://rp.example/cb;x",
        "https://rp.example/cb/..;/evil",
        "https://rp.example/cb%00",
        "https://rp.example/cb\0",
        "https://rp.example/cb\r\nx: y",
        "https://rp.example\\cb",
        "https://rp.example/cb\t",
        "https://rp.example/cb ",
        " https://rp.example/cb",
        "https://rp.example.evil.tld/cb",
        "https://rp.example@evil.tld/cb",
        "https://evil.tld/https://rp.example/cb",
        "https://rpXexample/cb",
        "http://rp.example/cb",
        "HTTPS://rp.example/cb",
        "https://RP.example/cb",
        "https://rр.example/cb",
        "https://rp.example/c",
        "//rp.example/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://rp.example/cb https://rp.example/cb",
    ] {
        for more in [("prompt", "login"), ("prompt", "none"), ("response_type", "magic")] {
            let answer = agent.authorize(&server, &[("client_id", "rp"), ("redirect_uri", uri), more]).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{uri:?} {more:?}");
            let headers = answer.headers();
            assert!(!headers.contains_key("location") && !headers.contains_key("set-cookie"), "{uri:?} {more:?}");
            let page = answer.text().await.unwrap();
            assert!(!page.contains("evil") && !page.contains("alert"), "{uri:?} is not shown: {page}");
        }
    }
    let right = agent.authorize(&server, &[("client_id", "rp"), ("redirect_uri", "https://rp.example/cb")]).await;
    assert_eq!(right.status(), StatusCode::FOUND);
    server.stop().await;
}

#[tokio::test]
async fn p002_p003_registered_queries_and_loopback_ports() {
    let server = Server::start_with(&[], CLIENTS, Clock::System).await;
    let agent = Agent::new();
    let error = async |client: &str, uri: &str| {
        let parameters = [("client_id", client), ("redirect_uri", uri), ("prompt", "none"), CHALLENGE[0], CHALLENGE[1]];
        let answer = agent.authorize(&server, &parameters).await;
        (answer.status() == StatusCode::FOUND).then(|| location(&answer))
    };
    let answered = error("rp", "https://rp.example/query?a=1").await.unwrap();
    assert!(answered.starts_with("https://rp.example/query?a=1&error=login_required&"), "{answered}");
    for uri in [
        "https://rp.example/query",
        "https://rp.example/query?a=2",
        "https://rp.example/query?a=1&b=2",
        "https://rp.example/query?A=1",
        "https://rp.example/query?a=1&a=1",
    ] {
        assert_eq!(error("rp", uri).await, None, "{uri}");
    }
    for uri in ["http://127.0.0.1/cb", "http://127.0.0.1:4711/cb", "http://127.0.0.1:1/cb"] {
        assert!(error("native", uri).await.unwrap().starts_with(&format!("{uri}?")), "{uri}");
    }
    for uri in [
        "http://localhost:4711/cb",
        "http://127.0.0.1:4711/other",
        "http://127.0.0.1:4711/cb?x=1",
        "https://127.0.0.1:4711/cb",
        "http://127.0.0.2:4711/cb",
        "http://127.0.0.1:80@evil.tld/cb",
        "http://127.0.0.1:99999/cb",
        "http://[::1]:4711/cb",
        "http://127.1:4711/cb",
    ] {
        assert_eq!(error("native", uri).await, None, "{uri}");
    }
    server.stop().await;
}

#[tokio::test]
async fn p008_without_the_implicit_grant_no_token_travels_through_the_browser() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    agent.log_in(&server, &[]).await;
    for response_type in ["token", "id_token", "id_token token", "code token", "code id_token", "code id_token token"] {
        let answer = agent.authorize(&server, &[("response_type", response_type), ("nonce", "n")]).await;
        let told = location(&answer);
        assert!(told.contains("error=unauthorized_client") && !told.contains("_token="), "{response_type}: {told}");
        assert!(!told.contains("code="), "{response_type}: {told}");
    }
    for response_type in ["none", "code code", "CODE", "code none", "code magic"] {
        let told = query(&agent.authorize(&server, &[("response_type", response_type)]).await);
        assert_eq!(told["error"], "unsupported_response_type", "{response_type}");
    }
    server.stop().await;
}

#[tokio::test]
async fn p009_no_parameter_may_come_twice() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    for (name, value) in [
        ("client_id", "demo-web"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "xyz"),
        ("nonce", "n"),
        ("code_challenge", CHALLENGE[0].1),
        ("prompt", "none"),
        ("audience", "https://api.example.com/"),
        ("unheard-of", "1"),
    ] {
        let once = [("nonce", "n"), ("prompt", "none"), ("unheard-of", "1"), CHALLENGE[0], CHALLENGE[1]];
        let once = [&once[..], &[("audience", "https://api.example.com/")]].concat();
        let mut twice = authorize_url(&server, &once);
        twice.query_pairs_mut().append_pair(name, value);
        let form: Vec<(String, String)> = twice.query_pairs().into_owned().collect();
        let both = agent.0.post(authorize_url(&server, &once)).form(&[(name, value)]).send().await.unwrap();
        let posted = agent.0.post(server.url("/authorize")).form(&form).send().await.unwrap();
        for (answer, how) in [(agent.get(twice).await, "query"), (posted, "body"), (both, "query and body")] {
            if ["client_id", "redirect_uri"].contains(&name) {
                assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{name} in {how}");
                assert!(!answer.headers().contains_key("location"), "{name} in {how}");
            } else {
                let told = query(&answer);
                assert_eq!(told["error"], "invalid_request", "{name} in {how}");
                assert_eq!(told.contains_key("state"), name != "state", "{name} in {how}");
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn p010_p011_p012_form_order_and_unknown_parameters_make_no_difference() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    agent.log_in(&server, &[]).await;
    let empty = format!("{}&nonce=&prompt=&max_age=&foo=bar", authorize_url(&server, &[]));
    assert!(query(&agent.get(empty.parse().unwrap()).await).contains_key("code"));
    let reversed = server.url(
        "/authorize?state=xyz&scope=profile+openid&redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fcallback\
         &response_type=code&client_id=demo-web",
    );
    assert!(query(&agent.get(reversed).await).contains_key("code"));
    let form: Vec<(String, String)> = authorize_url(&server, &[]).query_pairs().into_owned().collect();
    let posted = agent.0.post(server.url("/authorize")).form(&form).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::SEE_OTHER);
    assert!(query(&posted).contains_key("code"));
    let json = agent.0.post(server.url("/authorize")).json(&form).send().await.unwrap();
    assert_eq!(json.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    server.stop().await;
}

#[tokio::test]
async fn p013_p014_state_and_issuer_come_back_byte_for_byte() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    agent.log_in(&server, &[]).await;
    let discovery: serde_json::Value =
        agent.get(server.url("/.well-known/openid-configuration")).await.json().await.unwrap();
    assert_eq!(discovery["authorization_response_iss_parameter_supported"], true);
    let (long, longer) = ("x".repeat(1_000), "ü".repeat(2_000));
    let hostile =
        ["1", &long, &longer, "\"><script>alert(1)</script>", "%0d%0aSet-Cookie: a=b", "\r\nSet-Cookie: a=b", "a b+c&d=e#f"];
    for state in hostile {
        for prompt in ["none", "nonsense"] {
            let answer = agent.authorize(&server, &[("state", state), ("prompt", prompt)]).await;
            let told = query(&answer);
            assert_eq!(told["state"], state, "{prompt}");
            assert_eq!(told["iss"], discovery["issuer"].as_str().unwrap());
            assert_eq!(told.contains_key("code"), prompt == "none");
            assert!(answer.headers().get_all("set-cookie").iter().all(|cookie| !cookie.as_bytes().starts_with(b"a=b")));
        }
        let posted = agent.authorize(&server, &[("state", state), ("response_mode", "form_post")]).await;
        let policy = posted.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("'sha256-") && !policy.contains("unsafe"), "{policy}");
        let (action, fields) = login_form(&posted.url().clone(), &posted.text().await.unwrap());
        assert_eq!(action.as_str(), CALLBACK);
        // HTML has no bare carriage return.
        let shown = |text: &str| text.replace("\r\n", "\n");
        assert!(fields.iter().any(|(name, value)| name == "state" && shown(value) == shown(state)), "{fields:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn p015_credentials_are_never_sent_on() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    assert_eq!(agent.log_in(&server, &[]).await.status(), StatusCode::SEE_OTHER);
    let form: Vec<(String, String)> = authorize_url(&server, &[("prompt", "login")]).query_pairs().into_owned().collect();
    let posted = agent.0.post(server.url("/authorize")).form(&form).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::SEE_OTHER);
    server.stop().await;
}

#[tokio::test]
async fn p020_p021_answers_come_in_known_modes_only() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    agent.log_in(&server, &[]).await;
    for mode in ["magic", "QUERY", "query fragment", "jwt", "web_message "] {
        let told = query(&agent.authorize(&server, &[("response_mode", mode)]).await);
        assert_eq!(told["error"], "invalid_request", "{mode}");
    }
    let hostile = [("response_mode", "form_post"), ("state", "\"></form><form action=https://evil.tld><script>x")];
    let html = agent.authorize(&server, &hostile).await.text().await.unwrap();
    assert_eq!(html.matches("<form").count(), 1, "{html}");
    assert_eq!(html.matches("<script").count(), 1, "{html}");
    server.stop().await;
}

#[tokio::test]
async fn p027_c33_c34_c36_request_objects_are_refused_and_nothing_is_fetched() {
    let server = Server::start(&[]).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/request.jwt", listener.local_addr().unwrap());
    let agent = Agent::new();
    let unsigned = "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwudGxkLyJ9.";
    for (name, value, error) in [
        ("request", unsigned, "request_not_supported"),
        ("request_uri", uri.as_str(), "request_uri_not_supported"),
        ("request_uri", "http://169.254.169.254/", "request_uri_not_supported"),
        ("registration", "{}", "registration_not_supported"),
    ] {
        let answer = agent.authorize(&server, &[(name, value)]).await;
        assert!(location(&answer).starts_with(CALLBACK));
        assert_eq!(query(&answer)["error"], error);
    }
    let page = agent.authorize(&server, &[("redirect_uri", ""), ("request", unsigned)]).await;
    assert_eq!(page.status(), StatusCode::BAD_REQUEST);
    assert!(!page.headers().contains_key("location"));
    let silence = tokio::time::timeout(std::time::Duration::from_millis(100), listener.accept()).await;
    assert!(silence.is_err(), "somebody fetched the request");
    server.stop().await;
}

#[tokio::test]
async fn p028_p029_codes_are_long_unique_and_short_lived() {
    let clock = Clock::fixed(1_800_000_000);
    let server = Server::start_with(&[], "", clock.clone()).await;
    let agent = Agent::new();
    agent.log_in(&server, &[]).await;
    let mut codes = std::collections::BTreeSet::new();
    for _ in 0..100 {
        codes.insert(query(&agent.authorize(&server, &[("prompt", "none")]).await)["code"].clone());
    }
    assert_eq!(codes.len(), 100);
    // 43 characters of base64url are 256 bits.
    assert!(codes.iter().all(|code| code.len() == 43));
    let redeem = async |code: &str| {
        let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
        server.token(&crate::parties::form(&crate::parties::WEB, &form)).await.0
    };
    let mut codes = codes.into_iter();
    clock.advance(59);
    assert_eq!(redeem(&codes.next().unwrap()).await, 200);
    clock.advance(2);
    assert_eq!(redeem(&codes.next().unwrap()).await, 400);
    server.stop().await;
}

#[tokio::test]
async fn p016_p176_only_the_exact_path_is_an_endpoint() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    agent.log_in(&server, &[]).await;
    let parameters = authorize_url(&server, &[("prompt", "none")]).query().unwrap().to_owned();
    for path in [
        "/authorize/",
        "//authorize",
        "/Authorize",
        "/authorize;x=1",
        "/%61uthorize",
        "/authorize%2f",
        "/u/../authorize%00",
        "/authorize%3bx",
        "/oauth%2ftoken",
        "/oauth/token/",
        "/oauth//token",
        "/OAUTH/token",
        "/userinfo/",
        "/userinfo;x",
    ] {
        let url = format!("{}{path}?{parameters}", server.issuer.trim_end_matches('/'));
        let answer = agent.0.get(&url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for origin in ["https://evil.example", "http://localhost:3000", "null"] {
        for method in [Method::GET, Method::OPTIONS] {
            let request = agent.0.request(method, authorize_url(&server, &[("prompt", "none")]));
            let request = request.header("origin", origin).header("access-control-request-method", "GET");
            let answer = request.send().await.unwrap();
            assert!(answer.headers().keys().all(|name| !name.as_str().starts_with("access-control")), "{origin}");
        }
    }
    server.stop().await;
}

/// RFC 6749 section 5.1: an answer without `scope` means that everything was granted.
#[tokio::test]
async fn an_answer_tells_that_nothing_of_what_was_asked_is_granted() {
    let server = Server::start(&[]).await;
    let by_code = async |scope: &str| redeem(&server, &Agent::new().log_in(&server, &[("scope", scope)]).await).await;
    let implicit = async |kind: &str, scope: &str| {
        let own = [("client_id", "demo-implicit"), ("redirect_uri", "http://localhost:3002/callback")];
        let asked = [&own[..], &[("response_type", kind), ("scope", scope)]].concat();
        fragment(&Agent::new().log_in(&server, &asked).await)
    };
    assert_eq!(by_code("admin").await["scope"], "");
    assert_eq!(tokens(&server, "admin", None).await["scope"], "");
    assert_eq!(implicit("token", "admin").await["scope"], "");
    assert_eq!(implicit("code token", "admin").await["scope"], "");
    assert_eq!(by_code("openid admin").await["scope"], "openid");
    assert_eq!(by_code("").await.get("scope"), None, "nobody asked");
    assert_eq!(tokens(&server, "", None).await.get("scope"), None);
    assert!(!implicit("token", "").await.contains_key("scope"));
    server.stop().await;
}

/// RFC 6749 section 4.1.2.1: %x20-21 / %x23-5B / %x5D-7E.
#[tokio::test]
async fn p007_descriptions_keep_to_the_characters_of_the_rfc_wherever_they_travel() {
    let action = r#"fn onExecutePostLogin(event, api) { api.access.deny("no \"entry\"\r\n\\ für Ada"); }"#;
    let server = Server::start(&[("deny", action)]).await;
    let allowed = |text: &str| text.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    let hostile = ("audience", "\"\r\nü\\");
    let agent = Agent::new();
    let told = query(&agent.authorize(&server, &[hostile]).await);
    assert_eq!((told["error"].as_str(), told["error_description"].as_str()), ("access_denied", "Service not found: '  ?/"));
    let own = [("client_id", "demo-implicit"), ("redirect_uri", "http://localhost:3002/callback"), ("nonce", "n")];
    let told = fragment(&agent.authorize(&server, &[&own[..], &[("response_type", "id_token"), hostile]].concat()).await);
    assert!(allowed(&told["error_description"]), "{told:?}");
    for mode in ["form_post", "web_message"] {
        let page = agent.authorize(&server, &[hostile, ("response_mode", mode)]).await.text().await.unwrap();
        assert!(page.contains("?/") && !page.contains('ü'), "{mode}: {page}");
    }
    let denied = query(&agent.log_in(&server, &[]).await);
    assert_eq!(denied["error_description"], "no 'entry'  / f?r Ada");
    let ask = [("grant_type", "password"), ("username", "ada@example.com"), ("password", crate::support::PASSWORD)];
    let (_, body) = server.token(&crate::parties::form(&crate::parties::WEB, &ask)).await;
    assert_eq!(body["error_description"], denied["error_description"], "as at the token endpoint");
    server.stop().await;
}

#[tokio::test]
async fn p009_p013_text_that_is_no_utf8_is_refused_and_not_changed() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let with = |name: &str, raw: &str| {
        let url = authorize_url(&server, &[(name, "")]);
        format!("{}&{name}={raw}", url.query().unwrap())
    };
    for raw in ["%FFab", "%C3%28", "%ED%A0%80", "a%80"] {
        for name in ["state", "nonce", "login_hint", "unknown"] {
            let asked = with(name, raw);
            let mut url = server.url("/authorize");
            url.set_query(Some(&asked));
            let form = agent.0.post(server.url("/authorize")).header("content-type", "application/x-www-form-urlencoded");
            for answer in [agent.get(url).await, form.body(asked.clone()).send().await.unwrap()] {
                let told = query(&answer);
                assert_eq!(told["error"], "invalid_request", "{asked}");
                assert_eq!(told.get("state").map(String::as_str), (name != "state").then_some("xyz"), "{asked}");
            }
        }
        for name in ["client_id", "redirect_uri"] {
            let mut url = server.url("/authorize");
            url.set_query(Some(&with(name, raw)));
            let answer = agent.get(url).await;
            assert_eq!((answer.status(), answer.headers().contains_key("location")), (StatusCode::BAD_REQUEST, false));
        }
        let mut logout = server.url("/oidc/logout");
        logout.set_query(Some(&format!("state={raw}")));
        assert_eq!(agent.get(logout).await.status(), StatusCode::BAD_REQUEST, "{raw}");
    }
    assert_eq!(query(&agent.log_in(&server, &[("state", "ü€😀")]).await)["state"], "ü€😀");
    server.stop().await;
}
