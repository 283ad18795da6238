//! The shadow of a live decision: another set of actions decides the same login again, with the answers that the live one had
//! from outside. What differs is counted, logged and kept with the trace; nothing of it is applied.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::app::App;
use crate::domain::client::Client;
use crate::domain::decision::{Decision, Outcome};
use crate::domain::difference::Difference;
use crate::domain::needles::Needles;
use crate::domain::resource_server::ResourceServer;
use crate::domain::scope::Scopes;
use crate::domain::shadow::Shadowed;
use crate::flow::{FlowSet, Offered, Recording, Sparing};
use crate::metrics::ShadowMetrics;
use crate::traces::{Circumstances, Traces};

use super::fold::Party;
use super::replay::{self, Before};

/// Differences that one line of the log names.
const LOGGED: usize = 10;

/// A live decision, ready to be made again.
#[derive(Debug)]
pub(super) struct Shot {
    decision: Decision,
    recording: Recording,
    granted: Scopes,
    scope: Scopes,
    party: Owned,
    /// As in [`Circumstances`].
    sets: Vec<Arc<FlowSet>>,
}

/// Who hears of a difference.
struct Told {
    traces: Arc<Traces>,
    metrics: ShadowMetrics,
    sparing: Arc<Sparing>,
}

#[derive(Debug)]
enum Owned {
    Client { client: Box<Client>, api: Option<ResourceServer>, may_refresh: bool },
    Machine { api: ResourceServer },
}

impl Owned {
    fn of(party: Party<'_>) -> Self {
        match party {
            Party::Client { client, api, may_refresh } => {
                Self::Client { client: Box::new(client.clone()), api: api.cloned(), may_refresh }
            }
            Party::Machine { api } => Self::Machine { api: api.clone() },
        }
    }

    fn party(&self) -> Party<'_> {
        match self {
            Self::Client { client, api, may_refresh } => {
                Party::Client { client, api: api.as_ref(), may_refresh: *may_refresh }
            }
            Self::Machine { api } => Party::Machine { api },
        }
    }
}

impl Shot {
    /// Of a decision as it was folded, before its trace is taken away; `None` without a shadow, and for a client that bypasses
    /// actions.
    pub(super) fn of(
        app: &App,
        decision: &Decision,
        about: &Circumstances,
        (granted, scope): (&Scopes, &Scopes),
        party: Party<'_>,
    ) -> Option<Self> {
        if app.shadow.is_none() || decision.trace.bypassed {
            return None;
        }
        let (event, outside) = (Arc::clone(&about.event), decision.trace.outside.clone());
        Some(Self {
            decision: decision.clone(),
            recording: Recording { trigger: about.trigger, event, outside },
            granted: granted.clone(),
            scope: scope.clone(),
            party: Owned::of(party),
            sets: about.sets.clone(),
        })
    }

    /// Hands it to the shadow; the login goes on at once.
    pub(super) fn offer(self, app: &App) {
        let Some(shadow) = &app.shadow else { return };
        let (traces, metrics) = (Arc::clone(&app.traces), app.metrics.shadow());
        let (counted, sparing) = (metrics.clone(), shadow.sparing());
        match shadow.offer(move |set| self.compare(set, &Told { traces, metrics, sparing })) {
            Offered::Taken => {}
            Offered::Full => counted.compared("dropped"),
            Offered::NoActions => counted.compared("not_run"),
        }
    }

    fn compare(self, set: &Arc<FlowSet>, told_to: &Told) {
        let Self { decision, recording, granted, scope, party, mut sets } = self;
        let before = Before {
            recording: &recording,
            decision: &decision,
            granted: &granted,
            scope: &scope,
            party: Some(party.party()),
        };
        let (again, differences) = replay::again(set, before);
        let unrecorded = again.trace.outside.beyond(&recording.outside);
        let verdict = verdict(&decision, &again, &differences, &unrecorded);
        if differences.is_empty() && unrecorded.is_empty() {
            return told_to.metrics.compared(verdict);
        }
        differences.iter().for_each(|difference| told_to.metrics.differs(difference));
        let told = Shadowed { set: set.hash().to_owned(), differences, unrecorded };
        sets.push(Arc::clone(set));
        log(&decision, &recording, &told, (&told_to.sparing, &sets));
        let Recording { trigger, event, .. } = recording;
        let about = Circumstances { trigger, event, sets, granted: granted.to_string(), scope: scope.to_string() };
        told_to.traces.add_shadow(decision, about, told);
        told_to.metrics.compared(verdict);
    }
}

/// A label of the metric.
fn verdict(live: &Decision, shadow: &Decision, differences: &[Difference], unrecorded: &[String]) -> &'static str {
    let failed = |decision: &Decision| matches!(decision.outcome, Outcome::Failed { .. });
    match (unrecorded, differences) {
        ([_, ..], _) => "not_comparable",
        (_, []) => "same",
        _ if failed(shadow) && !failed(live) => "failed",
        _ => "different",
    }
}

/// Names and places, no values and no secrets in a name; only so many logins a minute.
fn log(live: &Decision, recording: &Recording, told: &Shadowed, (sparing, sets): (&Sparing, &[Arc<FlowSet>])) {
    let Some(left_out) = sparing.another(recording.outside.now) else { return };
    let mut differences = told.differences.iter().take(LOGGED).map(named).collect::<Vec<_>>();
    if told.differences.len() > LOGGED {
        differences.push(format!("and {} more", told.differences.len() - LOGGED));
    }
    let (trace, client) = (&live.trace.id, &recording.event.client.client_id);
    let (mut differences, mut unrecorded) = (differences.join("; "), told.unrecorded.join("; "));
    let needles = Needles::only(sets.iter().flat_map(|set| set.secrets()));
    [&mut differences, &mut unrecorded].into_iter().for_each(|text| needles.replace(text));
    tracing::warn!(
        trace,
        client.id = client,
        shadow = told.set,
        differences,
        unrecorded,
        left_out,
        "the shadow decided otherwise"
    );
}

/// `id_token plan changed (actions/20-plan.rhai:3:5 → next/20-plan.rhai:4:5)`.
fn named(difference: &Difference) -> String {
    let (part, change) = (difference.part.as_str(), difference.change().as_str());
    let mut text = format!("{part} {} {change}", difference.name);
    let places: Vec<String> = [&difference.before, &difference.after]
        .into_iter()
        .flatten()
        .filter(|side| !side.by.file.is_empty())
        .map(|side| side.by.to_string())
        .collect();
    if !places.is_empty() {
        let _ = write!(text, " ({})", places.join(" → "));
    }
    text
}
