//! Refresh tokens: one use, one family, one client, one live account.

use crate::parties::{API, WEB, form, futures_of, introspect, refresh, text, tokens, userinfo};
use crate::support::Server;

const OFFLINE: &str = "openid offline_access";

#[tokio::test]
async fn p081_of_fifty_refreshes_at_three_replicas_one_wins_and_the_family_dies() {
    let first = Server::start(&[]).await;
    let servers = [first.replica().await, first.replica().await, first];
    let body = tokens(&servers[2], OFFLINE, Some(API)).await;
    let token = text(&body, "refresh_token");
    let answers = futures_of(50, |n| refresh(&servers[n % 3], token, &[])).await;
    let won: Vec<_> = answers.iter().filter(|(status, _)| *status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|(status, body)| *status == 200 || body["error"] == "invalid_grant"), "{answers:?}");
    for server in &servers {
        assert_eq!(refresh(server, text(&won[0].1, "refresh_token"), &[]).await.0, 400);
        assert_eq!(userinfo(server, text(&won[0].1, "access_token")).await.0, 401);
    }
}

#[tokio::test]
async fn p080_p082_a_restart_forgets_no_spent_token() {
    let server = Server::start(&[]).await;
    let first = tokens(&server, OFFLINE, None).await;
    let (_, second) = refresh(&server, text(&first, "refresh_token"), &[]).await;
    let server = server.restart().await;
    assert_eq!(userinfo(&server, text(&second, "access_token")).await.0, 200);
    assert_eq!(refresh(&server, text(&first, "refresh_token"), &[]).await.1["error"], "invalid_grant");
    assert_eq!(refresh(&server, text(&second, "refresh_token"), &[]).await.1["error"], "invalid_grant");
    assert_eq!(userinfo(&server, text(&second, "access_token")).await.0, 401);
    server.stop().await;
}

#[tokio::test]
async fn p086_an_account_that_changed_gets_no_more_tokens() {
    let changes: [(&str, fn(&str) -> String); 6] = [
        ("blocked", |text| text.replace("name = \"Ada\"", "name = \"Ada\"\nblocked = true")),
        ("deleted", |text| text.replace("user_id = \"auth0|ada\"", "user_id = \"auth0|ada2\"")),
        ("another password", |text| text.replacen("correct horse battery", "another horse battery", 1)),
        ("the grant is taken away", |text| text.replacen("\"refresh_token\", ", "", 1)),
        ("the client is removed", |text| text.replacen("client_id = \"demo-web\"", "client_id = \"demo-web2\"", 1)),
        ("the API is removed", |text| text.replace("https://api.example.com/", "https://api2.example.com/")),
    ];
    for (what, change) in changes {
        let server = Server::start(&[]).await;
        let body = tokens(&server, OFFLINE, Some(API)).await;
        server.reconfigure(change).await;
        let (status, refused) = refresh(&server, text(&body, "refresh_token"), &[]).await;
        assert!((400..=401).contains(&status), "{what}: {refused}");
        let error = text(&refused, "error");
        assert!(["invalid_grant", "unauthorized_client", "invalid_client"].contains(&error), "{what}: {refused}");
        if ["blocked", "deleted", "another password"].contains(&what) {
            assert_eq!(userinfo(&server, text(&body, "access_token")).await.0, 401, "{what}");
            let seen = introspect(&server, &WEB, text(&body, "access_token")).await;
            assert_eq!(seen, serde_json::json!({ "active": false }), "{what}");
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn p089_no_token_passes_for_another_kind() {
    let server = Server::start(&[]).await;
    for audience in [None, Some(API)] {
        let body = tokens(&server, OFFLINE, audience).await;
        for kind in ["access_token", "id_token"] {
            assert_eq!(refresh(&server, text(&body, kind), &[]).await.1["error"], "invalid_grant", "{kind}");
            let code = form(&WEB, &[("grant_type", "authorization_code"), ("code", text(&body, kind))]);
            assert_eq!(server.token(&code).await.1["error"], "invalid_grant", "{kind}");
        }
        for kind in ["refresh_token", "id_token"] {
            assert_eq!(userinfo(&server, text(&body, kind)).await.0, 401, "{kind}");
        }
    }
    server.stop().await;
}
