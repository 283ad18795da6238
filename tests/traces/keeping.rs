//! Which decisions are kept, where, and how long.

use serde_json::{Value, json};
use vestibule::domain::trace::TraceFilter;
use vestibule::flow::{Decision, Trigger};
use vestibule::traces::{Circumstances, Record};

use crate::parties::{API, MACHINE, WEB, code, form, redemption, refresh, text, tokens};
use crate::support::agent::{Agent, query};
use crate::support::{PASSWORD, Server};

/// Denies and fails when asked to; otherwise a claim, a refused one, and one that its scope forbids.
const ACTION: &str = r#"
fn onExecutePostLogin(event, api) {
    let wish = event.request.body.wish ?? event.request.query.wish;
    if wish == "deny" { api.access.deny("not you"); return; }
    if wish == "fail" { throw "broken on purpose"; }
    if wish == "big" { api.idToken.setCustomClaim("big", "x".padEnd(16000, "x")); for n in 0..7 { api.idToken.setCustomClaim(`b${n}`, "x".padEnd(16000, "x")); } }
    api.idToken.setCustomClaim("https://x.example/region", event.user.app_metadata.region);
    api.idToken.setCustomClaim("iss", "evil");
    api.idToken.setCustomClaim("phone_number", "1");
}
fn onExecuteCredentialsExchange(event, api) { api.accessToken.setCustomClaim("https://x.example/m", 1); }
"#;

/// Every trace, oldest first: those of the table, or those in memory.
pub(crate) async fn all(server: &Server) -> Vec<Record> {
    let filter = TraceFilter { limit: 10_000, ..TraceFilter::default() };
    server.app.traces.flush().await;
    let rows =
        if server.app.dev { server.app.traces.in_memory(&filter) } else { server.app.store.traces(&filter).await.unwrap() };
    rows.iter().rev().map(|row| Record::try_from(row).unwrap()).collect()
}

async fn password(server: &Server, more: &[(&str, &str)]) -> (u16, Value) {
    let ask = [("grant_type", "password"), ("username", "ada@example.com"), ("password", PASSWORD), ("scope", "openid")];
    server.token(&form(&WEB, &[&ask[..], more].concat())).await
}

#[tokio::test]
async fn every_decision_is_kept_whatever_it_is_about_and_however_it_ends() {
    for server in [Server::start(&[("10-all", ACTION)]).await, Server::start_dev_with(&[("10-all", ACTION)], "").await] {
        let (status, body) = server.token(&redemption(&code(&server, "openid offline_access", Some(API)).await)).await;
        assert_eq!((status, refresh(&server, text(&body, "refresh_token"), &[]).await.0), (200, 200));
        assert_eq!(password(&server, &[]).await.0, 200);
        assert_eq!(password(&server, &[("wish", "deny")]).await.0, 403);
        assert_eq!(password(&server, &[("wish", "fail")]).await.0, 500);
        assert_eq!(password(&server, &[("wish", "big")]).await.0, 500);
        let machine = form(&MACHINE, &[("grant_type", "client_credentials"), ("audience", API)]);
        assert_eq!(server.token(&machine).await.0, 200);
        let denied = Agent::new().log_in(&server, &[("wish", "deny")]).await;
        assert_eq!(query(&denied)["error"], "access_denied");

        let mut kept = all(&server).await;
        kept.sort_by_key(|record| record.at);
        let mut seen: Vec<_> = kept.iter().map(|record| (record.kind(), record.outcome.as_str())).collect();
        seen.sort_unstable();
        let expected = [
            ("login", "allowed"),
            ("login", "denied"),
            ("machine", "allowed"),
            ("password", "allowed"),
            ("password", "denied"),
            ("password", "failed"),
            ("password", "failed"),
            ("refresh", "allowed"),
        ];
        assert_eq!(seen, expected);
        let allowed = kept.iter().find(|record| record.kind() == "password" && record.outcome == "allowed").unwrap();
        let refused: Vec<_> = allowed.decision.refused.iter().map(|refusal| refusal.name.as_str()).collect();
        assert_eq!(refused, ["iss"], "the password grant brings the scope `phone`");
        let login = kept.iter().find(|record| record.kind() == "login" && record.outcome == "allowed").unwrap();
        let refused: Vec<_> = login.decision.refused.iter().map(|refusal| refusal.name.as_str()).collect();
        assert_eq!(refused, ["iss", "phone_number"], "with what the protocol refused afterwards");
        assert_eq!(login.scope, "openid offline_access");
        let action = &login.decision.trace.actions[0];
        assert_eq!(
            (action.effects.len(), action.reads.last().unwrap().path.as_str()),
            (2, "event.user.app_metadata.region")
        );
    }
}

