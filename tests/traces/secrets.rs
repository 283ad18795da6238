//! What no trace may tell.

use std::io::{Read as _, Write as _};

use serde_json::Value;

use super::keeping::all;
use crate::parties::{API, MACHINE, WEB, code, form, redemption, refresh, text, tokens};
use crate::support::{PASSWORD, Server};

const SECRET: &str = "s3cret/of the&action";
/// What the API of the actions answers with, and what nobody named as a secret but looks like one.
const FOREIGN_TOKEN: &str = "foreign-token-4711";
const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";

const ACTION: &str = r#"
fn onExecutePostLogin(event, api) {
    let key = event.secrets.API_KEY;
    print(`calling with ${key}`);
    let answer = http::post(`http://127.0.0.1:PORT/t?api_key=${key}`, #{ password: key, user: event.user.email },
        #{ headers: #{ "Authorization": `Bearer ${key}` } });
    let token = answer.json.access_token;
    api.cache.set("crm_token", token);
    print(`got ${token} and JWT for ${event.user.email}`);
    api.idToken.setCustomClaim("https://x.example/leak", [key, #{ nested: `x${key}y`, of: event.user.email }]);
    api.idToken.setCustomClaim("firebase_token", "minted-by-an-action");
    api.user.setAppMetadata("hint", `${event.user.name}: ${event.user.app_metadata.patient}`);
    api.idToken.setCustomClaim("sub", key);
    if event.request.body.wish == "fail" { throw `cannot reach ${key} for ${event.user.email}`; }
    if event.request.body.wish == "deny" { api.access.deny(`no ${event.user.email} with ${key}`); }
}
"#;

/// Answers every request with a token.
fn api() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let body = format!(r#"{{"access_token":"{FOREIGN_TOKEN}","token_type":"Bearer"}}"#);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nset-cookie: sid=cookie-of-the-api\r\nconnection: close";
            let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        }
    });
    port
}

fn configuration(port: u16, more: &str) -> String {
    format!(
        "[actions.settings.10-leaky]\nallow_hosts = [\"127.0.0.1:{port}\"]\nsecrets = {{ API_KEY = \"{SECRET}\" }}\n{more}"
    )
}

/// Logs in by every grant and in vain, and returns all that was issued on the way.
async fn log_in_everywhere(server: &Server) -> Vec<String> {
    let code = code(server, "openid offline_access", Some(API)).await;
    let (status, first) = server.token(&redemption(&code)).await;
    assert_eq!(status, 200, "{first}");
    let (status, second) = refresh(server, text(&first, "refresh_token"), &[]).await;
    assert_eq!(status, 200, "{second}");
    let third = tokens(server, "openid offline_access", None).await;
    for wish in ["fail", "deny"] {
        let ask = [("grant_type", "password"), ("username", "ada@example.com"), ("password", PASSWORD), ("wish", wish)];
        let ask = form(&crate::parties::WEB, &ask);
        assert!(server.token(&ask).await.0 >= 400);
    }
    let machine = form(&MACHINE, &[("grant_type", "client_credentials"), ("audience", API)]);
    let (_, fourth) = server.token(&machine).await;
    let members = |body: &Value| {
        let token = |name: &&str| body[*name].as_str().map(str::to_owned);
        ["access_token", "id_token", "refresh_token"].iter().filter_map(token).collect::<Vec<_>>()
    };
    let issued = [first, second, third, fourth].iter().flat_map(members).collect::<Vec<_>>();
    assert_eq!(issued.len(), 10);
    issued.into_iter().chain([code]).collect()
}

#[tokio::test]
async fn no_secret_token_password_or_code_is_in_any_trace() {
    let port = api();
    let action = ACTION.replace("PORT", &port.to_string()).replace("JWT", JWT);
    let actions = [("10-leaky", action.as_str())];
    let settings = configuration(port, "");
    for server in [
        Server::start_with(&actions, &settings, Default::default()).await,
        Server::start_dev_with(&actions, &settings).await,
    ] {
        let mut forbidden = log_in_everywhere(&server).await;
        let fixed = [PASSWORD, "demo-web-secret", "demo-m2m-secret", SECRET, "of the&action", "of+the%26action"];
        forbidden.extend(fixed.map(str::to_owned));
        forbidden.extend(
            [FOREIGN_TOKEN, JWT, "minted-by-an-action", "cookie-of-the-api", "of%20the%26action"].map(str::to_owned),
        );
        let kept = all(&server).await;
        assert_eq!(kept.len(), 6);
        for record in kept {
            let told = serde_json::to_string(&record).unwrap();
            for secret in &forbidden {
                assert!(!told.contains(secret.as_str()), "`{secret}` in {told}");
            }
            let called = record.recording.outside.http.len();
            assert_eq!(called, usize::from(record.kind() != "machine"), "the calls are there: {told}");
        }
    }
}

