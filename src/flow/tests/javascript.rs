//! What JavaScript's authors write by habit: it works, or the error says what to write.

use super::*;

#[test]
fn foreign_constructs_are_refused_with_a_hint() {
    let cases = [
        ("let r = await api.cache.get(\"x\");", "leave `await` out"),
        ("if event.user.email === \"x\" { }", "write `==`"),
        ("if event.user.email !== \"x\" { }", "write `!=`"),
        ("let x = undefined;", "`if x == () "),
        ("api.access.deny(\"x\";", "is a `)` or a `,` missing before it?"),
        ("let x = [1 2];", "is a `,` missing before it"),
        ("let x = #{ a: 1 b: 2 };", "is a `,` missing before it"),
        ("api.user.setAppMetadata(\"x\", null);", "setting a metadata key to `()` deletes it"),
        ("let x = [1].filter(r => r > 1);", "a function value is `|x| …`"),
        ("let x = [1].filter((r) => r > 1);", "a function value is `|x| …`"),
        ("let x = [1].filter(function(r) { return r > 1; });", "a function value is `|x| …`"),
        ("let x = { a: 1 };", "a map is `#{ key: value }`"),
        ("api.idToken.setCustomClaim(\"x\", { \"a\": 1, b: 2 });", "a map is `#{ key: value }`"),
        ("api.idToken.setCustomClaim('https://x', 1);", "a text stands in double quotes"),
        ("let s = \"a\nb\";", "stands in backticks"),
        ("let x = 1\nlet y = 2", "end with `;`"),
        ("var x = 1;", "`let` or `const`"),
        ("if typeof event.user.email == \"string\" { }", "`type_of(x)`"),
        ("let x = event.user.email_verified ? 1 : 2;", "`if a { b } else { c }`"),
        ("for (const r of event.authorization.roles) { }", "`for x in list { … }`"),
        ("for (let i = 0; i < 3; i++) { }", "`for i in 0..3 { … }`"),
        ("let i = 0; i++;", "`x += 1`"),
        ("if (event.user.email_verified) return;", "stands in braces"),
        ("throw new Error(\"x\");", "throw the text"),
        ("let d = new Date();", "time::now()"),
        ("let d = Date.now();", "time::now()"),
        ("let d = Math.floor(1.5);", "`x.floor()`"),
        ("if /^a/.test(event.user.email) { }", "no regular expressions"),
        ("let x = JSON.stringify(event.user);", "json::stringify"),
        ("let x = [...event.authorization.roles];", "`a + b`"),
        ("const { email } = event.user;", "no destructuring"),
        ("delete event.user.app_metadata.x;", "map.remove"),
        ("try { } catch (e) { } finally { }", "no `finally`"),
        ("switch (1) { case 1: return; }", "without `case` and `break`"),
        ("let x = process.env.X;", "event.secrets"),
        ("let x = fetch(\"https://x\");", "http::get"),
        ("let x = encodeURIComponent(\"a\");", "url::encode"),
        ("let x = event.user.email.length();", "without parentheses"),
        ("let count = event.user.app_metadata.count || 0;", "`x ?? other`"),
        ("let name = event.user.nickname || \"none\";", "`x ?? other`"),
        ("let x = 1; switch true { _ if x == 1 => print(1), _ => () }", "`_` takes no condition"),
        ("let x = (); x ??= 1;", "`x = x ?? other`"),
        ("api.redirect.sendUserTo(\"https://x\");", "this part of Auth0's `api` is not there"),
        ("context.idToken.x = 1;", "what a Rule had in `context`"),
        ("/** doc */ let a = 1;", "use `//` elsewhere"),
    ];
    for (body, hint) in cases {
        let shown = body_problems(body);
        assert!(shown.lines().any(|line| line.starts_with("hint: ") && line.contains(hint)), "{body}\n{shown}");
    }
}

#[test]
fn the_handlers_of_javascript_get_the_one_of_rhai() {
    for source in [
        "exports.onExecutePostLogin = async (event, api) => {\n};",
        "module.exports = { onExecutePostLogin };",
        "function onExecutePostLogin(event, api) {\n}",
        "async function onExecutePostLogin(event, api) {\n}",
        "export fn onExecutePostLogin(event, api) {\n}",
    ] {
        let shown = problems(source);
        assert!(shown.contains("\nhint: ") && shown.contains("`fn"), "{source}\n{shown}");
    }
}

#[test]
fn a_truth_that_is_none_is_explained_in_words_of_the_author() {
    let shown = |body: &str| login(body).trace.actions[0].diagnostic.clone().unwrap();
    for body in [
        "if event.user.nickname { print(1); }",
        "if event.authorization { print(1); }",
        "if event.user.app_metadata { print(1); }",
        "if !event.user.email { print(1); }",
        "let x = event.user.email && event.user.email_verified;",
        "let x = event.user.nickname || event.user.email;",
        "if event.stats.logins_count { print(1); }",
    ] {
        let text = shown(body);
        assert!(text.contains("hint: only `true` and `false` are conditions"), "{body}\n{text}");
        assert!(!text.contains("::flow::"), "{text}");
    }
    assert!(shown("if event.authorization { print(1); }").contains("expected a boolean, found an object of `event`"));
}

#[test]
fn properties_of_what_is_absent_are_explained() {
    let shown = |body: &str| login(body).trace.actions[0].diagnostic.clone().unwrap();
    let text = shown("let x = event.user.app_metadata.none.deep;");
    assert!(text.contains("unknown property `deep` of nothing `()`") && text.contains("`x?.deep`"), "{text}");
    let text = shown("let x = event.user.user_id.foo;");
    assert!(text.contains("unknown property `foo` of a text"), "{text}");
}

#[test]
fn the_console_prints() {
    let decision = login(
        "console.log(\"mail\", event.user.email, 1, [true, ()], #{ a: 'x' });\nconsole.warn(\"w\"); console.error(event.stats); console.log();",
    );
    assert_eq!(
        decision.trace.actions[0].logs,
        ["mail ada@example.com 1 [true,null] {\"a\":\"x\"}", "warn: w", "error: {\"logins_count\":3}", ""]
    );
    let sources = [
        ("lib/l.rhai", "fn note(x) { console.log(`lib ${x}`); }"),
        (
            "10-a.rhai",
            "fn error(x) { x }\nfn onExecutePostLogin(event, api) { l::note(1); [2].forEach(|x| console.info(x)); inner(); }\nfn inner() { console.warn(3); }",
        ),
    ];
    let decision = decide(&set(&sources), Trigger::PostLogin, event(), &host());
    assert_eq!(decision.trace.actions[0].logs, ["lib 1", "2", "warn: 3"]);
    assert!(problems("const console = 1;").contains("a name of ours"));
    let decision = login("let s = \"\"; s.pad(10000, 'x'); for i in 0..100 { console.log(s, s); }");
    assert!(decision.trace.actions[0].logs.iter().map(String::len).sum::<usize>() < 9 * 1024);
    assert!(login("console.log(event.secrets)").trace.actions[0].logs[0].contains("secrets of an action do not leave"));
}

#[test]
fn a_text_in_single_quotes_may_be_one_character() {
    let decision = login("api.idToken.setCustomClaim('a', 'b'); api.accessToken.addScope('c');");
    assert_eq!(decision.outcome, Outcome::Allowed);
    assert_eq!(claims(&decision.id_token), json!({"a": "b"}));
}
