//! Each kind of problem, all at once, and who overrides whom.

use super::*;

const MINIMAL: &str = "issuer = \"http://localhost:8484/\"\n";

fn source() -> Source {
    Source { path: PathBuf::from("vestibule.toml"), ..Source::default() }
}

fn with_environment(variables: &[(&str, &str)]) -> Source {
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Source { environment, ..source() }
}

fn parse(text: &str) -> Config {
    source().parse(text).unwrap_or_else(|invalid| panic!("{invalid}"))
}

/// `path: message (hint)` of each problem.
fn problems(source: &Source, text: &str) -> Vec<String> {
    match source.parse(text) {
        Ok(_) => Vec::new(),
        Err(invalid) => invalid
            .problems
            .iter()
            .map(|p| format!("{}: {} ({})", p.at.path, p.message, p.hint.clone().unwrap_or_default()))
            .collect(),
    }
}

#[track_caller]
fn refuses(text: &str, expected: &str) {
    let found = problems(&source(), &format!("{MINIMAL}{text}"));
    assert!(found.iter().any(|problem| problem.contains(expected)), "{expected:?} not in {found:#?}");
}

#[test]
fn the_demo_configuration_is_valid_and_what_it_shows_is_refused_by_serve() {
    let config = parse(include_str!("../../vestibule.toml"));
    assert_eq!(config.issuer, "http://localhost:8484/");
    assert_eq!(config.clients.len(), 4);
    assert_eq!(
        config.users.iter().map(|u| u.user.user_id.as_str()).collect::<Vec<_>>(),
        ["auth0|ada", "auth0|grace", "auth0|bob"]
    );
    let insecure: Vec<_> = config.insecure.iter().map(|p| p.at.path.as_str()).collect();
    assert!(insecure.contains(&"clients[0].client_secret") && insecure.contains(&"users[2].password"), "{insecure:?}");
}

