//! Counters and histograms behind `/metrics` (OpenMetrics text, which Prometheus reads).
//!
//! Label values come from closed lists or from what the operator wrote; whatever a client or a script may choose freely counts
//! as `other`, so that nobody can make the server remember without bound.

mod shadow;

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::domain::client::GrantType;
use crate::domain::decision::{ActionTrace, Decision, Refusal};

pub use shadow::ShadowMetrics;

/// `Content-Type` of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Different actions that get a label of their own; files come and go at reload, a process does not forget them.
const MAX_ACTIONS: usize = 200;

const METHODS: [&str; 6] = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE"];
const ACTION_OUTCOMES: [&str; 5] = ["ok", "denied", "error", "timeout", "skipped"];
const TRIGGERS: [&str; 2] = ["post-login", "credentials-exchange"];
/// `ok` and the error codes of the token and authorization endpoints; an action may deny with others.
const OUTCOMES: [&str; 20] = [
    "ok",
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "invalid_scope",
    "invalid_target",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
    "access_denied",
    "login_required",
    "interaction_required",
    "consent_required",
    "too_many_attempts",
    "wrong_password",
    "blocked",
    "replayed",
    "server_error",
    "temporarily_unavailable",
    "expired",
];

/// The tenant's metrics; labels never carry unbounded values.
pub struct Metrics {
    registry: Registry,
    http_requests: Family<HttpLabels, Histogram, fn() -> Histogram>,
    token_grants: Family<GrantLabels, Counter>,
    logins: Family<OutcomeLabels, Counter>,
    actions: Family<ActionLabels, Histogram, fn() -> Histogram>,
    refusals: Family<RefusalLabels, Counter>,
    reloads: Family<OutcomeLabels, Counter>,
    current_set: Family<SetLabels, Gauge>,
    failing: Family<FailingLabels, Gauge>,
    bypassed: Family<TriggerLabels, Counter>,
    busy: Family<BusyLabels, Counter>,
    passwords_waiting: Gauge,
    traces_lost: LostTraces,
    shadow: ShadowMetrics,
    names: std::sync::Mutex<std::collections::BTreeSet<String>>,
}

/// Counts traces that were not stored; a copy counts for all.
#[derive(Clone, Debug, Default)]
pub struct LostTraces(Counter);

