//! The token endpoint: who may ask, and what a request may look like.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vestibule::clock::Clock;

use crate::parties::{API, CALLBACK, MACHINE, OTHER, WEB, code, form, futures_of, redemption, text, tokens, userinfo};
use crate::support::Server;

const CLIENTS: &str = r#"
[[clients]]
client_id = "odd:id"
client_secret = "a:b% +ü"
app_type = "non_interactive"
grant_types = ["client_credentials"]
[[clients]]
client_id = "basic-only"
client_secret = "basic-only-secret"
token_endpoint_auth_method = "client_secret_basic"
app_type = "non_interactive"
grant_types = ["client_credentials"]
[[clients]]
client_id = "post-only"
client_secret = "post-only-secret"
token_endpoint_auth_method = "client_secret_post"
app_type = "non_interactive"
grant_types = ["client_credentials"]
[[client_grants]]
client_id = "odd:id"
audience = "https://api.example.com/"
scope = ["read:things"]
[[client_grants]]
client_id = "basic-only"
audience = "https://api.example.com/"
scope = ["read:things"]
[[client_grants]]
client_id = "post-only"
audience = "https://api.example.com/"
scope = ["read:things"]
"#;
const ASK: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("audience", API)];

/// Status and error of a request with this `Authorization`.
async fn with_header(server: &Server, header: &str, body: &[(&str, &str)]) -> (u16, String) {
    let request = reqwest::Client::new().post(server.url("/oauth/token")).header("authorization", header).form(body);
    let answer = request.send().await.unwrap();
    let (status, challenged) = (answer.status().as_u16(), answer.headers().contains_key("www-authenticate"));
    assert_eq!(challenged, status == 401, "{header}");
    let body: Value = answer.json().await.unwrap();
    (status, body["error"].as_str().unwrap_or("ok").to_owned())
}

#[tokio::test]
async fn p055_p067_basic_credentials_are_form_encoded_under_a_scheme_of_any_case() {
    let server = Server::start_with(&[], CLIENTS, Clock::System).await;
    let encoded = STANDARD.encode("odd%3Aid:a%3Ab%25+%2B%C3%BC");
    for scheme in ["Basic", "basic", "BASIC"] {
        assert_eq!(with_header(&server, &format!("{scheme} {encoded}"), &ASK).await, (200, "ok".to_owned()), "{scheme}");
    }
    for plain in ["odd:id:a:b% +ü", "odd%3Aid:a%3Ab%25", "odd%3Aid:", ":", "odd%3Aid", ""] {
        let header = format!("Basic {}", STANDARD.encode(plain));
        assert_eq!(with_header(&server, &header, &ASK).await, (401, "invalid_client".to_owned()), "{plain}");
    }
    let body = tokens(&server, "openid", None).await;
    for scheme in ["bearer", "BEARER"] {
        let header = format!("{scheme} {}", text(&body, "access_token"));
        let request = reqwest::Client::new().get(server.url("/userinfo")).header("authorization", header);
        assert_eq!(request.send().await.unwrap().status(), 200, "{scheme}");
    }
    server.stop().await;
}

#[tokio::test]
async fn p056_p059_p069_the_registered_method_and_only_one() {
    let server = Server::start_with(&[], CLIENTS, Clock::System).await;
    let basic = |id: &str, secret: &str| format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let fine = (200, "ok".to_owned());
    let client = |id: &'static str, secret: &'static str| [("client_id", id), ("client_secret", secret)];
    let refused = (401, "invalid_client".to_owned());
    assert_eq!(with_header(&server, &basic("basic-only", "basic-only-secret"), &ASK).await, fine);
    assert_eq!(with_header(&server, &basic("post-only", "post-only-secret"), &ASK).await, refused);
    assert_eq!(server.token(&form(&client("post-only", "post-only-secret"), &ASK)).await.0, 200);
    assert_eq!(server.token(&form(&client("basic-only", "basic-only-secret"), &ASK)).await.0, 401);
    assert_eq!(with_header(&server, &basic("demo-spa", "x"), &ASK).await, refused);

    let header = basic("demo-m2m", "demo-m2m-secret");
    let confused = (400, "invalid_request".to_owned());
    for more in [[("client_secret", "demo-m2m-secret")], [("client_id", "demo-web")], [("client_assertion", "a.b.c")]] {
        assert_eq!(with_header(&server, &header, &[&ASK[..], &more].concat()).await, confused, "{more:?}");
    }
    let two = reqwest::Client::new().post(server.url("/oauth/token")).form(&ASK);
    let two = two.header("authorization", &header).header("authorization", &header).send().await.unwrap();
    assert_eq!(two.status(), 400);
    server.stop().await;
}

