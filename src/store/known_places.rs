//! From where an account has logged in, so that whoever guesses elsewhere does not keep its owner out.

use super::{Result, Store, Tx, sql};

/// A place is forgotten this long after the last login there.
pub(super) const MEMORY_MS: i64 = 90 * 86_400_000;

impl Store {
    /// When `login` last logged in at `place`, if that is not forgotten at `now`.
    ///
    /// # Errors
    /// The database's.
    pub async fn known_place(&self, login: &str, place: &str, now: i64) -> Result<Option<i64>> {
        let found: Option<(i64,)> = sql::query_as(
            "SELECT last_at FROM known_places WHERE tenant = $1 AND login = $2 AND place = $3 AND last_at >= $4",
        )
        .bind(&*self.tenant)
        .bind(login)
        .bind(place)
        .bind(now - MEMORY_MS)
        .fetch_optional(&self.database.readers)
        .await?;
        Ok(found.map(|(last_at,)| last_at))
    }
}

impl Tx {
    /// Remembers that `login` logged in at `place`.
    ///
    /// # Errors
    /// The database's.
    pub async fn remember_place(&mut self, login: &str, place: &str, now: i64) -> Result<()> {
        sql::query(
            "INSERT INTO known_places (tenant, login, place, last_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant, login, place) DO UPDATE SET last_at = excluded.last_at",
        )
        .bind(&*self.tenant)
        .bind(login)
        .bind(place)
        .bind(now)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}
