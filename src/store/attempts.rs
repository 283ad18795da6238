//! Failed password checks, counted in the database so that a restart or another replica does not forget them.

use super::{Result, Store, Tx, sql};

/// Failures are forgotten this long after the last one.
const MEMORY_MS: i64 = 24 * 3_600_000;

impl Store {
    /// Failed password checks for `key` that are not forgotten at `now`, and when the last one was (`(0, 0)`: none).
    ///
    /// # Errors
    /// The database's.
    pub async fn failed_logins(&self, key: &str, now: i64) -> Result<(i64, i64)> {
        let found =
            sql::query_as("SELECT failures, last_at FROM failed_logins WHERE tenant = $1 AND login = $2 AND last_at >= $3")
                .bind(&*self.tenant)
                .bind(key)
                .bind(now - MEMORY_MS)
                .fetch_optional(&self.database.readers)
                .await?;
        Ok(found.unwrap_or((0, 0)))
    }
}

impl Tx {
    /// Counts a failed password check for `key`, atomically; the new count, which begins again after [`MEMORY_MS`].
    ///
    /// # Errors
    /// The database's.
    pub async fn count_failed_login(&mut self, key: &str, now: i64) -> Result<i64> {
        let (failures,) = sql::query_as(
            "INSERT INTO failed_logins (tenant, login, failures, last_at) VALUES ($1, $2, 1, $3)
             ON CONFLICT (tenant, login) DO UPDATE SET
                 failures = CASE WHEN failed_logins.last_at < $4 THEN 1 ELSE failed_logins.failures + 1 END,
                 last_at = excluded.last_at
             RETURNING failures",
        )
        .bind(&*self.tenant)
        .bind(key)
        .bind(now)
        .bind(now - MEMORY_MS)
        .fetch_one(&mut self.inner)
        .await?;
        Ok(failures)
    }

    /// Forgets the failed password checks of `key`.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_failed_logins(&mut self, key: &str) -> Result<()> {
        sql::query("DELETE FROM failed_logins WHERE tenant = $1 AND login = $2")
            .bind(&*self.tenant)
            .bind(key)
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }
}
