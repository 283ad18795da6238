//! Scripts that want more than they may have: each is stopped, and the next login works.

use std::time::{Duration, Instant};

use super::*;

/// The action fails, soon, with these words.
fn stopped(body: &str, words: &str) {
    let started = Instant::now();
    let message = failure(body);
    assert!(message.contains(words), "{body}: {message}");
    assert!(started.elapsed() < Duration::from_secs(4), "{body}: {:?}", started.elapsed());
}

#[test]
fn endless_loops_are_stopped() {
    stopped("loop {}", "operations");
    stopped("while true { try { loop {} } catch { } }", "operations");
    stopped("for i in range(0, 9223372036854775807) { }", "operations");
    stopped("let a = 1; do { a += 1 } while true;", "operations");
}

#[test]
fn the_deadline_stops_what_has_operations_left() {
    let limits = Limits { deadline_ms: 50, max_operations: u64::MAX, ..Limits::default() };
    let set = FlowSet::from_sources(
        &Settings { limits, ..settings() },
        &[("a.rhai", &handler("loop { try { loop {} } catch { } }"))],
    )
    .unwrap();
    let started = Instant::now();
    let decision = decide(&set, Trigger::PostLogin, event(), &host());
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(decision.trace.actions[0].outcome, "timeout");
    assert!(decision.trace.actions[0].error.as_deref().unwrap().contains("did not end within 50 ms"));
}

#[test]
fn the_deadline_is_for_all_actions_together() {
    let limits = Limits { deadline_ms: 0, ..Limits::default() };
    let source = handler("api.idToken.setCustomClaim(\"a\", 1);");
    let set = FlowSet::from_sources(&Settings { limits, ..settings() }, &[("a.rhai", &source)]).unwrap();
    assert_eq!(decide(&set, Trigger::PostLogin, event(), &host()).trace.actions[0].outcome, "timeout");
}

#[test]
fn recursion_is_stopped() {
    let run = |source: &str| match decide(&set(&[("a.rhai", source)]), Trigger::PostLogin, event(), &host()).outcome {
        Outcome::Failed { message, .. } => assert!(message.contains("nested calls"), "{message}"),
        other => panic!("{other:?}"),
    };
    run(&format!("fn f(x) {{ f(x + 1) }} {}", handler("f(1)")));
    run(&format!("fn f(x) {{ g(x) }} fn g(x) {{ f(x) }} {}", handler("f(1)")));
    run(&format!("fn f(x) {{ [1].map(|y| f(x)) }} {}", handler("f(1)")));
}

#[test]
fn growing_strings_and_arrays_are_stopped() {
    stopped("let s = \"x\"; loop { s += s; }", "string");
    stopped("let s = \"x\"; loop { s = `${s}${s}`; }", "string");
    stopped("let a = [1]; loop { a += a; }", "array");
    stopped("let a = []; loop { a.push(a); }", "array");
    stopped("let a = []; a.pad(9223372036854775807, 1);", "array");
    stopped("let s = \"\"; s.pad(9223372036854775807, 'x');", "string");
    stopped("let m = #{}; loop { m.a = m; }", "map");
    stopped("let s = \"\"; s.pad(16000, 'x'); let a = []; loop { a.push(s); }", "");
}

#[test]
fn replacing_is_bounded_before_it_allocates() {
    for call in ["s.replace(\"x\", s)", "s.replace('x', s)", "s.replace(\"\", s)"] {
        stopped(&format!("let s = \"\"; s.pad(16000, 'x'); {call};"), "");
    }
    assert_eq!(eval("{ let s = \"a-b\"; s.replace(\"-\", \"+\"); s }"), json!("a+b"));
    assert_eq!(eval("{ let s = \"a-b\"; s.replace('-', '+'); s }"), json!("a+b"));
}

#[test]
fn a_map_that_grows_through_its_index_meets_the_budget() {
    stopped("let s = \"\"; s.pad(16000, 'x'); let m = #{}; for i in 0..1000000 { m[\"k\" + i] = s + i; }", "");
    stopped(
        "let s = \"\"; s.pad(16000, 'x'); let m = event.user.app_metadata; for i in 0..1000000 { m[\"k\" + i] = s + i; }",
        "bytes of memory",
    );
}