#[tokio::test]
async fn personal_fields_are_redacted_under_serve_and_ids_are_not() {
    let port = api();
    let action = ACTION.replace("PORT", &port.to_string());
    let server = Server::start_with(&[("10-leaky", &action)], &configuration(port, ""), Default::default()).await;
    log_in_everywhere(&server).await;
    for record in all(&server).await.into_iter().filter(|record| record.kind() != "machine") {
        let told = serde_json::to_string(&record).unwrap();
        for personal in ["ada@example.com", "ada%40example.com", "Ada\"", "Ada:", "\"127.0.0.1\""] {
            assert!(!told.contains(personal), "`{personal}` in {told}");
        }
        assert!(told.contains("p-17"), "not named in the configuration");
        assert_eq!(record.user_id.as_deref(), Some("auth0|ada"));
        assert_eq!(record.recording.event.user.as_ref().unwrap().email.as_deref(), Some("[redacted]"));
    }
}

#[tokio::test]
async fn the_configuration_names_the_fields_that_are_redacted() {
    let port = api();
    let action = ACTION.replace("PORT", &port.to_string());
    let more = "[traces]\nredact = [\"event.user.app_metadata.patient\"]";
    for dev in [true, false] {
        let settings = configuration(port, more);
        let server = if dev {
            Server::start_dev_with(&[("10-leaky", &action)], &settings).await
        } else {
            Server::start_with(&[("10-leaky", &action)], &settings, Default::default()).await
        };
        tokens(&server, "openid", None).await;
        let told = serde_json::to_string(&all(&server).await).unwrap();
        assert!(!told.contains("p-17") && told.contains("Ada: [redacted]"), "{told}");
        assert!(told.contains("ada@example.com"), "a list of one's own replaces the default");
    }
}

/// The names of what an event has are ours. A user who is called like one must not tear the event apart.
#[tokio::test]
async fn a_user_whose_name_is_that_of_a_member_has_traces_too() {
    let action = "fn onExecutePostLogin(event, api) {
        api.idToken.setCustomClaim(\"https://x.example/of\", #{ nickname: event.user.nickname });
    }";
    let more = "[[users]]\nuser_id = \"auth0|eve\"\nemail = \"eve@example.com\"\nemail_verified = true\npassword = \"correct horse battery\"\nnickname = \"nickname\"";
    let server = Server::start_with(&[("10-name", action)], more, Default::default()).await;
    let login = [("grant_type", "password"), ("username", "eve@example.com"), ("password", PASSWORD), ("scope", "openid")];
    assert_eq!(server.token(&form(&WEB, &login)).await.0, 200);
    let records = all(&server).await;
    let [record] = &records[..] else { panic!("{records:?}") };
    let user = record.recording.event.user.as_ref().unwrap();
    assert_eq!((user.user_id.as_str(), user.nickname.as_deref()), ("auth0|eve", Some("[redacted]")));
    let claim = &record.decision.id_token["https://x.example/of"].value;
    assert_eq!(*claim, serde_json::json!({ "[redacted]": "[redacted]" }), "what an action names is not ours");
}

#[tokio::test]
async fn a_body_of_thousands_of_secrets_has_a_trace_without_them() {
    let action = "fn onExecutePostLogin(event, api) {
        api.idToken.setCustomClaim(\"https://x.example/last\", event.request.body.last_token);
    }";
    let server = Server::start(&[("10-last", action)]).await;
    let all_tokens: Vec<Value> = (0..3_000).map(|n| serde_json::json!({ "token": format!("T{n}") })).collect();
    let body = serde_json::json!({
        "client_id": "demo-web", "client_secret": "demo-web-secret", "grant_type": "password",
        "username": "ada@example.com", "password": PASSWORD, "scope": "openid", "all": all_tokens, "last_token": "kept-last",
    });
    let answer = reqwest::Client::new().post(server.url("/oauth/token")).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let records = all(&server).await;
    let [record] = &records[..] else { panic!("{records:?}") };
    let told = serde_json::to_string(record).unwrap();
    for secret in ["\"T0\"", "\"T2999\"", "kept-last"] {
        assert!(!told.contains(secret), "{secret}");
    }
    assert_eq!(record.user_id.as_deref(), Some("auth0|ada"));
    assert_eq!(record.client_id, "demo-web");
}
