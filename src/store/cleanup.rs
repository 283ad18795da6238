//! Deletes what expired. Nothing relies on it: expiry is checked at every use.

use super::{Database, Result, known_places, sql};

/// Failed logins are remembered for a day.
const DAY_MS: i64 = 86_400_000;
/// Rows per statement, as written in each; few, for on SQLite it runs where requests do.
const BATCH: u64 = 100;

/// Each deletes at most [`BATCH`] rows that ended before `$1`, so that no statement holds the writer for long; with it, how
/// many milliseconds after the end. What hangs on a grant goes with it.
const EXPIRED: [(&str, i64); 10] = [
    (
        "DELETE FROM login_transactions WHERE (tenant, handle_hash) IN
         (SELECT tenant, handle_hash FROM login_transactions WHERE expires_at < $1 LIMIT 100)",
        0,
    ),
    (
        "DELETE FROM sessions WHERE (tenant, cookie_hash) IN
         (SELECT tenant, cookie_hash FROM sessions WHERE expires_at < $1 LIMIT 100)",
        0,
    ),
    (
        "DELETE FROM sessions WHERE (tenant, cookie_hash) IN
         (SELECT tenant, cookie_hash FROM sessions WHERE idle_expires_at < $1 LIMIT 100)",
        0,
    ),
    ("DELETE FROM grants WHERE (tenant, id) IN (SELECT tenant, id FROM grants WHERE keep_until < $1 LIMIT 100)", 0),
    (
        "DELETE FROM access_tokens WHERE (tenant, hash) IN
         (SELECT tenant, hash FROM access_tokens WHERE expires_at < $1 LIMIT 100)",
        0,
    ),
    (
        "DELETE FROM revoked_jtis WHERE (tenant, jti) IN
         (SELECT tenant, jti FROM revoked_jtis WHERE expires_at < $1 LIMIT 100)",
        0,
    ),
    (
        "DELETE FROM used_assertions WHERE (tenant, client_id, jti) IN
         (SELECT tenant, client_id, jti FROM used_assertions WHERE expires_at < $1 LIMIT 100)",
        DAY_MS,
    ),
    (
        "DELETE FROM failed_logins WHERE (tenant, login) IN
         (SELECT tenant, login FROM failed_logins WHERE last_at < $1 LIMIT 100)",
        DAY_MS,
    ),
    (
        "DELETE FROM known_places WHERE (tenant, login, place) IN
         (SELECT tenant, login, place FROM known_places WHERE last_at < $1 LIMIT 100)",
        known_places::MEMORY_MS,
    ),
    (
        "DELETE FROM traces WHERE (tenant, id) IN
         (SELECT tenant, id FROM traces WHERE expires_at < $1 LIMIT 500)",
        0,
    ),
];

impl Database {
    /// Deletes what expired before `now` (codes, transactions, tokens, sessions), in batches. Expiry is checked at use anyway.
    /// The number of rows, not counting what hung on deleted grants.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete_expired(&self, now: i64) -> Result<u64> {
        let mut deleted = 0;
        for (statement, after) in EXPIRED {
            loop {
                let mut connection = self.begin().await?;
                let query = sql::query(statement).bind(now.saturating_sub(after));
                let rows = query.execute(&mut connection).await?;
                connection.commit().await?;
                deleted += rows;
                if rows < BATCH {
                    break;
                }
            }
        }
        Ok(deleted)
    }
}
