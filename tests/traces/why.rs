//! `vestibule why` as a user runs it.

use serde_json::Value;

use super::commands::{dev, password, run, stdout};
use crate::support::process::Project;

const FIRST: &str = r#"fn onExecutePostLogin(event, api) {
    api.idToken.setCustomClaim("https://x.example/region", event.user.app_metadata.region);
    api.idToken.setCustomClaim("plan", "free");
    api.idToken.setCustomClaim("once", event.user.email);
    api.accessToken.setCustomClaim("gone", 1);
    api.tokenResponse.setCustomParameter("motd", "hi");
    api.user.setAppMetadata("seen", true);
    api.accessToken.removeScope("phone");
}
"#;
const SECOND: &str = r#"fn onExecutePostLogin(event, api) {
    api.idToken.setCustomClaim("plan", event.user.app_metadata.patient);
    api.accessToken.setCustomClaim("gone", ());
    api.idToken.setCustomClaim("iss", "evil");
}
"#;
const THIRD: &str = r#"fn onExecutePostLogin(event, api) {
    api.idToken.setCustomClaim("plan", "lost");
    throw "skipped";
}
"#;

fn project() -> (Project, crate::support::process::Process) {
    let (project, process) = dev(&[("10-first", FIRST), ("20-second", SECOND)]);
    let settings = "[actions.settings.30-third]\non_error = \"skip\"\n";
    let file = project.path("vestibule.toml");
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + settings).unwrap();
    std::fs::write(project.path("actions").join("30-third.rhai"), THIRD).unwrap();
    // Both are seen at once; the login that ran all three is the one to ask about.
    crate::support::process::eventually(|| {
        password(&project, "ada@example.com");
        stdout(&run(&project, &["traces", "--limit", "1"])).contains("1 failed and skipped")
    });
    (project, process)
}

fn why(project: &Project, arguments: &[&str]) -> String {
    let output = run(project, &[&["why"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    stdout(&output)
}

/// Each part, in this order.
fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("no `{part}` in its place: {text}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn why_tells_who_set_overwrote_removed_and_tried_in_vain() {
    let (project, _process) = project();
    in_order(
        &why(&project, &["once"]),
        &[
            "password of auth0|ada at demo-web",
            "allowed",
            "ID token: once = \"ada@example.com\"",
            "set by actions/10-first.rhai:4:17",
            "4 | api.idToken.setCustomClaim(\"once\", event.user.email);",
            "before: nothing",
            "10-first read",
            "event.user.email (line 4)",
        ],
    );
    in_order(
        &why(&project, &["plan"]),
        &[
            "ID token: plan = \"p-17\"",
            "set to \"lost\" by actions/30-third.rhai:2:17, and dropped: 30-third failed",
            "set by actions/20-second.rhai:2:17",
            "before: set to \"free\" by actions/10-first.rhai:3:17, overwritten by 20-second",
            "20-second read event.user.app_metadata.patient (line 2)",
        ],
    );
    in_order(
        &why(&project, &["gone"]),
        &[
            "access token: gone is not there",
            "taken away by actions/20-second.rhai:3:21",
            "before: set to 1 by actions/10-first.rhai:5:21, taken away by 20-second",
        ],
    );
    in_order(&why(&project, &["region"]), &["https://x.example/region = \"eu\"", "10-first.rhai:2"]);
    in_order(
        &why(&project, &["iss"]),
        &[
            "refused: api.idToken.setCustomClaim of `iss` at actions/20-second.rhai:4:17",
            "4 | api.idToken.setCustomClaim(\"iss\", \"evil\");",
            "`iss` is set by the protocol: `issuer` of the configuration",
            "no action set `iss`",
            "ran: 10-first, 20-second, 30-third (skipped)",
        ],
    );
}

#[test]
fn why_knows_parameters_metadata_scopes_and_what_the_protocol_sets() {
    let (project, _process) = project();
    in_order(&why(&project, &["motd"]), &["token response: motd = \"hi\"", "10-first.rhai:6"]);
    in_order(&why(&project, &["app_metadata.seen"]), &["app_metadata: seen = true", "10-first.rhai:7"]);
    in_order(
        &why(&project, &["scope"]),
        &[
            "scope phone: not granted",
            "removed by actions/10-first.rhai:8",
            "requested `openid`, granted `openid profile email address`",
        ],
    );
    let sub = why(&project, &["sub"]);
    in_order(&sub, &["`sub` is set by the protocol: the user's id, auth0|ada", "no action set `sub`, and none tried"]);
    in_order(&why(&project, &["email"]), &["`email` is set by the protocol: scope `email`, from the user's profile"]);
    in_order(&why(&project, &["phone_number"]), &["where the scope `phone` is granted; granted was"]);
    in_order(
        &why(&project, &["plam"]),
        &["no action set `plam`, and none tried", "ran: 10-first, 20-second", "hint: did you mean plan?"],
    );

    let json: Value = serde_json::from_str(&why(&project, &["plan", "--json"])).unwrap();
    assert_eq!((&json["found"][0]["value"], &json["actions_changed"]), (&Value::from("p-17"), &Value::from(false)));
    assert_eq!(json["found"][0]["steps"][0]["by"]["line"], 3);
    assert_eq!(json["login"]["client_id"], "demo-web");
}

#[test]
fn a_login_that_was_denied_or_failed_explains_itself_and_changed_actions_are_noticed() {
    let action = r#"fn onExecutePostLogin(event, api) {
    api.idToken.setCustomClaim("plan", "pro");
    if event.user.user_id == "auth0|bob" { api.access.deny("Bob waits"); }
}
"#;
    let (project, _process) = dev(&[("10-plan", action)]);
    let (_, denied) = password(&project, "bob@example.com");
    let description = denied["error_description"].as_str().unwrap();
    let id = description.rsplit_once("(trace ").unwrap().1.trim_end_matches(')');
    let told = why(&project, &["plan", "--trace", id]);
    in_order(
        &told,
        &[
            "denied by actions/10-plan.rhai:3:55, so there are no tokens",
            "access_denied: Bob waits",
            "plan = \"pro\"",
            "not in the answer",
        ],
    );
    in_order(&why(&project, &["deny", "--trace", id]), &["denial `access_denied`", "10-plan.rhai:3"]);

    assert!(!told.contains("logins since then"), "{told}");
    std::fs::write(project.path("actions").join("10-plan.rhai"), action.replace("Bob waits", "Bob still waits")).unwrap();
    let told = why(&project, &["plan", "--trace", id]);
    assert!(told.ends_with("the actions have changed since: the lines above are those of then\n"), "{told}");
    assert!(!told.contains("2 | "), "no line is quoted that may be another now: {told}");
}
