//! Scripts beside the actions: their unit tests. The same language, rules and libraries, and further functions that the
//! caller brings along; never part of a flow.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rhai::{AST, CallFnOptions, Dynamic, Engine, EvalAltResult, Module, Position, Scope, Shared};

use super::brake;
use super::compile::{Compiled, compile};
use super::failure::{self, Setting, Sources};
use super::functions::{Calls, RunHandle};
use super::logs::Logs;
use super::set::Constants;
use super::source::FileKind;
use super::toolbox::Toolbox;
use super::{Code, Diagnostic, FlowSet, Host, Limits, LoadError, Spot, Trigger, Witness, load, run, source};

/// A compiled file of functions.
#[derive(Debug)]
pub(crate) struct Script {
    /// As shown: `actions/tests/roles.rhai`.
    pub(crate) file: String,
    ast: AST,
    toolbox: Toolbox,
    constants: Arc<Constants>,
    sources: Sources,
    limits: Limits,
}

/// A function of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScriptFunction {
    pub(crate) name: String,
    pub(crate) parameters: usize,
    /// The text of its `///` lines, in one line.
    pub(crate) comment: Option<String>,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// One call of a function without parameters.
pub(crate) struct Call<'a> {
    pub(crate) function: &'a ScriptFunction,
    /// The caller's functions, with what this call may reach.
    pub(crate) functions: Shared<Module>,
    pub(crate) host: Host,
    /// Wall time; the limit of operations comes first unless the machine is very slow.
    pub(crate) patience: Duration,
}

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) failure: Option<Diagnostic>,
    pub(crate) printed: Vec<String>,
}

impl FlowSet {
    /// Compiles a file by the rules of an action, with `functions` added to what it may call.
    pub(crate) fn script(
        &self,
        functions: Shared<Module>,
        limits: &Limits,
        file: &str,
        text: &str,
    ) -> Result<Script, Vec<Diagnostic>> {
        let toolbox = self.toolbox.with(functions);
        let Compiled { ast, constants: own, .. } = compile(&toolbox, limits, file, text)?;
        let problems = super::library::namespaced_calls(&toolbox, file, text, &ast);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut constants = Constants::clone(&self.constants);
        constants.insert(file.to_owned(), own);
        let mut sources = Sources::clone(&self.sources);
        sources.insert(file.to_owned(), text.into());
        Ok(Script { file: file.to_owned(), ast, toolbox, constants: constants.into(), sources, limits: limits.clone() })
    }

    /// Calls a function of a script, on an engine of its own and within the script's limits.
    pub(crate) fn call(&self, script: &Script, call: Call<'_>) -> Called {
        let logs = Logs::new(script.limits.max_log_size);
        let place = script.position(call.function);
        let function = call.function.name.clone();
        let result = catch_unwind(AssertUnwindSafe(|| {
            let engine = self.engine_beside(script, call, &logs);
            let options = CallFnOptions::new().eval_ast(false);
            engine.call_fn_with_options::<Dynamic>(options, &mut Scope::new(), &script.ast, &function, ()).map(drop)
        }));
        let failure = match result {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(script.diagnose(place, *error)),
            Err(_) => Some(script.panicked(place)),
        };
        Called { failure, printed: logs.take() }
    }

    fn engine_beside(&self, script: &Script, call: Call<'_>, logs: &Logs) -> Engine {
        let deadline = Instant::now() + call.patience;
        let mut engine = script.toolbox.engine(&script.limits);
        brake::install(&mut engine, &script.limits, script.limits.max_memory, deadline);
        engine.register_global_module(call.functions);
        engine.set_default_tag(Dynamic::from(RunHandle {
            witness: Witness::new(&call.host, Trigger::PostLogin),
            allow_hosts: Arc::new([]),
            deadline,
            calls: Calls::default(),
        }));
        run::resolve_variables(&mut engine, &script.constants, logs);
        let printed = logs.clone();
        engine.on_print(move |line| printed.push(line));
        let debugged = logs.clone();
        engine.on_debug(move |line, _, _| debugged.push(line));
        if let Some(coverage) = &self.coverage {
            coverage.watch(&mut engine);
        }
        engine
    }
}

impl Script {
    /// The functions, in the order of the file.
    pub(crate) fn functions(&self) -> Vec<ScriptFunction> {
        let named = self.ast.iter_functions().filter(|function| rhai::is_valid_identifier(function.name));
        let mut functions: Vec<_> = named
            .map(|function| {
                let place = source::definition(self.text(), function.name);
                ScriptFunction {
                    name: function.name.to_owned(),
                    parameters: function.params.len() + usize::from(function.this_type.is_some()),
                    comment: comment(&function.comments),
                    line: place.line().unwrap_or(0),
                    column: place.position().unwrap_or(0),
                }
            })
            .collect();
        functions.sort_by_key(|function| (function.line, function.column));
        functions
    }

    /// A place of the script, or of a file that it calls.
    pub(crate) fn spot(&self, file: &str, position: Position, message: &str) -> Spot {
        let text = self.sources.get(file).map_or("", |text| text);
        Spot::at(file, text, failure::at_property(text, position, message))
    }

    fn position(&self, function: &ScriptFunction) -> Position {
        source::definition(self.text(), &function.name)
    }

    fn text(&self) -> &str {
        self.sources.get(&self.file).map_or("", |text| text)
    }

    fn panicked(&self, place: Position) -> Diagnostic {
        let problem = Diagnostic::at(Code::Panicked, &self.file, self.text(), place, "a built-in function panicked");
        problem.with_hint("this is a bug of vestibule, not of the test")
    }

    fn diagnose(&self, place: Position, error: EvalAltResult) -> Diagnostic {
        let setting = Setting { sources: &self.sources, names: self.toolbox.names(), limits: &self.limits };
        failure::diagnose(setting, &self.file, place, error)
    }
}

/// `///` lines as one line of text.
fn comment(lines: &[&str]) -> Option<String> {
    let words: Vec<_> = lines
        .iter()
        .flat_map(|line| line.lines())
        .flat_map(|line| line.trim().trim_start_matches(['/', '*', '!']).trim_end_matches("*/").split_whitespace())
        .collect();
    let text = words.join(" ");
    (!text.is_empty()).then(|| text.trim_end_matches('.').to_owned())
}

/// The scripts of a directory, by file name; files that editors make and parked ones (`_…`) are none.
pub(crate) fn read(directory: &Path, shown: &str, max_size: usize) -> Result<Vec<(String, String)>, LoadError> {
    let unreadable = |error: std::io::Error| {
        let problem = Diagnostic::of_file(Code::Unreadable, shown, format!("the directory cannot be read: {error}"));
        LoadError { problems: vec![problem] }
    };
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(directory).map_err(unreadable)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if source::kind(&name) != FileKind::Action || entry.path().is_dir() {
            continue;
        }
        match load::read_file(&entry.path(), &format!("{shown}/{name}"), max_size) {
            Ok(text) => files.push((name, text)),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(files) } else { Err(LoadError { problems }) }
}
