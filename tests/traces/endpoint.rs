//! Who may read the traces of a running `dev`.

use serde_json::Value;

use crate::parties::tokens;
use crate::support::Server;

const PATH: &str = "/_dev/traces";

async fn ask(server: &Server, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = reqwest::Client::new().get(server.url(PATH));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn the_command_line_of_this_machine_reads_them() {
    let server = Server::start_dev().await;
    tokens(&server, "openid", None).await;
    let (status, body) = ask(&server, &[("vestibule-command", "traces")]).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["issuer"]), (200, &Value::from(server.issuer.clone())));
    assert_eq!(body["traces"][0]["user_id"], "auth0|ada");
}

#[tokio::test]
async fn pages_proxies_and_foreign_names_do_not() {
    let server = Server::start_dev().await;
    tokens(&server, "openid", None).await;
    let command = ("vestibule-command", "traces");
    for headers in [
        &[][..],
        &[("origin", "http://localhost:3000")],
        &[command, ("host", "evil.example")],
        &[command, ("host", "localhost.evil.example:8484")],
        &[command, ("x-forwarded-for", "203.0.113.9")],
        &[command, ("forwarded", "for=203.0.113.9")],
    ] {
        let (status, body) = ask(&server, headers).await;
        assert_eq!(status, 403, "{headers:?}: {body}");
        assert!(!body.contains("auth0|ada"), "{body}");
    }
    let preflight = reqwest::Client::new()
        .request(reqwest::Method::OPTIONS, server.url(PATH))
        .header("origin", "http://localhost:3000")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "vestibule-command");
    let answer = preflight.send().await.unwrap();
    assert!(!answer.headers().contains_key("access-control-allow-origin"), "{answer:?}");
}

#[tokio::test]
async fn serve_has_no_such_endpoint() {
    let server = Server::start(&[]).await;
    tokens(&server, "openid", None).await;
    assert_eq!(ask(&server, &[("vestibule-command", "traces")]).await.0, 404);
}
