//! The analysis behind `vestibule check`: follows `event` and `api` through every branch of every action, and says what
//! cannot work, or can hardly be meant, before a user is the first to see it.
//!
//! It runs whenever a set is loaded and refuses nothing: what it finds are findings of the set. It is silent wherever it is
//! not sure. A function is looked at once for each way that it is called: which trigger, which action's settings, and what is
//! known of its arguments ([`value`]). `walk` goes through statements and expressions, `chain` through `event.…` and `api.…`,
//! `calls` looks at calls with an effect; `whole` compares actions with each other and with their settings.

mod allow;
mod calls;
mod chain;
mod handlers;
mod source;
mod value;
mod walk;
mod whole;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rhai::Position;

use super::api::description::Writes;
use super::codes::Code;
use super::{ActionSettings, Diagnostic, Trigger};
use source::Source;
pub(super) use source::Unit;
use value::Value;

/// Ways to call functions that are looked at: enough for any directory, and an end for a hostile one.
const MAX_VISITS: usize = 20_000;
/// Statements and expressions that are looked at, for each file of the set: the largest file has a tenth of it.
const MAX_STEPS: usize = 200_000;
/// What is found, for each file of the set.
const MAX_FINDINGS: usize = 50;
/// Nested calls that are followed.
const MAX_DEPTH: usize = 32;

/// An action under analysis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    pub(super) unit: Unit<'a>,
    pub(super) triggers: &'a [Trigger],
    pub(super) settings: &'a ActionSettings,
}

/// Everything that is known during the analysis.
struct Analysis<'a> {
    actions: &'a [Subject<'a>],
    /// The files of the actions, in their order, and then those of `lib/`.
    sources: Vec<Source<'a>>,
    /// Files of `lib/` by namespace.
    namespaces: BTreeMap<String, usize>,
    seen: HashMap<Visit, Value>,
    steps: usize,
    problems: Vec<Diagnostic>,
    writes: Vec<Write>,
    /// By action.
    secrets: Vec<SecretUse>,
    /// Parts that are absent in a trigger and are asked for their presence somewhere: file, path.
    tested: BTreeSet<(usize, String)>,
    /// Readings through such parts, which count unless the file asks for presence.
    doubtful: Vec<(usize, String, Diagnostic)>,
}

/// A function with everything that its meaning depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Visit {
    /// `None` for a function that nobody calls.
    context: Context,
    name: String,
    arguments: Vec<Value>,
    certain: bool,
}

/// On whose behalf code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Context {
    /// Index of the file.
    file: usize,
    /// Index of the action; `None` for a function of `lib/` that no action calls.
    action: Option<usize>,
    /// `None`: any.
    trigger: Option<Trigger>,
}

/// A name that an action writes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Write {
    action: usize,
    trigger: Trigger,
    what: &'static str,
    name: String,
    /// In the action's own file.
    place: (usize, usize),
}

/// A secret that is read.
#[derive(Debug, Default)]
struct SecretUse {
    /// By name, with the first place.
    read: BTreeMap<String, (usize, Position)>,
    /// Names whose absence is asked about.
    optional: BTreeSet<String>,
    /// Whether names are computed, or the secrets handed on as a whole.
    any: bool,
}

/// What came out.
#[derive(Debug)]
pub(super) struct Analysed {
    /// What is wrong or doubtful in the set.
    pub(super) findings: Vec<Diagnostic>,
    /// By action, what it is about.
    pub(super) summaries: Vec<Summary>,
}

/// What an action does as far as its text says so; names that are computed are not here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// Names of the secrets that it reads.
    pub(super) secrets: Vec<String>,
    /// Claims and parameters that it sets, as people call them.
    pub(super) writes: Vec<String>,
}

/// Goes through all actions.
pub(super) fn analyse(actions: &[Subject<'_>], library: &[(&str, Unit<'_>)]) -> Analysed {
    let units = actions.iter().map(|action| action.unit).chain(library.iter().map(|(_, unit)| *unit));
    let mut analysis = Analysis {
        actions,
        sources: units.map(Source::new).collect(),
        namespaces: (library.iter().enumerate())
            .map(|(index, (name, _))| ((*name).to_owned(), actions.len() + index))
            .collect(),
        seen: HashMap::new(),
        steps: 0,
        problems: Vec::new(),
        writes: Vec::new(),
        secrets: actions.iter().map(|_| SecretUse::default()).collect(),
        tested: BTreeSet::new(),
        doubtful: Vec::new(),
    };
    analysis.visit_handlers();
    analysis.visit_the_rest();
    analysis.settle_doubts();
    analysis.misnamed_handlers();
    analysis.names_written_twice();
    analysis.secrets_and_settings();
    let summaries = (0..actions.len()).map(|action| analysis.summary(action)).collect();
    Analysed { findings: analysis.findings(), summaries }
}

