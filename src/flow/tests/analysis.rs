//! The analysis behind `check`: what it finds, and where it must be silent.

use super::*;

/// The codes and places that are found in the files; the action `10-a` has the secrets `KEY` and `OLD_KEY` and may call
/// `api.example.com`.
fn found(sources: &[(&str, &str)]) -> Vec<String> {
    let own = ActionSettings {
        secrets: ["KEY"].into_iter().map(|name| (name.to_owned(), "x".to_owned())).collect(),
        allow_hosts: vec!["api.example.com".to_owned()],
        ..ActionSettings::default()
    };
    let settings = Settings { actions: BTreeMap::from([("10-a".to_owned(), own)]), ..settings() };
    let set = FlowSet::from_sources(&settings, sources).unwrap_or_else(|error| panic!("{error}"));
    let shown = |problem: &Diagnostic| {
        let file = problem.file.trim_start_matches("actions/").trim_end_matches(".rhai");
        format!("{} {file}:{}:{}", problem.code, problem.line, problem.column)
    };
    set.findings().iter().filter(|problem| problem.code != Code::UnusedSecret).map(shown).collect()
}

/// What is found in a handler of post-login; its body begins in line 2.
fn at_login(body: &str) -> Vec<String> {
    found(&[("10-a.rhai", &handler(body))])
}

/// What is found in a handler of credentials-exchange.
fn for_machine(body: &str) -> Vec<String> {
    found(&[("10-a.rhai", &format!("fn onExecuteCredentialsExchange(event, api) {{\n{body}\n}}"))])
}

#[track_caller]
fn silent(findings: &[String], what: &str) {
    assert!(findings.is_empty(), "{what}\n{findings:?}");
}

#[test]
fn a_misspelt_member_is_found_in_every_branch_and_at_any_depth() {
    for (body, column) in [
        ("if event.user.emial == () { }", 15),
        ("if false { event.usr }", 18),
        ("let x = [#{ a: event.client.nam }];", 29),
        ("return event.user.identities[0].isSocal;", 33),
        ("switch event.user.email { \"a\" => event.request.hostnam, _ => () }", 48),
        ("for x in event.authorization.role { }", 30),
        ("try { event.tenant.name } catch { }", 20),
        ("while event.stats.login_count < 1 { }", 19),
        ("let t = `${event.user.mail}`;", 23),
        ("[1].map(|x| event.user.foo);", 24),
        ("event[\"user\"].foo", 15),
        ("let x = event.user.email ?? event.user.name ?? event.user.nick;", 59),
        ("event.transaction.metdata.x", 19),
    ] {
        assert_eq!(at_login(body), [format!("V0031 10-a:2:{column}")], "{body}");
    }
}

#[test]
fn a_member_is_followed_through_variables_functions_closures_and_libraries() {
    assert_eq!(at_login("let u = event.user;\nlet v = u;\nv.emial"), ["V0031 10-a:4:3"]);
    assert_eq!(at_login("for i in event.user.identities { i.provder }"), ["V0031 10-a:2:36"]);
    assert_eq!(at_login("event.user.identities.filter(|i| i.provder == \"x\")"), ["V0031 10-a:2:36"]);
    assert_eq!(at_login("let u = event.user; [1].filter(|x| u.emial == x)"), ["V0031 10-a:2:38"]);
    let helper = "fn onExecutePostLogin(event, api) { mail(event.user) }\nfn mail(who) { who.emial }";
    assert_eq!(found(&[("10-a.rhai", helper)]), ["V0031 10-a:2:20"]);
    let library = [("lib/l.rhai", "fn mail(e) { e.user.emial }"), ("10-a.rhai", &handler("l::mail(event)"))];
    assert_eq!(found(&library), ["V0031 lib/l:1:21"]);
    let given_back = "fn onExecutePostLogin(event, api) { who(event).emial }\nfn who(event) { return event.user; }";
    assert_eq!(found(&[("10-a.rhai", given_back)]), ["V0031 10-a:1:48"]);
    let unused = "fn onExecutePostLogin(event, api) { }\nfn later(event) { event.usr }";
    assert_eq!(found(&[("10-a.rhai", unused)]), ["V0031 10-a:2:25"]);
}

