//! What actions are told about the request: the protocol's name, every parameter; and scopes that are none.

use std::collections::BTreeMap;

use reqwest::Url;

use crate::support::{Browser, PASSWORD, Server};

const TELL: &str = r#"
fn onExecutePostLogin(event, api) {
    api.tokenResponse.setCustomParameter("protocol", event.transaction.protocol);
    api.tokenResponse.setCustomParameter("asked", json::stringify(event.request.query));
}
"#;

/// Logs Ada in at `demo-implicit`: the parameters of the answer, from the query or the fragment.
async fn log_in(server: &Server, parameters: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut url = server.url("/authorize");
    url.query_pairs_mut()
        .extend_pairs([
            ("client_id", "demo-implicit"),
            ("redirect_uri", "http://localhost:3002/callback"),
            ("state", "s"),
            ("nonce", "n"),
        ])
        .extend_pairs(parameters);
    let callback = Browser::new().log_in(&url, "ada@example.com", PASSWORD).await;
    answer(&callback)
}

fn answer(callback: &Url) -> BTreeMap<String, String> {
    let text = callback.fragment().or(callback.query()).unwrap();
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

#[tokio::test]
async fn front_channel_flows_have_their_protocol_names() {
    let server = Server::start(&[("10-tell", TELL)]).await;
    for (response_type, protocol) in [
        ("token", "oidc-implicit-profile"),
        ("id_token token", "oidc-implicit-profile"),
        ("code token", "oidc-hybrid-profile"),
        ("code id_token token", "oidc-hybrid-profile"),
    ] {
        let told = log_in(&server, &[("response_type", response_type), ("scope", "openid")]).await;
        assert_eq!(told.get("protocol").map(String::as_str), Some(protocol), "{response_type}: {told:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn actions_see_unknown_parameters_and_words_that_are_no_scopes_are_dropped() {
    let server = Server::start(&[("10-tell", TELL)]).await;
    let scope = "openid user_metadata app_metadata picture name made:up email";
    let told = log_in(&server, &[("response_type", "token"), ("scope", scope), ("flavour", "sour")]).await;
    assert_eq!(told["scope"], "openid email");
    let asked: serde_json::Value = serde_json::from_str(&told["asked"]).unwrap();
    assert_eq!((asked["flavour"].as_str(), asked["scope"].as_str()), (Some("sour"), Some(scope)), "{asked}");
    server.stop().await;
}
