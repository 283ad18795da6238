//! `lib/`: what actions share. A file is a namespace of the engine, known to all files of the set.

use rhai::{AST, Module, ParseErrorType, Scope, Shared};

use super::codes::Code;
use super::compile::{Compiled, compile};
use super::set::Constants;
use super::source::{self, FileKind, stem};
use super::toolbox::{Toolbox, signatures};
use super::{Diagnostic, Limits, Trigger, suggest};

/// A file of `lib/`, compiled.
#[derive(Debug)]
pub(super) struct LibraryFile<'a> {
    pub(super) namespace: String,
    /// As shown.
    pub(super) file: String,
    pub(super) text: &'a str,
    pub(super) compiled: Compiled,
}

/// Compiles `lib/` into namespaces of the toolbox. Each file sees all the others, whatever their order: while compiling, names
/// are enough.
pub(super) fn load<'a>(
    toolbox: &mut Toolbox,
    constants: &mut Constants,
    limits: &Limits,
    files: &[(&str, &'a str)],
    shown: impl Fn(&str) -> String,
) -> Result<Vec<LibraryFile<'a>>, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let mut own = Vec::new();
    for (name, text) in files {
        let file = shown(name);
        let base = name.trim_start_matches("lib/");
        if source::kind(base) != FileKind::Action {
            continue;
        }
        match namespace_problem(toolbox, limits, stem(base)) {
            Some(message) => problems
                .push(Diagnostic::of_file(Code::NamespaceName, &file, message).with_hint("give the file another name")),
            None => own.push((stem(base).to_owned(), file, *text)),
        }
    }
    for (name, ..) in &own {
        toolbox.set_namespace(name, Module::new().into());
    }
    let mut loaded = Vec::new();
    for (namespace, file, text) in own {
        match module(toolbox, limits, &file, text) {
            Ok((module, compiled)) => {
                constants.insert(file.clone(), compiled.constants.clone());
                toolbox.set_namespace(&namespace, module);
                loaded.push(LibraryFile { namespace, file, text, compiled });
            }
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        let unknown = loaded.iter().flat_map(|own| namespaced_calls(toolbox, &own.file, own.text, &own.compiled.ast));
        problems.extend(unknown);
    }
    if problems.is_empty() { Ok(loaded) } else { Err(problems) }
}

fn namespace_problem(toolbox: &Toolbox, limits: &Limits, name: &str) -> Option<String> {
    if !rhai::is_valid_identifier(name) {
        return Some(format!("`{name}` cannot be a namespace: file names in `lib/` consist of letters, digits and `_`"));
    }
    // Rhai has more reserved words than it uses, and no list of them: whether the name works is asked of the parser.
    let call = toolbox.compiler(limits).compile(format!("{name}::f()"));
    if call.is_err_and(|error| !matches!(*error.0, ParseErrorType::ModuleUndefined(_))) {
        return Some(format!("`{name}` cannot be a namespace: it is a word of the language"));
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
    if let Some(function) =
        ast.iter_functions().find(|function| Trigger::ALL.iter().any(|own| own.handler() == function.name))
    {
        let place = source::definition(text, function.name);
        let problem = Diagnostic::at(Code::HandlerInLibrary, file, text, place, "a handler in `lib/` is never called");
        return Err(vec![problem.with_hint("handlers belong into a file of the directory itself")]);
    }
    let engine = toolbox.engine(limits);
    let mut module = Module::eval_ast_as_new(Scope::new(), ast, &engine)
        .map_err(|error| vec![Diagnostic::of_file(Code::Refused, file, super::failure::clean(&error.to_string()))])?;
    for (name, value) in &compiled.constants {
        module.set_var(name.as_str(), value.clone());
    }
    module.set_id(file);
    module.build_index();
    Ok((module.into(), compiled))
}

/// Calls with a namespace are looked up by name and number of arguments; Rhai would only notice when they run.
pub(super) fn namespaced_calls(toolbox: &Toolbox, file: &str, text: &str, ast: &AST) -> Vec<Diagnostic> {
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
                let message = format!(
                    "no function `{}::{}` with {}",
                    namespace.name,
                    call.name,
                    suggest::count(call.args.len(), "argument")
                );
                let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
                let hint = suggest::hint(&call.name, &names);
                problems.push(Diagnostic::at(Code::UnknownLibraryFunction, file, text, *position, message).with_hint(hint));
            }
        }
        problems.len() < super::check::MAX_PROBLEMS
    });
    problems
}