impl LostTraces {
    /// So many more are lost.
    pub fn add(&self, count: usize) {
        self.0.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct HttpLabels {
    method: &'static str,
    route: String,
    status: u32,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct GrantLabels {
    grant_type: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ActionLabels {
    action: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RefusalLabels {
    action: String,
    call: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SetLabels {
    hash: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FailingLabels {
    action: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TriggerLabels {
    trigger: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct BusyLabels {
    pool: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("vestibule"),
            http_requests: Family::new_with_constructor(request_histogram),
            token_grants: Family::default(),
            logins: Family::default(),
            actions: Family::new_with_constructor(action_histogram),
            refusals: Family::default(),
            reloads: Family::default(),
            current_set: Family::default(),
            failing: Family::default(),
            bypassed: Family::default(),
            busy: Family::default(),
            passwords_waiting: Gauge::default(),
            traces_lost: LostTraces::default(),
            shadow: ShadowMetrics::default(),
            names: std::sync::Mutex::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        self.shadow.register(registry);
        let requests = self.http_requests.clone();
        registry.register_with_unit("http_request_duration", "HTTP requests by route and status", Unit::Seconds, requests);
        registry.register("token_grants", "Token requests by grant type and outcome", self.token_grants.clone());
        registry.register("logins", "Logins by outcome", self.logins.clone());
        registry.register_with_unit("action_duration", "Runs of actions by outcome", Unit::Seconds, self.actions.clone());
        registry.register("refusals", "What actions asked for and did not get", self.refusals.clone());
        registry.register("reloads", "Reloads of the actions by outcome", self.reloads.clone());
        registry.register("actions_set", "1 for the content hash of the running set of actions", self.current_set.clone());
        let failing = self.failing.clone();
        registry.register("action_failures_in_a_row", "Failures in a row of the actions that keep failing", failing);
        let bypassed = self.bypassed.clone();
        registry.register("actions_bypassed", "Logins without actions, of clients with `bypass_actions`", bypassed);
        registry.register("busy", "Requests refused because a pool was full", self.busy.clone());
        registry.register("traces_lost", "Traces that were not stored", self.traces_lost.0.clone());
        registry.register("passwords_waiting", "Password checks that wait for their turn", self.passwords_waiting.clone());
    }

    /// A request was answered. `route` is the pattern that matched (`/oauth/token`), never the path.
    pub fn request_answered(&self, method: &str, route: &str, status: u16, duration: Duration) {
        let method = known(method, &METHODS);
        let labels = HttpLabels { method, route: route.to_owned(), status: status.into() };
        self.http_requests.get_or_create(&labels).observe(duration.as_secs_f64());
    }

    /// A token request was answered with tokens (`ok`) or with an error code.
    pub fn token_requested(&self, grant_type: &str, outcome: &str) {
        let grants = GrantType::ALL.map(GrantType::as_str);
        let labels = GrantLabels { grant_type: known(grant_type, &grants), outcome: known(outcome, &OUTCOMES) };
        self.token_grants.get_or_create(&labels).inc();
    }

    /// Somebody logged in (`ok`) or did not (`wrong_password`, `blocked`, `too_many_attempts`, or an error code).
    pub fn login_tried(&self, outcome: &str) {
        self.logins.get_or_create(&OutcomeLabels { outcome: known(outcome, &OUTCOMES) }).inc();
    }

    /// A trigger ran: counts every action of it and everything that was refused.
    pub fn decided(&self, decision: &Decision) {
        decision.trace.actions.iter().for_each(|action| self.action_ran(action));
        decision.refused.iter().for_each(|refusal| self.refused(refusal));
        if decision.trace.bypassed {
            let trigger = known(&decision.trace.trigger, &TRIGGERS);
            self.bypassed.get_or_create(&TriggerLabels { trigger }).inc();
        }
    }

    /// An action ran.
    pub fn action_ran(&self, trace: &ActionTrace) {
        let labels = ActionLabels { action: self.name(&trace.action), outcome: known(&trace.outcome, &ACTION_OUTCOMES) };
        self.actions.get_or_create(&labels).observe(Duration::from_micros(trace.duration_us).as_secs_f64());
    }

    /// An action did not get what it asked for. The name of the claim is in the log.
    pub fn refused(&self, refusal: &Refusal) {
        let labels = RefusalLabels { action: self.name(&refusal.by.action), call: self.name(&refusal.call) };
        self.refusals.get_or_create(&labels).inc();
    }

    /// A set of actions took over; also called for the first.
    pub fn reloaded(&self, hash: &str) {
        self.reloads.get_or_create(&OutcomeLabels { outcome: "ok" }).inc();
        self.current_set.clear();
        self.current_set.get_or_create(&SetLabels { hash: hash.to_owned() }).set(1);
    }

    /// A set of actions was refused; the last good one goes on.
    pub fn reload_failed(&self) {
        self.reloads.get_or_create(&OutcomeLabels { outcome: "failed" }).inc();
    }

    /// The actions that keep failing now, with their failures in a row; set before [`Metrics::render`].
    pub fn actions_failing<'a>(&self, failing: impl IntoIterator<Item = (&'a str, u64)>) {
        self.failing.clear();
        for (action, failures) in failing {
            let labels = FailingLabels { action: self.name(action) };
            self.failing.get_or_create(&labels).set(i64::try_from(failures).unwrap_or(i64::MAX));
        }
    }

    /// No place to run actions.
    pub fn actions_busy(&self) {
        self.busy.get_or_create(&BusyLabels { pool: "actions" }).inc();
    }

    /// No place to hash a password.
    pub fn passwords_busy(&self) {
        self.busy.get_or_create(&BusyLabels { pool: "passwords" }).inc();
    }

    /// How many password checks wait now; set before [`Metrics::render`].
    pub fn passwords_waiting(&self, waiting: usize) {
        self.passwords_waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// The counter of lost traces, for who writes them.
    #[must_use]
    pub fn lost_traces(&self) -> LostTraces {
        self.traces_lost.clone()
    }

    /// The counters of the shadow, for who compares.
    #[must_use]
    pub fn shadow(&self) -> ShadowMetrics {
        self.shadow.clone()
    }

    /// Everything as text; see [`CONTENT_TYPE`].
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail; half a page is better than none if it ever did.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// The name of an action or call, or `other` when there have been too many.
    fn name(&self, name: &str) -> String {
        let mut names = self.names.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if names.contains(name) || (names.len() < MAX_ACTIONS && names.insert(name.to_owned())) {
            name.to_owned()
        } else {
            "other".to_owned()
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// The value as the list has it, or `other`.
fn known(value: &str, list: &[&'static str]) -> &'static str {
    list.iter().find(|known| **known == value).copied().unwrap_or("other")
}

fn request_histogram() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

fn action_histogram() -> Histogram {
    Histogram::new([0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decision::Provenance;

    fn has(metrics: &Metrics, line: &str) {
        let text = metrics.render();
        assert!(text.lines().any(|have| have == line), "{line} is not in\n{text}");
    }

    #[test]
    fn facts_are_counted_by_their_labels() {
        let metrics = Metrics::default();
        metrics.request_answered("GET", "/authorize", 302, Duration::from_millis(3));
        metrics.token_requested("refresh_token", "invalid_grant");
        metrics.login_tried("ok");
        metrics.login_tried("ok");
        metrics.actions_busy();
        metrics.passwords_busy();
        metrics.passwords_waiting(7);
        let by = Provenance { action: "10-roles".into(), ..Provenance::default() };
        let refusal = Refusal {
            call: "api.idToken.setCustomClaim".to_owned(),
            name: "sub".to_owned(),
            reason: "reserved".to_owned(),
            by,
        };
        let trace = ActionTrace {
            action: "10-roles".to_owned(),
            outcome: "timeout".to_owned(),
            duration_us: 1_500_000,
            ..ActionTrace::default()
        };
        let mut decision = Decision { refused: vec![refusal], ..Decision::default() };
        decision.trace.actions = vec![trace];
        metrics.decided(&decision);
        for line in [
            r#"vestibule_http_request_duration_seconds_count{method="GET",route="/authorize",status="302"} 1"#,
            r#"vestibule_http_request_duration_seconds_bucket{le="0.005",method="GET",route="/authorize",status="302"} 1"#,
            r#"vestibule_token_grants_total{grant_type="refresh_token",outcome="invalid_grant"} 1"#,
            r#"vestibule_logins_total{outcome="ok"} 2"#,
            r#"vestibule_busy_total{pool="actions"} 1"#,
            r#"vestibule_busy_total{pool="passwords"} 1"#,
            "vestibule_passwords_waiting 7",
            r#"vestibule_action_duration_seconds_sum{action="10-roles",outcome="timeout"} 1.5"#,
            r#"vestibule_refusals_total{action="10-roles",call="api.idToken.setCustomClaim"} 1"#,
        ] {
            has(&metrics, line);
        }
    }

    #[test]
    fn only_the_current_set_is_shown() {
        let metrics = Metrics::default();
        metrics.reloaded("aaa");
        metrics.reload_failed();
        metrics.reloaded("bbb");
        has(&metrics, r#"vestibule_reloads_total{outcome="ok"} 2"#);
        has(&metrics, r#"vestibule_reloads_total{outcome="failed"} 1"#);
        has(&metrics, r#"vestibule_actions_set{hash="bbb"} 1"#);
        assert!(!metrics.render().contains("aaa"));
    }

    #[test]
    fn free_values_do_not_become_labels() {
        let metrics = Metrics::default();
        metrics.token_requested("urn:made-up", "my_own_code");
        has(&metrics, r#"vestibule_token_grants_total{grant_type="other",outcome="other"} 1"#);
        for number in 0..MAX_ACTIONS + 50 {
            metrics.action_ran(&ActionTrace { action: format!("a{number}"), ..ActionTrace::default() });
        }
        has(&metrics, r#"vestibule_action_duration_seconds_count{action="other",outcome="other"} 50"#);
    }
}
