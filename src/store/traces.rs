//! Traces: what decided about each login. Written in batches, read by the command line; nothing of the protocol relies on them.

use crate::domain::trace::{TraceFilter, TraceRow};

use super::sql::{query, query_as};
use super::{Result, Store, Tx};

/// `id`, `decided_at`, `client_id`, `user_id`, `outcome`, `document`.
type Row = (String, i64, String, String, String, String);

impl Store {
    /// The traces that fit, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn traces(&self, filter: &TraceFilter) -> Result<Vec<TraceRow>> {
        let text = |wanted: &Option<String>| wanted.clone().unwrap_or_default();
        let rows: Vec<Row> = query_as(
            "SELECT id, decided_at, client_id, user_id, outcome, document FROM traces
             WHERE tenant = $1 AND ($2 = '' OR id = $2) AND ($3 = '' OR client_id = $3) AND ($4 = '' OR user_id = $4)
               AND ($5 = '' OR outcome = $5)
             ORDER BY decided_at DESC, id DESC LIMIT $6",
        )
        .bind(&*self.tenant)
        .bind(text(&filter.id))
        .bind(text(&filter.client_id))
        .bind(text(&filter.user_id))
        .bind(text(&filter.outcome))
        .bind(i64::try_from(filter.limit).unwrap_or(i64::MAX))
        .fetch_all(&self.database.readers)
        .await?;
        let trace =
            |(id, at, client_id, user_id, outcome, document)| TraceRow { id, at, client_id, user_id, outcome, document };
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

    /// Deletes the oldest traces beyond the newest `keep`, at most 1000 at once; how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn prune_traces(&mut self, keep: usize) -> Result<u64> {
        let pruned = query(
            "DELETE FROM traces WHERE (tenant, id) IN
             (SELECT tenant, id FROM traces WHERE tenant = $1 ORDER BY decided_at DESC, id DESC LIMIT 1000 OFFSET $2)",
        )
        .bind(&*self.tenant)
        .bind(i64::try_from(keep).unwrap_or(i64::MAX))
        .execute(&mut self.inner)
        .await?;
        Ok(pruned)
    }
}