#[tokio::test]
async fn p061_every_parameter_comes_once() {
    let server = Server::start(&[]).await;
    let code = code(&server, "openid", None).await;
    let good = redemption(&code);
    for (name, value) in &good {
        for second in [value, "", "other"] {
            let (status, body) = server.token(&[&good[..], &[(name, second)]].concat()).await;
            assert_eq!((status, &body["error"]), (400, &json!("invalid_request")), "{name} {second}");
        }
    }
    let (status, body) = server.token(&[&good[..], &[("x", "1"), ("x", "2")]].concat()).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_request")));
    let json = format!(r#"{{"code":"{code}","code":"{code}"}}"#);
    let request = reqwest::Client::new().post(server.url("/oauth/token")).header("content-type", "application/json");
    assert_eq!(request.body(json).send().await.unwrap().status(), 400);
    assert_eq!(server.token(&good).await.0, 200, "a malformed request spends nothing");
    server.stop().await;
}

#[tokio::test]
async fn p060_p068_p173_media_types_and_limits() {
    let server = Server::start(&[]).await;
    let http = reqwest::Client::new();
    let body =
        "grant_type=client_credentials&client_id=demo-m2m&client_secret=demo-m2m-secret&audience=https://api.example.com/";
    let post = async |media: &str, body: String| {
        let request = http.post(server.url("/oauth/token")).header("content-type", media).body(body);
        request.send().await.unwrap().status().as_u16()
    };
    let form_type = "application/x-www-form-urlencoded";
    assert_eq!(post(form_type, body.into()).await, 200);
    assert_eq!(post("application/x-www-form-urlencoded;charset=utf-8", body.into()).await, 200);
    assert_eq!(post("Application/X-WWW-Form-Urlencoded; charset=UTF-8", body.into()).await, 200);
    for media in ["text/plain", "multipart/form-data; boundary=x", "application/xml", "*/*"] {
        assert_eq!(post(media, body.into()).await, 400, "{media}");
    }
    let flood: String = (0..1_001).map(|n| format!("&p{n}=1")).collect();
    assert_eq!(post(form_type, format!("{body}{flood}")).await, 400);
    let big = format!("{body}&x={}", "x".repeat(65 * 1024));
    for path in ["/oauth/token", "/oauth/revoke", "/oauth/introspect", "/userinfo", "/authorize", "/u/login", "/oidc/logout"]
    {
        let request = http.post(server.url(path)).header("content-type", form_type).body(big.clone());
        assert_eq!(request.send().await.unwrap().status(), 413, "{path}");
    }
    let pages = http.post(server.url("/authorize")).header("content-type", form_type).body(format!("a=b{flood}"));
    let page = pages.send().await.unwrap();
    assert_eq!(page.status(), 400);
    assert!(page.text().await.unwrap().contains("too many"), "the flood itself is refused");
    // 1 KiB is more than any password; the answer is that of a wrong one, at once.
    let long = "x".repeat(2_000);
    let login = [("grant_type", "password"), ("username", "ada@example.com"), ("password", long.as_str())];
    let (status, body) = server.token(&form(&WEB, &login)).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
    server.stop().await;
}

#[tokio::test]
async fn p070_errors_have_the_words_of_the_rfc_and_no_more() {
    let server = Server::start(&[("a", r#"fn onExecutePostLogin(event, api) { throw "at /srv/secret.rhai"; }"#)]).await;
    let login = |more: &[(&'static str, &'static str)]| {
        let ask = [("grant_type", "password"), ("username", "ada@example.com"), ("password", crate::support::PASSWORD)];
        [&WEB[..], &ask, more].concat()
    };
    let hostile: Vec<Vec<(&str, &str)>> = vec![
        vec![],
        form(&WEB, &[("grant_type", "ü\"\\\n<script>")]),
        form(&WEB, &[("grant_type", "authorization_code"), ("code", "' OR 1=1 --")]),
        form(&WEB, &[("grant_type", "refresh_token"), ("refresh_token", "\u{1F600}")]),
        form(&WEB, &[("grant_type", "refresh_token"), ("refresh_token", "x"), ("a\"\\\u{7}b", "1"), ("a\"\\\u{7}b", "2")]),
        form(&[("client_id", "' OR 1=1"), ("client_secret", "x")], &ASK),
        form(&MACHINE, &[("grant_type", "client_credentials"), ("audience", "<script>\u{0}")]),
        form(&MACHINE, &[ASK[0], ASK[1], ("scope", "read:things \"\\ü")]),
        login(&[]),
        login(&[("audience", "<b>\"")]),
    ];
    let known = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "access_denied",
        "server_error",
    ];
    for request in &hostile {
        let answer = reqwest::Client::new().post(server.url("/oauth/token")).form(request).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/json", "{request:?}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let body: Value = answer.json().await.unwrap();
        assert!(known.contains(&text(&body, "error")), "{body}");
        let description = text(&body, "error_description");
        assert!(description.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)), "{description}");
        for leak in [".rs", ".rhai", "/srv", "SQL", "sqlx", "panick", "SELECT", "demo-web-secret"] {
            assert!(!description.contains(leak), "{description}");
        }
        assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    }
    server.stop().await;
}

#[tokio::test]
async fn p071_the_database_holds_no_secret_in_clear() {
    let server = Server::start(&[]).await;
    let code = code(&server, "openid offline_access", None).await;
    let (_, body) = server.token(&redemption(&code)).await;
    let (_, next) = crate::parties::refresh(&server, text(&body, "refresh_token"), &[]).await;
    let secrets = [
        "demo-web-secret",
        "demo-m2m-secret",
        crate::support::PASSWORD,
        code.as_str(),
        text(&body, "access_token"),
        text(&body, "refresh_token"),
        text(&next, "refresh_token"),
        text(&next, "id_token"),
    ];
    if std::env::var("VESTIBULE_TEST_POSTGRES_URL").is_ok() {
        return; // The same statements fill it; there is just no file to search.
    }
    let mut searched = 0;
    for entry in std::fs::read_dir(server.directory()).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        searched += bytes.len();
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds {secret}", path.display());
        }
    }
    assert!(searched > 4_096);
    server.stop().await;
}

