//! How many recorded logins one core replays in a second: with one action, with the shipped ones, and what of it is `decide`.
//! Counted is processor time, so that what else the machine does changes little. `cargo bench --bench replay`.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark that fails may panic")]

use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use vestibule::config::Source;
use vestibule::flow::event::{Authorization, ClientPart, Request, Transaction, UserPart};
use vestibule::flow::{Event, FlowSet, Host, REDACTED, Recording, Settings, Trigger, decide};
use vestibule::kit::project::Project;
use vestibule::kit::replay::Replay;
use vestibule::kit::replay::input::{Lines, Wanted};

/// What the shortest action of `actions/` does: two claims from the metadata.
const ONE: &str = r#"
fn onExecutePostLogin(event, api) {
    api.idToken.setCustomClaim("https://example.com/region", event.user.app_metadata.region ?? "eu");
    api.tokenResponse.setCustomParameter("region", event.user.app_metadata.region);
}"#;

const LOGINS: usize = 10_000;
/// Each figure is the best of so many rounds.
const ROUNDS: usize = 5;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = Source { path: root.join("vestibule.toml"), ..Source::default() }.load().unwrap();
    let project = Project::new(&config);
    let one = FlowSet::from_sources(&Settings::default(), &[("10-region.rhai", ONE)]).unwrap();
    let shipped = FlowSet::load(&config.actions).unwrap();
    for (name, set) in [("one action", &one), ("the shipped actions", &shipped)] {
        let recordings = recordings();
        let bare = best(|| {
            for recording in &recordings {
                let _ = decide(set, recording.trigger, recording.event.clone(), &Host::replaying(recording));
            }
        });
        for (kind, redact) in [("", false), (", redacted", true)] {
            let file = file(set, &recordings, redact);
            let whole = best(|| replay(set, &project, &file));
            #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
            let logins = LOGINS as f64;
            println!(
                "replay, {name}{kind}: {:.0} logins/s on one core, {:.1} us each ({} bytes), of which decide {:.1} us: {:.2} x",
                logins / whole,
                whole / logins * 1e6,
                file.len() / LOGINS,
                bare / logins * 1e6,
                whole / bare,
            );
        }
    }
}

fn replay(set: &FlowSet, project: &Project, file: &str) {
    let (mut logins, mut different) = (0, 0);
    let wanted = Wanted { jobs: 1, ..Wanted::default() };
    let replay = Replay { set, project };
    let done = replay.lines(Lines(BufReader::new(file.as_bytes())), &wanted, |login| {
        logins += 1;
        different += usize::from(!login.differences.is_empty());
    });
    done.unwrap();
    assert_eq!((logins, different), (LOGINS, 0));
}

fn best(mut work: impl FnMut()) -> f64 {
    let mut timed = || {
        let began = processor_seconds();
        work();
        processor_seconds() - began
    };
    (0..ROUNDS).map(|_| timed()).fold(f64::MAX, f64::min)
}

/// What all threads of this process have had, those that have ended included: fields 14 and 15 of `stat`, in hundredths.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().unwrap()).sum();
    ticks / 100.0
}

fn recordings() -> Vec<Recording> {
    (0..LOGINS).map(|n| Recording { trigger: Trigger::PostLogin, event: Arc::new(event(n)), outside: now() }).collect()
}

fn now() -> vestibule::domain::outside::Outside {
    vestibule::domain::outside::Outside { now: 1_800_000_000_000, ..Default::default() }
}

/// As a server records a login by password.
fn event(number: usize) -> Event {
    let metadata =
        json!({ "region": "eu", "roles": ["editor"], "permissions": ["read:things"], "patient": format!("p-{number}") });
    let name = format!("user{number}");
    Event {
        authorization: Some(Authorization { roles: vec!["admin".to_owned()] }),
        client: ClientPart { client_id: "demo-web".to_owned(), name: "Demo".to_owned(), ..ClientPart::default() },
        request: Request {
            ip: "203.0.113.7".to_owned(),
            method: "POST".to_owned(),
            user_agent: Some("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36".to_owned()),
            body: json!({ "grant_type": "password", "client_id": "demo-web", "username": name, "scope": "openid" })
                .as_object()
                .unwrap()
                .clone(),
            ..Request::default()
        },
        transaction: Some(Transaction {
            protocol: Some("oauth2-password".to_owned()),
            requested_scopes: vec!["openid".to_owned()],
            ..Transaction::default()
        }),
        user: Some(UserPart {
            user_id: format!("auth0|{number}"),
            email: Some(format!("{name}@example.com")),
            email_verified: true,
            name: Some(name),
            created_at: "2026-01-01T00:00:00.000Z".to_owned(),
            updated_at: "2026-11-01T00:00:00.000Z".to_owned(),
            app_metadata: Arc::new(metadata.as_object().unwrap().clone()),
            ..UserPart::default()
        }),
        ..Event::default()
    }
}

/// The lines of an export; `redact` as `serve` does by default.
fn file(set: &FlowSet, recordings: &[Recording], redact: bool) -> String {
    let mut file = String::new();
    for (number, recording) in recordings.iter().enumerate() {
        let mut decision = decide(set, recording.trigger, recording.event.clone(), &Host::replaying(recording));
        decision.trace.outside = Default::default();
        let mut line = json!({
            "id": format!("trace{number}"), "at": 1_800_000_000_000_i64, "client_id": "demo-web",
            "user_id": recording.event.user.as_ref().map(|user| &user.user_id), "outcome": "allowed",
            "granted": "openid", "scope": "openid", "decision": decision, "recording": recording,
        });
        if redact {
            let event = &mut line["recording"]["event"];
            for (part, member) in [("user", "email"), ("user", "name"), ("request", "ip"), ("request", "user_agent")] {
                event[part][member] = Value::from(REDACTED);
            }
        }
        file.push_str(&line.to_string());
        file.push('\n');
    }
    file
}
