//! Loading: which files count and what is refused.

use super::*;

const GOOD: &str = "fn onExecutePostLogin(event, api) {}";

#[test]
fn actions_run_in_natural_order_and_parked_files_do_not() {
    let set = set(&[("100-c.rhai", GOOD), ("_5-parked.rhai", "nonsense("), ("10-b.rhai", GOOD), ("9-a.rhai", GOOD)]);
    let names: Vec<String> = set.actions().into_iter().map(|action| action.name).collect();
    assert_eq!(names, ["9-a", "10-b", "100-c"]);
    assert_eq!(set.actions()[0].file, "actions/9-a.rhai");
}

#[test]
fn one_file_may_take_part_in_both_triggers() {
    let both = set(&[("a.rhai", &format!("{GOOD} fn onExecuteCredentialsExchange(event, api) {{}}"))]);
    assert_eq!(both.actions()[0].triggers, [Trigger::PostLogin, Trigger::CredentialsExchange]);
}

#[test]
fn the_hash_follows_sources_names_settings_and_secrets() {
    let hash = |settings: &Settings, name: &str, source: &str| {
        FlowSet::from_sources(settings, &[(name, source)]).unwrap().hash().to_owned()
    };
    let base = hash(&settings(), "a.rhai", GOOD);
    assert_eq!(base.len(), 12);
    assert_eq!(base, hash(&settings(), "a.rhai", GOOD));
    assert_ne!(base, hash(&settings(), "b.rhai", GOOD));
    assert_ne!(base, hash(&settings(), "a.rhai", &format!("{GOOD} ")));
    let secret = |value: &str| {
        let own = ActionSettings { secrets: BTreeMap::from([("K".into(), value.into())]), ..ActionSettings::default() };
        Settings { actions: BTreeMap::from([("a".into(), own)]), ..settings() }
    };
    assert_ne!(hash(&secret("1"), "a.rhai", GOOD), hash(&secret("2"), "a.rhai", GOOD));
}

#[test]
fn a_file_without_handler_says_which_names_are_possible() {
    let text = problems("fn helper() {}");
    assert!(
        text.contains("no handler") && text.contains("onExecutePostLogin") && text.contains("onExecuteCredentialsExchange")
    );
    let text = problems("fn onExecutePostlogin(event, api) {}");
    assert!(text.contains("did you mean `onExecutePostLogin`?") && text.contains("actions/10-a.rhai:1:4"), "{text}");
    assert!(problems("").contains("no handler"));
}

#[test]
fn a_handler_takes_two_parameters() {
    let text = problems("fn onExecutePostLogin(event) {}");
    assert!(text.contains("has 1 parameter") && text.contains("fn onExecutePostLogin(event, api)"), "{text}");
}

#[test]
fn only_functions_and_constants_stand_at_the_top() {
    for (source, place) in [
        ("let x = 1; fn onExecutePostLogin(event, api) {}", ":1:1"),
        ("fn onExecutePostLogin(event, api) {}\nprint(\"hi\");", ":2:1"),
        ("fn onExecutePostLogin(event, api) {}\nif true { 1 }", ":2:1"),
        ("fn onExecutePostLogin(event, api) {}\n42", ":2:1"),
    ] {
        let text = problems(source);
        assert!(text.contains(place) && text.contains("outside of functions"), "{text}");
    }
}

#[test]
fn syntax_errors_show_line_caret_and_place() {
    let text = problems("fn onExecutePostLogin(event, api) {\n    let x = ;\n}");
    assert!(text.starts_with("error[V0001]: "), "{text}");
    assert!(text.contains(" --> actions/10-a.rhai:2:13\n"), "{text}");
    assert!(text.contains("2 |     let x = ;\n  |             ^"), "{text}");
}

#[test]
fn unknown_variables_and_functions_are_found_when_loading() {
    assert!(body_problems("let a = undefinedd;").contains("undefinedd"));
    let text = body_problems("api.idToken.setCustomClam(\"a\", 1);");
    assert!(text.contains("unknown function `setCustomClam`") && text.contains("did you mean `setCustomClaim`?"), "{text}");
    assert!(body_problems("lenn([1])").contains("did you mean `len`?"));
}

