//! Chains such as `event.user.identities[0].provider` and `api.idToken.setCustomClaim("a", 1)`, step by step.

use rhai::{ASTFlags, Expr, FnCallExpr, Position};

use super::walk::{Frame, Use};
use super::{Analysis, Value};
use crate::flow::Trigger;
use crate::flow::api::{
    self,
    description::{OBJECTS, Object},
};
use crate::flow::codes::Code;
use crate::flow::event::description::{Holds, PARTS, Part};
use crate::flow::suggest;

/// One step of a chain.
enum Link<'e> {
    Property(&'e str, Position),
    Method(&'e FnCallExpr, Position),
    Index(&'e Expr),
    Other(&'e Expr),
}

/// A step, and whether it is `?.` or `?[`.
struct Step<'e> {
    link: Link<'e>,
    optional: bool,
}

/// Methods that every value has.
const UNIVERSAL: [&str; 9] =
    ["type_of", "to_string", "to_debug", "print", "debug", "is_shared", "tag", "set_tag", "contains"];

/// The beginning of a chain and its steps. The parser nests them to the right, and says with a flag where an index ends.
fn steps(expression: &Expr) -> (&Expr, Vec<Step<'_>>) {
    let mut steps = Vec::new();
    let (Expr::Dot(pair, flags, _) | Expr::Index(pair, flags, _)) = expression else { return (expression, steps) };
    let (mut dot, mut rest, mut flags) = (matches!(expression, Expr::Dot(..)), &pair.rhs, *flags);
    loop {
        let optional = flags.intersects(ASTFlags::NEGATED);
        let ends = !dot && flags.intersects(ASTFlags::BREAK);
        let (own, next) = match rest {
            Expr::Dot(pair, flags, _) if !ends => (&pair.lhs, Some((true, &pair.rhs, *flags))),
            Expr::Index(pair, flags, _) if !ends => (&pair.lhs, Some((false, &pair.rhs, *flags))),
            _ => (rest, None),
        };
        steps.push(Step { link: if dot { link(own) } else { Link::Index(own) }, optional });
        match next {
            Some(next) => (dot, rest, flags) = next,
            None => return (&pair.lhs, steps),
        }
    }
}

fn link(expression: &Expr) -> Link<'_> {
    match expression {
        Expr::Property(names, position) => Link::Property(&names.2, *position),
        Expr::MethodCall(call, position) => Link::Method(call, *position),
        other => Link::Other(other),
    }
}

impl Value {
    /// `event`.
    pub(super) fn event() -> Self {
        Self::Part(&PARTS[0])
    }
}

impl Analysis<'_> {
    /// What is known of a chain's value.
    pub(super) fn chain(&mut self, frame: &mut Frame, expression: &Expr) -> Value {
        let (base, steps) = steps(expression);
        let mut value = self.value(frame, base, Use::Kept);
        for step in steps {
            value = self.step(frame, value, &step);
        }
        value
    }

    fn step(&mut self, frame: &mut Frame, value: Value, step: &Step<'_>) -> Value {
        match &step.link {
            Link::Property(name, position) => self.property(frame, value, name, *position, step.optional),
            Link::Method(call, position) => self.method(frame, value, call, *position),
            Link::Index(index) => {
                let key = self.value(frame, index, Use::Used);
                match (&value, key) {
                    (Value::Parts(part), _) => Value::Part(part),
                    (Value::Part(_) | Value::Absent(_) | Value::Secrets, Value::Text(name)) => {
                        self.property(frame, value, &name, index.start_position(), step.optional)
                    }
                    (Value::Secrets, _) => {
                        self.any_secret(frame);
                        Value::Unknown
                    }
                    _ => Value::Unknown,
                }
            }
            Link::Other(expression) => {
                self.value(frame, expression, Use::Used);
                Value::Unknown
            }
        }
    }

    fn property(&mut self, frame: &mut Frame, value: Value, name: &str, position: Position, optional: bool) -> Value {
        match value {
            Value::Part(part) => self.member(frame, part, name, position),
            Value::Absent(path) if optional => Value::Absent(path),
            Value::Absent(path) => {
                self.read_through(frame, path, name, position);
                Value::Unknown
            }
            Value::Secrets => {
                self.secret_read(frame, name, position);
                Value::Secret(name.to_owned())
            }
            Value::Api => self.object(frame, name, position),
            Value::Object(object) => {
                let message = match object.method(name) {
                    Some(_) => format!("`{}.{name}` is a method", object.path),
                    None => format!("unknown property `{name}` of `{}`", object.path),
                };
                self.problem(Code::UnknownApi, frame.context.file, position, message, Some(methods(object)));
                Value::Unknown
            }
            _ => Value::Unknown,
        }
    }

    fn member(&mut self, frame: &Frame, part: &'static Part, name: &str, position: Position) -> Value {
        let Some(member) = part.member(name) else {
            let names: Vec<&str> = part.names().collect();
            let message = format!("unknown property `{name}` of `{}`", part.path);
            let hint = suggest::hint(name, &names);
            self.problem(Code::UnknownMember, frame.context.file, position, message, Some(hint));
            return Value::Unknown;
        };
        let of = |path: &str, list: bool| match (Part::of(path), frame.context.trigger) {
            (Some(part), Some(trigger)) if !part.presence.is_possible(trigger) => Value::Absent(part.path.to_owned()),
            (Some(part), _) if list => Value::Parts(part),
            (Some(part), _) => Value::Part(part),
            (None, _) => Value::Unknown,
        };
        match member.holds {
            Holds::Part(path) => of(path, false),
            Holds::Parts(path) => of(path, true),
            Holds::Secrets => Value::Secrets,
            Holds::Nothing => Value::Absent(format!("{}.{name}", part.path)),
            _ => Value::Unknown,
        }
    }

    /// `event.user.email` where there is no user.
    fn read_through(&mut self, frame: &Frame, path: String, name: &str, position: Position) {
        let file = frame.context.file;
        let message = match (Part::of(&path), frame.context.trigger) {
            (Some(_), Some(trigger)) => format!("`{path}` is always `()` in {}, so it has no `{name}`", trigger.as_str()),
            _ => format!("`{path}` is always `()` here, so it has no `{name}`"),
        };
        let hint = match frame.context.trigger {
            Some(Trigger::CredentialsExchange) if Part::of(&path).is_some() => {
                format!("a machine has `event.client.metadata`; where both triggers come along, `{path}?.{name}` is `()`")
            }
            _ => format!("`{path}?.{name}` is `()` then"),
        };
        let problem = self.diagnostic(Code::AbsentInTrigger, file, position, message, Some(hint));
        if frame.is_certain() {
            self.problems.push(problem);
        } else if !frame.caught && (frame.is_handler || Part::of(&path).is_none()) {
            self.doubtful.push((file, path, problem));
        }
    }

    fn object(&mut self, frame: &Frame, name: &str, position: Position) -> Value {
        let object = Object::of(name);
        let trigger = frame.context.trigger;
        if let Some(object) = object.filter(|object| trigger.is_none_or(|trigger| object.exists_in(trigger))) {
            return Value::Object(object);
        }
        // One that exists in the other trigger may stand behind a condition that is true only there.
        if object.is_none() || frame.is_certain() || (frame.is_handler && !frame.caught) {
            let text = api::no_such_object(trigger.unwrap_or(Trigger::PostLogin), name);
            let (message, hint) = text.split_once("\nhint: ").unwrap_or((&text, ""));
            self.problem(Code::UnknownApi, frame.context.file, position, message, Some(hint.to_owned()));
        }
        Value::Unknown
    }

    fn method(&mut self, frame: &mut Frame, value: Value, call: &FnCallExpr, position: Position) -> Value {
        let element = match (&value, call.name.as_str()) {
            (
                Value::Parts(part),
                "map" | "filter" | "some" | "find" | "every" | "all" | "forEach" | "for_each" | "flatMap",
            ) => Some(Value::Part(part)),
            _ => None,
        };
        let mut arguments = Vec::new();
        for argument in &call.args {
            if super::source::closure(argument).is_some() {
                self.closure(frame, argument, element.clone().into_iter().collect());
                arguments.push(Value::Unknown);
            } else {
                arguments.push(self.value(frame, argument, Use::Used));
            }
        }
        let own = self.sources[frame.context.file].functions.contains_key(&(call.name.to_string(), call.args.len()));
        match value {
            Value::Object(object) => self.method_of(frame, object, call, (position, &arguments), own),
            Value::Api if !own && OBJECTS.iter().any(|object| object.method(&call.name).is_some()) => {
                let object = OBJECTS.iter().find(|object| object.method(&call.name).is_some());
                let hint = object.map(|object| format!("it is a method of `{}`", object.path));
                let message = format!("unknown method `{}` of `api`", call.name);
                self.problem(Code::UnknownApi, frame.context.file, position, message, hint);
                Value::Unknown
            }
            Value::Absent(path) => {
                self.tested.insert((frame.context.file, path));
                Value::Unknown
            }
            Value::Secrets if call.name == "contains" || call.name == "get" => {
                self.asked_by_name(frame, &[Value::Secrets, arguments.into_iter().next().unwrap_or(Value::Unknown)]);
                Value::Unknown
            }
            Value::Secrets => {
                self.any_secret(frame);
                Value::Unknown
            }
            Value::Parts(part) if call.name == "filter" => Value::Parts(part),
            _ => Value::Unknown,
        }
    }

    fn method_of(
        &mut self,
        frame: &mut Frame,
        object: &'static Object,
        call: &FnCallExpr,
        (position, arguments): (Position, &[Value]),
        own: bool,
    ) -> Value {
        if let Some(method) = object.method(&call.name) {
            if !method.arguments().contains(&arguments.len()) {
                let message = format!(
                    "`{}.{}` does not take {}",
                    object.path,
                    method.name,
                    suggest::count(arguments.len(), "argument")
                );
                let hint = format!("call it as `{}.{}`", object.path, method.call());
                self.problem(Code::ApiArguments, frame.context.file, position, message, Some(hint));
            }
            self.effect(frame, method, call, (position, arguments));
            return if method.yields == "api" { Value::Api } else { Value::Unknown };
        }
        if !own && !UNIVERSAL.contains(&call.name.as_str()) {
            let elsewhere = OBJECTS.iter().find(|object| object.method(&call.name).is_some());
            let hint = match elsewhere {
                Some(other) => format!("`{}` is a method of `{}`", call.name, other.path),
                None => methods_near(object, &call.name),
            };
            let message = format!("unknown method `{}` of `{}`", call.name, object.path);
            self.problem(Code::UnknownApi, frame.context.file, position, message, Some(hint));
        }
        Value::Unknown
    }

    /// `event.user.email = …`.
    pub(super) fn assigned(&mut self, frame: &mut Frame, left: &Expr) {
        let (base, steps) = steps(left);
        if steps.is_empty() {
            return;
        }
        let value = self.value(frame, base, Use::Kept);
        for step in &steps {
            if let Link::Index(index) = step.link {
                self.value(frame, index, Use::Used);
            }
        }
        let Value::Part(part) = value else { return };
        let Some(Step { link: Link::Property(first, position), .. }) = steps.first() else { return };
        let written = steps.iter().map_while(|step| match step.link {
            Link::Property(name, _) => Some(name),
            _ => None,
        });
        let path = written.fold(part.path.to_owned(), |path, name| format!("{path}.{name}"));
        let _ = first;
        let message = format!("`event` is read-only: assigning to `{path}` has no effect");
        self.problem(Code::ReadOnlyEvent, frame.context.file, *position, message, instead(&path));
    }
}

/// The call that does what an assignment was meant to do.
fn instead(path: &str) -> Option<String> {
    let call = [
        ("event.user.app_metadata", "api.user.setAppMetadata(key, value)"),
        ("event.user.user_metadata", "api.user.setUserMetadata(key, value)"),
        ("event.transaction.metadata", "api.transaction.setMetadata(key, value)"),
        ("event.accessToken.customClaims", "api.accessToken.setCustomClaim(name, value)"),
    ];
    call.iter().find(|(prefix, _)| path.starts_with(prefix)).map(|(_, call)| format!("use `{call}`"))
}

fn methods(object: &Object) -> String {
    let calls: Vec<String> = object.methods.iter().map(|method| format!("`{}.{}`", object.path, method.call())).collect();
    format!("call {}", calls.join(" or "))
}

fn methods_near(object: &Object, name: &str) -> String {
    let names: Vec<&str> = object.methods.iter().map(|method| method.name).collect();
    suggest::hint(name, &names)
}
