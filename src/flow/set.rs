//! An immutable, compiled, content-addressed set of actions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rhai::{AST, Dynamic, Module, Position, Scope, Shared};

use super::compile::{Compiled, compile};
use super::event::ClientPart;
use super::failure::Sources;
use super::pace::Pace;
use super::source::{self, FileKind};
use super::toolbox::{Toolbox, signatures};
use super::{ActionSettings, Diagnostic, Limits, LoadError, Settings, Trigger, memory, suggest};
use crate::domain::hash;

/// An immutable, compiled, content-addressed set of actions.
#[derive(Debug)]
pub struct FlowSet {
    hash: String,
    actions: Vec<Action>,
    warnings: Vec<Diagnostic>,
    pub(super) limits: Limits,
    pub(super) toolbox: Toolbox,
    pub(super) sources: Arc<Sources>,
    /// Constants by file, for the places where the optimizer does not put them.
    pub(super) constants: Arc<Constants>,
    pub(super) pace: Pace,
}

/// Constants by file as shown, and by name.
pub(super) type Constants = BTreeMap<String, BTreeMap<String, Dynamic>>;

/// One action, ready to run.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) ast: AST,
    /// Triggers that it takes part in, with the place of the handler.
    pub(super) handlers: Vec<(Trigger, Position)>,
    pub(super) settings: ActionSettings,
    pub(super) secrets: Arc<BTreeMap<String, String>>,
    pub(super) allow_hosts: Arc<[String]>,
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
}

const TRIGGERS: [Trigger; 2] = [Trigger::PostLogin, Trigger::CredentialsExchange];

impl FlowSet {
    /// A set from sources in memory, by file name: `("10-roles.rhai", "fn …")`, `("lib/claims.rhai", "fn …")`. The same rules
    /// hold as for [`FlowSet::load`], which reads files and calls this.
    ///
    /// # Errors
    /// All problems of all files.
    pub fn from_sources(settings: &Settings, sources: &[(&str, &str)]) -> Result<Self, LoadError> {
        memory::install();
        let mut problems = Vec::new();
        let mut sources = sources.to_vec();
        sources.sort_by(|(a, _), (b, _)| source::natural_order(Path::new(a), Path::new(b)));
        let shown = |name: &str| format!("{}/{name}", settings.display.trim_end_matches('/'));
        let (library, actions): (Vec<_>, Vec<_>) = sources.iter().partition(|(name, _)| name.starts_with("lib/"));
        let mut toolbox = Toolbox::new();
        let mut properties = BTreeSet::new();
        let mut constants = Constants::new();
        problems.extend(load_library(&mut toolbox, (&mut constants, &mut properties), &settings.limits, &library, shown));
        let mut loaded = Vec::new();
        // Without its libraries every call into them would be one more problem.
        let complete = problems.is_empty();
        for (name, text) in &actions {
            if source::kind(name) == FileKind::Action {
                match load_action(&toolbox, complete, settings, (name, &shown(name), text)) {
                    Ok((action, own)) => {
                        constants.insert(action.file.clone(), own);
                        collect_properties(&action.ast, &mut properties);
                        loaded.push(action);
                    }
                    Err(found) => problems.extend(found),
                }
            }
        }
        if !problems.is_empty() {
            return Err(LoadError { problems });
        }
        let warnings = unmatched_settings(settings, &actions);
        toolbox.set_keys(properties.iter().map(String::as_str));
        loaded.retain(|action| action.settings.enabled);
        let hash = content_hash(settings, &sources);
        let sources: Sources = sources.iter().map(|(name, text)| (shown(name), Arc::from(*text))).collect();
        Ok(Self {
            hash,
            actions: loaded,
            warnings,
            limits: settings.limits.clone(),
            toolbox,
            sources: sources.into(),
            constants: constants.into(),
            pace: Pace::default(),
        })
    }

    /// The content hash over names, sources and settings that matter; 12 hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// What is probably a mistake and does not keep the set from working: settings whose file does not exist. Whoever deletes
    /// an action wants it to be gone, settings or not.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The actions in order of execution.
    #[must_use]
    pub fn actions(&self) -> Vec<ActionInfo> {
        let info = |action: &Action| ActionInfo {
            name: action.name.clone(),
            file: action.file.clone(),
            triggers: action.handlers.iter().map(|(trigger, _)| *trigger).collect(),
            clients: action.settings.clients.clone(),
        };
        self.actions.iter().map(info).collect()
    }