#[tokio::test]
async fn p051_of_fifty_redemptions_at_three_replicas_one_wins_and_then_nobody() {
    let first = Server::start(&[]).await;
    let servers = [first.replica().await, first.replica().await, first];
    let code = code(&servers[2], "openid offline_access", None).await;
    let answers = futures_of(50, |n| {
        let (server, code) = (&servers[n % 3], &code);
        async move { server.token(&redemption(code)).await }
    })
    .await;
    let won: Vec<&Value> = answers.iter().filter(|(status, _)| *status == 200).map(|(_, body)| body).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|(status, body)| *status == 200 || body["error"] == "invalid_grant"), "{answers:?}");
    for server in &servers {
        assert_eq!(userinfo(server, text(won[0], "access_token")).await.0, 401);
        assert_eq!(crate::parties::refresh(server, text(won[0], "refresh_token"), &[]).await.0, 400);
    }
}

#[tokio::test]
async fn p052_p053_p054_bindings_hold_for_whoever_asks() {
    let server = Server::start(&[]).await;
    let stolen = code(&server, "openid", None).await;
    let other = form(&OTHER, &[("grant_type", "authorization_code"), ("code", &stolen), ("redirect_uri", CALLBACK)]);
    assert_eq!(server.token(&other).await.1["error"], "invalid_grant");
    let public = [("client_id", "demo-web"), ("grant_type", "authorization_code"), ("code", &stolen)];
    assert_eq!(server.token(&public).await.1["error"], "invalid_client");

    let orphan = code(&server, "openid", None).await;
    server.reconfigure(|text| text.replace("user_id = \"auth0|ada\"", "user_id = \"auth0|ada2\"")).await;
    assert_eq!(server.token(&redemption(&orphan)).await.1["error"], "invalid_grant", "the user is gone");
    server.stop().await;
}
