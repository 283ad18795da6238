//! Client authentication and the shape of requests and errors.

use reqwest::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use crate::parties::{API, MACHINE, form};
use crate::support::Server;

const ASK: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("audience", API)];

async fn post(server: &Server, basic: Option<(&str, &str)>, body: &[(&str, &str)]) -> reqwest::Response {
    let mut request = reqwest::Client::new().post(server.url("/oauth/token")).form(body);
    if let Some((id, secret)) = basic {
        request = request.basic_auth(id, Some(secret));
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn p058_p063_basic_and_body_both_work_and_only_basic_is_challenged() {
    let server = Server::start(&[]).await;
    let answer = post(&server, Some(("demo-m2m", "demo-m2m-secret")), &ASK).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        (answer.headers()[CACHE_CONTROL].as_bytes(), answer.headers()[PRAGMA].as_bytes()),
        (&b"no-store"[..], &b"no-cache"[..])
    );
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");

    let wrong = post(&server, Some(("demo-m2m", "wrong")), &ASK).await;
    assert_eq!(wrong.status(), 401);
    assert!(wrong.headers()[WWW_AUTHENTICATE].to_str().unwrap().starts_with("Basic "));
    let by_header: Value = wrong.json().await.unwrap();

    let body = form(&[("client_id", "demo-m2m"), ("client_secret", "wrong")], &ASK);
    let wrong = post(&server, None, &body).await;
    assert_eq!(wrong.status(), 401);
    assert!(!wrong.headers().contains_key(WWW_AUTHENTICATE));
    assert_eq!(wrong.headers()[CACHE_CONTROL], "no-store");
    let by_body: Value = wrong.json().await.unwrap();

    let unknown = post(&server, None, &form(&[("client_id", "nobody"), ("client_secret", "wrong")], &ASK)).await;
    let unknown: Value = unknown.json().await.unwrap();
    assert_eq!((&by_header, &by_body), (&unknown, &unknown));
    assert_eq!(unknown["error"], "invalid_client");
}

#[tokio::test]
async fn p056_p059_p069_odd_credentials_are_refused() {
    let server = Server::start(&[]).await;
    let cases: [(&[(&str, &str)], u16, &str); 6] = [
        (&[], 401, "invalid_client"),
        (&[("client_id", "demo-m2m")], 401, "invalid_client"),
        (&[("client_id", "demo-m2m"), ("client_secret", "")], 401, "invalid_client"),
        (&[("client_id", "demo-spa"), ("client_secret", "guess")], 401, "invalid_client"),
        (&[("client_id", "demo-m2m"), ("client_secret", "a"), ("client_secret", "a")], 400, "invalid_request"),
        (&[("client_id", "demo-m2m"), ("client_assertion", "a.b.c")], 400, "invalid_request"),
    ];
    for (credentials, status, code) in cases {
        let (got, body) = server.token(&form(credentials, &ASK)).await;
        assert_eq!((got, &body["error"]), (status, &json!(code)), "{credentials:?}");
    }
    let both = post(&server, Some(("demo-m2m", "demo-m2m-secret")), &form(&MACHINE, &ASK)).await;
    assert_eq!(both.status(), 400);
    let differs = post(&server, Some(("demo-m2m", "demo-m2m-secret")), &form(&[("client_id", "demo-web")], &ASK)).await;
    assert_eq!(differs.status(), 400);
}

#[tokio::test]
async fn json_bodies_with_nulls_and_unknown_members_are_understood() {
    let server = Server::start(&[]).await;
    let body = json!({
        "client_id": "demo-m2m", "client_secret": "demo-m2m-secret", "grant_type": "client_credentials", "audience": API,
        "scope": null, "organization": "", "extra": { "nested": [1, 2] }
    });
    let answer = reqwest::Client::new().post(server.url("/oauth/token")).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn p057_p060_p062_requests_of_the_wrong_shape_are_refused() {
    let server = Server::start(&[]).await;
    let http = reqwest::Client::new();
    let get = http.get(server.url("/oauth/token")).send().await.unwrap();
    assert_eq!(get.status(), 405);
    assert!(get.headers()["allow"].to_str().unwrap().contains("POST"));
    let query = http.post(server.url("/oauth/token?client_secret=x")).form(&form(&MACHINE, &ASK)).send().await.unwrap();
    assert_eq!(query.status(), 400);
    let typeless = http.post(server.url("/oauth/token")).body("grant_type=client_credentials").send().await.unwrap();
    assert_eq!(typeless.status(), 400);
    let padding = "x".repeat(65 * 1024);
    let large = http.post(server.url("/oauth/token")).form(&form(&MACHINE, &[("pad", &padding)])).send().await.unwrap();
    assert_eq!(large.status(), 413);
    let bearer = http.post(server.url("/oauth/token")).header(AUTHORIZATION, "Bearer x").form(&ASK).send().await.unwrap();
    assert_eq!(bearer.status(), 401);
    let (status, body) = server.token(&form(&MACHINE, &[("grant_type", "urn:unknown")])).await;
    assert_eq!((status, &body["error"]), (400, &json!("unsupported_grant_type")));
    let (status, body) = server.token(&MACHINE).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_request")));
}
