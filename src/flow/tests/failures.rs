//! Errors of runs: their place, their words.

use super::*;

#[test]
fn the_innermost_place_counts_and_the_file_it_is_in() {
    let sources = [
        ("lib/l.rhai", "fn outer(x) {\n  inner(x)\n}\nfn inner(x) {\n    x.user.nope\n}"),
        ("10-a.rhai", "fn onExecutePostLogin(event, api) {\n  helper(event)\n}\nfn helper(event) {\n  l::outer(event)\n}"),
    ];
    let decision = decide(&set(&sources), Trigger::PostLogin, event(), &host());
    let action = &decision.trace.actions[0];
    assert_eq!(action.error.as_deref(), Some("actions/lib/l.rhai:5:12: unknown property `nope` of `event.user`"));
    assert!(action.diagnostic.as_deref().unwrap().contains("5 |     x.user.nope\n"), "{action:?}");
}

#[test]
fn errors_in_closures_have_their_place() {
    assert!(failure("let a = [1, 2];\na.map(|x|\n  x.foo.bar);").starts_with("actions/10-a.rhai:4:"));
    assert!(failure("\n[1].map(|x| throw \"t\");").starts_with("actions/10-a.rhai:3:13: t"));
}

#[test]
fn a_throw_says_what_was_thrown() {
    assert_eq!(failure("throw \"boom\";"), "actions/10-a.rhai:2:1: boom");
    assert_eq!(failure("throw #{ code: 1 };"), "actions/10-a.rhai:2:1: {\"code\":1}");
    assert!(failure("throw;").contains("the action threw an error"));
    assert!(failure("throw event;").contains("ada@example.com"));
}

#[test]
fn texts_of_errors_are_bounded_and_in_one_line() {
    let message = failure("let s = \"\"; s.pad(15000, 'x'); throw \"a\\nb\" + s;");
    assert!(message.len() < 1_200 && !message.contains('\n') && message.contains("a bx"));
}

#[test]
fn errors_that_a_script_catches_are_no_failure() {
    let decision =
        login("try { throw \"x\" } catch (e) { api.idToken.setCustomClaim(\"e\", e); } try { event.user.nope } catch { }");
    assert_eq!((decision.outcome, claims(&decision.id_token)), (Outcome::Allowed, json!({"e": "x"})));
}

#[test]
fn wrong_types_name_function_and_types() {
    let message = failure("[1].contains();");
    assert!(message.contains("no `contains` for (array)"), "{message}");
    assert!(failure("let x = #{} - 1;").contains("no `-` for (map, i64)"));
}

#[test]
fn a_part_of_event_that_is_too_large_is_named_where_it_is_read() {
    let mut event = event();
    let user = event.user.as_mut().unwrap();
    let (many, long) = (json!(vec![1; 1_500]), json!("x".repeat(20_000)));
    user.app_metadata = Arc::new([("items".to_owned(), many), ("text".to_owned(), long)].into_iter().collect());
    event.authorization.as_mut().unwrap().roles = vec!["r".to_owned(); 1_001];
    for (body, expected) in [
        (
            "let x = 1;\nlet y = event.user.app_metadata.items;",
            "3:33: `event.user.app_metadata.items` has more than 1000 elements",
        ),
        (
            "let key = \"items\";\nlet y = event.user.app_metadata[key];",
            "3:32: `event.user.app_metadata.items` has more than",
        ),
        ("event.user.app_metadata.text", "2:25: `event.user.app_metadata.text` has more than 16384 bytes of text"),
        ("event.user.app_metadata.values()", "2:25: `event.user.app_metadata` has more than"),
        ("helper(event)", "5:40: `event.authorization.roles` has more than 1000 elements"),
    ] {
        let source = format!("{}\n\nfn helper(event) {{ event.authorization.roles }}", handler(body));
        let decision = decide(&set(&[("10-a.rhai", &source)]), Trigger::PostLogin, event.clone(), &host());
        let error = decision.trace.actions[0].error.clone().unwrap();
        assert!(error.contains(expected), "{body}: {error}");
        assert!(decision.trace.actions[0].diagnostic.as_ref().unwrap().contains("error[V0042]"), "{decision:?}");
    }
}

#[test]
fn an_error_of_a_limit_tells_what_was_seen_before_it() {
    let source = "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"a\", 1);\n    grow(event.user.email);\n}\n\
                  fn grow(text) {\n    for i in 0..20 { text += text; }\n}";
    let decision = decide(&set(&[("10-a.rhai", source)]), Trigger::PostLogin, event(), &host());
    let shown = decision.trace.actions[0].diagnostic.clone().unwrap();
    let expected = "; where in the action is not known, but after the call of `api` at actions/10-a.rhai:2:17 and after \
                    `event.user.email` was first read at actions/10-a.rhai:3";
    assert!(shown.contains("error[V0042]") && shown.contains(expected), "{shown}");
    let endless = login("while true {}").trace.actions[0].diagnostic.clone().unwrap();
    assert!(endless.contains("`max_operations`; where in the action is not known"), "{endless}");
}

#[test]
fn what_cannot_be_sorted_or_negated_is_said_in_words() {
    let shown = |body: &str| login(body).trace.actions[0].diagnostic.clone().unwrap();
    let text = shown("[\"b\", 1].sort();");
    assert!(text.contains("error[V0033]: elements of different types cannot be sorted"), "{text}");
    assert!(text.contains("hint: say which comes first: `list.sort(|a, b| "), "{text}");
    let text = shown("if !event.user.app_metadata.banned { print(1); }");
    assert!(
        text.contains("no `!` for (())\n")
            && text.contains("hint: what is absent is neither true nor false: `!(x ?? false)`"),
        "{text}"
    );
}

#[test]
fn arithmetic_and_bounds_are_errors_not_panics() {
    for body in [
        "1 / 0",
        "9223372036854775807 + 1",
        "let a = [1]; a[5]",
        "\"x\".sub_string(-9223372036854775808)",
        "1 << 65",
        "2 ** 64",
    ] {
        let decision = login(&format!("let r = {{ {body} }};"));
        assert!(!format!("{decision:?}").contains("panicked"), "{body}");
    }
}
