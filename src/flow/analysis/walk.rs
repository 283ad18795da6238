//! Statements and expressions: what may run, with what, and what is known of the values.

use rhai::{ASTFlags, BinaryExpr, Expr, FlowControl, FnCallExpr, Position, Stmt};

use super::source::{Function, closure};
use super::{Analysis, Context, MAX_DEPTH, MAX_VISITS, Value, Visit};

/// One function while it is gone through.
pub(super) struct Frame {
    pub(super) context: Context,
    variables: Vec<(String, Value)>,
    /// Whether what comes now runs whenever the handler runs.
    certain: bool,
    /// Whether the function may have ended before: a `return` or `throw` stands in a branch.
    may_have_ended: bool,
    /// Whether errors are caught.
    pub(super) caught: bool,
    /// Whether it is the handler itself, which belongs to its trigger alone.
    pub(super) is_handler: bool,
    /// The place of a denial earlier in this block.
    pub(super) denied: Option<Position>,
    /// The place of a denial in the statement at hand.
    pub(super) just_denied: Option<Position>,
    returned: Option<Value>,
    /// The call in the action's own file that led here, if this is another file.
    pub(super) site: Option<Position>,
    depth: usize,
}

/// What is done with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is kept, handed on or read through.
    Kept,
    /// It is asked whether it is there.
    Asked,
    /// Anything else.
    Used,
}

impl Frame {
    /// Whether what comes now runs whenever the handler runs.
    pub(super) fn is_certain(&self) -> bool {
        self.certain && !self.may_have_ended && !self.caught
    }
}