    /// What runs for a trigger and client, in order; nothing for a client that bypasses the actions.
    pub(super) fn taking_part<'set>(
        &'set self,
        trigger: Trigger,
        client: &ClientPart,
    ) -> impl Iterator<Item = &'set Action> {
        self.actions.iter().filter(move |action| {
            let named = action.settings.clients.as_ref().is_none_or(|clients| clients.contains(&client.client_id));
            !client.bypass_actions && named && action.handlers.iter().any(|(own, _)| *own == trigger)
        })
    }
}

fn stem(name: &str) -> &str {
    name.strip_suffix(".rhai").unwrap_or(name)
}

fn load_action(
    toolbox: &Toolbox,
    complete: bool,
    settings: &Settings,
    (name, file, text): (&str, &str, &str),
) -> Result<(Action, BTreeMap<String, Dynamic>), Vec<Diagnostic>> {
    let Compiled { ast, constants } = compile(toolbox, &settings.limits, file, text)?;
    let mut problems = if complete { namespaced_calls(toolbox, file, text, &ast) } else { Vec::new() };
    let handlers = handlers(file, text, &ast).map_err(|problem| problems.push(problem));
    let (Ok(handlers), true) = (handlers, problems.is_empty()) else { return Err(problems) };
    let own = settings.actions.get(stem(name)).cloned().unwrap_or_default();
    let (secrets, allow_hosts) = (Arc::new(own.secrets.clone()), own.allow_hosts.clone().into());
    let action =
        Action { name: stem(name).to_owned(), file: file.to_owned(), ast, handlers, settings: own, secrets, allow_hosts };
    Ok((action, constants))
}

/// The triggers of a file; one at least, each with two parameters.
fn handlers(file: &str, text: &str, ast: &AST) -> Result<Vec<(Trigger, Position)>, Diagnostic> {
    let mut handlers = Vec::new();
    for trigger in TRIGGERS {
        let place = source::definition(text, trigger.handler());
        for function in ast.iter_functions().filter(|function| function.name == trigger.handler()) {
            if function.params.len() != 2 || function.this_type.is_some() {
                let message = format!("`{}` has {} parameters", function.name, function.params.len());
                let hint = format!("it is called with two: `fn {}(event, api)`", function.name);
                return Err(Diagnostic::at(file, text, place, message).with_hint(hint));
            }
            handlers.push((trigger, place));
        }
    }
    if handlers.is_empty() { Err(no_handler(file, text, ast)) } else { Ok(handlers) }
}

fn no_handler(file: &str, text: &str, ast: &AST) -> Diagnostic {
    let names = TRIGGERS.map(Trigger::handler);
    let near = ast.iter_functions().find_map(|function| Some((function.name, suggest::nearest(function.name, names)?)));
    match near {
        Some((own, meant)) => Diagnostic::at(file, text, source::definition(text, own), format!("`{own}` is no handler"))
            .with_hint(format!("did you mean `{meant}`?")),
        None => Diagnostic::of_file(file, "the file has no handler").with_hint(format!(
            "define `fn {}(event, api)` or `fn {}(event, api)`; shared functions belong into `lib/`, a leading `_` parks a file",
            names[0], names[1]
        )),
    }
}

/// Compiles `lib/`. Each file sees all the others, whatever their order: while compiling, names are enough.
fn load_library(
    toolbox: &mut Toolbox,
    (all_constants, properties): (&mut Constants, &mut BTreeSet<String>),
    limits: &Limits,
    files: &[(&str, &str)],
    shown: impl Fn(&str) -> String,
) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut own = Vec::new();
    for (name, text) in files {
        let file = shown(name);
        let base = name.trim_start_matches("lib/");
        if source::kind(base) != FileKind::Action {
            continue;
        }
        match namespace_problem(toolbox, stem(base)) {
            Some(message) => problems.push(Diagnostic::of_file(&file, message)),
            None => own.push((stem(base).to_owned(), file, *text)),
        }
    }
    for (name, ..) in &own {
        toolbox.set_namespace(name, Module::new().into());
    }
    let mut trees = Vec::new();
    for (name, file, text) in own {
        match module(toolbox, limits, &file, text) {
            Ok((module, Compiled { ast, constants })) => {
                all_constants.insert(file.clone(), constants);
                toolbox.set_namespace(&name, module);
                collect_properties(&ast, properties);
                trees.push((file, text, ast));
            }
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        problems.extend(trees.iter().flat_map(|(file, text, ast)| namespaced_calls(toolbox, file, text, ast)));
    }
    problems
}

