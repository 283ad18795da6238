//! From the text of one file to a checked tree.
//!
//! Constants need two passes: Rhai does not show them to functions. The first tree is checked and its constants are computed,
//! under the limits and without the host; the second is compiled with them in scope, so that every name is known, and the
//! run looks their values up. Nothing is optimized: the optimizer folds constants without a bound (`X + X` in every line
//! is a file of a gigabyte) and takes seconds for what the parser reads in no time.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rhai::{AST, Dynamic, EvalAltResult, OptimizationLevel, Position, Scope};

use super::brake;
use super::check::{self, File};
use super::codes::Code;
use super::failure::{self, Setting, Sources};
use super::toolbox::Toolbox;
use super::{Diagnostic, Limits, bounds, logs};

/// Computing the constants of a file may take this long.
const CONSTANTS_DEADLINE_MS: u64 = 200;

/// A file whose rules are kept.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) ast: AST,
    /// The tree before the optimizer took branches and constants away: for the analysis.
    pub(super) tree: AST,
    /// The constants of the top level.
    pub(super) constants: BTreeMap<String, Dynamic>,
}

/// Compiles and checks. `file` is the name as shown.
pub(super) fn compile(toolbox: &Toolbox, limits: &Limits, file: &str, source: &str) -> Result<Compiled, Vec<Diagnostic>> {
    let namespaces: Vec<&str> = toolbox.namespaces().collect();
    let parse_problem = |error: &rhai::ParseError| vec![failure::of_parser(file, source, error, &namespaces)];
    let mut engine = toolbox.compiler(limits);
    engine.set_optimization_level(OptimizationLevel::None).set_strict_variables(false);
    bounds::watch(&mut engine, limits);
    let tree = engine.compile(source).map_err(|error| parse_problem(&error))?;
    let mut problems = check::check(File { file, source, names: toolbox.names() }, &tree);
    let mut scope = Scope::new();
    if problems.is_empty() {
        match constants(toolbox, limits, (file, source), &tree) {
            Ok(found) => scope = found,
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let constants = scope.iter().map(|(name, _, value)| (name.to_owned(), value)).collect();
    logs::declare(&mut scope);
    engine.set_strict_variables(true);
    bounds::watch(&mut engine, limits);
    let mut ast = engine.compile_with_scope(&scope, source).map_err(|error| parse_problem(&error))?;
    ast.clear_statements();
    ast.set_source(file);
    Ok(Compiled { ast, tree, constants })
}

/// Computes the constants; nothing of the host is there, so that loading a file has no effect and the same result each time.
fn constants(
    toolbox: &Toolbox,
    limits: &Limits,
    (file, source): (&str, &str),
    tree: &AST,
) -> Result<Scope<'static>, Diagnostic> {
    let mut engine = toolbox.engine_without_host(limits);
    engine.set_optimization_level(OptimizationLevel::None);
    let limits = &Limits { deadline_ms: CONSTANTS_DEADLINE_MS, ..limits.clone() };
    let deadline = Instant::now() + Duration::from_millis(limits.deadline_ms);
    brake::install(&mut engine, limits, limits.max_memory, deadline);
    let mut scope = Scope::new();
    let result = catch_unwind(AssertUnwindSafe(|| engine.run_ast_with_scope(&mut scope, tree)));
    let error = match result {
        Ok(Ok(())) => return Ok(scope),
        Ok(Err(error)) => *error,
        Err(_) => EvalAltResult::ErrorRuntime("the constant cannot be computed".into(), Position::NONE),
    };
    let is_namespace = matches!(error, EvalAltResult::ErrorModuleNotFound(..));
    let sources = Sources::from([(file.to_owned(), source.into())]);
    let setting = Setting { sources: &sources, names: toolbox.names(), limits };
    let problem = failure::diagnose(setting, file, Position::new(1, 1), error);
    let problem = Diagnostic {
        code: Code::ConstantNotComputed,
        message: format!("the constant cannot be computed: {}", problem.message),
        ..problem
    };
    let hint =
        "constants are computed once, when the file is loaded: `::` functions are not there yet; write a function instead";
    Err(if is_namespace { problem.with_hint(hint) } else { problem })
}