#[test]
fn the_example_of_the_documentation_is_read_field_by_field() {
    let config = parse(
        r#"
        issuer = "https://login.example.com"
        tenant = "t"
        [actions]
        directory = "scripts"
        deadline_ms = 100
        max_operations = 7
        [actions.settings."20-api-region"]
        on_error = "skip"
        clients = ["web"]
        allow_hosts = ["api.example.com"]
        enabled = false
        secrets = { KEY = { value = "s" } }
        [[clients]]
        client_id = "web"
        client_secret = "0123456789"
        oidc_conformant = false
        token_endpoint_auth_method = "client_secret_basic"
        jwt_configuration = { alg = "HS256", lifetime_in_seconds = 60 }
        refresh_token = { rotation_type = "non-rotating", expiration_type = "non-expiring", token_lifetime = 100, leeway = 5 }
        require_pkce = true
        allowed_origins = ["https://app.example.com"]
        [[resource_servers]]
        identifier = "urn:api"
        signing_alg = "ES256"
        token_lifetime = 60
        token_dialect = "rfc9068_profile"
        [[roles]]
        name = "admin"
        [[users]]
        user_id = "auth0|x"
        username = "x"
        phone_number = "+491234"
        blocked = true
        roles = ["admin"]
        app_metadata = { a = { b = [1, 2.5, true, "t"] }, since = 2026-01-01 }
        "#,
    );
    let action = &config.actions.actions["20-api-region"];
    assert_eq!((action.on_error, action.enabled, action.secrets["KEY"].as_str()), (flow::OnError::Skip, false, "s"));
    assert_eq!((config.actions.limits.deadline_ms, config.actions.limits.max_operations), (100, 7));
    let client = &config.clients[0].client;
    assert!(!client.oidc_conformant && client.require_pkce && client.secret_matches("0123456789"));
    assert_eq!(
        (client.id_token.lifetime_in_seconds, client.refresh_token.leeway, client.refresh_token.idle_token_lifetime),
        (60, 5, 100)
    );
    assert_eq!((config.resource_servers[0].token_lifetime, config.resource_servers[0].token_lifetime_for_web), (60, 60));
    let user = &config.users[0].user;
    assert!(user.blocked);
    assert_eq!(serde_json::to_string(&user.app_metadata).unwrap(), r#"{"a":{"b":[1,2.5,true,"t"]},"since":"2026-01-01"}"#);
}

#[test]
fn every_problem_is_reported_at_once_with_its_place_and_path() {
    let text = "issuer = \"localhost\"\nlisten = 8484\n[[clients]]\nclient_id = \"a\"\ncallbaks = []\ncallbacks = [\"http://localhost/\", \"/x\"]\n";
    let invalid = source().parse(text).unwrap_err();
    let found: Vec<_> = invalid.problems.iter().map(|p| (p.at.place.clone(), p.at.path.as_str())).collect();
    let file = |line, column| Place::File { line, column };
    assert_eq!(
        found,
        [
            (file(1, 10), "issuer"),
            (file(2, 10), "listen"),
            (file(4, 13), "clients[0].client_id"),
            (file(5, 1), "clients[0].callbaks"),
            (file(6, 35), "clients[0].callbacks[1]"),
        ]
    );
}

#[test]
fn a_problem_is_rendered_with_its_line_a_caret_and_a_hint() {
    let invalid = source().parse("issuer = \"http://localhost:8484/\"\nlissten = \"127.0.0.1:8484\"\n").unwrap_err();
    let expected = "error: lissten: unknown key `lissten`\n --> vestibule.toml:2:1\n  |\n2 | lissten = \"127.0.0.1:8484\"\n  | ^\nhint: did you mean `listen`?";
    assert_eq!(invalid.to_string(), expected);
}

#[test]
fn syntax_errors_have_a_place() {
    let invalid = source().parse("issuer = \"x\nlisten = ]\n").unwrap_err();
    assert!(matches!(invalid.problems[0].at.place, Place::File { line: 1, .. }), "{invalid}");
}

#[test]
fn redirect_uris_are_checked() {
    let with = |uri: &str| format!("[[clients]]\nclient_id = \"a\"\napp_type = \"spa\"\ncallbacks = [\"{uri}\"]");
    refuses(&with("https://a.example/#f"), "clients[0].callbacks[0]: must not have a fragment");
    refuses(&with("https://*.example/"), "must not contain a wildcard");
    refuses(&with("javascript:alert(1)"), "must not run script");
    refuses(&with("com.example:/cb"), "must be an http or https URI");
    for (key, message) in [
        ("callbacks", "must have `//` and the host behind the scheme"),
        ("allowed_logout_urls", "must have `//` and the host behind the scheme"),
        ("web_origins", "must be an origin: scheme, host and port only"),
        ("allowed_origins", "must be an origin: scheme, host and port only"),
    ] {
        let with = |uri: &str| format!("[[clients]]\nclient_id = \"a\"\napp_type = \"spa\"\n{key} = [\"{uri}\"]");
        refuses(&with("https:a.example"), &format!("clients[0].{key}[0]: {message} (write `https://a.example"));
        refuses(&with("https://b\u{fc}.example"), "(write `https://xn--b-eha.example");
    }
}

#[test]
fn what_is_referred_to_must_exist() {
    refuses(
        "[[users]]\nuser_id = \"auth0|a\"\nroles = [\"admn\"]\n[[roles]]\nname = \"admin\"",
        "users[0].roles[0]: there is no role `admn` (did you mean `admin`?)",
    );
    refuses(
        "[actions.settings.a]\nclients = [\"x\"]",
        "actions.settings.a.clients[0]: there is no client `x` (the file declares no client)",
    );
    refuses(
        "[[client_grants]]\nclient_id = \"m\"\naudience = \"urn:a\"",
        "client_grants[0].audience: there is no resource server `urn:a`",
    );
}

#[test]
fn a_grant_stays_within_its_api_and_its_client() {
    let text = "[[clients]]\nclient_id = \"m\"\nclient_secret = \"s\"\n[[resource_servers]]\nidentifier = \"urn:a\"\nscopes = [\"read:things\"]\n[[client_grants]]\nclient_id = \"m\"\naudience = \"urn:a\"\nscope = [\"read:thing\"]";
    refuses(text, "client_grants[0].client_id: `m` may not use client_credentials");
    refuses(text, "client_grants[0].scope[0]: `read:thing` is no scope of urn:a (did you mean `read:things`?)");
}

#[test]
fn names_are_unique() {
    refuses(
        "[[clients]]\nclient_id=\"a\"\napp_type=\"spa\"\n[[clients]]\nclient_id=\"a\"\napp_type=\"spa\"",
        "client `a` is declared twice",
    );
    refuses(
        "[[users]]\nuser_id=\"1\"\nemail=\"A@example.com\"\n[[users]]\nuser_id=\"2\"\nemail=\"a@example.com\"",
        "e-mail address `a@example.com` is declared twice",
    );
}

#[test]
fn client_authentication_must_fit_the_client() {
    refuses("[[clients]]\nclient_id = \"a\"", "a confidential client needs a client_secret");
    refuses(
        "[[clients]]\nclient_id = \"a\"\napp_type = \"spa\"\njwt_configuration = { alg = \"HS256\" }",
        "HS256 needs a confidential client",
    );
    refuses(
        "[[clients]]\nclient_id = \"a\"\ntoken_endpoint_auth_method = \"private_key_jwt\"",
        "needs the client's public key",
    );
    refuses(
        "[[clients]]\nclient_id = \"a\"\napp_type = \"spa\"\ngrant_types = [\"client_credentials\"]",
        "a public client cannot use client_credentials",
    );
    refuses(
        "[[clients]]\nclient_id = \"a\"\napp_type = \"spa\"\ngrant_types = [\"pasword\"]",
        "grant_types[0]: unknown value `pasword` (did you mean `password`?)",
    );
}

#[test]
fn metadata_is_limited() {
    let eleven: Vec<_> = (0..11).map(|i| format!("k{i} = \"v\"")).collect();
    refuses(
        &format!("[[clients]]\nclient_id=\"a\"\napp_type=\"spa\"\nclient_metadata = {{ {} }}", eleven.join(", ")),
        "at most 10",
    );
    refuses(
        "[[clients]]\nclient_id=\"a\"\napp_type=\"spa\"\nclient_metadata = { n = 1 }",
        "client_metadata.n: must be a string",
    );
    refuses("[[users]]\nuser_id=\"u\"\nuser_metadata = { \"a.b\" = 1 }", "neither `.` nor `$`");
    refuses("[[users]]\nuser_id=\"u\"\napp_metadata = { email = \"x\" }", "`email` is reserved in app_metadata");
}

#[test]
fn numbers_have_ranges_and_no_limit_can_be_switched_off() {
    refuses("[actions]\ndeadline_ms = 0", "actions.deadline_ms: 0 is out of range");
    refuses("[actions]\nmax_call_levels = 64", "out of range: 1 to 32");
    refuses("[lifetimes]\nsession = 10\nidle_session = 20", "must not be longer than session");
}

#[test]
fn a_table_where_an_array_of_tables_belongs_is_explained() {
    refuses("[clients]\nclient_id = \"a\"", "clients: must be an array of tables, but is a table (write `[[clients]]`");
}

#[test]
fn the_environment_overrides_the_file_and_flags_override_both() {
    let text = format!("{MINIMAL}listen = \"127.0.0.1:1\"\n[database]\nurl = \"sqlite://file.db\"");
    let environment = with_environment(&[
        ("VESTIBULE_LISTEN", "127.0.0.1:2"),
        ("VESTIBULE_DATABASE", "sqlite://environment.db"),
        ("VESTIBULE_ACTIONS__DEADLINE_MS", "77"),
    ]);
    let config = environment.parse(&text).unwrap();
    assert_eq!((config.listen.as_str(), config.database.as_str()), ("127.0.0.1:2", "sqlite://environment.db"));
    assert_eq!(config.actions.limits.deadline_ms, 77);
    let flags = Source { listen: Some("127.0.0.1:3".into()), actions: Some("elsewhere".into()), ..environment };
    let config = flags.parse(&text).unwrap();
    assert_eq!((config.listen.as_str(), config.actions.display.as_str()), ("127.0.0.1:3", "elsewhere"));
}

#[test]
fn variables_reach_into_arrays_stems_and_free_keys() {
    let text =
        format!("{MINIMAL}[[clients]]\nclient_id = \"a\"\nclient_secret = \"file\"\n[actions.settings.\"20-api-region\"]\n");
    let environment = with_environment(&[
        ("VESTIBULE_CLIENTS__0__CLIENT_SECRET", "from-the-environment"),
        ("VESTIBULE_CLIENTS__0__CALLBACKS", "https://a.example/cb, https://b.example/cb"),
        ("VESTIBULE_ACTIONS__SETTINGS__20_API_REGION__SECRETS__API_KEY", "k"),
        ("VESTIBULE_ROLES", "[{ name = \"admin\" }]"),
        ("VESTIBULE_USERS__0__USER_ID", "auth0|new"),
    ]);
    let config = environment.parse(&text).unwrap();
    assert!(config.clients[0].client.secret_matches("from-the-environment"));
    assert_eq!(config.clients[0].client.callbacks, ["https://a.example/cb", "https://b.example/cb"]);
    assert_eq!(config.actions.actions["20-api-region"].secrets["API_KEY"], "k");
    assert_eq!((config.roles[0].name.as_str(), config.users[0].user.user_id.as_str()), ("admin", "auth0|new"));
    assert!(config.insecure.iter().all(|problem| !problem.message.contains("stands in")), "{:?}", config.insecure);
}

#[test]
fn an_unknown_variable_is_reported_and_foreign_ones_are_not() {
    let environment = with_environment(&[
        ("VESTIBULE_LISTN", "x"),
        ("VESTIBULE_TEST_POSTGRES_URL", "x"),
        ("VESTIBULE_CONFIG", "x"),
        ("VESTIBULE_PORT_8484_TCP", "tcp://10.0.0.1:8484"),
        ("VESTIBULE_SERVICE_HOST", "10.0.0.1"),
        ("PATH", "x"),
    ]);
    let invalid = environment.parse(MINIMAL).unwrap_err();
    assert_eq!(
        invalid.to_string(),
        "error: listn: unknown key `listn`\n --> environment variable VESTIBULE_LISTN\nhint: did you mean `listen`?"
    );
}

#[test]
fn secrets_come_from_the_environment_or_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    std::fs::write(&file, "from-file\n").unwrap();
    let mode = |mode: u32| std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    mode(0o640);
    let mut source = with_environment(&[("REGION_KEY", "from-env")]);
    source.path = directory.path().join("vestibule.toml");
    let text =
        format!("{MINIMAL}[actions.settings.a]\nsecrets = {{ A = {{ env = \"REGION_KEY\" }}, B = {{ file = \"key\" }} }}\n");
    let config = source.parse(&text).unwrap();
    assert_eq!(
        config.actions.actions["a"].secrets,
        BTreeMap::from([("A".into(), "from-env".into()), ("B".into(), "from-file".into())])
    );
    assert!(config.insecure.iter().all(|problem| problem.at.path == "secrets.key"), "{:?}", config.insecure);
    for open in [0o644, 0o602] {
        mode(open);
        let told = |problem: &Problem| problem.message == "`key` may be read or written by every user of this machine";
        assert!(source.parse(&text).unwrap().insecure.iter().any(told), "{open:o}");
    }
    refuses(
        "[actions.settings.a]\nsecrets = { A = { env = \"NOT_THERE\" } }",
        "environment variable `NOT_THERE` is not set (export NOT_THERE",
    );
    refuses("[actions.settings.a]\nsecrets = { A = { env = \"X\", value = \"y\" } }", "needs one source");
}

