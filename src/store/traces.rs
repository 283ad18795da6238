//! Traces: what decided about each login. Written in batches, read by the command line; nothing of the protocol relies on them.

use crate::domain::trace::{TraceFilter, TraceRow};

use super::sql::{query, query_as};
use super::{Result, Store, Tx};

/// `id`, `decided_at`, `client_id`, `user_id`, `outcome`, `document`, `shadow`.
type Row = (String, i64, String, String, String, String, String);

impl Store {
    /// The traces that fit, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn traces(&self, filter: &TraceFilter) -> Result<Vec<TraceRow>> {
        let text = |wanted: &Option<String>| wanted.clone().unwrap_or_default();
        let (before_at, before_id) = filter.before.clone().unwrap_or((i64::MAX, String::new()));
        let rows: Vec<Row> = query_as(
            "SELECT id, decided_at, client_id, user_id, outcome, document, shadow FROM traces
             WHERE tenant = $1 AND ($2 = '' OR id = $2) AND ($3 = '' OR client_id = $3) AND ($4 = '' OR user_id = $4)
               AND ($5 = '' OR outcome = $5) AND (decided_at < $6 OR (decided_at = $6 AND id < $7))
             ORDER BY decided_at DESC, id DESC LIMIT $8",
        )
        .bind(&*self.tenant)
        .bind(text(&filter.id))
        .bind(text(&filter.client_id))
        .bind(text(&filter.user_id))
        .bind(text(&filter.outcome))
        .bind(before_at)
        .bind(before_id)
        .bind(i64::try_from(filter.limit).unwrap_or(i64::MAX))
        .fetch_all(&self.database.readers)
        .await?;
        let trace = |(id, at, client_id, user_id, outcome, document, shadow): Row| {
            let mut row = TraceRow { id, at, client_id, user_id, outcome, document };
            row.add_shadow(&shadow);
            row
        };
        Ok(rows.into_iter().map(trace).collect())
    }
}

impl Tx {
    /// Stores a trace until `expires_at`; one that is there already stays.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_trace(&mut self, trace: &TraceRow, expires_at: i64) -> Result<()> {
        query(
            "INSERT INTO traces (tenant, id, decided_at, client_id, user_id, outcome, document, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, id) DO NOTHING",
        )
        .bind(&*self.tenant)
        .bind(&trace.id)
        .bind(trace.at)
        .bind(&trace.client_id)
        .bind(&trace.user_id)
        .bind(&trace.outcome)
        .bind(&trace.document)
        .bind(expires_at)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Stores what the shadow decided otherwise about a trace; a trace that is gone needs it no more.
    ///
    /// # Errors
    /// The database's.
    pub async fn shadow_trace(&mut self, id: &str, shadow: &str) -> Result<()> {
        query("UPDATE traces SET shadow = $1 WHERE tenant = $2 AND id = $3")
            .bind(shadow)
            .bind(&*self.tenant)
            .bind(id)
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }

    /// When and which: the newest trace that is older than the newest `keep`. Walks an index over those.
    ///
    /// # Errors
    /// The database's.
    pub async fn first_trace_beyond(&mut self, keep: usize) -> Result<Option<(i64, String)>> {
        query_as("SELECT decided_at, id FROM traces WHERE tenant = $1 ORDER BY decided_at DESC, id DESC LIMIT 1 OFFSET $2")
            .bind(&*self.tenant)
            .bind(i64::try_from(keep).unwrap_or(i64::MAX))
            .fetch_optional(&mut self.inner)
            .await
    }

    /// Deletes the trace that was decided then, and older ones, the oldest first and at most `limit` at once; how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn prune_traces(&mut self, (decided_at, id): &(i64, String), limit: usize) -> Result<usize> {
        let pruned = query(
            "DELETE FROM traces WHERE (tenant, id) IN
             (SELECT tenant, id FROM traces WHERE tenant = $1 AND (decided_at < $2 OR (decided_at = $2 AND id <= $3))
              ORDER BY decided_at, id LIMIT $4)",
        )
        .bind(&*self.tenant)
        .bind(*decided_at)
        .bind(id.as_str())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .execute(&mut self.inner)
        .await?;
        Ok(usize::try_from(pruned).unwrap_or(usize::MAX))
    }
}