impl Analysis<'_> {
    /// Goes through a function once for each way it is called; what is known of its result.
    pub(super) fn visit(&mut self, visit: Visit, site: Option<Position>, depth: usize) -> Value {
        if let Some(known) = self.seen.get(&visit) {
            return known.clone();
        }
        let key = (visit.name.clone(), visit.arguments.len());
        if self.seen.len() >= MAX_VISITS || depth > MAX_DEPTH {
            return Value::Unknown;
        }
        // A recursion finds this.
        self.seen.insert(visit.clone(), Value::Unknown);
        let Some(function) = self.sources[visit.context.file].functions.get(&key).cloned() else { return Value::Unknown };
        let result = self.function(&visit, &function, site, depth);
        self.seen.insert(visit, result.clone());
        result
    }

    fn function(&mut self, visit: &Visit, function: &Function, site: Option<Position>, depth: usize) -> Value {
        let source = &self.sources[visit.context.file];
        let variables = function.parameters.iter().zip(&visit.arguments);
        let mut frame = Frame {
            context: visit.context,
            variables: variables.map(|(name, value)| (name.clone(), source.lasting(name, value.clone()))).collect(),
            certain: visit.certain,
            may_have_ended: false,
            caught: false,
            is_handler: depth == 0 && visit.context.trigger.is_some_and(|trigger| trigger.handler() == visit.name),
            denied: None,
            just_denied: None,
            returned: None,
            site,
            depth,
        };
        let last = self.block(&mut frame, &function.statements);
        match frame.returned {
            Some(returned) => returned.join(&last),
            None => last,
        }
    }

    /// The value of the last statement.
    fn block(&mut self, frame: &mut Frame, statements: &[Stmt]) -> Value {
        let (scope, denied) = (frame.variables.len(), frame.denied);
        let mut last = Value::Unknown;
        for statement in statements {
            frame.just_denied = None;
            last = self.statement(frame, statement);
            frame.denied = frame.just_denied.take().or(frame.denied);
            if matches!(statement, Stmt::Return(..) | Stmt::BreakLoop(..)) {
                frame.denied = None;
            }
        }
        frame.variables.truncate(scope);
        frame.denied = denied;
        last
    }

    /// A block that may be left out.
    fn branch(&mut self, frame: &mut Frame, statements: &[Stmt]) -> Value {
        self.perhaps(frame, |analysis, frame| analysis.block(frame, statements))
    }

    /// Something that may be left out.
    fn perhaps<T>(&mut self, frame: &mut Frame, go: impl FnOnce(&mut Self, &mut Frame) -> T) -> T {
        let (certain, denied) = (std::mem::replace(&mut frame.certain, false), frame.just_denied);
        let result = go(self, frame);
        (frame.certain, frame.just_denied) = (certain, denied);
        result
    }

    fn statement(&mut self, frame: &mut Frame, statement: &Stmt) -> Value {
        if self.is_spent() {
            return Value::Unknown;
        }
        match statement {
            Stmt::Expr(expression) => return self.value(frame, expression, Use::Used),
            Stmt::FnCall(call, position) => return self.call(frame, call, *position),
            Stmt::Block(block) => return self.block(frame, block.statements()),
            Stmt::If(flow, _) => return self.conditional(frame, flow),
            Stmt::Switch(switch, _) => {
                self.value(frame, &switch.0, Use::Used);
                let cases = switch.1.expressions.iter();
                return self.joined(frame, cases.map(|BinaryExpr { lhs, rhs }| (Some(lhs), rhs)));
            }
            Stmt::While(flow, _) | Stmt::Do(flow, ..) => {
                self.value(frame, &flow.expr, Use::Used);
                self.branch(frame, flow.body.statements());
            }
            Stmt::For(parts, _) => self.for_each(frame, &parts.0.name, parts.1.as_ref().map(|i| i.name.as_str()), &parts.2),
            Stmt::Var(variable, ..) => {
                let value = self.value(frame, &variable.1, Use::Kept);
                self.declare(frame, &variable.0.name, value);
            }
            Stmt::Assignment(assignment) => {
                self.value(frame, &assignment.1.rhs, Use::Kept);
                self.assigned(frame, &assignment.1.lhs);
            }
            Stmt::TryCatch(flow, _) => self.try_catch(frame, flow),
            Stmt::Return(value, flags, _) => {
                let value = value.as_ref().map_or(Value::Unknown, |value| self.value(frame, value, Use::Used));
                frame.may_have_ended = true;
                if !flags.intersects(ASTFlags::BREAK) {
                    let earlier = frame.returned.take();
                    frame.returned = Some(earlier.map_or(value.clone(), |earlier| earlier.join(&value)));
                }
                return frame.returned.clone().unwrap_or(Value::Unknown);
            }
            Stmt::BreakLoop(value, ..) => {
                frame.may_have_ended = true;
                if let Some(value) = value {
                    self.value(frame, value, Use::Used);
                }
            }
            _ => {}
        }
        Value::Unknown
    }

    fn declare(&self, frame: &mut Frame, name: &str, value: Value) {
        let value = self.sources[frame.context.file].lasting(name, value);
        frame.variables.push((name.to_owned(), value));
    }

    fn conditional(&mut self, frame: &mut Frame, flow: &FlowControl) -> Value {
        self.value(frame, &flow.expr, Use::Used);
        let then = self.branch(frame, flow.body.statements());
        let otherwise = self.branch(frame, flow.branch.statements());
        then.join(&otherwise)
    }

    fn for_each(&mut self, frame: &mut Frame, name: &str, counter: Option<&str>, flow: &FlowControl) {
        let element = match self.value(frame, &flow.expr, Use::Used) {
            Value::Parts(part) => Value::Part(part),
            _ => Value::Unknown,
        };
        let scope = frame.variables.len();
        self.declare(frame, name, element);
        frame.variables.extend(counter.map(|counter| (counter.to_owned(), Value::Unknown)));
        self.branch(frame, flow.body.statements());
        frame.variables.truncate(scope);
    }

    fn try_catch(&mut self, frame: &mut Frame, flow: &FlowControl) {
        let caught = std::mem::replace(&mut frame.caught, true);
        self.branch(frame, flow.body.statements());
        frame.caught = caught;
        let scope = frame.variables.len();
        if let Expr::Variable(variable, ..) = &flow.expr {
            frame.variables.push((variable.1.to_string(), Value::Unknown));
        }
        self.branch(frame, flow.branch.statements());
        frame.variables.truncate(scope);
    }

    /// One of several expressions, each perhaps under a condition.
    fn joined<'e>(&mut self, frame: &mut Frame, cases: impl Iterator<Item = (Option<&'e Expr>, &'e Expr)>) -> Value {
        let mut joined: Option<Value> = None;
        for (condition, result) in cases {
            let value = self.perhaps(frame, |analysis, frame| {
                if let Some(condition) = condition {
                    analysis.value(frame, condition, Use::Used);
                }
                analysis.value(frame, result, Use::Used)
            });
            joined = Some(joined.map_or(value.clone(), |joined| joined.join(&value)));
        }
        joined.unwrap_or(Value::Unknown)
    }

    /// What is known of an expression's value.
    pub(super) fn value(&mut self, frame: &mut Frame, expression: &Expr, purpose: Use) -> Value {
        if self.is_spent() {
            return Value::Unknown;
        }
        let value = match expression {
            Expr::StringConstant(text, _) => Value::Text(text.to_string()),
            Expr::CharConstant(character, _) => Value::Text(character.to_string()),
            Expr::InterpolatedString(parts, _) => {
                let parts: Vec<Value> = parts.iter().map(|part| self.value(frame, part, Use::Used)).collect();
                parts.into_iter().reduce(Value::plus).unwrap_or(Value::Unknown)
            }
            Expr::Variable(variable, _, _) => {
                self.variable(frame, &variable.1, variable.2.path.first().map(|own| own.name.as_str()))
            }
            Expr::Dot(..) | Expr::Index(..) => self.chain(frame, expression),
            Expr::FnCall(call, position) => self.call(frame, call, *position),
            Expr::Stmt(block) if closure(expression).is_none() => self.block(frame, block.statements()),
            Expr::And(parts, _) | Expr::Or(parts, _) => {
                for (index, part) in parts.iter().enumerate() {
                    match index {
                        0 => self.value(frame, part, Use::Used),
                        _ => self.perhaps(frame, |analysis, frame| analysis.value(frame, part, Use::Used)),
                    };
                }
                Value::Unknown
            }
            Expr::Coalesce(parts, _) => self.coalesced(frame, parts),
            Expr::Array(parts, _) => {
                parts.iter().for_each(|part| drop(self.value(frame, part, Use::Used)));
                Value::Unknown
            }
            Expr::Map(parts, _) => {
                parts.0.iter().for_each(|(_, part)| drop(self.value(frame, part, Use::Used)));
                Value::Unknown
            }
            _ => {
                self.closure(frame, expression, Vec::new());
                Value::Unknown
            }
        };
        self.note_use(frame, &value, purpose);
        value
    }

    fn coalesced(&mut self, frame: &mut Frame, parts: &[Expr]) -> Value {
        let mut joined: Option<Value> = None;
        for (index, part) in parts.iter().enumerate() {
            let value = if index + 1 == parts.len() {
                self.perhaps(frame, |analysis, frame| analysis.value(frame, part, Use::Kept))
            } else {
                self.value(frame, part, Use::Asked)
            };
            joined = Some(joined.map_or(value.clone(), |joined| joined.join(&value)));
        }
        joined.unwrap_or(Value::Unknown)
    }

    fn variable(&self, frame: &Frame, name: &str, namespace: Option<&str>) -> Value {
        if let Some(namespace) = namespace {
            let file = self.namespaces.get(namespace);
            return file.map_or(Value::Unknown, |file| self.constant(*file, name));
        }
        let own = frame.variables.iter().rev().find(|(own, _)| own == name);
        own.map_or_else(|| self.constant(frame.context.file, name), |(_, value)| value.clone())
    }

    fn constant(&self, file: usize, name: &str) -> Value {
        self.sources[file].unit.constants.get(name).map_or(Value::Unknown, Value::of_constant)
    }

    /// A call without a receiver.
    fn call(&mut self, frame: &mut Frame, call: &FnCallExpr, position: Position) -> Value {
        let name = call.name.as_str();
        let asks = matches!(name, "==" | "!=" | "contains" | "type_of");
        let namespace = call.namespace.path.first().map(|own| own.name.to_string());
        let own = namespace.is_none()
            && self.sources[frame.context.file].functions.contains_key(&(name.to_owned(), call.args.len()));
        let library = namespace.as_ref().and_then(|namespace| self.namespaces.get(namespace)).copied();
        let purpose = if asks {
            Use::Asked
        } else if own || library.is_some() {
            Use::Kept
        } else {
            Use::Used
        };
        let arguments: Vec<Value> = call.args.iter().map(|argument| self.value(frame, argument, purpose)).collect();
        match (namespace.as_deref(), library) {
            (_, Some(file)) => self.enter(frame, Context { file, ..frame.context }, name, arguments, position),
            (None, _) if own => self.enter(frame, frame.context, name, arguments, position),
            (None, _) if name == "+" && arguments.len() == 2 => {
                arguments.into_iter().reduce(Value::plus).unwrap_or(Value::Unknown)
            }
            (None, _) if name == "contains" => {
                self.asked_by_name(frame, &arguments);
                Value::Unknown
            }
            (Some("http"), _) => {
                self.http_call(frame, call, &arguments);
                Value::Unknown
            }
            _ => Value::Unknown,
        }
    }

    /// Goes on in another function.
    pub(super) fn enter(
        &mut self,
        frame: &mut Frame,
        context: Context,
        name: &str,
        arguments: Vec<Value>,
        position: Position,
    ) -> Value {
        let throws = (self.sources[context.file].functions.get(&(name.to_owned(), arguments.len())))
            .is_none_or(|function| function.throws);
        let visit = Visit { context, name: name.to_owned(), arguments, certain: frame.is_certain() };
        let in_own_file = frame.context.action == Some(frame.context.file);
        let site = if in_own_file && context.file != frame.context.file { Some(position) } else { frame.site };
        let value = self.visit(visit, site, frame.depth + 1);
        frame.may_have_ended |= throws;
        value
    }

    /// Goes through a closure that is written at this place; what it gets is the value, and nothing known.
    pub(super) fn closure(&mut self, frame: &mut Frame, expression: &Expr, given: Vec<Value>) {
        let Some((name, captured)) = closure(expression) else { return };
        let mut arguments: Vec<Value> =
            captured.into_iter().map(|variable| self.value(frame, variable, Use::Kept)).collect();
        let functions = &self.sources[frame.context.file].functions;
        let Some(count) = functions.keys().find(|(own, _)| *own == name).map(|(_, count)| *count) else { return };
        arguments.extend(given);
        arguments.resize(count, Value::Unknown);
        let visit = Visit { context: frame.context, name, arguments, certain: false };
        self.visit(visit, frame.site, frame.depth + 1);
    }
}