#[test]
fn secrets_do_not_print_themselves() {
    let config = parse(include_str!("../../vestibule.toml"));
    let debug = format!("{:?} {:?}", config.clients, config.users);
    assert!(!debug.contains("demo-web-secret") && !debug.contains("ada-demo-password"));
}

#[test]
fn insecure_settings_are_kept_apart_with_a_remedy() {
    let config = parse(
        "issuer = \"http://login.example.com/\"\n[database]\nurl = \"postgres://u:p@h/d\"\n[[clients]]\nclient_id = \"a\"\nclient_secret = \"short\"\ncallbacks = [\"http://a.example/cb\"]",
    );
    let found: Vec<_> = config.insecure.iter().map(|p| (p.at.path.as_str(), p.hint.is_some())).collect();
    let secret = ("clients[0].client_secret", true);
    let key = ("secrets.key", true);
    assert_eq!(found, [key, ("issuer", true), ("database.url", true), secret, secret, ("clients[0].callbacks[0]", true)]);
}

#[test]
fn o15_a_sealing_key_comes_from_outside_and_is_strong() {
    let good = crate::keys::SealingKey::generate().unwrap();
    let config = with_environment(&[("VESTIBULE_SECRETS__KEY", &good)]).parse(MINIMAL).unwrap();
    assert_eq!(config.secrets.key.as_ref().map(Secret::reveal), Some(good.as_str()));
    assert!(config.insecure.iter().all(|problem| problem.at.path != "secrets.key"), "{:?}", config.insecure);
    let literal = parse(&format!("{MINIMAL}[secrets]\nkey = \"{good}\""));
    assert!(literal.insecure.iter().any(|problem| problem.message.contains("stands in the configuration file")));
    refuses("[secrets]\nkey = { value = \"short\" }", "secrets.key: the sealing key must be 32 bytes");
    let zeros = format!("[secrets]\nkey = {{ value = \"{}\" }}", "0".repeat(64));
    refuses(&zeros, "secrets.key: the sealing key is too weak");
}