impl Analysis<'_> {
    /// Counts a step. Whether there were too many: then nothing more is looked at, which makes nobody wait.
    fn is_spent(&mut self) -> bool {
        self.steps += 1;
        let files = self.sources.len();
        self.steps > MAX_STEPS * files || self.problems.len() + self.doubtful.len() >= MAX_FINDINGS * files
    }

    fn visit_handlers(&mut self) {
        for (index, action) in self.actions.iter().enumerate() {
            for trigger in action.triggers {
                let context = Context { file: index, action: Some(index), trigger: Some(*trigger) };
                let arguments = vec![Value::event(), Value::Api];
                self.visit(Visit { context, name: trigger.handler().to_owned(), arguments, certain: true }, None, 0);
            }
        }
    }

    /// Functions that no handler reaches: by the names of their parameters.
    fn visit_the_rest(&mut self) {
        let reached: BTreeSet<(usize, String, usize)> =
            self.seen.keys().map(|visit| (visit.context.file, visit.name.clone(), visit.arguments.len())).collect();
        let mut rest = Vec::new();
        for (file, source) in self.sources.iter().enumerate() {
            for ((name, count), function) in &source.functions {
                if rhai::is_valid_identifier(name) && !reached.contains(&(file, name.clone(), *count)) {
                    let arguments = function.parameters.iter().map(|parameter| match parameter.as_str() {
                        "event" => Value::event(),
                        "api" => Value::Api,
                        _ => Value::Unknown,
                    });
                    let context = Context { file, action: (file < self.actions.len()).then_some(file), trigger: None };
                    rest.push(Visit { context, name: name.clone(), arguments: arguments.collect(), certain: false });
                }
            }
        }
        for visit in rest {
            self.visit(visit, None, 0);
        }
    }

    /// A problem at a place of a file.
    fn problem(&mut self, code: Code, file: usize, position: Position, message: impl Into<String>, hint: Option<String>) {
        let problem = self.diagnostic(code, file, position, message, hint);
        self.problems.push(problem);
    }

    fn diagnostic(
        &self,
        code: Code,
        file: usize,
        position: Position,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Diagnostic {
        let unit = self.sources[file].unit;
        Diagnostic { hint, ..Diagnostic::at(code, unit.file, unit.text, position, message) }
    }

    /// Readings through what is never there count where the file does not ask for its presence.
    fn settle_doubts(&mut self) {
        for (file, path, problem) in std::mem::take(&mut self.doubtful) {
            if !self.tested.contains(&(file, path)) {
                self.problems.push(problem);
            }
        }
    }

    /// Each problem once, by file and place, without those that a comment allows.
    fn summary(&self, action: usize) -> Summary {
        let own = self.writes.iter().filter(|write| write.action == action);
        let writes: BTreeSet<_> = own.map(|write| write.what.replace('@', &write.name)).collect();
        Summary { secrets: self.secrets[action].read.keys().cloned().collect(), writes: writes.into_iter().collect() }
    }

    fn findings(mut self) -> Vec<Diagnostic> {
        let order = |problem: &Diagnostic| self.sources.iter().position(|source| source.unit.file == problem.file);
        self.problems.sort_by_key(|problem| (order(problem), problem.line, problem.column, problem.code));
        let mut known = BTreeSet::new();
        self.problems.retain(|problem| {
            known.insert((
                problem.file.clone(),
                problem.line,
                problem.column,
                problem.code,
                problem.line.eq(&0).then(|| problem.message.clone()),
            ))
        });
        let texts: BTreeMap<&str, &str> = self.sources.iter().map(|source| (source.unit.file, source.unit.text)).collect();
        self.problems.retain(|problem| !allow::is_allowed(problem, &texts));
        self.problems
    }
}

/// What a name is a name of, as people say it; `@` is the name.
fn kind_of(writes: Writes) -> Option<&'static str> {
    match writes {
        Writes::IdTokenClaim => Some("claim `@` of the ID token"),
        Writes::AccessTokenClaim => Some("claim `@` of the access token"),
        Writes::Parameter => Some("parameter `@` of the token response"),
        _ => None,
    }
}
