//! Rules that a file must keep beyond the grammar, read off the syntax tree before anything runs.
//!
//! - The top level holds functions and constants only: nothing happens when a file is loaded.
//! - A closure appears only as an argument of a method that calls it at once. Stored in what it captured, it would be a
//!   reference cycle that no run ever frees, and a chain of them overflows the stack when it is dropped.
//! - No function takes the place of one of ours: Rhai prefers script functions, even to methods of `api`.
//! - Every name that is called exists, at least for some types.
//! - Calls have few arguments: where no function fits, Rhai tries each of them in two ways, all combinations of the first
//!   sixteen, in one step that no deadline interrupts.

use std::collections::BTreeSet;

use rhai::{AST, ASTFlags, ASTNode, Expr, FnCallExpr, Position, Stmt};

use super::codes::Code;
use super::toolbox::Names;
use super::{Diagnostic, javascript, logs, source, suggest};

/// Methods that call a function they are given and do not keep it: Rhai's and the script library's.
const CALLBACKS: [&str; 23] = [
    "all",
    "dedup",
    "drain",
    "every",
    "filter",
    "find",
    "findIndex",
    "find_map",
    "flatMap",
    "forEach",
    "for_each",
    "index_of",
    "map",
    "order",
    "order_by",
    "reduce",
    "reduce_rev",
    "retain",
    "some",
    "sort",
    "sort_by",
    "toSorted",
    "zip",
];
const CURRY: &str = "curry";
/// Arguments of a call and parameters of a function.
const MAX_ARGUMENTS: usize = 12;

/// Problems of one file that are shown: a reader mends the first ones and asks again.
pub(super) const MAX_PROBLEMS: usize = 50;

const PASS_A_MAP: &str = "pass a map: `f(#{ a: 1, b: 2 })`";

/// A file under check.
#[derive(Clone, Copy, Debug)]
pub(super) struct File<'a> {
    pub(super) file: &'a str,
    pub(super) source: &'a str,
    pub(super) names: &'a Names,
}

impl File<'_> {
    fn problem(&self, code: Code, position: Position, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(code, self.file, self.source, position, message)
    }
}

/// What the file itself declares.
#[derive(Debug)]
struct Own<'a> {
    functions: BTreeSet<&'a str>,
    constants: BTreeSet<&'a str>,
}

/// All problems of the tree, which must not be optimized.
pub(super) fn check(file: File<'_>, ast: &AST) -> Vec<Diagnostic> {
    let mut problems = top_level(file, ast);
    problems.extend(definitions(file, ast));
    let own = Own {
        functions: ast.iter_functions().map(|function| function.name).collect(),
        constants: ast.statements().iter().filter_map(declared).collect(),
    };
    ast.walk(&mut |path| {
        problems.extend(node(file, &own, path));
        problems.len() < MAX_PROBLEMS
    });
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems.dedup();
    problems
}

fn top_level(file: File<'_>, ast: &AST) -> Vec<Diagnostic> {
    ast.statements().iter().filter_map(|statement| statement_problem(file, statement)).take(MAX_PROBLEMS).collect()
}

fn statement_problem(file: File<'_>, statement: &Stmt) -> Option<Diagnostic> {
    match statement {
        Stmt::Noop(_) => None,
        Stmt::Var(variable, flags, position) if flags.intersects(ASTFlags::CONSTANT) => {
            let name = variable.0.name.as_str();
            matches!(name, "event" | "api" | logs::CONSOLE)
                .then(|| file.problem(Code::ReservedName, *position, format!("`{name}` is a name of ours; choose another")))
        }
        Stmt::Var(_, _, position) => {
            let problem = file.problem(
                Code::TopLevelStatement,
                *position,
                "variables outside of functions do not exist for the functions",
            );
            Some(problem.with_hint("use `const`, which every function of the file sees"))
        }
        other => {
            let problem = file.problem(
                Code::TopLevelStatement,
                other.position(),
                "only functions and constants may stand outside of functions",
            );
            Some(problem.with_hint("put the statement into a function; nothing runs when a file is loaded"))
        }
    }
}

fn definitions(file: File<'_>, ast: &AST) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for function in ast.iter_functions().filter(|function| rhai::is_valid_identifier(function.name)) {
        let name = function.name;
        let receiver = usize::from(function.this_type.is_some());
        let parameters = function.params.len() + receiver;
        if parameters > MAX_ARGUMENTS {
            let place = source::definition(file.source, name);
            problems.push(
                file.problem(Code::TooManyArguments, place, format!("a function has at most {MAX_ARGUMENTS} parameters"))
                    .with_hint(PASS_A_MAP),
            );
        }
        if file.names.reserves(name, parameters)
            || matches!(name, "event" | "api")
            || name == CURRY
            || CALLBACKS.contains(&name)
        {
            let message = format!("the function `{name}` would take the place of a built-in one");
            let problem = file.problem(Code::ReservedName, source::definition(file.source, name), message);
            problems.push(problem.with_hint("choose another name"));
        }
    }
    problems
}

