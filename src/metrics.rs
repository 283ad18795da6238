//! Counters and histograms behind `/metrics` (Prometheus text).

/// The tenant's metrics; labels never carry unbounded values.
#[derive(Debug, Default)]
pub struct Metrics {}
