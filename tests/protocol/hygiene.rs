//! HTTP itself: framing, methods, headers of every answer, truth of discovery.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::resources::EVE;
use crate::support::agent::{Agent, query};
use crate::support::{PASSWORD, Server};

/// Every path with the methods that it answers.
const ENDPOINTS: [(&str, &[&str]); 15] = [
    ("/", &["GET"]),
    ("/authorize", &["GET", "POST"]),
    ("/u/login", &["GET", "POST"]),
    ("/u/signup", &["GET", "POST"]),
    ("/oauth/token", &["POST"]),
    ("/oauth/revoke", &["POST"]),
    ("/oauth/introspect", &["POST"]),
    ("/userinfo", &["GET", "POST"]),
    ("/v2/logout", &["GET"]),
    ("/oidc/logout", &["GET", "POST"]),
    ("/oidc/logout/confirm", &["POST"]),
    ("/.well-known/openid-configuration", &["GET"]),
    ("/.well-known/jwks.json", &["GET"]),
    ("/healthz", &["GET"]),
    ("/metrics", &["GET"]),
];

/// Writes bytes, reads until the server closes or is silent for a moment.
async fn raw(server: &Server, bytes: &[u8]) -> String {
    let address = server.url("/").socket_addrs(|| None).unwrap()[0];
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    // The server may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(n)) = tokio::time::timeout(std::time::Duration::from_millis(500), stream.read(&mut buffer)).await {
        if n == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..n]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn p057_every_endpoint_names_its_methods() {
    let server = Server::start(&[]).await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for (path, methods) in ENDPOINTS {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            if methods.contains(&method) {
                continue;
            }
            let asked = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let answer = http.request(asked, server.url(path)).send().await.unwrap();
            assert_eq!(answer.status(), 405, "{method} {path}");
            let allow = answer.headers()["allow"].to_str().unwrap();
            assert!(methods.iter().all(|method| allow.contains(method)), "{method} {path}: {allow}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn p017_p018_p019_p177_every_answer_has_its_headers() {
    let server = Server::start(&[]).await;
    let agent = Agent::new();
    let (page, _) = agent.login_page(&server, &[]).await;
    let mut answers = vec![
        agent.get(page).await,
        agent.get(server.url("/nowhere")).await,
        agent.authorize(&server, &[("client_id", "nobody")]).await,
        agent.authorize(&server, &[("prompt", "none")]).await,
        agent.log_in(&server, &[]).await,
        agent.authorize(&server, &[("response_mode", "form_post")]).await,
        agent.get(server.url("/oidc/logout")).await,
        agent.get(server.url("/v2/logout")).await,
    ];
    for (path, _) in ENDPOINTS {
        for accept in ["text/html", "application/json"] {
            answers.push(agent.0.get(server.url(path)).header("accept", accept).send().await.unwrap());
            answers.push(agent.0.post(server.url(path)).header("accept", accept).form(&[("a", "b")]).send().await.unwrap());
        }
    }
    for answer in &answers {
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap());
        let url = answer.url();
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{url}");
        assert_eq!(header("referrer-policy"), Some("no-referrer"), "{url}");
        assert_eq!(header("x-frame-options"), Some("DENY"), "{url}");
        let policy = header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"), "{url}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http:") && !policy.contains('*'), "{url}: {policy}");
        assert!(header("server").is_none() && header("x-powered-by").is_none(), "{url}");
        let cacheable = url.path().starts_with("/.well-known/") && answer.status() == 200;
        assert_eq!(header("cache-control").unwrap().contains("no-store"), !cacheable, "{url}");
        assert!(header("strict-transport-security").is_none(), "not over http: {url}");
    }
    for answer in answers {
        let url = answer.url().clone();
        let text = answer.text().await.unwrap();
        for part in ["src=\"http", "src=\"//", "href=\"//", "@import", "url("] {
            assert!(!text.contains(part), "{url} loads from elsewhere: {part}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn p068_p175_framing_tricks_end_the_connection() {
    let server = Server::start(&[]).await;
    let smuggled = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let cases: [(&str, String); 8] = [
        (
            "two lengths",
            format!(
                "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: {}\r\n\r\n{smuggled}",
                smuggled.len()
            ),
        ),
        (
            "a list of lengths",
            format!("POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 0, {}\r\n\r\n{smuggled}", smuggled.len()),
        ),
        ("a signed length", "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n".to_owned()),
        (
            "unknown coding",
            "POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n".to_owned(),
        ),
        ("folded header", "POST /oauth/token HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("space before colon", "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length : 0\r\n\r\n".to_owned()),
        ("bad chunk", "POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned()),
        ("NUL in a header", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\0c\r\n\r\n".to_owned()),
    ];
    for (what, bytes) in &cases {
        let answer = raw(&server, bytes.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{what}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{what}: {answer}");
    }
    let secret = "client_id=demo-m2m&client_secret=demo-m2m-secret&grant_type=client_credentials&audience=";
    let body = format!("{secret}https://api.example.com/");
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n{smuggled}", body.len());
    let framing = ["Transfer-Encoding: chunked".to_owned(), format!("Content-Length: {}", chunked.len())];
    for framing in [framing.join("\r\n"), framing.iter().rev().cloned().collect::<Vec<_>>().join("\r\n")] {
        let kind = "Content-Type: application/x-www-form-urlencoded";
        let both = format!("POST /oauth/token HTTP/1.1\r\nHost: x\r\n{kind}\r\n{framing}\r\n\r\n{chunked}");
        let answer = raw(&server, both.as_bytes()).await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "what follows is no second request: {answer}");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("access_token"), "the length is ignored: {answer}");
        assert!(answer.to_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
    }
    let bare = raw(&server, b"GET /healthz HTTP/1.1\nHost: x\n\n").await;
    assert_eq!(
        (bare.starts_with("HTTP/1.1 200"), bare.matches("HTTP/1.1 ").count()),
        (true, 1),
        "a line may end so: {bare}"
    );
    let huge = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: {}\r\n\r\n", "x".repeat(1_000_000));
    assert!(raw(&server, huge.as_bytes()).await.starts_with("HTTP/1.1 431"));
    let many: String = (0..1_000).map(|n| format!("X-{n}: 1\r\n")).collect();
    let many = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{many}\r\n");
    assert!(raw(&server, many.as_bytes()).await.starts_with("HTTP/1.1 431"));
    server.stop().await;
}

/// RFC 9112 section 3.2.
#[tokio::test]
async fn p175_a_request_names_one_host() {
    let server = Server::start(&[]).await;
    let ask = async |version: &str, hosts: &[&str]| {
        let hosts: String = hosts.iter().map(|host| format!("Host:{host}\r\n")).collect();
        raw(&server, format!("GET /healthz HTTP/{version}\r\n{hosts}\r\n").as_bytes()).await
    };
    for hosts in [&[][..], &["a", "b"], &["a", "a"], &["a b"], &["u@a"], &["a/b"], &["a:b"], &["[::1"]] {
        let answer = ask("1.1", hosts).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{hosts:?}: {answer}");
        assert!(answer.to_lowercase().contains("\r\nconnection: close\r\n"), "{hosts:?}: {answer}");
        assert!(answer.contains("x-content-type-options"), "{hosts:?}: {answer}");
        assert!(answer.contains("\"invalid_request\"") && answer.contains("it needs one valid Host"), "{hosts:?}: {answer}");
    }
    assert!(ask("1.0", &["a", "b"]).await.starts_with("HTTP/1.0 400"));
    for (version, hosts) in [("1.0", &[][..]), ("1.1", &[""]), ("1.1", &["a:80"]), ("1.1", &["a:"]), ("1.1", &["[::1]:80"])]
    {
        assert!(ask(version, hosts).await.contains(" 200 OK\r\n"), "{hosts:?}");
    }
    server.stop().await;
}

/// A path of the issuer, kept by the proxy in front or taken off by it.
#[tokio::test]
async fn p180_an_issuer_with_a_path_is_served_below_it_and_without_it() {
    let server = Server::start_as("http://localhost/auth").await;
    for kept in [true, false] {
        let agent = Agent::new();
        // Where the browser is sent, as it arrives here.
        let arrives = |path: &str| {
            assert!(path.starts_with("/auth/"), "{path}");
            server.url(if kept { path } else { path.strip_prefix("/auth").unwrap() })
        };
        let asked = crate::support::agent::authorize_url(&server, &[]);
        let sent = agent.get(arrives(&format!("/auth/authorize?{}", asked.query().unwrap()))).await;
        assert_eq!(sent.status(), 302, "{kept}");
        let page = arrives(sent.headers()["location"].to_str().unwrap());
        let html = agent.get(page.clone()).await.text().await.unwrap();
        assert!(html.contains("href=\"/auth/u/signup?"), "{html}");
        let (action, mut fields) = crate::support::server::login_form(&page, &html);
        fields.retain(|(name, _)| !["username", "password"].contains(&name.as_str()));
        fields.extend([("username", "ada@example.com"), ("password", PASSWORD)].map(|(n, v)| (n.to_owned(), v.to_owned())));
        let done = agent.0.post(arrives(action.path())).form(&fields).send().await.unwrap();
        assert_eq!(done.status(), 303);
        assert!(query(&done).contains_key("code"));
        let single_sign_on = agent.get(arrives(&format!("/auth/authorize?{}", asked.query().unwrap()))).await;
        assert!(query(&single_sign_on).contains_key("code"));
        let asked = agent.get(arrives("/auth/oidc/logout")).await.text().await.unwrap();
        let (action, fields) = crate::support::server::login_form(&server.url("/"), &asked);
        let over = agent.0.post(arrives(action.path())).form(&fields).send().await.unwrap();
        assert_eq!(over.status(), 200);
        let preflight = agent.0.request(reqwest::Method::OPTIONS, arrives("/auth/oauth/token"));
        let preflight = preflight.header("origin", "http://localhost:5173").header("access-control-request-method", "POST");
        let preflight = preflight.send().await.unwrap();
        assert_eq!(preflight.headers()["access-control-allow-origin"], "http://localhost:5173");
    }
    for path in ["/authx/authorize", "/auth/auth/authorize", "/AUTH/authorize", "/auth//authorize", "/auth/nothing"] {
        assert_eq!(reqwest::get(server.url(path)).await.unwrap().status(), 404, "{path}");
    }
    assert_eq!(reqwest::get(server.url("/auth")).await.unwrap().status(), 200);
    server.stop().await;

    // What the path has in common with a route of ours takes nothing away.
    let server = Server::start_as("http://localhost/oauth").await;
    for path in ["/oauth/token", "/oauth/oauth/token"] {
        assert_eq!(reqwest::get(server.url(path)).await.unwrap().status(), 405, "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn p180_discovery_tells_the_truth() {
    let issuer = "https://login.example.com/tenant";
    let server = Server::start_as(issuer).await;
    let document = async |path: &str| -> Value { reqwest::get(server.url(path)).await.unwrap().json().await.unwrap() };
    let openid = document("/.well-known/openid-configuration").await;
    for other in [
        "/tenant/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/tenant/.well-known/oauth-authorization-server",
        // RFC 8414 section 3.1
        "/.well-known/oauth-authorization-server/tenant",
    ] {
        assert_eq!(openid, document(other).await, "{other}");
    }
    assert_eq!(openid["issuer"], issuer);
    for (name, value) in openid.as_object().unwrap() {
        if name.ends_with("_endpoint") || name.ends_with("_uri") {
            let url = value.as_str().unwrap();
            assert!(url.starts_with(issuer), "{name}: {url}");
            let path = url.strip_prefix(issuer).unwrap();
            for path in [path, &format!("/tenant{path}")] {
                assert_ne!(reqwest::get(server.url(path)).await.unwrap().status(), 404, "{name}: {path}");
            }
        }
    }
    for name in ["request_parameter_supported", "request_uri_parameter_supported", "claims_parameter_supported"] {
        assert_eq!(openid[name], json!(false), "{name}");
    }
    for absent in ["registration_endpoint", "pushed_authorization_request_endpoint", "device_authorization_endpoint"] {
        assert_eq!(openid[absent], Value::Null);
    }
    let claims: Vec<&str> = openid["claims_supported"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for claim in ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce"] {
        assert!(claims.contains(&claim), "{claim}");
    }
    server.stop().await;

    let server = Server::start(&[]).await;
    let document: Value = reqwest::get(server.url("/.well-known/openid-configuration")).await.unwrap().json().await.unwrap();
    let agent = Agent::new();
    for (list, parameter, wrong) in [
        ("prompt_values_supported", "prompt", "invalid_request"),
        ("response_modes_supported", "response_mode", "never"),
        ("response_types_supported", "response_type", "unsupported_response_type"),
    ] {
        for value in document[list].as_array().unwrap() {
            let answer = agent.authorize(&server, &[(parameter, value.as_str().unwrap()), ("nonce", "n")]).await;
            if answer.status() == 302 && answer.headers()["location"].to_str().unwrap().contains("error=") {
                let told = answer.headers()["location"].to_str().unwrap().to_owned();
                assert!(!told.contains(wrong), "{parameter}={value}: {told}");
            }
        }
    }
    for grant in document["grant_types_supported"].as_array().unwrap() {
        let ask = crate::parties::form(&crate::parties::WEB, &[("grant_type", grant.as_str().unwrap())]);
        let (_, body) = server.token(&ask).await;
        let known = body["error"] != "unsupported_grant_type" || grant == "implicit";
        assert!(known, "{grant}: {body}");
    }
    assert!(query(&agent.authorize(&server, &[("prompt", "none")]).await).contains_key("error"));
    server.stop().await;
}

#[tokio::test]
async fn p180_every_claim_of_an_id_token_is_declared() {
    let legacy = r#"
        [[clients]]
        client_id = "legacy"
        app_type = "regular_web"
        client_secret = "legacy-secret"
        oidc_conformant = false
        grant_types = ["authorization_code", "implicit"]
        callbacks = ["http://localhost:3002/callback"]
    "#;
    let more = format!("{legacy}{EVE}username = \"eve\"");
    let server = Server::start_with(&[], &more, vestibule::clock::Clock::System).await;
    let document: Value = reqwest::get(server.url("/.well-known/openid-configuration")).await.unwrap().json().await.unwrap();
    let declared: Vec<&str> = document["claims_supported"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for (client_id, scope) in [
        ("demo-implicit", "openid profile email phone address"),
        ("legacy", "openid username user_id identities created_at"),
    ] {
        let agent = Agent::new();
        let ask = [
            ("client_id", client_id),
            ("redirect_uri", "http://localhost:3002/callback"),
            ("response_type", "code id_token token"),
            ("scope", scope),
            ("nonce", "n"),
        ];
        let (page, html) = agent.login_page(&server, &ask).await;
        let right = [("username", "eve@example.com"), ("password", crate::support::PASSWORD)];
        let told = crate::support::agent::fragment(&agent.submit(&page, &html, &right).await);
        let claims = crate::parties::jwt(&Value::from(told["id_token"].as_str())).1;
        for name in claims.as_object().unwrap().keys() {
            assert!(declared.contains(&name.as_str()), "{name} of {client_id}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn p184_there_is_nothing_to_debug_with() {
    let server = Server::start(&[]).await;
    for path in [
        "/debug",
        "/debug/pprof",
        "/actuator",
        "/env",
        "/admin",
        "/api/v2/users",
        "/.env",
        "/vestibule.toml",
        "/trace",
        "/actions",
    ] {
        assert_eq!(reqwest::get(server.url(path)).await.unwrap().status(), 404, "{path}");
    }
    let metrics = reqwest::get(server.url("/metrics")).await.unwrap().text().await.unwrap();
    let health = reqwest::get(server.url("/healthz")).await.unwrap().text().await.unwrap();
    for secret in ["ada@example.com", "demo-web-secret", "test.db", "postgres://"] {
        assert!(!metrics.contains(secret) && !health.contains(secret), "{secret}");
    }
    server.stop().await;
}

#[tokio::test]
async fn p125_p130_p131_p132_p134_p135_p137_p141_p142_p153_p181_p182_p183_what_is_not_offered_is_not_there() {
    let server = Server::start(&[]).await;
    let http = reqwest::Client::new();
    for path in [
        "/oauth/par",
        "/oidc/register",
        "/oauth/register",
        "/oauth/device/code",
        "/activate",
        "/bc-authorize",
        "/api/v2/users",
        "/api/v2/clients",
        "/api/v2/actions/actions",
        "/admin",
    ] {
        for method in [reqwest::Method::GET, reqwest::Method::POST] {
            assert_eq!(http.request(method, server.url(path)).send().await.unwrap().status(), 404, "{path}");
        }
    }
    let discovery: Value =
        http.get(server.url("/.well-known/openid-configuration")).send().await.unwrap().json().await.unwrap();
    for member in [
        "pushed_authorization_request_endpoint",
        "registration_endpoint",
        "device_authorization_endpoint",
        "dpop_signing_alg_values_supported",
        "introspection_signing_alg_values_supported",
        "backchannel_logout_supported",
    ] {
        assert!(discovery[member].is_null() || discovery[member] == false, "{member}");
    }
    let machine =
        [("client_id", "demo-m2m"), ("client_secret", "demo-m2m-secret"), ("audience", "https://api.example.com/")];
    for grant in ["urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:device_code"] {
        let (status, body) = server.token(&[&machine[..], &[("grant_type", grant)]].concat()).await;
        assert_eq!((status, &body["error"]), (400, &json!("unsupported_grant_type")), "{grant}");
    }
    // A proof nobody asked for binds nothing, and the answer says so.
    let form = [&machine[..], &[("grant_type", "client_credentials")]].concat();
    let answer = http.post(server.url("/oauth/token")).header("dpop", "e30.e30.x").form(&form).send().await.unwrap();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["token_type"], "Bearer");
}