#[test]
fn what_is_not_certain_is_not_reported() {
    for body in [
        "let m = event.user.app_metadata; m.anything.at.all",
        "event.request.query.anything; event.request.body[\"x\"].y; event.client.metadata.tier",
        "let u = event.user; u = #{ emial: 1 }; u.emial",
        "let event = #{ usr: 1 }; event.usr",
        "let key = \"emial\"; if event.user.contains(key) { }",
        "event.organization?.id; event.agent == (); if event.organization != () { event.organization.id }",
        "let o = event.organization; if o != () { o.id }",
        "let o = event.session ?? #{ id: 1 }; o.anything",
        "event.user.email.length; event.user.email.anything",
        "if event.refresh_token != () { event.refresh_token.id }",
        "let list = event.user.identities; list[0] = #{ x: 1 }; list[0].x",
        "try { event.organization.id } catch { }",
        "console.log(event.user.email)",
        "let x = if true { event.user } else { #{ emial: 1 } }; x.emial",
        "let api = #{ foo: 1 }; api.foo",
        "[#{ emial: 1 }].map(|event| event.emial)",
        "event.user.app_metadata.roles.filter(|r| r.name == 1)",
        "let f = event.user.user_metadata; f.x = 1; f.y = f.x;",
    ] {
        silent(&at_login(body), body);
    }
}

#[test]
fn a_part_that_a_trigger_never_has_is_found_where_it_is_read_through() {
    assert_eq!(for_machine("event.user.email"), ["V0062 10-a:2:12"]);
    assert_eq!(for_machine("if true { event.session.id }"), ["V0062 10-a:2:25"]);
    assert_eq!(for_machine("let u = event.user; u.email"), ["V0062 10-a:2:23"]);
    assert_eq!(at_login("event.accessToken.scope"), ["V0062 10-a:2:19"]);
    assert_eq!(at_login("event.organization.id"), ["V0062 10-a:2:20"]);
    let shared = "fn onExecutePostLogin(event, api) { f(event) }\nfn onExecuteCredentialsExchange(event, api) { f(event) }\nfn f(event) { event.user.email }";
    assert_eq!(found(&[("10-a.rhai", shared)]), ["V0062 10-a:3:26"]);
}

#[test]
fn a_part_that_may_be_absent_is_no_finding_where_somebody_asks_for_it() {
    for body in [
        "event.user?.email",
        "if event.user != () { event.user.email }",
        "let u = event.user; if u == () { return; } u.email",
        "event.client.name; event.accessToken.scope; event.resource_server.identifier",
        "event.transaction.requested_scopes",
        "(event.user ?? #{ email: 1 }).email",
    ] {
        silent(&for_machine(body), body);
    }
    let guarded = "fn onExecutePostLogin(event, api) { f(event, true) }\nfn onExecuteCredentialsExchange(event, api) { f(event, false) }\nfn f(event, person) { if person { event.user.email } }";
    silent(&found(&[("10-a.rhai", guarded)]), guarded);
}

#[test]
fn unknown_objects_methods_and_numbers_of_arguments_of_api_are_found() {
    for (body, finding) in [
        ("api.acessToken", "V0060 10-a:2:5"),
        ("api.idToken.setCustomParameter(\"a\", 1)", "V0060 10-a:2:13"),
        ("api.setCustomClaim(\"a\", 1)", "V0060 10-a:2:5"),
        ("let t = api.idToken; t.deny(\"x\")", "V0060 10-a:2:24"),
        ("api.idToken.setCustomClaim", "V0060 10-a:2:13"),
        ("api.idToken.setCustomClaim(\"a\")", "V0061 10-a:2:13"),
        ("api.accessToken.addScope(\"a\", \"b\")", "V0061 10-a:2:17"),
        ("api.access.deny()", "V0061 10-a:2:12"),
        ("api.cache.set(\"a\")", "V0061 10-a:2:11"),
    ] {
        assert_eq!(at_login(body), [finding], "{body}");
    }
    assert_eq!(for_machine("if true { api.user.setAppMetadata(\"a\", 1) }"), ["V0060 10-a:2:15"]);
    for body in [
        "api.idToken.setCustomClaim(\"a\", 1).accessToken.setCustomClaim(\"b\", 2).tokenResponse.setCustomParameter(\"c\", 3)",
        "api.access.deny(\"x\")",
        "api.access.deny(\"invalid_request\", \"x\")",
        "api.cache.set(\"a\", \"b\", #{ ttl: 1 })",
        "api.session.revoke(\"x\", #{ preserveRefreshTokens: true })",
        "print(type_of(api)); api.idToken.type_of()",
    ] {
        silent(&at_login(body), body);
    }
}