#[test]
fn all_problems_of_all_files_are_reported_at_once() {
    let error =
        FlowSet::from_sources(&settings(), &[("a.rhai", "let x = 1;"), ("b.rhai", "fn ("), ("c.rhai", GOOD)]).unwrap_err();
    let files: Vec<&str> = error.problems.iter().map(|problem| problem.file.as_str()).collect();
    assert_eq!(files, ["actions/a.rhai", "actions/b.rhai"]);
}

#[test]
fn no_function_takes_the_place_of_ours() {
    for name in ["deny", "setCustomClaim", "event", "api", "sleep", "exit", "filter", "to_json"] {
        let text = problems(&format!("{GOOD}\nfn {name}(x) {{}}"));
        assert!(text.contains(&format!("`{name}` would take the place")) && text.contains(":2:4"), "{text}");
    }
    // A name of the standard library with another number of parameters is free.
    set(&[("a.rhai", &format!("{GOOD} fn len(a, b, c) {{}} fn helper(x) {{}}"))]);
}

#[test]
fn a_library_is_not_named_like_a_word_of_the_language() {
    for name in
        ["shared", "match", "fn", "if", "module", "default", "new", "with", "this", "eval", "import", "global", "json"]
    {
        let file = format!("lib/{name}.rhai");
        let error =
            FlowSet::from_sources(&settings(), &[(&file, "fn f() { 1 }"), ("a.rhai", GOOD)]).unwrap_err().to_string();
        assert!(error.contains("error[V0016]") && error.contains(&format!("`{name}`")), "{error}");
    }
    for name in ["shared_claims", "claims", "modules", "event", "x1"] {
        set(&[(&format!("lib/{name}.rhai"), "fn f() { 1 }"), ("a.rhai", &handler(&format!("{name}::f();")))]);
    }
}

#[test]
fn what_is_no_file_is_refused_and_nobody_waits_for_it() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("lib")).unwrap();
    let settings = Settings { directory: directory.path().to_owned(), ..settings() };
    std::fs::write(directory.path().join("10-a.rhai"), GOOD).unwrap();
    let pipe = |name: &str| {
        let place = directory.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(&place).status().unwrap().success());
        place
    };
    pipe("_parked.rhai");
    for name in ["30-pipe.rhai", "lib/pipe.rhai"] {
        let place = pipe(name);
        let error = FlowSet::load(&settings).unwrap_err().to_string();
        assert!(error.contains("error[V0017]") && error.contains("it is no regular file"), "{name}: {error}");
        std::fs::remove_file(place).unwrap();
    }
    assert!(FlowSet::load(&settings).is_ok());
}

#[test]
fn the_language_has_no_eval_and_no_import() {
    assert!(body_problems("eval(\"1\")").contains("eval"));
    let text = problems(&format!("import \"x\" as x; {GOOD}"));
    assert!(text.contains("import") && text.contains("hint: there is no `import`"), "{text}");
}

#[test]
fn closures_are_arguments_and_nothing_else() {
    for body in [
        "let f = |x| x;",
        "let m = #{}; m.f = |x| m;",
        "let m = #{ f: |x| x };",
        "let a = [|x| x];",
        "return |x| x;",
        "let f = Fn(\"onExecutePostLogin\");",
        "let y = 1; let f = |x| x + y;",
    ] {
        assert!(body_problems(body).contains("a function value may only be an argument"), "{body}");
    }
    assert!(body_problems("[1].map(|x| x.curry(1))").contains("`curry` is not available"));
    let text = problems(&format!("fn h(x) {{ x }}\n{}", handler("let f = h;")));
    assert!(text.contains("a function value may only be"), "{text}");
}

#[test]
fn libraries_are_namespaces_that_see_each_other() {
    let set = set(&[
        ("lib/claims.rhai", "const NS = \"https://example.com/\"; fn name(x) { NS + x + other::suffix() }"),
        ("lib/other.rhai", "fn suffix() { \"!\" }"),
        ("10-a.rhai", "fn onExecutePostLogin(event, api) { api.idToken.setCustomClaim(claims::name(\"r\"), claims::NS); }"),
    ]);
    let decision = decide(&set, Trigger::PostLogin, event(), &host());
    assert_eq!(claims(&decision.id_token), json!({"https://example.com/r!": "https://example.com/"}));
}

