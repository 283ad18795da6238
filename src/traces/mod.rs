//! What was decided about each login, kept for `vestibule traces`, `why` and `replay`: redacted, bounded, and never waited
//! for. Under `dev` in memory, under `serve` in a table.

mod brief;
mod record;
mod redact;
mod ring;
mod settings;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};

pub use record::Record;
pub use redact::PERSONAL;
pub use settings::Settings;

use crate::domain::decision::Decision;
use crate::domain::shadow::Shadowed;
use crate::domain::trace::{TraceFilter, TraceRow};
use crate::flow::{Event, FlowSet, Recording, Trigger};
use crate::metrics::LostTraces;
use crate::store::Store;
use redact::{Fields, Redactor};
use ring::Ring;
use writer::Writer;

/// Bytes of bodies of `http::` that one trace keeps; what is cut off cannot be replayed.
const MAX_BODIES: usize = 64 * 1024;

/// A tenant's traces.
#[derive(Debug)]
pub struct Traces {
    keeper: Keeper,
}

#[derive(Debug)]
enum Keeper {
    /// `keep = 0`.
    Nowhere,
    Memory(Memory),
    Table(Writer),
}

#[derive(Debug)]
struct Memory {
    ring: Mutex<Ring>,
    fields: Fields,
    keep: usize,
}

/// What a decision was about.
#[derive(Debug)]
pub struct Circumstances {
    /// Which handlers ran.
    pub trigger: Trigger,
    /// Their argument.
    pub event: Arc<Event>,
    /// The sets of actions that may have decided: their secrets are in no trace.
    pub sets: Vec<Arc<FlowSet>>,
    /// The scopes before the actions' edits.
    pub granted: String,
    /// The granted scopes; empty if there was no grant.
    pub scope: String,
}

/// A record before it is redacted: it must not leave this module.
#[derive(Debug)]
struct Draft {
    record: Record,
    sets: Vec<Arc<FlowSet>>,
}

impl Draft {
    fn into_row(self, fields: &Fields) -> TraceRow {
        self.record.into_row(&Redactor { fields, sets: &self.sets })
    }

    /// The trace's id, and what the shadow decided otherwise about it as JSON.
    fn into_shadow(self, mut told: Shadowed, fields: &Fields) -> (String, String) {
        Redactor { fields, sets: &self.sets }.redact_shadow(&self.record, &mut told);
        (self.record.id, serde_json::to_string(&told).unwrap_or_default())
    }
}

impl Traces {
    /// In memory for `dev`, in the table of `store` otherwise.
    #[must_use]
    pub fn new(settings: Settings, dev: bool, store: &Store, lost: LostTraces) -> Self {
        let keeper = match (settings.keep(dev), dev) {
            (0, _) => Keeper::Nowhere,
            (keep, true) => Keeper::Memory(Memory { ring: Mutex::default(), fields: settings.redacted(true), keep }),
            (_, false) => Keeper::Table(Writer::start(store.clone(), settings, lost)),
        };
        Self { keeper }
    }

    /// Keeps a decision. What only a trace needs is taken out of it: the decision goes on with its claims, and the id and set
    /// of its trace.
    pub fn keep(&self, decision: &mut Decision, circumstances: Circumstances) {
        let Circumstances { trigger, event, sets, granted, scope } = circumstances;
        let actions = std::mem::take(&mut decision.trace.actions);
        let mut outside = std::mem::take(&mut decision.trace.outside);
        if matches!(self.keeper, Keeper::Nowhere) {
            return;
        }
        let mut told = decision.clone();
        told.trace.actions = actions;
        bound(&mut outside);
        told.trace.outside = outside;
        let recording = Recording { trigger, event, outside: Default::default() };
        let draft = Draft { record: Record::of(told, recording, (granted, scope)), sets };
        match &self.keeper {
            Keeper::Nowhere => {}
            Keeper::Table(writer) => writer.push(draft),
            Keeper::Memory(Memory { ring, fields, keep }) => {
                let row = draft.into_row(fields);
                ring.lock().unwrap_or_else(PoisonError::into_inner).push(row, *keep);
            }
        }
    }

    /// Adds what the shadow decided otherwise to the trace that was kept of the decision.
    pub fn add_shadow(&self, decision: Decision, circumstances: Circumstances, told: Shadowed) {
        let Circumstances { trigger, event, sets, granted, scope } = circumstances;
        let recording = Recording { trigger, event, outside: Default::default() };
        let draft = Draft { record: Record::of(decision, recording, (granted, scope)), sets };
        match &self.keeper {
            Keeper::Nowhere => {}
            Keeper::Table(writer) => writer.push_shadow(draft, told),
            Keeper::Memory(Memory { ring, fields, .. }) => {
                let (id, shadow) = draft.into_shadow(told, fields);
                ring.lock().unwrap_or_else(PoisonError::into_inner).add_shadow(&id, &shadow);
            }
        }
    }

    /// The traces in memory that fit, newest first.
    #[must_use]
    pub fn in_memory(&self, filter: &TraceFilter) -> Vec<TraceRow> {
        match &self.keeper {
            Keeper::Memory(Memory { ring, .. }) => ring.lock().unwrap_or_else(PoisonError::into_inner).find(filter),
            Keeper::Nowhere | Keeper::Table(_) => Vec::new(),
        }
    }

    /// Waits until every trace so far is stored.
    pub async fn flush(&self) {
        if let Keeper::Table(writer) = &self.keeper {
            writer.flush().await;
        }
    }
}

/// Cuts off calls whose bodies are more than a trace keeps.
fn bound(outside: &mut crate::domain::outside::Outside) {
    let mut bytes = 0;
    let fits = outside.http.iter().take_while(|exchange| {
        let answer = exchange.answer.as_ref().map_or(0, |answer| answer.body.len());
        bytes += exchange.request.body.as_ref().map_or(0, String::len) + answer;
        bytes <= MAX_BODIES
    });
    let fits = fits.count();
    outside.incomplete |= fits < outside.http.len();
    outside.http.truncate(fits);
}
