//! What actions decide, seen from outside: through the running server, its database and its answers.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod support;

use serde_json::{Value, json};
use support::{Browser, PASSWORD, Server};
use vestibule::clock::Clock;

const API: &str = "https://api.example.com/";

fn handler(body: &str) -> String {
    format!("fn onExecutePostLogin(event, api) {{ {body} }}")
}

async fn log_in(server: &Server, user: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "password"),
        ("client_id", "demo-web"),
        ("client_secret", "demo-web-secret"),
        ("username", user),
        ("password", PASSWORD),
        ("audience", API),
        ("scope", "openid offline_access read:things"),
    ];
    server.token(&form).await
}

async fn refresh(server: &Server, token: &Value) -> (u16, Value) {
    let token = token.as_str().unwrap();
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "demo-web"),
        ("client_secret", "demo-web-secret"),
        ("refresh_token", token),
    ];
    server.token(&form).await
}

async fn app_metadata(server: &Server) -> Value {
    Value::Object(server.app.store.user("auth0|ada").await.unwrap().unwrap().app_metadata)
}

#[tokio::test]
async fn metadata_are_saved_after_the_login_and_seen_by_later_actions_and_logins() {
    let write = handler(
        r#"api.user.setAppMetadata("visits", (event.user.app_metadata.visits ?? 0) + 1);
           api.user.setAppMetadata("region", ());
           api.tokenResponse.setCustomParameter("same_action", event.user.app_metadata.visits);"#,
    );
    let read = handler(r#"api.tokenResponse.setCustomParameter("visits", event.user.app_metadata.visits);"#);
    let server = Server::start(&[("1-write", &write), ("2-read", &read)]).await;
    let (_, first) = log_in(&server, "ada@example.com").await;
    assert_eq!((&first["visits"], &first["same_action"]), (&json!(1), &Value::Null));
    let (_, second) = refresh(&server, &first["refresh_token"]).await;
    assert_eq!((&second["visits"], &second["same_action"]), (&json!(2), &json!(1)));
    let saved = app_metadata(&server).await;
    assert_eq!((&saved["visits"], saved.get("region"), &saved["patient"]), (&json!(2), None, &json!("p-17")));
}

#[tokio::test]
async fn concurrent_logins_do_not_lose_each_others_metadata() {
    let write = handler(r#"api.user.setAppMetadata(event.request.body["ext-key"], true);"#);
    let server = std::sync::Arc::new(Server::start(&[("1-write", &write)]).await);
    let logins: Vec<_> = (0..12)
        .map(|number| {
            let server = std::sync::Arc::clone(&server);
            tokio::spawn(async move {
                let key = format!("k{number}");
                let form = [
                    ("grant_type", "password"),
                    ("client_id", "demo-web"),
                    ("client_secret", "demo-web-secret"),
                    ("username", "ada@example.com"),
                    ("password", PASSWORD),
                    ("scope", "openid"),
                    ("ext-key", &key),
                ];
                assert_eq!(server.token(&form).await.0, 200);
            })
        })
        .collect();
    for login in logins {
        login.await.unwrap();
    }
    let saved = app_metadata(&server).await;
    assert!((0..12).all(|number| saved[format!("k{number}")] == true), "{saved}");
}

#[tokio::test]
async fn a_denial_keeps_metadata_and_ends_the_flow_and_a_failure_keeps_nothing() {
    let deny = handler(
        r#"api.user.setAppMetadata("denied", true);
           if event.user.email == "bob@example.com" { throw "secret text"; }
           api.access.deny("unauthorized_client", "Not today.");
           api.user.setAppMetadata("after", true);"#,
    );
    let later = handler(r#"api.user.setAppMetadata("later", true);"#);
    let server = Server::start(&[("1-deny", &deny), ("2-later", &later)]).await;
    let (status, body) = log_in(&server, "ada@example.com").await;
    assert_eq!((status, body), (403, json!({"error": "unauthorized_client", "error_description": "Not today."})));
    let saved = app_metadata(&server).await;
    assert_eq!((&saved["denied"], &saved["after"], saved.get("later")), (&json!(true), &json!(true), None));

    let (status, body) = log_in(&server, "bob@example.com").await;
    assert_eq!((status, &body["error"]), (500, &json!("server_error")));
    assert!(!body.to_string().contains("secret text"), "{body}");
    let bob = server.app.store.user("auth0|bob").await.unwrap().unwrap();
    assert!(bob.app_metadata.is_empty());
}

#[tokio::test]
async fn settings_choose_clients_secrets_and_what_a_failure_means() {
    let fragile = handler(
        r#"api.tokenResponse.setCustomParameter("fragile", true);
           api.user.setAppMetadata("fragile", true);
           event.user.nothing"#,
    );
    let secret = handler(r#"api.tokenResponse.setCustomParameter("key", event.secrets.KEY);"#);
    let other = handler(r#"api.tokenResponse.setCustomParameter("other", event.secrets.KEY ?? "none");"#);
    let only = handler(r#"api.tokenResponse.setCustomParameter("only", true);"#);
    let parked = handler(r#"api.tokenResponse.setCustomParameter("parked", true);"#);
    let settings = r#"
[actions.settings."1-fragile"]
on_error = "skip"
[actions.settings."2-secret"]
secrets = { KEY = { value = "s3cret" } }
[actions.settings."4-only"]
clients = ["demo-spa"]
[actions.settings."5-off"]
enabled = false
"#;
    let actions = [
        ("1-fragile", fragile.as_str()),
        ("2-secret", &secret),
        ("3-other", &other),
        ("4-only", &only),
        ("5-off", &parked),
        ("_6-parked", &parked),
    ];
    // Tables of `[actions]` come after the arrays of tables; TOML does not mind.
    let server = Server::start_with(&actions, settings, Clock::System).await;
    let (status, body) = log_in(&server, "ada@example.com").await;
    assert_eq!((status, &body["key"], &body["other"]), (200, &json!("s3cret"), &json!("none")));
    for absent in ["fragile", "only", "parked"] {
        assert_eq!(body.get(absent), None, "{absent}");
    }
    assert_eq!(app_metadata(&server).await.get("fragile"), None);
}

#[tokio::test]
async fn editing_the_event_changes_nothing() {
    let edit = handler(
        r#"event.user.email = "eve@example.com";
           event.user.app_metadata.region = "moon";
           event.user.app_metadata["patient"] += "-x";
           event.authorization.roles.push("root");
           event.client = 1;
           let copy = event.user.app_metadata;
           copy.region = "copy";
           api.tokenResponse.setCustomParameter("copy", copy.region);"#,
    );
    let read = handler(
        r#"api.tokenResponse.setCustomParameter("seen",
               [event.user.email, event.user.app_metadata.region, event.user.app_metadata.patient,
                event.authorization.roles, event.client.client_id]);"#,
    );
    let server = Server::start(&[("1-edit", &edit), ("2-read", &read)]).await;
    let (status, body) = log_in(&server, "ada@example.com").await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["seen"], json!(["ada@example.com", "eu", "p-17", ["admin", "intern"], "demo-web"]));
    assert_eq!(body["copy"], "copy");
    let saved = app_metadata(&server).await;
    assert_eq!((&saved["region"], &saved["patient"]), (&json!("eu"), &json!("p-17")));
}

#[tokio::test]
async fn any_json_value_reaches_the_token_response_and_protocol_names_do_not() {
    let set = handler(
        r#"let r = api.tokenResponse;
           r.setCustomParameter("deep", #{ list: [1, 2.5, "ü", true, (), #{ empty: [] }], big: 9007199254740993 });
           for name in ["access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token", "issued_token_type",
                        "authorization_details", "error", "error_description", "error_uri", "state", "code", "iss"] {
               r.setCustomParameter(name, "evil");
           }"#,
    );
    let server = Server::start(&[("1-set", &set)]).await;
    let (_, body) = log_in(&server, "ada@example.com").await;
    assert_eq!(body["deep"], json!({"list": [1, 2.5, "ü", true, null, {"empty": []}], "big": 9_007_199_254_740_993_i64}));
    assert!(!body.to_string().contains("evil"), "{body}");
}

#[tokio::test]
async fn implicit_answers_carry_the_parameters_in_the_fragment() {
    let set = handler(
        r#"api.tokenResponse.setCustomParameter("patient", "p 17");
           api.tokenResponse.setCustomParameter("banner", false);
           api.tokenResponse.setCustomParameter("context", #{ a: [1] });"#,
    );
    let server = Server::start(&[("1-set", &set)]).await;
    let query = "response_type=token%20id_token&client_id=demo-implicit&nonce=n&state=s&scope=openid\
                 &redirect_uri=http://localhost:3002/callback";
    let url = server.url(&format!("/authorize?{query}"));
    let callback = Browser::new().log_in(&url, "ada@example.com", PASSWORD).await;
    let fragment: std::collections::BTreeMap<String, String> =
        url::form_urlencoded::parse(callback.fragment().unwrap().as_bytes()).into_owned().collect();
    assert_eq!((fragment["patient"].as_str(), fragment["banner"].as_str()), ("p 17", "false"));
    assert_eq!((fragment["context"].as_str(), fragment["state"].as_str()), (r#"{"a":[1]}"#, "s"));
    assert!(fragment.contains_key("access_token") && fragment.contains_key("id_token"));
}

#[tokio::test]
async fn a_machine_is_judged_by_credentials_exchange() {
    let action = r#"
fn onExecuteCredentialsExchange(event, api) {
    if event.request.body["ext-bad"] != () {
        api.access.deny("invalid_scope", `no ${event.accessToken.scope.join(",")}`);
    }
    api.accessToken.setCustomClaim("https://example.com/plan", "gold").accessToken.addScope("write:things");
    api.accessToken.addScope("admin:everything");
    api.tokenResponse.setCustomParameter("for", event.client.client_id);
}
"#;
    let server = Server::start(&[("1-machine", action)]).await;
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", "demo-m2m"),
        ("client_secret", "demo-m2m-secret"),
        ("audience", API),
    ];
    let (status, body) = server.token(&form).await;
    assert_eq!((status, &body["scope"], &body["for"]), (200, &json!("read:things write:things"), &json!("demo-m2m")));
    form.push(("ext-bad", "1"));
    let (status, body) = server.token(&form).await;
    assert_eq!((status, body), (403, json!({"error": "invalid_scope", "error_description": "no read:things"})));
}