#[test]
fn calls_into_libraries_are_checked_when_loading() {
    let library = ("lib/claims.rhai", "fn name(x) { x } private fn hidden() {}");
    for (call, hint) in
        [("claims::nam(1)", "did you mean `name`?"), ("claims::name()", "with 0 arguments"), ("clams::name(1)", "`claims`")]
    {
        let error = FlowSet::from_sources(&settings(), &[library, ("a.rhai", &handler(call))]).unwrap_err().to_string();
        assert!(error.contains(hint) && error.contains("actions/a.rhai:2:"), "{error}");
    }
}

#[test]
fn a_library_has_no_handlers_and_a_free_name() {
    let load = |name: &str, source: &str| FlowSet::from_sources(&settings(), &[(name, source)]).unwrap_err().to_string();
    assert!(load("lib/a.rhai", GOOD).contains("never called"));
    assert!(load("lib/time.rhai", "fn a() {}").contains("exists already"));
    assert!(load("lib/a-b.rhai", "fn a() {}").contains("cannot be a namespace"));
}

#[test]
fn settings_without_a_file_are_a_warning() {
    let with =
        |name: &str| Settings { actions: BTreeMap::from([(name.to_owned(), ActionSettings::default())]), ..settings() };
    let set = FlowSet::from_sources(&with("10-rols"), &[("10-roles.rhai", GOOD)]).unwrap();
    let warning = set.findings()[0].to_string();
    assert!(warning.contains("has no file `10-rols.rhai`") && warning.contains("did you mean `10-roles`?"), "{warning}");
    assert_eq!(set.actions().len(), 1);
    assert_eq!(FlowSet::from_sources(&with("10-roles"), &[("_10-roles.rhai", GOOD)]).unwrap().findings(), []);
}

#[test]
fn a_directory_is_read_with_links_and_without_what_is_not_ours() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    std::fs::create_dir_all(path.join("..2026")).unwrap();
    std::fs::create_dir_all(path.join("tests")).unwrap();
    std::fs::create_dir_all(path.join("lib")).unwrap();
    std::fs::write(path.join("..2026/10-linked.rhai"), handler("x::y();")).unwrap();
    std::os::unix::fs::symlink("..2026", path.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/10-linked.rhai", path.join("10-linked.rhai")).unwrap();
    for name in [".10-x.rhai.swp", "10-x.rhai~", "4913", "notes.txt", "tests/10-x.rhai", "_parked.rhai"] {
        std::fs::write(path.join(name), [0xff, 0]).unwrap();
    }
    std::fs::write(path.join("lib/x.rhai"), "fn y() { 1 }").unwrap();
    let set =
        FlowSet::load(&Settings { directory: path.to_owned(), ..settings() }).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(set.actions().len(), 1);
    assert_eq!(set.actions()[0].name, "10-linked");
}

#[test]
fn an_empty_directory_is_a_set_and_a_missing_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let settings = |path: std::path::PathBuf| Settings { directory: path, ..settings() };
    assert!(FlowSet::load(&settings(directory.path().to_owned())).unwrap().actions().is_empty());
    let error = FlowSet::load(&settings(directory.path().join("gone"))).unwrap_err().to_string();
    assert!(error.contains("cannot be read"), "{error}");
}

#[test]
fn unreadable_files_are_reported_beside_broken_ones() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a.rhai"), [0xff]).unwrap();
    std::fs::write(directory.path().join("b.rhai"), "fn (").unwrap();
    std::fs::write(directory.path().join("c.rhai"), " ".repeat(65 * 1024)).unwrap();
    let own = BTreeMap::from([("a".to_owned(), ActionSettings::default())]);
    let error = FlowSet::load(&Settings { directory: directory.path().to_owned(), actions: own, ..settings() }).unwrap_err();
    let mut files: Vec<&str> = error.problems.iter().map(|problem| problem.file.as_str()).collect();
    files.sort_unstable();
    assert_eq!(files, ["actions/a.rhai", "actions/b.rhai", "actions/c.rhai"], "{error}");
}
