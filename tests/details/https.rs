//! Behind a proxy that serves the issuer on https.

use crate::support::Server;

#[tokio::test]
async fn cookies_of_an_https_issuer_are_bound_to_the_host() {
    let server = Server::start_as("https://login.example.com/").await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut url = server.url("/authorize");
    url.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", "demo-web"),
        ("redirect_uri", "http://localhost:3000/callback"),
        ("scope", "openid"),
    ]);
    let answer = client.get(url).send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-"), "{cookie}");
    for attribute in ["; Secure", "; HttpOnly", "; Path=/", "; SameSite=Lax"] {
        assert!(cookie.contains(attribute), "{attribute}: {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert!(answer.headers().contains_key("strict-transport-security"));
    server.stop().await;
}
