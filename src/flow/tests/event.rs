//! `event` as scripts see it.

use super::*;

#[test]
fn known_properties_have_their_types() {
    assert_eq!(eval("event.user.email"), json!("ada@example.com"));
    assert_eq!(eval("event.user.email_verified"), json!(true));
    assert_eq!(eval("event.authorization.roles"), json!(["admin", "editor"]));
    assert_eq!(eval("event.authorization.roles.contains(\"admin\")"), json!(true));
    assert_eq!(eval("\"admin\" in event.authorization.roles"), json!(true));
    assert_eq!(eval("event.authentication.methods[0].name"), json!("pwd"));
    assert_eq!(eval("event.user.identities[0].isSocial"), json!(false));
    assert_eq!(eval("event.stats.logins_count + 1"), json!(4));
    assert_eq!(eval("event[\"user\"][\"email\"]"), json!("ada@example.com"));
}

#[test]
fn absent_properties_are_unit() {
    for path in [
        "event.user.phone_number",
        "event.organization",
        "event.session",
        "event.refresh_token",
        "event.prompt",
        "event.security_context",
        "event.custom_domain",
        "event.agent",
        "event.user.enrolledFactors",
        "event.organization?.id",
        "event.secrets.MISSING",
        "event.user.app_metadata.missing",
        "event.user.app_metadata.missing?.deeper",
    ] {
        assert_eq!(eval(&format!("{path} == ()")), json!(true), "{path}");
    }
}

#[test]
fn a_misspelt_property_is_an_error_with_place_and_suggestion() {
    let decision = login("let x = event.user.emial;");
    let trace = &decision.trace.actions[0];
    assert_eq!(trace.error.as_deref(), Some("actions/10-a.rhai:2:20: unknown property `emial` of `event.user`"));
    let expected = "error[V0031]: unknown property `emial` of `event.user`\n --> actions/10-a.rhai:2:20\n  |\n2 | let x = event.user.emial;\n  |                    ^\nhint: did you mean `email`?";
    assert_eq!(trace.diagnostic.as_deref(), Some(expected));
    assert!(failure("event.usr").contains("unknown property `usr` of `event`"));
    assert!(failure("event.authentication.methods[0].nam").contains("event.authentication.methods[]"));
}

#[test]
fn metadata_read_like_a_map() {
    let m = "event.user.app_metadata";
    for (expression, value) in [
        ("M.region", json!("eu")),
        ("M[\"region\"]", json!("eu")),
        ("M?.region", json!("eu")),
        ("M.nested.a.b", json!(1)),
        ("M.missing ?? \"x\"", json!("x")),
        ("\"region\" in M", json!(true)),
        ("\"x\" in M", json!(false)),
        ("M.contains(\"region\")", json!(true)),
        ("M.get(\"region\")", json!("eu")),
        ("M.keys()", json!(["f", "n", "nested", "region", "roles"])),
        ("M.values().len()", json!(5)),
        ("M.len()", json!(5)),
        ("M.is_empty()", json!(false)),
        ("M.filter(|k, v| k == \"n\")", json!({"n": 1})),
        ("M == M", json!(true)),
        ("M != M", json!(false)),
        ("event.user.user_metadata == #{ theme: \"dark\" }", json!(true)),
        ("#{ theme: \"dark\" } == event.user.user_metadata", json!(true)),
        ("event.user.user_metadata != #{ theme: \"light\" }", json!(true)),
        ("type_of(M)", json!("map")),
        ("event.user.user_metadata.to_json()", json!("{\"theme\":\"dark\"}")),
        ("`${event.user.user_metadata}`", json!("{\"theme\":\"dark\"}")),
        ("event.user.user_metadata", json!({"theme": "dark"})),
        ("event.user.user_metadata + #{ a: 1 }", json!({"theme": "dark", "a": 1})),
        ("M.roles.filter(|r| r != \"dev\")", json!(["admin"])),
        ("type_of(M.roles)", json!("array")),
        ("type_of(M.n)", json!("i64")),
        ("type_of(M.f)", json!("f64")),
    ] {
        assert_eq!(eval(&expression.replace('M', m)), value, "{expression}");
    }
}