fn node(file: File<'_>, own: &Own<'_>, path: &[ASTNode<'_>]) -> Option<Diagnostic> {
    match path.last()? {
        ASTNode::Expr(Expr::DynamicConstant(value, position)) if value.is_fnptr() => closure(file, path, *position),
        ASTNode::Expr(Expr::Variable(variable, None, position))
            if variable.0.is_none() && variable.2.is_empty() && own.functions.contains(variable.1.as_str()) =>
        {
            closure(file, path, *position)
        }
        ASTNode::Stmt(Stmt::Assignment(assignment)) => {
            let name = constant(own, &assignment.1.lhs)?;
            let problem =
                file.problem(Code::ConstantAssigned, assignment.1.lhs.position(), format!("`{name}` is a constant"));
            Some(problem.with_hint(format!("change a copy: `let copy = {name};`")))
        }
        ASTNode::Expr(Expr::FnCall(call, position)) if call.name == "Fn" => closure(file, path, *position),
        ASTNode::Expr(Expr::FnCall(call, position) | Expr::MethodCall(call, position))
        | ASTNode::Stmt(Stmt::FnCall(call, position)) => called(file, own, call, *position),
        _ => None,
    }
}

/// The name that a statement of the top level declares.
fn declared(statement: &Stmt) -> Option<&str> {
    match statement {
        Stmt::Var(variable, ..) => Some(variable.0.name.as_str()),
        _ => None,
    }
}

/// The constant of the top level that the left side of an assignment is or belongs to.
fn constant<'a>(own: &Own<'_>, left: &'a Expr) -> Option<&'a str> {
    match left {
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => constant(own, &pair.lhs),
        Expr::Variable(variable, None, _) if variable.0.is_none() && variable.2.is_empty() => {
            own.constants.contains(variable.1.as_str()).then_some(variable.1.as_str())
        }
        _ => None,
    }
}

/// A function value: only as an argument of a method that calls it.
fn closure(file: File<'_>, path: &[ASTNode<'_>], position: Position) -> Option<Diagnostic> {
    let mut around = path.iter().rev().skip(1).skip_while(|node| match node {
        ASTNode::Expr(Expr::Stmt(_)) | ASTNode::Stmt(Stmt::Expr(_)) => true,
        ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)) => captures(call),
        _ => false,
    });
    let callee = match around.next() {
        Some(ASTNode::Expr(Expr::MethodCall(call, _) | Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _))) => {
            call.name.as_str()
        }
        _ => "",
    };
    if CALLBACKS.contains(&callee) {
        return None;
    }
    let problem = file.problem(
        Code::StoredFunction,
        position,
        "a function value may only be an argument of a method such as `filter` or `map`",
    );
    Some(problem.with_hint("write `list.filter(|x| …)` in place, or define a function with `fn` and call it by name"))
}

/// Whether the parser made the call to bind captured variables: its first argument is the closure itself.
fn captures(call: &FnCallExpr) -> bool {
    call.name == CURRY && matches!(call.args.first(), Some(Expr::DynamicConstant(value, _)) if value.is_fnptr())
}

fn called(file: File<'_>, own: &Own<'_>, call: &FnCallExpr, position: Position) -> Option<Diagnostic> {
    let name = call.name.as_str();
    if call.args.len() > MAX_ARGUMENTS && !captures(call) {
        let problem =
            file.problem(Code::TooManyArguments, position, format!("a call has at most {MAX_ARGUMENTS} arguments"));
        return Some(problem.with_hint(PASS_A_MAP));
    }
    if captures(call) || call.op_token.is_some() || !call.namespace.is_empty() || !rhai::is_valid_identifier(name) {
        return None;
    }
    if name == CURRY {
        return Some(
            file.problem(Code::StoredFunction, position, "`curry` is not available")
                .with_hint("a closure may use variables from around it"),
        );
    }
    if own.functions.contains(name) || file.names.contains(name) {
        return None;
    }
    let problem = file.problem(Code::UnknownFunction, position, format!("unknown function `{name}`"));
    if let Some(hint) = javascript::of_word(name).or_else(|| javascript::of_receiver(file.source, position)) {
        return Some(problem.with_hint(hint));
    }
    Some(match suggest::nearest(name, file.names.iter().chain(own.functions.iter().copied())) {
        Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
        None => problem,
    })
}
