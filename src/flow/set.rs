//! An immutable, compiled, content-addressed set of actions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rhai::{AST, Dynamic, Position};

use super::analysis::{self, Analysed, Subject, Summary, Unit};
use super::codes::Code;
use super::compile::{Compiled, compile};
use super::coverage::Coverage;
use super::event::ClientPart;
use super::failure::Sources;
use super::library::{self, LibraryFile};
use super::pace::Pace;
use super::source::{self, FileKind, stem};
use super::toolbox::Toolbox;
use super::{ActionSettings, Decision, Diagnostic, Limits, LoadError, Settings, Trigger, suggest};
use crate::domain::hash;
use crate::domain::needles::Needles;

/// An immutable, compiled, content-addressed set of actions. A copy shares everything that is large.
#[derive(Clone, Debug)]
pub struct FlowSet {
    hash: String,
    pub(super) actions: Vec<Arc<Action>>,
    /// Files that are there and take no part.
    pub(super) disabled: Vec<String>,
    findings: Vec<Diagnostic>,
    pub(super) limits: Limits,
    pub(super) toolbox: Arc<Toolbox>,
    pub(super) sources: Arc<Sources>,
    /// Constants by file: functions do not see them by themselves.
    pub(super) constants: Arc<Constants>,
    /// Who wants to know which lines run; nobody but tests of actions.
    pub(super) coverage: Option<Arc<Coverage>>,
    pub(super) pace: Arc<Pace>,
}

/// Constants by file as shown, and by name.
pub(super) type Constants = BTreeMap<String, BTreeMap<String, Dynamic>>;

/// One action, ready to run.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) name: Arc<str>,
    pub(super) file: Arc<str>,
    pub(super) ast: AST,
    /// Triggers that it takes part in, with the place of the handler.
    pub(super) handlers: Vec<(Trigger, Position)>,
    pub(super) settings: ActionSettings,
    pub(super) secrets: Arc<BTreeMap<String, String>>,
    pub(super) allow_hosts: Arc<[String]>,
    pub(super) summary: Summary,
}

impl Action {
    /// Where its handler of the trigger begins.
    pub(super) fn place(&self, trigger: Trigger) -> Position {
        self.handlers.iter().find(|(own, _)| *own == trigger).map_or(Position::NONE, |(_, place)| *place)
    }
}

/// One action as shown to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionInfo {
    /// File stem.
    pub name: String,
    /// `actions/10-roles.rhai`.
    pub file: String,
    /// Triggers that it takes part in.
    pub triggers: Vec<Trigger>,
    /// Only for these clients.
    pub clients: Option<Vec<String>>,
    /// Names of the secrets that its text reads.
    pub secrets: Vec<String>,
    /// Claims and parameters that its text sets, as people call them.
    pub writes: Vec<String>,
}

impl FlowSet {
    /// A set from sources in memory, by file name: `("10-roles.rhai", "fn …")`, `("lib/claims.rhai", "fn …")`. The same rules
    /// hold as for [`FlowSet::load`], which reads files and calls this.
    ///
    /// # Errors
    /// All problems of all files.
    pub fn from_sources(settings: &Settings, sources: &[(&str, &str)]) -> Result<Self, LoadError> {
        let mut problems = Vec::new();
        let mut sources = sources.to_vec();
        sources.sort_by(|(a, _), (b, _)| source::natural_order(Path::new(a), Path::new(b)));
        let shown = |name: &str| format!("{}/{name}", settings.display.trim_end_matches('/'));
        let (library, actions): (Vec<_>, Vec<_>) = sources.iter().partition(|(name, _)| name.starts_with("lib/"));
        let mut toolbox = Toolbox::base();
        let mut constants = Constants::new();
        let library = library::load(&mut toolbox, &mut constants, &settings.limits, &library, shown);
        let library = library.map_err(|found| problems.extend(found)).unwrap_or_default();
        let mut loaded = Vec::new();
        // Without its libraries every call into them would be one more problem.
        let complete = problems.is_empty();
        for (name, text) in &actions {
            if source::kind(name) == FileKind::Action {
                match load_action(&toolbox, complete, settings, (name, &shown(name), text)) {
                    Ok((action, compiled)) => {
                        constants.insert(action.file.to_string(), compiled.constants.clone());
                        loaded.push((action, compiled, *text));
                    }
                    Err(found) => problems.extend(found),
                }
            }
        }
        if !problems.is_empty() {
            return Err(LoadError { problems });
        }
        let disabled =
            loaded.iter().filter(|(action, ..)| !action.settings.enabled).map(|(action, ..)| action.file.to_string());
        let disabled = disabled.collect();
        loaded.retain(|(action, ..)| action.settings.enabled);
        let mut findings = unmatched_settings(settings, &actions);
        let trees = loaded.iter().map(|(action, ..)| &action.ast).chain(library.iter().map(|file| &file.compiled.ast));
        toolbox.set_keys(&properties(trees));
        let analysed = analysed(&loaded, &library);
        findings.extend(analysed.findings);
        let told = loaded.into_iter().zip(analysed.summaries);
        let loaded = told.map(|((action, ..), summary)| Arc::new(Action { summary, ..action })).collect();
        let hash = content_hash(settings, &sources);
        let sources: Sources = sources.iter().map(|(name, text)| (shown(name), Arc::from(*text))).collect();
        Ok(Self {
            hash,
            actions: loaded,
            disabled,
            findings,
            limits: settings.limits.clone(),
            toolbox: toolbox.into(),
            sources: sources.into(),
            constants: constants.into(),
            coverage: None,
            pace: Arc::default(),
        })
    }