#[test]
fn many_large_locals_meet_the_budget() {
    let locals: String = (0..60).map(|index| format!("let v{index} = s + x; ")).collect();
    let source = format!("fn f(x, s) {{ {locals} f(x + 1, s) }} {}", handler("let s = \"\"; s.pad(16000, 'x'); f(1, s)"));
    let decision = decide(&set(&[("a.rhai", &source)]), Trigger::PostLogin, event(), &host());
    assert!(decision.trace.actions[0].error.as_deref().unwrap().contains("bytes of memory"), "{:?}", decision.trace);
}

#[test]
fn sleeping_and_leaving_are_errors() {
    for body in ["sleep(8)", "sleep(1.5)", "sleep(0.0 / 0.0)", "sleep(-1)"] {
        stopped(body, "`sleep` is not available");
    }
    stopped("exit()", "`exit` is not available");
    stopped("api.access.deny(\"x\"); exit(42)", "`exit` is not available");
}

#[test]
fn closures_in_a_loop_leave_nothing_behind() {
    let set = set(&[(
        "a.rhai",
        &handler(
            "let m = #{ big: [1, 2, 3] }; let n = [1, 2].map(|x| m.big.len() + x); let r = event.authorization.roles.filter(|r| r != m);",
        ),
    )]);
    let kept = |runs: usize| {
        let budget = memory::Budget::begin(64 * 1024);
        for _ in 0..runs {
            assert_eq!(decide(&set, Trigger::PostLogin, event(), &host()).outcome, Outcome::Allowed);
        }
        budget.exceeded()
    };
    kept(10);
    assert!(!kept(300));
}

#[test]
fn deep_nesting_is_a_parse_error() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("#{a:", "}"), ("{", "}"), ("if true {", "}"), ("loop {", "}"), ("!", ""), ("-", "")]
    {
        let body = format!("let x = {}1{};", open.repeat(5_000), close.repeat(5_000));
        body_problems(&body);
    }
    body_problems(&format!("let x = 1{};", "+1".repeat(5_000)));
}

#[test]
fn deep_values_are_refused_and_do_not_overflow() {
    let decision = login("let a = []; for i in 0..200 { a = [a]; } api.idToken.setCustomClaim(\"a\", a); print(a); a == a;");
    assert_eq!((decision.outcome, decision.refused.len()), (Outcome::Allowed, 1));
    let decision = login("let a = []; loop { a = [a]; }");
    assert!(matches!(decision.outcome, Outcome::Failed { .. }));
}

#[test]
fn output_is_cut_off() {
    let decision = login("let s = \"\"; s.pad(10000, 'x'); for i in 0..100 { print(s); debug(\"\\u001b[31m\"); }");
    let size: usize = decision.trace.actions[0].logs.iter().map(String::len).sum();
    assert!(size < 9 * 1024, "{size}");
    assert_eq!(login("print(\"a\\nb\\u001b[31m\")").trace.actions[0].logs, ["a b [31m"]);
}

#[test]
fn a_cache_flood_is_answered_with_a_code() {
    let decision = login(
        "for i in 0..30 { let r = api.cache.set(\"k\" + i, \"v\"); if r.type == \"error\" { api.idToken.setCustomClaim(\"code\", r.code); } }",
    );
    assert_eq!(claims(&decision.id_token), json!({"code": "MaxSideEffectsExceeded"}));
}

#[test]
fn too_many_functions_variables_and_parameters_are_refused() {
    let functions: String = (0..100).map(|index| format!("fn f{index}() {{}} ")).collect();
    problems(&format!("{functions}{}", handler("")));
    let variables: String = (0..200).map(|index| format!("let v{index} = 1; ")).collect();
    stopped(&variables, "variables");
}

#[test]
fn s60_a_panic_in_a_built_in_function_fails_the_login_only() {
    let mut module = rhai::Module::new();
    module.set_native_fn("boom", || -> Result<i64, Box<rhai::EvalAltResult>> { panic!("test panic") });
    module.build_index();
    let mut set = set(&[("lib/p.rhai", "fn boom() { 1 }"), ("a.rhai", &handler("p::boom()"))]);
    std::sync::Arc::get_mut(&mut set.toolbox).unwrap().set_namespace("p", module.into());
    let decision = decide(&set, Trigger::PostLogin, event(), &host());
    let Outcome::Failed { message, .. } = decision.outcome else { panic!("{:?}", decision.outcome) };
    assert!(message.contains("a built-in function panicked: test panic"), "{message}");
}