#[test]
fn reading_is_never_a_refusal_even_through_methods() {
    let body = "let k = event.user.app_metadata.keys(); let r = event.authorization.roles.map(|r| r + \"!\");
        let l = event.user.email.len(); event.user.app_metadata.roles.sort(); event.user.email.to_upper();
        event.user.email.replace(\"@\", \" \"); event.user?.email.trim();
        event.secrets.contains(\"a\"); event.request.query.keys(); event.client.metadata.len();";
    assert_eq!(login(body).refused.iter().map(|refusal| refusal.name.as_str()).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn assigning_into_event_has_no_effect_and_is_recorded() {
    let decision = login(
        "event.user.email = \"x\";\nevent.user.app_metadata.region = \"us\";\nevent.user.app_metadata.nested.a.b = 2;\nevent.nonsense = 1;\nevent.client.metadata.plan = \"free\";\nevent.authorization.roles.push(\"root\");\nevent.secrets.X = 1;\napi.idToken.setCustomClaim(\"v\", [event.user.email, event.user.app_metadata.region, event.authorization.roles.len()]);",
    );
    assert_eq!(decision.outcome, Outcome::Allowed, "{:?}", decision.trace);
    assert_eq!(claims(&decision.id_token), json!({"v": ["ada@example.com", "eu", 2]}));
    let refused: Vec<(&str, &str, usize)> =
        decision.refused.iter().map(|refusal| (refusal.call.as_str(), refusal.name.as_str(), refusal.by.line)).collect();
    let expected = [
        ("event", "event.user.email", 2),
        ("event", "event.user.app_metadata", 3),
        ("event", "event.user.app_metadata", 4),
        ("event", "event.nonsense", 5),
        ("event", "event.client.metadata", 6),
        ("event", "event.authorization.roles", 7),
        ("event", "event.secrets.X", 8),
    ];
    assert_eq!(refused, expected);
    assert!(decision.refused[1].reason.contains("api.user.setAppMetadata"));
}

#[test]
fn a_local_copy_of_metadata_can_be_changed() {
    let body = "let m = event.user.app_metadata; m.region = \"us\"; m.remove(\"roles\"); m.n += 1; m[\"new\"] = true; m.nested = ();
        api.idToken.setCustomClaim(\"v\", m); api.idToken.setCustomClaim(\"old\", event.user.app_metadata.region);";
    let decision = login(body);
    assert_eq!(decision.refused, []);
    let copy = json!({"region": "us", "n": 2, "f": 1.5, "new": true, "nested": null});
    assert_eq!(claims(&decision.id_token), json!({"v": copy, "old": "eu"}));
}

#[test]
fn secrets_belong_to_one_action_and_do_not_print() {
    let secret =
        |value: &str| ActionSettings { secrets: BTreeMap::from([("K".into(), value.into())]), ..ActionSettings::default() };
    let settings =
        Settings { actions: BTreeMap::from([("a".into(), secret("uno")), ("b".into(), secret("due"))]), ..settings() };
    let source = handler(
        "print(event); print(event.secrets); debug(event.secrets); api.idToken.setCustomClaim(\"s\" + event.secrets.K, event.secrets.K); api.accessToken.setCustomClaim(\"all\", event.secrets); api.accessToken.setCustomClaim(\"event\", event);",
    );
    let set = FlowSet::from_sources(
        &settings,
        &[("a.rhai", &source), ("b.rhai", &source), ("c.rhai", &handler("event.secrets.K"))],
    )
    .unwrap();
    let decision = decide(&set, Trigger::PostLogin, event(), &host());
    assert_eq!(claims(&decision.id_token), json!({"suno": "uno", "sdue": "due"}));
    assert!(!decision.access_token.contains_key("all"));
    assert_eq!(decision.refused.len(), 2);
    for action in &decision.trace.actions {
        assert!(action.logs.iter().all(|line| !line.contains("uno") && !line.contains("due")), "{:?}", action.logs);
    }
    assert!(!format!("{settings:?}").contains("due"));
}

#[test]
fn no_text_that_an_action_tells_people_has_a_secret() {
    let secrets = BTreeMap::from([("K".into(), "s3cret-Value".into())]);
    let own = ActionSettings { secrets, ..ActionSettings::default() };
    let settings = Settings { actions: BTreeMap::from([("a".into(), own)]), ..settings() };
    let decided = |body: &str| {
        let body =
            format!("print(`key=${{event.secrets.K}}`); api.idToken.setCustomClaim(\"sub\", event.secrets.K); {body}");
        let set = FlowSet::from_sources(&settings, &[("a.rhai", &handler(&body))]).unwrap();
        decide(&set, Trigger::PostLogin, event(), &host())
    };
    let denied = decided("api.access.deny(`no ${event.secrets.K}, ${event.secrets.K.toLowerCase()}`);");
    let Outcome::Denied { reason, .. } = &denied.outcome else { panic!("{denied:?}") };
    assert_eq!(reason, "no [redacted], [redacted]");
    assert_eq!(denied.trace.actions[0].logs, ["key=[redacted]"]);
    for body in [
        "throw `with ${event.secrets.K}`;",
        "api.access.deny(event.secrets.K, \"no code\");",
        "api.session.revoke(event.secrets.K);",
    ] {
        let mut decision = decided(body);
        let told: Vec<String> = decision.told().map(|text| text.clone()).collect();
        assert!(told.len() > 1 && !told.join("\n").to_lowercase().contains("s3cret"), "{told:?}");
    }
    let claim = decided("api.idToken.setCustomClaim(\"k\", event.secrets.K);").id_token;
    assert_eq!(claims(&claim), json!({"k": "s3cret-Value"}), "what is no text for people stays what it is");
}

#[test]
fn objects_without_a_text_of_their_own_say_what_they_are() {
    assert_eq!(eval("event.secrets.toString() + api.toString() + api.idToken.toString()"), "[secrets][api][api.idToken]");
}

#[test]
fn parts_print_and_pass_as_json() {
    assert_eq!(eval("event.client"), json!({"client_id": "web", "name": "Web", "metadata": {"plan": "pro"}}));
    assert_eq!(eval("event.user.identities[0]")["provider"], json!("auth0"));
    assert_eq!(login("print(event.tenant);").trace.actions[0].logs, ["{\"id\":\"dev\"}"]);
}

#[test]
fn captured_event_and_api_work_in_closures() {
    let decision =
        login("event.authorization.roles.for_each(|| api.accessToken.addScope(this + \":\" + event.client.client_id));");
    let scopes: Vec<&str> = decision.scopes.iter().map(|edit| edit.scope.as_str()).collect();
    assert_eq!((decision.outcome, scopes), (Outcome::Allowed, vec!["admin:web", "editor:web"]));
}
