//! Which lines of the actions ran, for the unit tests of actions.
//!
//! Rhai's debugger tells of every node before it is evaluated and can be told to go on: nothing runs otherwise than without
//! it, and an engine on which none is registered pays a comparison with nothing for each node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::debugger::DebuggerCommand;
use rhai::{AST, ASTNode, Engine, Expr, Stmt};

use super::FlowSet;
use super::compile::compile;

/// Lines by file as shown.
pub(crate) type Lines = BTreeMap<String, BTreeSet<usize>>;

/// Collects the lines that ran.
#[derive(Debug, Default)]
pub(crate) struct Coverage(Mutex<Lines>);

impl Coverage {
    /// The lines that ran so far.
    pub(crate) fn lines(&self) -> Lines {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Watches everything that the engine will run.
    #[expect(deprecated, reason = "not deprecated but marked as volatile; the version is pinned")]
    pub(super) fn watch(self: &Arc<Self>, engine: &mut Engine) {
        let coverage = Arc::clone(self);
        engine.register_debugger(
            |_, debugger| debugger,
            move |_, _, _, file, position| {
                if let (Some(file), Some(line)) = (file, position.line()) {
                    coverage.ran(file, line);
                }
                Ok(DebuggerCommand::StepInto)
            },
        );
    }

    fn ran(&self, file: &str, line: usize) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match lines.get_mut(file) {
            Some(own) => drop(own.insert(line)),
            None => drop(lines.insert(file.to_owned(), BTreeSet::from([line]))),
        }
    }
}

impl FlowSet {
    /// The set, watched: what runs of it is collected.
    pub(crate) fn watched(&self, coverage: &Arc<Coverage>) -> Self {
        let mut set = self.clone();
        set.coverage = Some(Arc::clone(coverage));
        set
    }

    /// The lines that can run: those where a statement begins that the optimizer left standing. Disabled actions have none.
    pub(crate) fn lines(&self) -> Lines {
        let library =
            |file: &str| !self.actions.iter().any(|action| *action.file == *file) && self.constants.contains_key(file);
        let mut lines: Lines =
            self.actions.iter().map(|action| (action.file.to_string(), statements(&action.ast))).collect();
        for (file, text) in self.sources.iter().filter(|(file, _)| library(file)) {
            if self.disabled.contains(file) {
                continue;
            }
            if let Ok(compiled) = compile(&self.toolbox, &self.limits, file, text) {
                lines.insert(file.clone(), statements(&compiled.ast));
            }
        }
        lines
    }
}

/// Lines of the statements, and of the arms of a `switch`, by the positions of which the debugger tells.
fn statements(ast: &AST) -> BTreeSet<usize> {
    let mut lines = BTreeSet::new();
    ast.walk(&mut |path| {
        let position = match path {
            // Transitive: the debugger tells of the expression.
            [.., ASTNode::Stmt(Stmt::Expr(inner))] => match &**inner {
                Expr::Stmt(_) => None,
                inner => Some(inner.position()),
            },
            [.., ASTNode::Stmt(Stmt::Noop(_) | Stmt::Block(_))] => None,
            [.., ASTNode::Stmt(statement)] => Some(statement.position()),
            [.., ASTNode::Stmt(Stmt::Switch(..)), ASTNode::Expr(arm)] if !arm.is_constant() => match arm {
                Expr::Stmt(_) => None,
                arm => Some(arm.position()),
            },
            _ => None,
        };
        lines.extend(position.and_then(|position| position.line()));
        true
    });
    lines
}
