//! The bounded pool.

use super::*;

fn flow(source: &str, limits: &Limits) -> Arc<Flow> {
    let settings = Settings { limits: limits.clone(), ..settings() };
    Arc::new(Flow::new(FlowSet::from_sources(&settings, &[("a.rhai", source)]).unwrap(), limits, host()))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_no_place_is_sent_away_and_the_others_are_served() {
    let limits = Limits {
        max_concurrent_runs: 1,
        max_waiting_runs: 1,
        deadline_ms: 500,
        max_operations: u64::MAX,
        ..Limits::default()
    };
    let flow = flow(&handler("loop {}"), &limits);
    let runs: Vec<_> = (0..4)
        .map(|_| {
            let flow = flow.clone();
            tokio::spawn(async move { flow.decide(Trigger::PostLogin, event()).await })
        })
        .collect();
    let mut busy = 0;
    for run in runs {
        match run.await.unwrap() {
            Ok(decision) => assert_eq!(decision.trace.actions[0].outcome, "timeout"),
            Err(Busy) => busy += 1,
        }
    }
    assert_eq!(busy, 2);
    assert!(flow.decide(Trigger::CredentialsExchange, machine()).await.is_ok());
    assert!(flow.decide(Trigger::PostLogin, event()).await.is_ok());
}

#[tokio::test]
async fn a_replaced_set_is_used_by_the_next_login() {
    let flow = flow(&handler("api.idToken.setCustomClaim(\"v\", 1);"), &Limits::default());
    let pinned = flow.current();
    let next = set(&[("a.rhai", &handler("api.idToken.setCustomClaim(\"v\", 2);"))]);
    flow.replace(next);
    assert_ne!(pinned.hash(), flow.current().hash());
    assert_eq!(claims(&flow.decide(Trigger::PostLogin, event()).await.unwrap().id_token), json!({"v": 2}));
}

#[tokio::test]
async fn deep_recursion_fits_the_stack_of_the_pool() {
    let source = format!(
        "fn f(x) {{ if x == 0 {{ 0 }} else {{ ((((((((1 + f(x - 1))))))))) }} }} {}",
        handler("api.idToken.setCustomClaim(\"v\", f(25)); f(100);")
    );
    let decision = flow(&source, &Limits::default()).decide(Trigger::PostLogin, event()).await.unwrap();
    assert!(matches!(decision.outcome, Outcome::Failed { message, .. } if message.contains("nested calls")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_bypasses_the_actions_needs_no_place() {
    let limits = Limits { max_concurrent_runs: 1, max_waiting_runs: 0, max_operations: u64::MAX, ..Limits::default() };
    let flow = flow(&handler("loop {}"), &limits);
    let mut hanging = Box::pin(flow.decide(Trigger::PostLogin, event()));
    tokio::select! {
        biased;
        _ = &mut hanging => panic!("it hangs"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(flow.decide(Trigger::PostLogin, event()).await, Err(Busy));
    let mut operator = event();
    operator.client.bypass_actions = true;
    let decision = flow.decide(Trigger::PostLogin, operator).await.unwrap();
    assert_eq!((decision.outcome, decision.trace.bypassed, decision.trace.actions), (Outcome::Allowed, true, vec![]));
    drop(hanging);
}
