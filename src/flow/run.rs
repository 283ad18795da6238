//! One action, once: a fresh engine with limits, deadline and memory budget, and what came of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use rhai::{CallFnOptions, Dynamic, Engine, EvalAltResult, Position, Scope};

use super::brake::{self, Operations};
use super::codes::Code;
use super::context::{Run, Start};
use super::effects::Effects;
use super::event::script::Part;
use super::failure::{self, Setting};
use super::functions::{Calls, RunHandle};
use super::logs::{self, Console, Logs};
use super::set::{Action, Constants};
use super::{Diagnostic, Event, FlowSet, Trigger, Witness, api};
use crate::domain::trace::{EventRead, Trace};

/// What an action may use and where it begins.
#[derive(Debug)]
pub(super) struct Order<'a> {
    pub(super) set: &'a FlowSet,
    pub(super) action: &'a Action,
    pub(super) trigger: Trigger,
    pub(super) event: Arc<Event>,
    pub(super) effects: Effects,
    pub(super) witness: &'a Witness,
    pub(super) deadline: Instant,
}

/// What came of a run.
#[derive(Debug)]
pub(super) struct Report {
    /// Complete if there is no failure.
    pub(super) effects: Effects,
    pub(super) failure: Option<Failure>,
    pub(super) reads: Vec<EventRead>,
    pub(super) logs: Vec<String>,
    pub(super) operations: u64,
    pub(super) duration_us: u64,
}

/// Why a run did not end well.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) diagnostic: Diagnostic,
    pub(super) timeout: bool,
}

/// Runs the action. A panic, ours or the engine's, is a failure of the action.
pub(super) fn run(order: Order<'_>) -> Report {
    let started = Instant::now();
    let (set, action, trigger) = (order.set, order.action, order.trigger);
    let logs = Logs::new(set.limits.max_log_size);
    let mut operations = Operations::default();
    let handle = Run::begin(Start {
        action: Arc::clone(&action.name),
        file: Arc::clone(&action.file),
        trigger,
        event: order.event,
        secrets: action.secrets.clone(),
        witness: order.witness.clone(),
        limits: &set.limits,
        sources: set.sources.clone(),
        effects: order.effects,
    });
    let place = action.place(trigger);
    let result = catch_unwind(AssertUnwindSafe(|| {
        let (engine, count) = engine(set, action, order.witness, order.deadline, &logs);
        operations = count;
        call(&engine, action, trigger, &handle)
    }));
    let (effects, reads) = (handle.take_effects(), handle.reads().take());
    let failure = match result {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(tell_what_is_known(failure(set, action, place, *error), place, &effects, &reads)),
        Err(panic) => Some(panicked(set, action, place, &*panic)),
    };
    Report {
        effects,
        reads,
        failure,
        logs: logs.take(),
        operations: operations.count(),
        duration_us: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
    }
}

/// What comes of an action whose turn comes when the time of all of them is over: it does not begin.
pub(super) fn too_late(order: Order<'_>, trace: &Trace) -> Report {
    let (set, action) = (order.set, order.action);
    let message = format!("the {} ms of all actions were over before this one began", set.limits.deadline_ms);
    let longest = trace.actions.iter().max_by_key(|run| run.duration_us);
    let longest = longest.map(|run| format!("`{}` took {} ms; ", run.action, run.duration_us / 1_000)).unwrap_or_default();
    let source = set.sources.get(&*action.file).map_or("", |source| source);
    let diagnostic = Diagnostic::at(Code::Deadline, &action.file, source, action.place(order.trigger), message)
        .with_hint(format!("{longest}the limit is `deadline_ms`, for all actions of the trigger together"));
    Report {
        effects: order.effects,
        failure: Some(Failure { diagnostic, timeout: true }),
        reads: Vec::new(),
        logs: Vec::new(),
        operations: 0,
        duration_us: 0,
    }
}