#[test]
fn what_traces_hide_is_a_path_that_exists() {
    let config = parse(&format!(
        "{MINIMAL}[traces]\nkeep = 7\nretention_days = 3\nredact = [\"event.user.email\", \"event.user.app_metadata.salary.net\"]"
    ));
    assert_eq!((config.traces.keep, config.traces.retention_days), (Some(7), 3));
    assert_eq!(config.traces.redact.as_deref().map(<[String]>::len), Some(2));
    refuses(
        "[traces]\nredact = [\"event.user.emial\"]",
        "traces.redact[0]: `event.user.emial` is no path of `event` (did you mean `event.user.email`?)",
    );
    refuses("[traces]\nredact = [\"email\"]", "`email` is no path of `event` (write a path as an action would");
    refuses("[traces]\nredact = [\"event.user.email.domain\"]", "is no path of `event`");
    refuses("[traces]\nretention_days = 0", "out of range: 1 to 3650");
    assert!(crate::traces::PERSONAL.iter().all(|path| crate::flow::event::is_path(path)));
}

#[test]
fn an_action_for_no_client_is_a_mistake() {
    refuses(
        "[actions.settings.a]\nclients = []",
        "actions.settings.a.clients: an action for no client never runs (without `clients` it runs for all of them",
    );
}