#[test]
fn reserved_and_misspelt_names_are_found_even_through_constants_and_helpers() {
    assert_eq!(at_login("api.idToken.setCustomClaim(\"sub\", 1)"), ["V0063 10-a:2:28"]);
    assert_eq!(at_login("api.tokenResponse.setCustomParameter(\"expires_in\", 1)"), ["V0063 10-a:2:38"]);
    assert_eq!(at_login("api.user.setAppMetadata(\"blocked\", 1)"), ["V0063 10-a:2:25"]);
    assert_eq!(at_login("api.user.setUserMetadata(\"a.b\", 1)"), ["V0063 10-a:2:26"]);
    assert_eq!(at_login("api.accessToken.setCustomClaim(\"emial_verified\", 1)"), ["V0064 10-a:2:32"]);
    let constant = format!("const NS = \"https://auth0.com/\";\n{}", handler("api.idToken.setCustomClaim(NS + \"x\", 1)"));
    assert_eq!(found(&[("10-a.rhai", &constant)]), ["V0063 10-a:3:28"]);
    let helper =
        "fn onExecutePostLogin(event, api) { put(api, \"aud\") }\nfn put(api, name) { api.idToken.setCustomClaim(name, 1) }";
    assert_eq!(found(&[("10-a.rhai", helper)]), ["V0063 10-a:2:48"]);
    for body in [
        "api.idToken.setCustomClaim(\"https://example.com/sub\", 1)",
        "api.idToken.setCustomClaim(\"email\", 1); api.accessToken.setCustomClaim(\"roles\", 1)",
        "let name = \"sub\"; name = \"plan\"; api.idToken.setCustomClaim(name, 1)",
        "let name = \"sub\"; name.replace(\"sub\", \"x\"); api.idToken.setCustomClaim(name, 1)",
        "for name in [\"sub\"] { if name != \"sub\" { api.idToken.setCustomClaim(name, 1) } }",
        "api.user.setUserMetadata(\"blocked\", 1)",
    ] {
        silent(&at_login(body), body);
    }
}

#[test]
fn a_name_from_two_actions_is_found_and_the_later_one_wins() {
    let sets = |name: &str| handler(&format!("api.accessToken.setCustomClaim(\"{name}\", 1);"));
    let set = set(&[("10-a.rhai", &sets("plan")), ("20-b.rhai", &sets("plan")), ("30-c.rhai", &sets("other"))]);
    let [problem] = set.findings() else { panic!("{:?}", set.findings()) };
    assert_eq!((problem.code, problem.file.as_str(), problem.line), (Code::WrittenTwice, "actions/10-a.rhai", 2));
    assert!(problem.message.contains("20-b, which runs later and wins"), "{}", problem.message);
    let note = problem.note.as_ref().unwrap();
    assert_eq!((note.file.as_str(), note.line, note.column), ("actions/20-b.rhai", 2, 17));
}

