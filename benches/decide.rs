//! What the actions cost: `decide` with 1, 3, 10 and 100 claims actions on events of 4 KB and 40 KB; and the reload of a
//! directory with 100 of them. `cargo bench --bench decide`.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark that fails may panic")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use vestibule::clock::{Clock, Random};
use vestibule::domain::decision::Outcome;
use vestibule::flow::event::{Authorization, ClientPart, UserPart};
use vestibule::flow::{Cache, Event, FlowSet, Host, Http, Limits, Settings, Trigger, decide};

/// A filter, a map, interpolated names and six claims.
const ACTION: &str = r#"
const NAMESPACE = "https://example.com/NUMBER";
fn onExecutePostLogin(event, api) {
    let roles = event.user.app_metadata.roles.filter(|role| role != "banned").map(|role| role.toUpperCase());
    api.idToken.setCustomClaim(`${NAMESPACE}/roles`, roles);
    api.accessToken.setCustomClaim(`${NAMESPACE}/roles`, roles);
    api.accessToken.setCustomClaim(`${NAMESPACE}/permissions`, event.user.app_metadata.permissions);
    api.accessToken.setCustomClaim(`${NAMESPACE}/region`, event.user.app_metadata.region ?? "eu");
    api.accessToken.setCustomClaim(`${NAMESPACE}/email`, event.user.email);
    api.tokenResponse.setCustomParameter(`region_NUMBER`, event.user.app_metadata.region);
}"#;

/// Each figure is the best of so many rounds: what else the machine does is not what is measured.
const ROUNDS: usize = 10;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let host =
        Host { clock: Clock::System, random: Random::seeded(1), cache: Arc::new(Cache::default()), http: Http::Network };
    for actions in [1, 3, 10, 100] {
        let set = set(directory.path(), actions);
        let figures: Vec<f64> = [4, 40].map(|size| microseconds(&set, &event(size * 1024), &host)).to_vec();
        println!(
            "decide, {actions} actions: {:.1} us at 4 KB, {:.1} us at 40 KB: {:.2} x",
            figures[0],
            figures[1],
            figures[1] / figures[0]
        );
    }
    let settings = settings(directory.path());
    let took = (0..5).map(|_| timed(|| drop(FlowSet::load(&settings).unwrap()))).fold(f64::MAX, f64::min);
    println!("load of 100 files: {:.1} ms", took * 1e3);
}

fn settings(directory: &Path) -> Settings {
    let limits = Limits::default();
    Settings { directory: directory.to_owned(), display: "actions".to_owned(), limits, ..Settings::default() }
}

fn set(directory: &Path, actions: usize) -> FlowSet {
    for number in 0..actions {
        let source = ACTION.replace("NUMBER", &number.to_string());
        std::fs::write(directory.join(format!("{number}-claims.rhai")), source).unwrap();
    }
    FlowSet::load(&settings(directory)).unwrap()
}

/// An event whose metadata have about `size` bytes.
fn event(size: usize) -> Event {
    let filler: Vec<String> = (0..size / 64).map(|n| format!("{n:061}")).collect();
    let metadata = json!({
        "roles": ["editor", "banned", "author", "reader"], "permissions": ["read:things", "write:things"], "region": "eu",
        "filler": filler,
    });
    Event {
        authorization: Some(Authorization { roles: vec!["admin".to_owned()] }),
        client: ClientPart { client_id: "web".to_owned(), name: "Web".to_owned(), ..ClientPart::default() },
        user: Some(UserPart {
            user_id: "auth0|ada".to_owned(),
            email: Some("ada@example.com".to_owned()),
            app_metadata: Arc::new(metadata.as_object().unwrap().clone()),
            ..UserPart::default()
        }),
        ..Event::default()
    }
}

fn microseconds(set: &FlowSet, event: &Event, host: &Host) -> f64 {
    let runs = 400 / set.actions().len().max(1);
    let round = || {
        timed(|| {
            for _ in 0..runs {
                let decision = decide(set, Trigger::PostLogin, event.clone(), host);
                assert_eq!(decision.outcome, Outcome::Allowed);
            }
        })
    };
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let runs = runs as f64;
    (0..ROUNDS).map(|_| round()).fold(f64::MAX, f64::min) / runs * 1e6
}

/// Seconds of processor time: what else the machine does is not what is measured.
fn timed(work: impl FnOnce()) -> f64 {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let began = now();
    work();
    (now() - began).as_secs_f64()
}
