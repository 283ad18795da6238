//! The scripts, and a flow with the limits that the goals speak of.
#![allow(unreachable_pub, reason = "a module of two test targets")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vestibule::clock::{Clock, Random};
use vestibule::domain::decision::{Decision, Outcome};
use vestibule::flow::{Cache, Event, FlowSet, Host, Http, Limits, Settings, Trigger};

/// The budget of a run.
pub const MEMORY: usize = 16 * 1024 * 1024;

/// One script.
pub struct Script {
    /// `s01_endless_loop`.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// What must happen to it.
    pub what: String,
    /// Words of the message.
    pub words: String,
}

impl Script {
    fn read(path: PathBuf) -> Self {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let line = text.lines().next().unwrap().trim_start_matches('\u{feff}');
        let expected = line.strip_prefix("// expect: ").unwrap_or_else(|| panic!("{}: {line}", path.display()));
        let (what, words) = expected.split_once(": ").unwrap_or((expected, ""));
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        Self { name, what: what.to_owned(), words: words.to_owned(), path }
    }

    /// A directory with this one action, loaded as the server loads it.
    pub fn load(&self) -> Result<FlowSet, String> {
        self.load_with(&settings())
    }

    /// With other settings.
    pub fn load_with(&self, settings: &Settings) -> Result<FlowSet, String> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::copy(&self.path, directory.path().join("10-hostile.rhai")).unwrap();
        FlowSet::load(&Settings { directory: directory.path().to_owned(), ..settings.clone() })
            .map_err(|error| error.to_string())
    }
}

/// All scripts in order.
pub fn corpus() -> Vec<Script> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "rhai")).collect();
    files.sort();
    assert!(files.len() > 90);
    files.into_iter().map(Script::read).collect()
}

/// The defaults with a deadline that a busy machine does not meet by itself.
pub fn settings() -> Settings {
    settings_with(1_000)
}

/// The defaults with this deadline.
pub fn settings_with(deadline_ms: u64) -> Settings {
    let limits = Limits { deadline_ms, ..Limits::default() };
    Settings { display: "actions".to_owned(), limits, ..Settings::default() }
}

/// The machine's clock, so that an action could measure time if it had any.
pub fn host() -> Host {
    Host { clock: Clock::System, random: Random::seeded(1), cache: Arc::new(Cache::default()), http: Http::Network }
}

/// A login.
pub fn event() -> Event {
    serde_json::from_value(serde_json::json!({
        "client": {"client_id": "web"},
        "user": {"user_id": "auth0|ada", "email": "ada@example.com", "app_metadata": {"roles": ["a", "b"]}},
        "transaction": {"protocol": "oidc-basic-profile"}
    }))
    .unwrap()
}

/// The decision about that login.
pub fn decide(set: &FlowSet, host: &Host) -> Decision {
    vestibule::flow::decide(set, Trigger::PostLogin, event(), host)
}

/// What happened, in the words of the first lines.
pub fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Allowed => "harmless".to_owned(),
        Outcome::Denied { reason, .. } => format!("denied: {reason}"),
        Outcome::Failed { message, .. } => format!("failed: {message}"),
    }
}

/// Whether a message names a line and column of the file, or the file itself where no place is to blame.
pub fn names_its_place(message: &str) -> bool {
    let place = |line: &str| line.trim_start().strip_prefix("--> ").is_some_and(|place| place.starts_with("actions/"));
    message.lines().any(place)
}