#[test]
fn names_that_cannot_meet_do_not_collide() {
    let sets = |target: &str| handler(&format!("api.{target}(\"plan\", 1);"));
    let (id, access) = (sets("idToken.setCustomClaim"), sets("accessToken.setCustomClaim"));
    silent(&found(&[("10-a.rhai", &id), ("20-b.rhai", &access)]), "two tokens");
    let machine = access.replace("onExecutePostLogin", "onExecuteCredentialsExchange");
    silent(&found(&[("10-a.rhai", &access), ("20-b.rhai", &machine)]), "two triggers");
    let only = |client: &str| ActionSettings { clients: Some(vec![client.to_owned()]), ..ActionSettings::default() };
    let with = |a: &str, b: &str| Settings {
        actions: BTreeMap::from([("10-a".to_owned(), only(a)), ("20-b".to_owned(), only(b))]),
        ..settings()
    };
    let sources = [("10-a.rhai", access.as_str()), ("20-b.rhai", access.as_str())];
    assert_eq!(FlowSet::from_sources(&with("web", "spa"), &sources).unwrap().findings(), []);
    assert_eq!(FlowSet::from_sources(&with("web", "web"), &sources).unwrap().findings().len(), 1);
    let off = ActionSettings { enabled: false, ..ActionSettings::default() };
    let off = Settings { actions: BTreeMap::from([("20-b".to_owned(), off)]), ..settings() };
    assert_eq!(FlowSet::from_sources(&off, &sources).unwrap().findings(), []);
    let meant = access.replace(");", "); // vestibule: allow V0065");
    silent(&found(&[("10-a.rhai", &access), ("20-b.rhai", &meant)]), "allowed");
    silent(&at_login("api.idToken.setCustomClaim(\"a\", 1); api.idToken.setCustomClaim(\"a\", 2);"), "one action");
}

#[test]
fn the_place_of_a_name_that_a_library_writes_is_the_call_of_the_action() {
    let library = ("lib/l.rhai", "fn put(api, name) { api.idToken.setCustomClaim(\"https://e.example/\" + name, 1) }");
    let calls = handler("l::put(api, \"plan\");");
    assert_eq!(found(&[library, ("10-a.rhai", &calls), ("20-b.rhai", &calls)]), ["V0065 10-a:2:4"]);
}

#[test]
fn secrets_are_compared_with_the_settings() {
    assert_eq!(at_login("print(event.secrets.KYE)"), ["V0066 10-a:2:21"]);
    assert_eq!(at_login("let k = event.secrets[\"KYE\"]; crypto::sha256(k)"), ["V0066 10-a:2:23"]);
    for body in [
        "crypto::sha256(event.secrets.KEY)",
        "crypto::sha256(event.secrets.OTHER ?? \"\")",
        "let k = event.secrets.OTHER; if k != () { crypto::sha256(k) }",
        "if \"OTHER\" in event.secrets { crypto::sha256(event.secrets.OTHER) }",
        "event.secrets[event.client.client_id]",
    ] {
        silent(&at_login(body), body);
    }
}

#[test]
fn a_secret_that_nobody_reads_is_a_warning() {
    let own = ActionSettings { secrets: BTreeMap::from([("KEY".into(), "x".into())]), ..ActionSettings::default() };
    let settings = Settings { actions: BTreeMap::from([("10-a".to_owned(), own)]), ..settings() };
    let codes = |body: &str, library: &str| {
        let set = FlowSet::from_sources(&settings, &[("lib/l.rhai", library), ("10-a.rhai", &handler(body))]).unwrap();
        set.findings().iter().map(|problem| problem.code).collect::<Vec<_>>()
    };
    assert_eq!(codes("", ""), [Code::UnusedSecret]);
    for (body, library) in [
        ("event.secrets.KEY", ""),
        ("l::mark(event)", "fn mark(event) { event.secrets.KEY }"),
        ("event.secrets[\"KE\" + \"Y\"]", ""),
        ("event.secrets[event.client.name]", ""),
        ("l::every_one(event.secrets)", "fn every_one(secrets) { secrets[\"K\" + \"E\" + \"Y\".trim()] }"),
    ] {
        assert_eq!(codes(body, library), [], "{body}");
    }
}

