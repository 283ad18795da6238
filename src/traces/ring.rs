//! The newest traces in memory, for `dev`: bounded in number and in bytes.

use std::collections::VecDeque;

use crate::domain::trace::{TraceFilter, TraceRow};

/// Bytes of all documents together.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The newest traces; an old one goes when a new one needs its place.
#[derive(Debug, Default)]
pub(super) struct Ring {
    rows: VecDeque<TraceRow>,
    bytes: usize,
}

impl Ring {
    /// Adds a trace to at most `keep`.
    pub(super) fn push(&mut self, row: TraceRow, keep: usize) {
        self.bytes += row.document.len();
        self.rows.push_back(row);
        while self.rows.len() > keep || (self.bytes > MAX_BYTES && self.rows.len() > 1) {
            let oldest = self.rows.pop_front();
            self.bytes -= oldest.map_or(0, |row| row.document.len());
        }
    }

    /// Adds what the shadow decided otherwise to a trace, if it is still there.
    pub(super) fn add_shadow(&mut self, id: &str, shadow: &str) {
        if let Some(row) = self.rows.iter_mut().rev().find(|row| row.id == id) {
            self.bytes -= row.document.len();
            row.add_shadow(shadow);
            self.bytes += row.document.len();
        }
    }

    /// Those that fit, newest first.
    pub(super) fn find(&self, filter: &TraceFilter) -> Vec<TraceRow> {
        self.rows.iter().rev().filter(|row| filter.fits(row)).take(filter.limit).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: usize, bytes: usize) -> TraceRow {
        TraceRow { id: id.to_string(), document: "x".repeat(bytes), ..TraceRow::default() }
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut ring = Ring::default();
        (0..100).for_each(|id| ring.push(row(id, 10), 5));
        let all = ring.find(&TraceFilter { limit: 100, ..TraceFilter::default() });
        assert_eq!(all.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["99", "98", "97", "96", "95"]);
        assert_eq!(ring.bytes, 50);
    }

    #[test]
    fn the_oldest_go_when_they_are_too_large() {
        let mut ring = Ring::default();
        (0..10).for_each(|id| ring.push(row(id, MAX_BYTES / 4), 1_000));
        assert_eq!(ring.rows.len(), 4);
        assert!(ring.bytes <= MAX_BYTES);
    }
}
