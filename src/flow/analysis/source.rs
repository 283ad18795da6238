//! A file under analysis: its functions one by one, and which of its names keep their first value.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rhai::{AST, ASTFlags, ASTNode, Dynamic, Expr, FnPtr, Stmt};

use super::value::Value;

/// A file as the loader hands it over.
#[derive(Clone, Copy, Debug)]
pub(in crate::flow) struct Unit<'a> {
    /// As shown.
    pub(in crate::flow) file: &'a str,
    /// Its text.
    pub(in crate::flow) text: &'a str,
    /// The tree before any optimization: branches that never run are in it.
    pub(in crate::flow) tree: &'a AST,
    /// Constants of the top level.
    pub(in crate::flow) constants: &'a BTreeMap<String, Dynamic>,
}

/// A function of a file, closures included.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) parameters: Vec<String>,
    pub(super) statements: Vec<Stmt>,
    /// Whether it may end its caller by an error of its own.
    pub(super) throws: bool,
}

/// A file, prepared.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) unit: Unit<'a>,
    /// By name and number of parameters.
    pub(super) functions: BTreeMap<(String, usize), Rc<Function>>,
    /// Variables that somewhere in the file get another value.
    reassigned: BTreeSet<String>,
    /// Variables that somewhere in the file may be changed in place: a member is assigned to, or a method is called.
    touched: BTreeSet<String>,
    /// Names of functions that are called or used as values.
    pub(super) used: BTreeSet<String>,
}

impl<'a> Source<'a> {
    pub(super) fn new(unit: Unit<'a>) -> Self {
        let mut functions = BTreeMap::new();
        for function in unit.tree.iter_functions() {
            let parameters: Vec<String> = function.params.iter().map(|name| (*name).to_owned()).collect();
            let (statements, throws) = body(unit.tree, function.name, parameters.len());
            let key = (function.name.to_owned(), parameters.len());
            functions.insert(key, Rc::new(Function { parameters, statements, throws }));
        }
        let (mut reassigned, mut touched, mut used) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        unit.tree.walk(&mut |path| {
            match path.last() {
                Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => match &assignment.1.lhs {
                    own @ Expr::Variable(..) => changed(own, &mut reassigned),
                    member => changed(member, &mut touched),
                },
                Some(ASTNode::Expr(Expr::Dot(pair, ..))) if ends_in_call(&pair.rhs) => changed(&pair.lhs, &mut touched),
                Some(ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _))) => {
                    used.insert(call.name.to_string());
                }
                Some(ASTNode::Expr(Expr::MethodCall(call, _))) => {
                    used.insert(call.name.to_string());
                }
                Some(ASTNode::Expr(Expr::Variable(variable, ..))) => {
                    used.insert(variable.1.to_string());
                }
                _ => {}
            }
            true
        });
        Self { unit, functions, reassigned, touched, used }
    }

    /// What a variable of this name holds for as long as it exists, if it begins with the value. Objects of `event` and `api`
    /// do not change in place, texts and lists do.
    pub(super) fn lasting(&self, name: &str, value: Value) -> Value {
        let in_place = matches!(value, Value::Text(_) | Value::Prefix(_) | Value::Secret(_) | Value::Parts(_));
        if self.reassigned.contains(name) || (in_place && self.touched.contains(name)) { Value::Unknown } else { value }
    }
}

/// The statements of one function: the tree does not give them away in another form.
fn body(tree: &AST, name: &str, parameters: usize) -> (Vec<Stmt>, bool) {
    let mut one = tree.clone_functions_only();
    one.retain_functions(|_, _, own, count| own == name && count == parameters);
    let (mut statements, mut throws) = (Vec::new(), false);
    one.walk(&mut |path| {
        if let Some(ASTNode::Stmt(statement)) = path.last() {
            if path.len() == 1 {
                statements.push((*statement).clone());
            }
            throws |= matches!(statement, Stmt::Return(_, flags, _) if flags.intersects(ASTFlags::BREAK));
        }
        true
    });
    (statements, throws)
}

/// Notes the variable that the expression is or belongs to.
fn changed(expression: &Expr, unstable: &mut BTreeSet<String>) {
    match expression {
        Expr::Variable(variable, ..) => {
            unstable.insert(variable.1.to_string());
        }
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => changed(&pair.lhs, unstable),
        _ => {}
    }
}

/// Whether a chain of properties ends in a method, which may change what it is called on.
fn ends_in_call(rest: &Expr) -> bool {
    match rest {
        Expr::MethodCall(..) => true,
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => ends_in_call(&pair.lhs) || ends_in_call(&pair.rhs),
        _ => false,
    }
}

/// The name of a closure that is written at this place, and the variables that it captures, in the order of its parameters.
pub(super) fn closure(expression: &Expr) -> Option<(String, Vec<&Expr>)> {
    match expression {
        Expr::DynamicConstant(value, _) => {
            let pointer = value.clone().try_cast::<FnPtr>()?;
            Some((pointer.fn_name().to_owned(), Vec::new()))
        }
        // `{ share variables; curry(closure, variables…) }`, made by the parser.
        Expr::Stmt(block) => match block.statements().last()? {
            Stmt::Expr(inner) => closure(inner),
            Stmt::FnCall(call, _) => captured(call),
            _ => None,
        },
        Expr::FnCall(call, _) => captured(call),
        _ => None,
    }
}

fn captured(call: &rhai::FnCallExpr) -> Option<(String, Vec<&Expr>)> {
    let (first, variables) = call.args.split_first().filter(|_| call.name == "curry")?;
    let (name, _) = closure(first)?;
    Some((name, variables.iter().collect()))
}