#[tokio::test]
async fn under_dev_answers_name_their_trace_and_under_serve_only_failures_do() {
    let server = Server::start_dev_with(&[("10-all", ACTION)], "").await;
    let ids = async || all(&server).await.into_iter().map(|record| record.id).collect::<Vec<_>>();
    let ask = |form: Vec<(&str, &str)>| reqwest::Client::new().post(server.url("/oauth/token")).form(&form).send();
    let code = code(&server, "openid", None).await;
    let answer = ask(redemption(&code)).await.unwrap();
    assert_eq!(answer.headers()["vestibule-trace"].to_str().unwrap(), ids().await[0], "the trace of the login");
    let (_, denied) = password(&server, &[("wish", "deny")]).await;
    assert_eq!(denied["error_description"], format!("not you (trace {})", ids().await[1]));
    let (_, failed) = password(&server, &[("wish", "fail")]).await;
    assert_eq!(failed["error_description"], format!("an action failed, reference {}", ids().await[2]));
    let told = query(&Agent::new().log_in(&server, &[("wish", "deny")]).await);
    assert_eq!(told["error_description"], format!("not you (trace {})", ids().await[3]));

    let request = reqwest::Client::new().post(server.url("/oauth/token")).header("origin", "http://localhost:3000");
    let exposed = request.send().await.unwrap().headers()["access-control-expose-headers"].to_str().unwrap().to_owned();
    assert!(exposed.ends_with(", vestibule-trace"), "{exposed}");

    let server = Server::start(&[("10-all", ACTION)]).await;
    let (_, denied) = password(&server, &[("wish", "deny")]).await;
    assert_eq!(denied["error_description"], "not you");
    let (_, failed) = password(&server, &[("wish", "fail")]).await;
    let ids: Vec<_> = all(&server).await.into_iter().map(|record| record.id).collect();
    assert!(text(&failed, "error_description").ends_with(&ids[1]), "{failed} {ids:?}");
    let answer = reqwest::Client::new().post(server.url("/oauth/token")).form(&[("grant_type", "x")]).send().await.unwrap();
    assert!(!answer.headers().contains_key("vestibule-trace"));
}

#[tokio::test]
async fn the_table_keeps_the_newest_and_the_ring_keeps_the_newest() {
    let configuration = "[traces]\nkeep = 5";
    for server in
        [Server::start_with(&[], configuration, Default::default()).await, Server::start_dev_with(&[], configuration).await]
    {
        for _ in 0..12 {
            tokens(&server, "openid", None).await;
            server.app.traces.flush().await;
        }
        assert_eq!(all(&server).await.len(), 5, "dev: {}", server.app.dev);
    }
}

#[tokio::test]
async fn nothing_is_kept_where_nothing_shall_be() {
    let server = Server::start_with(&[("10-all", ACTION)], "[traces]\nkeep = 0", Default::default()).await;
    tokens(&server, "openid", None).await;
    assert_eq!(all(&server).await.len(), 0);
}

#[tokio::test]
async fn what_is_not_stored_is_counted_and_no_login_waits_for_it() {
    let lost = |server: &Server| {
        let metrics = server.app.metrics.render();
        let line = metrics.lines().find_map(|line| line.strip_prefix("vestibule_traces_lost_total ")).unwrap();
        line.parse::<u64>().unwrap()
    };
    let circumstances = || Circumstances {
        trigger: Trigger::PostLogin,
        event: Default::default(),
        sets: Vec::new(),
        granted: String::new(),
        scope: String::new(),
    };
    let server = Server::start(&[]).await;
    // On one thread: nothing is stored until this waits for something.
    for _ in 0..1_100 {
        server.app.traces.keep(&mut Decision::default(), circumstances());
    }
    let overflown = lost(&server);
    assert!((1..=76).contains(&overflown), "{overflown}");
    server.app.traces.flush().await;
    assert_eq!(lost(&server), overflown);

    server.app.database.close().await;
    server.app.traces.keep(&mut Decision::default(), circumstances());
    server.app.traces.flush().await;
    assert_eq!(lost(&server), overflown + 1, "a database that does not take it");
}

#[tokio::test]
async fn traces_are_found_by_client_user_and_outcome() {
    for server in [Server::start(&[("10-all", ACTION)]).await, Server::start_dev_with(&[("10-all", ACTION)], "").await] {
        password(&server, &[]).await;
        password(&server, &[("wish", "deny")]).await;
        server.token(&form(&MACHINE, &[("grant_type", "client_credentials"), ("audience", API)])).await;
        server.app.traces.flush().await;
        let count = async |filter: TraceFilter| match server.app.dev {
            true => server.app.traces.in_memory(&filter).len(),
            false => server.app.store.traces(&filter).await.unwrap().len(),
        };
        let some = |text: &str| Some(text.to_owned());
        let all = TraceFilter::default;
        assert_eq!(count(TraceFilter { client_id: some("demo-m2m"), ..all() }).await, 1);
        assert_eq!(count(TraceFilter { user_id: some("auth0|ada"), ..all() }).await, 2);
        assert_eq!(count(TraceFilter { outcome: some("denied"), client_id: some("demo-web"), ..all() }).await, 1);
        assert_eq!(count(TraceFilter { outcome: some("denied"), client_id: some("demo-m2m"), ..all() }).await, 0);
        assert_eq!(count(TraceFilter { limit: 2, ..all() }).await, 2);
        assert_eq!(count(TraceFilter { id: some("nonsense"), ..all() }).await, 0);
    }
}

#[tokio::test]
async fn old_traces_are_deleted() {
    let server = Server::start_with(&[], "[traces]\nretention_days = 2", Default::default()).await;
    tokens(&server, "openid", None).await;
    let kept = all(&server).await;
    let day = 86_400_000;
    server.app.database.delete_expired(kept[0].at + 2 * day - 1).await.unwrap();
    assert_eq!(all(&server).await.len(), 1);
    server.app.database.delete_expired(kept[0].at + 2 * day + 1).await.unwrap();
    assert_eq!(all(&server).await.len(), 0);
}

#[tokio::test]
async fn a_kept_trace_can_be_decided_again() {
    let server = Server::start(&[("10-all", ACTION)]).await;
    tokens(&server, "openid", None).await;
    let record = all(&server).await.remove(0);
    let host = vestibule::flow::Host::replaying(&record.recording);
    let set = server.app.flow.current();
    let again = vestibule::flow::decide(&set, record.recording.trigger, record.recording.event.clone(), &host);
    assert_eq!(again.id_token["https://x.example/region"].value, json!("eu"));
    assert_eq!(again.id_token, record.decision.id_token);
}