#[test]
fn what_is_set_after_a_denial_in_the_same_block_is_found() {
    for (body, place) in [
        ("api.access.deny(\"x\");\napi.idToken.setCustomClaim(\"a\", 1);", "3:13"),
        ("if true {\napi.access.deny(\"x\"); if 1 == 1 { api.tokenResponse.setCustomParameter(\"a\", 1); }\n}", "3:53"),
        ("api.session.revoke(\"x\");\napi.accessToken.addScope(\"a\");", "3:17"),
    ] {
        assert_eq!(at_login(body), [format!("V0068 10-a:{place}")], "{body}");
    }
    for body in [
        "if true { api.access.deny(\"x\"); }\napi.idToken.setCustomClaim(\"a\", 1);",
        "if true { api.access.deny(\"x\"); return; }\napi.idToken.setCustomClaim(\"a\", 1);",
        "api.access.deny(\"x\"); return; api.idToken.setCustomClaim(\"a\", 1);",
        "api.access.deny(\"x\"); api.user.setAppMetadata(\"a\", 1); print(\"denied\");",
        "api.idToken.setCustomClaim(\"a\", 1); api.access.deny(\"x\");",
        "event.user.email == () && type_of(api.access.deny(\"x\")) == \"\"; api.idToken.setCustomClaim(\"a\", 1);",
        "switch 1 { 1 => api.access.deny(\"x\"), _ => () }\napi.idToken.setCustomClaim(\"a\", 1);",
    ] {
        silent(&at_login(body), body);
    }
}

#[test]
fn hosts_that_are_written_in_the_source_are_compared_with_the_settings() {
    for (body, place) in [
        ("http::get(\"https://other.example/\")", "2:11"),
        ("http::post(\"http://api.example.com/\", 1)", "2:12"),
        ("http::request(\"PUT\", `https://other.example/${event.user.user_id}`, ())", "2:22"),
        ("let u = \"https://other.example/\"; http::get(u + event.user.user_id)", "2:45"),
    ] {
        assert_eq!(at_login(body), [format!("V0069 10-a:{place}")], "{body}");
    }
    for body in [
        "http::get(\"https://api.example.com/\" + event.user.user_id)",
        "http::get(\"https://\" + event.client.metadata.host)",
        "http::get(\"https://other\" + \".example\".trim() + \"/\")",
        "http::get(event.client.metadata.url)",
    ] {
        silent(&at_login(body), body);
    }
}

#[test]
fn assigning_to_event_is_found_and_changing_a_copy_is_not() {
    assert_eq!(at_login("event.user.email = 1;"), ["V0070 10-a:2:7"]);
    assert_eq!(at_login("event.user.app_metadata[\"a\"] = 1;"), ["V0070 10-a:2:7"]);
    assert_eq!(at_login("let u = event.user; u.name += \"x\";"), ["V0070 10-a:2:23"]);
    silent(&at_login("let roles = event.authorization.roles; roles.push(1); roles[0] = 2;"), "a copy");
}

#[test]
fn a_misnamed_handler_is_found_beside_a_good_one() {
    let with = |name: &str| format!("{}\nfn {name}(event, api) {{ }}", handler(""));
    for name in ["onExecutePostlogin", "onExecuteCredentialExchange", "onContinuePostLogin", "onExecutePreUserRegistration"]
    {
        assert_eq!(found(&[("10-a.rhai", &with(name))]), ["V0013 10-a:4:4"], "{name}");
    }
    for name in ["helper", "execute", "post_login"] {
        silent(&found(&[("10-a.rhai", &with(name))]), name);
    }
    let called = format!("{}\nfn onExecuteForStaff(event, api) {{ }}", handler("onExecuteForStaff(event, api)"));
    silent(&found(&[("10-a.rhai", &called)]), "called");
}

#[test]
fn a_comment_allows_what_it_names_and_nothing_else() {
    silent(&at_login("event.user.emial; // vestibule: allow V0031"), "same line");
    silent(&at_login("// vestibule: allow V0031 because of a migration\nevent.user.emial;"), "line before");
    assert_eq!(at_login("event.user.emial; // vestibule: allow V0060").len(), 1);
}

#[test]
fn recursion_and_a_multitude_of_calls_come_to_an_end() {
    let recursive = "fn onExecutePostLogin(event, api) { f(event, \"a\") }\nfn f(e, t) { g(e, t + \"x\"); }\nfn g(e, t) { f(e, t + \"y\"); f(e, t + \"z\") }";
    silent(&found(&[("10-a.rhai", recursive)]), "recursion");
}