fn engine(set: &FlowSet, action: &Action, witness: &Witness, deadline: Instant, logs: &Logs) -> (Engine, Operations) {
    // Rhai's debugger copies the arguments of each call: an action must not fail because it is watched.
    let room = if set.coverage.is_some() { 4 } else { 1 };
    let mut engine = set.toolbox.engine(&set.limits);
    let operations = brake::install(&mut engine, &set.limits, set.limits.max_memory.saturating_mul(room), deadline);
    engine.set_default_tag(Dynamic::from(RunHandle {
        witness: witness.clone(),
        allow_hosts: action.allow_hosts.clone(),
        deadline,
        calls: Calls::default(),
    }));
    resolve_variables(&mut engine, &set.constants, logs);
    if let Some(coverage) = &set.coverage {
        coverage.watch(&mut engine);
    }
    let printed = logs.clone();
    engine.on_print(move |line| printed.push(line));
    let debugged = logs.clone();
    engine.on_debug(move |line, source, position| {
        debugged.push(&format!("{}:{}: {line}", source.unwrap_or_default(), position.line().unwrap_or(0)));
    });
    (engine, operations)
}

/// `console`; the constants of the file; and the handles `event` and `api` by value, so that a closure that uses
/// them does not lock them for the call that it is an argument of.
#[expect(deprecated, reason = "not deprecated but marked as volatile; the version is pinned")]
pub(super) fn resolve_variables(engine: &mut Engine, constants: &Arc<Constants>, logs: &Logs) {
    let (constants, console) = (constants.clone(), Console(logs.clone()));
    engine.on_var(move |name, index, context| {
        if index == 0 && name == logs::CONSOLE {
            return Ok(Some(Dynamic::from(console.clone())));
        }
        if index == 0 {
            let own = context.source().and_then(|file| constants.get(file));
            return Ok(own.and_then(|own| own.get(name)).cloned());
        }
        if !matches!(name, "event" | "api") {
            return Ok(None);
        }
        let handle = context.scope().get(name).filter(|value| value.is::<Part>() || api::is_api(value));
        Ok(handle.cloned())
    });
}

fn call(engine: &Engine, action: &Action, trigger: Trigger, run: &Run) -> Result<(), Box<EvalAltResult>> {
    let options = CallFnOptions::new().eval_ast(false);
    let arguments = (Part::event(run.clone()), api::api(run));
    engine.call_fn_with_options::<Dynamic>(options, &mut Scope::new(), &action.ast, trigger.handler(), arguments).map(drop)
}

fn failure(set: &FlowSet, action: &Action, place: Position, error: EvalAltResult) -> Failure {
    let timeout = failure::is_deadline(&error);
    let setting = Setting { sources: &set.sources, names: set.toolbox.names(), limits: &set.limits };
    Failure { diagnostic: failure::diagnose(setting, &action.file, place, error), timeout }
}

/// Rhai takes the place out of an error of a limit in each function that it leaves (`exec_fn` overwrites it with that of the
/// call, which the handler has none of). What the action was seen doing before narrows it down, and costs nothing.
fn tell_what_is_known(failure: Failure, place: Position, effects: &Effects, reads: &[EventRead]) -> Failure {
    let Failure { diagnostic, timeout } = failure;
    let limit = matches!(
        diagnostic.code,
        Code::TooManyOperations | Code::TooManyCalls | Code::Deadline | Code::Memory | Code::DataTooLarge
    );
    if !limit || (diagnostic.line, diagnostic.column) != (place.line().unwrap_or(0), place.position().unwrap_or(0)) {
        return Failure { diagnostic, timeout };
    }
    let call = effects.history.effects.last().map(|effect| format!("the call of `api` at {}", effect.by));
    let read = reads.last().map(|read| format!("`{}` was first read at {}:{}", read.path, read.file, read.line));
    let known: Vec<String> = call.into_iter().chain(read).collect();
    let before = if known.is_empty() { String::new() } else { format!(", but after {}", known.join(" and after ")) };
    let hint = diagnostic.hint.as_deref().unwrap_or_default();
    let hint = format!("{hint}; where in the action is not known{before}");
    Failure { diagnostic: Diagnostic { hint: Some(hint), ..diagnostic }, timeout }
}

fn panicked(set: &FlowSet, action: &Action, place: Position, panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let message = failure::clean(&format!("a built-in function panicked: {}", text.unwrap_or("no message")));
    let source = set.sources.get(&*action.file).map_or("", |source| source);
    let diagnostic = Diagnostic::at(Code::Panicked, &action.file, source, place, message)
        .with_hint("this is a bug of vestibule, not of the action");
    Failure { diagnostic, timeout: false }
}
