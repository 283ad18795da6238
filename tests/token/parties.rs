//! Actors of the tests: an application that logs users in, and what it knows to ask.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use vestibule::domain::hash;

use crate::support::{Browser, PASSWORD, Server};

/// A verifier of RFC 7636's length.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Where `demo-web` receives its codes.
pub(crate) const CALLBACK: &str = "http://localhost:3000/callback";
/// The API of the configuration.
pub(crate) const API: &str = "https://api.example.com/";
/// Id and secret of the web application.
pub(crate) const WEB: [(&str, &str); 2] = [("client_id", "demo-web"), ("client_secret", "demo-web-secret")];
/// Another application.
pub(crate) const OTHER: [(&str, &str); 2] = [("client_id", "demo-other"), ("client_secret", "demo-other-secret")];
/// A machine.
pub(crate) const MACHINE: [(&str, &str); 2] = [("client_id", "demo-m2m"), ("client_secret", "demo-m2m-secret")];

/// Credentials and further parameters as one form.
pub(crate) fn form<'a>(credentials: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [credentials, more].concat()
}

/// Logs Ada in at `demo-web` and returns the code.
pub(crate) async fn code(server: &Server, scope: &str, audience: Option<&str>) -> String {
    let mut url = server.url("/authorize");
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", "demo-web")
        .append_pair("redirect_uri", CALLBACK)
        .append_pair("scope", scope)
        .append_pair("state", "s")
        .append_pair("nonce", "n-1")
        .append_pair("code_challenge", &hash::sha256(VERIFIER))
        .append_pair("code_challenge_method", "S256");
    if let Some(audience) = audience {
        url.query_pairs_mut().append_pair("audience", audience);
    }
    let callback = Browser::new().log_in(&url, "ada@example.com", PASSWORD).await;
    let code = callback.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
    code.unwrap_or_else(|| panic!("no code in {callback}"))
}

/// The form that redeems a code rightly.
pub(crate) fn redemption(code: &str) -> Vec<(&str, &str)> {
    form(
        &WEB,
        &[("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)],
    )
}

/// Ada's tokens by password.
pub(crate) async fn tokens(server: &Server, scope: &str, audience: Option<&str>) -> Value {
    let mut more =
        vec![("grant_type", "password"), ("username", "ada@example.com"), ("password", PASSWORD), ("scope", scope)];
    more.extend(audience.map(|audience| ("audience", audience)));
    let (status, body) = server.token(&form(&WEB, &more)).await;
    assert_eq!(status, 200, "{body}");
    body
}

/// Exchanges a refresh token at `demo-web`.
pub(crate) async fn refresh(server: &Server, token: &str, more: &[(&str, &str)]) -> (u16, Value) {
    let parameters = [&[("grant_type", "refresh_token"), ("refresh_token", token)], more].concat();
    server.token(&form(&WEB, &parameters)).await
}

/// Status and body of `/userinfo`.
pub(crate) async fn userinfo(server: &Server, token: &str) -> (u16, Value) {
    let answer = reqwest::Client::new().get(server.url("/userinfo")).bearer_auth(token).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

/// The answer of `/oauth/introspect` to a client.
pub(crate) async fn introspect(server: &Server, credentials: &[(&str, &str)], token: &str) -> Value {
    let url = server.url("/oauth/introspect");
    let answer = reqwest::Client::new().post(url).form(&form(credentials, &[("token", token)])).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// The status of `/oauth/revoke`; its body is empty.
pub(crate) async fn revoke(server: &Server, credentials: &[(&str, &str)], token: &str) {
    let url = server.url("/oauth/revoke");
    let answer = reqwest::Client::new().post(url).form(&form(credentials, &[("token", token)])).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), "");
}

/// Header and claims of a JWT, unverified.
pub(crate) fn jwt(token: &Value) -> (Value, Value) {
    let mut parts = token.as_str().unwrap().split('.');
    let mut part = || serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap()).unwrap();
    (part(), part())
}

/// A text member.
pub(crate) fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {body}"))
}

/// Runs `n` requests at the same time.
pub(crate) async fn futures_of<F: Future>(n: usize, request: impl Fn(usize) -> F) -> Vec<F::Output> {
    let mut all: Vec<_> = (0..n).map(|i| Box::pin(request(i))).collect();
    let mut done: Vec<Option<F::Output>> = (0..n).map(|_| None).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (future, done) in all.iter_mut().zip(&mut done) {
            if done.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(output) => *done = Some(output),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    done.into_iter().map(|output| output.unwrap()).collect()
}
