//! What one test sees and sets: its clock, randomness, cache, secrets and HTTP answers. No test sees another's.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{EvalAltResult, NativeCallContext, Position};
use serde_json::Value;

use crate::clock::{Clock, Random};
use crate::domain::decision::Decision;
use crate::flow::{Cache, FlowSet, Host};
use crate::kit::event::Stage;
use crate::kit::project::Project;
use crate::oauth::event::Place;

use super::answers::Answers;

/// 2026-01-15T12:00:00Z: where the clock of every test stands until the test moves it.
const NOON: i64 = 1_768_478_400_000;
/// The seed of every test's randomness until the test chooses another.
const SEED: u64 = 1;

/// What all tests of a run share.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) project: Project,
    pub(super) set: FlowSet,
}

/// The world of one test; copies are the same world.
#[derive(Clone, Debug)]
pub(super) struct World(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    scene: Arc<Scene>,
    /// The function's name: keys of snapshots begin with it.
    test: String,
    now: Arc<AtomicI64>,
    cache: Arc<Cache>,
    answers: Arc<Answers>,
    /// What this file's tests have stored, by key; `None`: `--accept` is given, everything is right.
    snapshots: Option<Arc<BTreeMap<String, Value>>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: Random,
    /// The set with the secrets of this test.
    set: Option<FlowSet>,
    failure: Option<Failed>,
    taken: Vec<(String, Value)>,
    decisions: Vec<Decision>,
}

/// Why a test fails, and where: the first failure counts, even if the test catches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// The file of the call; `None`: the test's own.
    pub(super) file: Option<String>,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) message: String,
    /// Lines that belong below the caret.
    pub(super) details: Vec<String>,
    pub(super) hint: Option<String>,
}

impl Failed {
    /// A failure that nobody placed yet.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { file: None, line: 0, column: 0, message: message.into(), details: Vec::new(), hint: None }
    }

    pub(super) fn details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What is left when a test is over.
#[derive(Debug)]
pub(super) struct Remains {
    pub(super) failure: Option<Failed>,
    pub(super) taken: Vec<(String, Value)>,
    pub(super) decisions: Vec<Decision>,
}

impl World {
    pub(super) fn new(scene: Arc<Scene>, test: &str, snapshots: Option<Arc<BTreeMap<String, Value>>>) -> Self {
        Self(Arc::new(Inner {
            scene,
            test: test.to_owned(),
            now: Arc::new(AtomicI64::new(NOON)),
            cache: Arc::default(),
            answers: Arc::default(),
            snapshots,
            state: Mutex::new(State {
                random: Random::seeded(SEED),
                set: None,
                failure: None,
                taken: Vec::new(),
                decisions: Vec::new(),
            }),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn project(&self) -> &Project {
        &self.0.scene.project
    }

    /// The actions, with the secrets of this test.
    pub(super) fn set(&self) -> FlowSet {
        self.state().set.clone().unwrap_or_else(|| self.0.scene.set.clone())
    }

    pub(super) fn replace_set(&self, set: FlowSet) {
        self.state().set = Some(set);
    }

    pub(super) fn clock(&self) -> Clock {
        Clock::Fixed(Arc::clone(&self.0.now))
    }

    pub(super) fn set_clock(&self, unix_ms: i64) {
        self.0.now.store(unix_ms, Ordering::SeqCst);
    }

    pub(super) fn set_random(&self, seed: u64) {
        self.state().random = Random::seeded(seed);
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.0.cache
    }

    pub(super) fn answers(&self) -> &Arc<Answers> {
        &self.0.answers
    }

    /// What the actions get from outside.
    pub(super) fn host(&self) -> Host {
        Host {
            clock: self.clock(),
            random: self.state().random.clone(),
            cache: Arc::clone(&self.0.cache),
            http: self.0.answers.http(),
        }
    }

    /// Calls `work` with where and when this test happens.
    pub(super) fn on_stage<T>(&self, work: impl FnOnce(Stage<'_>) -> T) -> T {
        let Project { hostname, tenant, lifetimes, .. } = self.project();
        let (clock, random) = (self.clock(), self.state().random.clone());
        work(Stage { place: Place { hostname: hostname.as_deref(), tenant }, lifetimes, clock: &clock, random: &random })
    }

    /// Notes what the actions decided: for the logs of a failed test and the estimates.
    pub(super) fn note(&self, decision: &Decision) {
        self.state().decisions.push(decision.clone());
    }

    /// Notes a value under the test's next key and yields what is stored there: `Some(None)` if nothing is, `None` if
    /// whatever is taken counts as right.
    pub(super) fn take_snapshot(&self, name: Option<&str>, value: Value) -> (String, Option<Option<Value>>) {
        let mut state = self.state();
        let name = name.map_or_else(|| self.0.test.clone(), |name| format!("{}: {name}", self.0.test));
        let taken = |key: &str| state.taken.iter().any(|(own, _)| own == key);
        let numbered = (2..).map(|number| format!("{name} {number}"));
        let key = std::iter::once(name.clone()).chain(numbered).find(|key| !taken(key)).unwrap_or_default();
        state.taken.push((key.clone(), value));
        let stored = self.0.snapshots.as_ref().map(|stored| stored.get(&key).cloned());
        (key, stored)
    }

    /// Fails the test at the place of the call, and ends it unless the test catches the error.
    pub(super) fn fail(&self, context: &NativeCallContext<'_>, failed: Failed) -> Box<EvalAltResult> {
        let position = context.call_position();
        let error = EvalAltResult::ErrorRuntime(failed.message.clone().into(), position);
        let place = Failed {
            file: context.call_source().map(str::to_owned),
            line: position.line().unwrap_or(0),
            column: position.position().unwrap_or(0),
            ..failed
        };
        self.state().failure.get_or_insert(place);
        error.into()
    }

    /// Ends the world.
    pub(super) fn remains(&self) -> Remains {
        let mut state = self.state();
        Remains {
            failure: state.failure.take(),
            taken: std::mem::take(&mut state.taken),
            decisions: std::mem::take(&mut state.decisions),
        }
    }
}

impl Failed {
    /// The place for a diagnostic.
    pub(super) fn position(&self) -> Position {
        let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        match self.line {
            0 => Position::NONE,
            line => Position::new(short(line), short(self.column)),
        }
    }
}