    /// The content hash over names, sources and settings that matter; 12 hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// What is wrong or doubtful somewhere in the set and does not keep the rest from working: `check` fails for it, `dev` shows
    /// it. (Whoever deletes an action wants it to be gone, settings or not.)
    #[must_use]
    pub fn findings(&self) -> &[Diagnostic] {
        &self.findings
    }

    /// The text of a file as shown (`actions/10-roles.rhai`); that of a parked file is not read.
    #[must_use]
    pub fn source(&self, file: &str) -> Option<&str> {
        self.sources.get(file).map(|text| &**text)
    }

    /// Every file as shown, also those that take no part.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }

    /// The actions in order of execution.
    #[must_use]
    pub fn actions(&self) -> Vec<ActionInfo> {
        let info = |action: &Arc<Action>| ActionInfo {
            name: action.name.to_string(),
            file: action.file.to_string(),
            triggers: action.handlers.iter().map(|(trigger, _)| *trigger).collect(),
            clients: action.settings.clients.clone(),
            secrets: action.summary.secrets.clone(),
            writes: action.summary.writes.clone(),
        };
        self.actions.iter().map(info).collect()
    }

    /// The set with one of its actions alone; `None` if there is none of the name.
    pub(crate) fn only(&self, name: &str) -> Option<Self> {
        let action = self.actions.iter().find(|action| *action.name == *name)?;
        Some(Self { actions: vec![Arc::clone(action)], ..self.clone() })
    }

    /// Gives an action other secrets; `false` if there is none of the name.
    pub(crate) fn set_secrets(&mut self, name: &str, secrets: BTreeMap<String, String>) -> bool {
        let Some(action) = self.actions.iter_mut().find(|action| *action.name == *name) else { return false };
        Arc::make_mut(action).secrets = Arc::new(secrets);
        true
    }

    /// The values of all secrets of all actions: what must not be seen anywhere.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().flat_map(|action| action.secrets.values()).map(String::as_str)
    }

    /// Takes the secrets of all actions out of what a decision tells people: no log, trace or answer has them.
    pub(crate) fn hide_secrets(&self, decision: &mut Decision) {
        // Most actions print nothing.
        if decision.told().next().is_some() {
            let needles = Needles::only(self.secrets());
            decision.told().for_each(|text| needles.replace(text));
        }
    }

    /// What runs for a trigger and client, in order; nothing for a client that bypasses the actions.
    pub(super) fn taking_part<'set>(
        &'set self,
        trigger: Trigger,
        client: &ClientPart,
    ) -> impl Iterator<Item = &'set Action> {
        self.actions.iter().map(|action| &**action).filter(move |action| {
            let named = action.settings.clients.as_ref().is_none_or(|clients| clients.contains(&client.client_id));
            !client.bypass_actions && named && action.handlers.iter().any(|(own, _)| *own == trigger)
        })
    }
}

