//! How often the shadow decided as the live actions did, and what was different.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::domain::difference::Difference;

/// Counts for the shadow; a copy counts for all.
#[derive(Clone, Debug, Default)]
pub struct ShadowMetrics {
    logins: Family<LoginLabels, Counter>,
    differences: Family<DifferenceLabels, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LoginLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DifferenceLabels {
    part: &'static str,
    change: &'static str,
}

impl ShadowMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("shadow_logins", "Logins by what the shadow decided about them", self.logins.clone());
        let differences = self.differences.clone();
        registry.register("shadow_differences", "What the shadow decided otherwise, by kind", differences);
    }

    /// A login came out as `same`, `different`, `failed` or `not_comparable`, or did not come to it: `dropped`, `not_run`.
    pub fn compared(&self, outcome: &'static str) {
        self.logins.get_or_create(&LoginLabels { outcome }).inc();
    }

    /// Something differs. Its name is in the log.
    pub fn differs(&self, difference: &Difference) {
        let labels = DifferenceLabels { part: difference.part.as_str(), change: difference.change().as_str() };
        self.differences.get_or_create(&labels).inc();
    }
}
