//! The committed reference of actions is the one that the tables make. With `VESTIBULE_ACCEPT=1` the files are written.
#![expect(clippy::unwrap_used, reason = "a test that cannot read a file of the repository shall fail")]

use std::path::Path;

use vestibule::flow::{FlowSet, Settings};
use vestibule::kit::reference;

#[track_caller]
fn is_current(name: &str, text: &str, command: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("VESTIBULE_ACCEPT").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "{name} is stale: run `vestibule {command} --out {name}`");
}

#[test]
fn the_committed_definitions_are_current() {
    is_current("actions/api.d.rhai", &reference::definitions(), "definitions");
}

#[test]
fn the_committed_documentation_is_current() {
    is_current("docs/actions-api.md", &reference::markdown(), "docs");
}

#[test]
fn definitions_beside_the_actions_are_no_action() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("actions");
    let settings = Settings { display: "actions".to_owned(), directory, ..Settings::default() };
    let set = FlowSet::load(&settings).unwrap();
    assert!(set.files().all(|file| !file.ends_with(".d.rhai")) && !set.actions().is_empty());
}

#[test]
fn definitions_hold_the_members_methods_and_functions() {
    let text = reference::definitions();
    for line in [
        "    email: String | (),",
        "    identities: [EventUserIdentitiesItem],",
        "    refresh_token: EventRefreshToken | (),",
        "fn setCustomClaim(this: ApiIdToken, name: String, value: ?) -> PostLoginApi | CredentialsExchangeApi;",
        "fn deny(this: ApiAccess, reason: String) -> PostLoginApi | CredentialsExchangeApi;",
        "fn deny(this: ApiAccess, code: String, reason: String) -> PostLoginApi | CredentialsExchangeApi;",
        "fn padStart(this: String, length: ?, fill: ?) -> String;",
        "module crypto {",
        "    fn sha256(value: ?) -> String;",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}");
    }
}

#[test]
fn braces_of_the_definitions_match() {
    let text: String = reference::definitions().lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    assert_eq!(text.matches('{').count(), text.matches('}').count());
}