/// What the analysis says.
fn analysed(actions: &[(Action, Compiled, &str)], library: &[LibraryFile<'_>]) -> Analysed {
    let triggers: Vec<Vec<Trigger>> =
        actions.iter().map(|(action, ..)| action.handlers.iter().map(|(trigger, _)| *trigger).collect()).collect();
    let subjects: Vec<Subject<'_>> = actions
        .iter()
        .zip(&triggers)
        .map(|((action, compiled, text), triggers)| Subject {
            name: &action.name,
            unit: Unit { file: &action.file, text, tree: &compiled.tree, constants: &compiled.constants },
            triggers,
            settings: &action.settings,
        })
        .collect();
    let library: Vec<(&str, Unit<'_>)> = library
        .iter()
        .map(|LibraryFile { namespace, file, text, compiled }| {
            (namespace.as_str(), Unit { file, text, tree: &compiled.tree, constants: &compiled.constants })
        })
        .collect();
    analysis::analyse(&subjects, &library)
}

/// Names that are prepared; further ones work as well.
const MAX_PROPERTIES: usize = 256;

/// The names after a dot, wherever they are read or written.
fn properties<'a>(trees: impl Iterator<Item = &'a AST>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for tree in trees {
        tree.walk(&mut |path| {
            if let Some(rhai::ASTNode::Expr(rhai::Expr::Property(property, _))) = path.last()
                && !names.contains(property.2.as_str())
            {
                names.insert(property.2.to_string());
            }
            names.len() < MAX_PROPERTIES
        });
    }
    names
}

fn load_action(
    toolbox: &Toolbox,
    complete: bool,
    settings: &Settings,
    (name, file, text): (&str, &str, &str),
) -> Result<(Action, Compiled), Vec<Diagnostic>> {
    let compiled = compile(toolbox, &settings.limits, file, text)?;
    let ast = compiled.ast.clone();
    let mut problems = if complete { library::namespaced_calls(toolbox, file, text, &ast) } else { Vec::new() };
    let handlers = handlers(file, text, &ast).map_err(|problem| problems.push(problem));
    let (Ok(handlers), true) = (handlers, problems.is_empty()) else { return Err(problems) };
    let own = settings.actions.get(stem(name)).cloned().unwrap_or_default();
    let (secrets, allow_hosts) = (Arc::new(own.secrets.clone()), own.allow_hosts.clone().into());
    let (name, file, summary) = (stem(name).into(), file.into(), Summary::default());
    let action = Action { name, file, ast, handlers, settings: own, secrets, allow_hosts, summary };
    Ok((action, compiled))
}

/// The triggers of a file; one at least, each with two parameters.
fn handlers(file: &str, text: &str, ast: &AST) -> Result<Vec<(Trigger, Position)>, Diagnostic> {
    let mut handlers = Vec::new();
    for trigger in Trigger::ALL {
        let place = source::definition(text, trigger.handler());
        for function in ast.iter_functions().filter(|function| function.name == trigger.handler()) {
            if function.params.len() != 2 || function.this_type.is_some() {
                let message = format!("`{}` has {}", function.name, suggest::count(function.params.len(), "parameter"));
                let hint = format!("it is called with two: `fn {}(event, api)`", function.name);
                return Err(Diagnostic::at(Code::HandlerParameters, file, text, place, message).with_hint(hint));
            }
            handlers.push((trigger, place));
        }
    }
    if handlers.is_empty() { Err(no_handler(file, text, ast)) } else { Ok(handlers) }
}

fn no_handler(file: &str, text: &str, ast: &AST) -> Diagnostic {
    let names = Trigger::ALL.map(Trigger::handler);
    let near = ast.iter_functions().find_map(|function| Some((function.name, suggest::nearest(function.name, names)?)));
    match near {
        Some((own, meant)) => Diagnostic::at(Code::MisspeltHandler, file, text, source::definition(text, own), format!("`{own}` is no handler"))
            .with_hint(format!("did you mean `{meant}`?")),
        None => Diagnostic::of_file(Code::NoHandler, file, "the file has no handler").with_hint(format!(
            "define `fn {}(event, api)` or `fn {}(event, api)`; shared functions belong into `lib/`, a leading `_` parks a file",
            names[0], names[1]
        )),
    }
}

/// Settings whose file does not exist; a parked file keeps its settings.
fn unmatched_settings(settings: &Settings, files: &[(&str, &str)]) -> Vec<Diagnostic> {
    let stems: Vec<&str> = files.iter().map(|(name, _)| stem(name).trim_start_matches('_')).collect();
    let unmatched = settings.actions.keys().filter(|name| !stems.contains(&name.trim_start_matches('_')));
    let problem = |name: &String| {
        let message = format!("[actions.settings.\"{name}\"] has no file `{name}.rhai`");
        Diagnostic::of_file(Code::SettingsWithoutFile, &settings.display, message).with_hint(suggest::hint(name, &stems))
    };
    unmatched.map(problem).collect()
}

/// 12 hexadecimal digits; secrets go into the hash and nowhere else.
fn content_hash(settings: &Settings, sources: &[(&str, &str)]) -> String {
    let mut content = String::new();
    let mut add = |text: &str| {
        content.push_str(&text.len().to_string());
        content.push(':');
        content.push_str(text);
    };
    for (name, text) in sources {
        add(name);
        add(text);
    }
    for (name, own) in &settings.actions {
        add(name);
        add(&format!("{own:?}{:?}", own.secrets));
    }
    add(&format!("{:?}", settings.limits));
    hash::sha256_hex(&content)[..12].to_owned()
}