/// The names after a dot, wherever they are read or written.
fn collect_properties(ast: &AST, names: &mut BTreeSet<String>) {
    ast.walk(&mut |path| {
        if let Some(rhai::ASTNode::Expr(rhai::Expr::Property(property, _))) = path.last()
            && !names.contains(property.2.as_str())
        {
            names.insert(property.2.to_string());
        }
        true
    });
}

fn namespace_problem(toolbox: &Toolbox, name: &str) -> Option<String> {
    if !rhai::is_valid_identifier(name) {
        return Some(format!("`{name}` cannot be a namespace: file names in `lib/` consist of letters, digits and `_`"));
    }
    let taken = name == "global" || toolbox.namespaces().any(|present| present == name);
    taken.then(|| format!("the namespace `{name}` exists already"))
}

fn module(
    toolbox: &Toolbox,
    limits: &Limits,
    file: &str,
    text: &str,
) -> Result<(Shared<Module>, Compiled), Vec<Diagnostic>> {
    let compiled = compile(toolbox, limits, file, text)?;
    let ast = &compiled.ast;
    if let Some(function) = ast.iter_functions().find(|function| TRIGGERS.iter().any(|own| own.handler() == function.name)) {
        let place = source::definition(text, function.name);
        let problem = Diagnostic::at(file, text, place, "a handler in `lib/` is never called");
        return Err(vec![problem.with_hint("handlers belong into a file of the directory itself")]);
    }
    let engine = toolbox.engine(limits);
    let mut module = Module::eval_ast_as_new(Scope::new(), ast, &engine)
        .map_err(|error| vec![Diagnostic::of_file(file, super::failure::clean(&error.to_string()))])?;
    for (name, value) in &compiled.constants {
        module.set_var(name.as_str(), value.clone());
    }
    module.set_id(file);
    module.build_index();
    Ok((module.into(), compiled))
}

/// Calls with a namespace are looked up by name and number of arguments; Rhai would only notice when they run.
fn namespaced_calls(toolbox: &Toolbox, file: &str, text: &str, ast: &AST) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    ast.walk(&mut |path| {
        if let Some(
            rhai::ASTNode::Expr(rhai::Expr::FnCall(call, position))
            | rhai::ASTNode::Stmt(rhai::Stmt::FnCall(call, position)),
        ) = path.last()
            && let [namespace] = &*call.namespace.path
            && let Some(module) = toolbox.namespace(&namespace.name)
        {
            let known: Vec<(String, usize)> = signatures(module).collect();
            if !known.iter().any(|(name, count)| *name == call.name.as_str() && *count == call.args.len()) {
                let message = format!("no function `{}::{}` with {} arguments", namespace.name, call.name, call.args.len());
                let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
                let hint = suggest::hint(&call.name, &names);
                problems.push(Diagnostic::at(file, text, *position, message).with_hint(hint));
            }
        }
        true
    });
    problems
}

/// Settings whose file does not exist; a parked file keeps its settings.
fn unmatched_settings(settings: &Settings, files: &[(&str, &str)]) -> Vec<Diagnostic> {
    let stems: Vec<&str> = files.iter().map(|(name, _)| stem(name).trim_start_matches('_')).collect();
    let unmatched = settings.actions.keys().filter(|name| !stems.contains(&name.trim_start_matches('_')));
    let problem = |name: &String| {
        let message = format!("[actions.settings.\"{name}\"] has no file `{name}.rhai`");
        Diagnostic::of_file(&settings.display, message).with_hint(suggest::hint(name, &stems))
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
