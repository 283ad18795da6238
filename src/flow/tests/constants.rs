//! Constants of the top level.

use super::*;

#[test]
fn constants_are_visible_in_every_function() {
    let source = "const NS = \"n/\"; const LIST = [1, 2]; const MAP = #{ a: #{ b: NS } };\n\
        fn helper(x) { NS + x + LIST[1] + MAP.a.b }\n\
        fn onExecutePostLogin(event, api) { api.idToken.setCustomClaim(helper(\"r\"), [1, 2].map(|x| x + LIST[0])); }";
    let decision = decide(&set(&[("a.rhai", source)]), Trigger::PostLogin, event(), &host());
    assert_eq!(claims(&decision.id_token), json!({"n/r2n/": [2, 3]}), "{:?}", decision.trace);
}

#[test]
fn constants_may_use_each_other() {
    let source = "const A = \"a\"; const B = A + twice(A); fn twice(x) { x + x } fn onExecutePostLogin(event, api) { api.idToken.setCustomClaim(\"v\", B + B.len()); }";
    let decision = decide(&set(&[("a.rhai", source)]), Trigger::PostLogin, event(), &host());
    assert_eq!(claims(&decision.id_token), json!({"v": "aaa3"}));
}

#[test]
fn constants_may_be_computed_but_not_from_the_host() {
    let handler = handler("api.idToken.setCustomClaim(\"v\", X);");
    let good = set(&[("a.rhai", &format!("const X = twice(\"a\"); fn twice(x) {{ x + x }} {handler}"))]);
    assert_eq!(claims(&decide(&good, Trigger::PostLogin, event(), &host()).id_token), json!({"v": "aa"}));
    let text = problems(&format!("const X = time::now(); {handler}"));
    assert!(text.contains("constants are computed once"), "{text}");
}

#[test]
fn computing_a_constant_has_an_end() {
    let handler = handler("X");
    for source in
        ["const X = f(); fn f() { loop {} }", "const X = f(); fn f() { f() }", "const X = f(); fn f() { sleep(9) }"]
    {
        problems(&format!("{source} {handler}"));
    }
}

#[test]
fn a_constant_cannot_be_assigned_or_named_like_an_argument() {
    assert!(problems(&format!("const X = 1; {}", handler("X = 2;"))).contains("`X` is a constant"));
    assert!(problems(&format!("const X = #{{}}; {}", handler("X.a[1] = 2;"))).contains("let copy = X;"));
    assert!(problems(&format!("const event = 1; {}", handler(""))).contains("a name of ours"));
}

#[test]
fn changing_a_constant_map_changes_a_copy() {
    let source = "const M = #{ a: 1 }; fn onExecutePostLogin(event, api) { let m = M; m.a = 2; api.idToken.setCustomClaim(\"v\", [M.a, m.a]); }";
    let decision = decide(&set(&[("a.rhai", source)]), Trigger::PostLogin, event(), &host());
    assert_eq!(claims(&decision.id_token), json!({"v": [1, 2]}));
}
