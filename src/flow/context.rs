//! What the `event` and `api` objects of one run share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{Dynamic, EvalAltResult, NativeCallContext};

use super::codes::Code;
use super::effects::Effects;
use super::event::reads::Reads;
use super::failure::Sources;
use super::{Event, Limits, Trigger, Witness};
use crate::domain::decision::{Provenance, Refusal};

/// `Result` of functions that scripts call.
pub(crate) type Scripted<T> = Result<T, Box<EvalAltResult>>;

/// A handle on the run of one action; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Run(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    action: Arc<str>,
    file: Arc<str>,
    trigger: Trigger,
    event: Arc<Event>,
    secrets: Arc<BTreeMap<String, String>>,
    witness: Witness,
    limits: Limits,
    sources: Arc<Sources>,
    effects: Mutex<Effects>,
    reads: Mutex<Reads>,
}

/// What a run begins with.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    pub(crate) action: Arc<str>,
    pub(crate) file: Arc<str>,
    pub(crate) trigger: Trigger,
    pub(crate) event: Arc<Event>,
    pub(crate) secrets: Arc<BTreeMap<String, String>>,
    pub(crate) witness: Witness,
    pub(crate) limits: &'a Limits,
    pub(crate) sources: Arc<Sources>,
    pub(crate) effects: Effects,
}

impl Run {
    pub(crate) fn begin(start: Start<'_>) -> Self {
        Self(Arc::new(Inner {
            reads: Mutex::new(Reads::of(Arc::clone(&start.file))),
            action: start.action,
            file: start.file,
            trigger: start.trigger,
            event: start.event,
            secrets: start.secrets,
            witness: start.witness,
            limits: start.limits.clone(),
            sources: start.sources,
            effects: Mutex::new(start.effects),
        }))
    }

    pub(crate) fn trigger(&self) -> Trigger {
        self.0.trigger
    }

    pub(crate) fn event(&self) -> &Event {
        &self.0.event
    }

    pub(crate) fn secrets(&self) -> &BTreeMap<String, String> {
        &self.0.secrets
    }

    pub(crate) fn witness(&self) -> &Witness {
        &self.0.witness
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The effects so far. The lock is held for the length of one native call on one thread: it never waits.
    pub(crate) fn effects(&self) -> MutexGuard<'_, Effects> {
        self.0.effects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was read of `event` so far; locked like the effects.
    pub(crate) fn reads(&self) -> MutexGuard<'_, Reads> {
        self.0.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the effects when the run is over.
    pub(crate) fn take_effects(&self) -> Effects {
        std::mem::take(&mut *self.effects())
    }

    /// The place in a script that made the call; in a function of `lib/`, the place there.
    pub(crate) fn provenance(&self, context: &NativeCallContext) -> Provenance {
        let position = context.call_position();
        Provenance {
            action: self.0.action.clone(),
            file: match context.call_source() {
                Some(file) if *file != *self.0.file => file.into(),
                _ => self.0.file.clone(),
            },
            line: position.line().unwrap_or(0),
            column: position.position().unwrap_or(0),
        }
    }

    /// The source from the place of the call to the end of its line.
    pub(crate) fn source_at(&self, context: &NativeCallContext) -> Option<&str> {
        let place = self.provenance(context);
        let line = self.0.sources.get(&*place.file)?.lines().nth(place.line.checked_sub(1)?)?;
        line.char_indices().nth(place.column.checked_sub(1)?).map(|(at, _)| &line[at..])
    }

    /// Records that a call asked for something and did not get it.
    pub(crate) fn refuse(&self, context: &NativeCallContext, call: &str, name: &str, reason: impl Into<String>) {
        let refusal =
            Refusal { call: call.to_owned(), name: shortened(name), reason: reason.into(), by: self.provenance(context) };
        self.effects().refuse(refusal);
    }
}

/// Names go to logs and the database: as much of one as a person would read.
fn shortened(name: &str) -> String {
    if name.chars().count() <= 256 { name.to_owned() } else { name.chars().take(256).chain(['…']).collect() }
}

/// A script error at the place of the call: an argument that cannot be. A second line of the message is the hint.
pub(crate) fn mistake(context: &NativeCallContext, message: impl Into<String>) -> Box<EvalAltResult> {
    mistake_of(Code::WrongArgument, context, message)
}

/// The same with another code.
pub(crate) fn mistake_of(code: Code, context: &NativeCallContext, message: impl Into<String>) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorRuntime(coded(code, message), context.call_position()))
}

/// The value of an error that is ours, not thrown by a script: it carries its code as the tag of the value.
pub(crate) fn coded(code: Code, message: impl Into<String>) -> Dynamic {
    let mut value = Dynamic::from(message.into());
    value.set_tag(code.number().into());
    value
}
