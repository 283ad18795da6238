//! Grants: the roots that codes and tokens hang on. Everything below looks at its grant, so that revoking one row ends all.

use crate::domain::grant::Grant;

use super::{Result, Store, Tx, document, sql};

/// How long a grant outlives the last thing that may be made of it: no access token lives longer (31 days).
pub(super) const AFTERLIFE_MS: i64 = 31 * 86_400_000;
/// The end of a grant whose refresh tokens have none.
const NEVER: i64 = i64::MAX;

impl Store {
    /// A grant unless revoked.
    ///
    /// # Errors
    /// The database's.
    pub async fn grant(&self, id: &str) -> Result<Option<Grant>> {
        let found: Option<(String,)> =
            sql::query_as("SELECT document FROM grants WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL")
                .bind(&*self.tenant)
                .bind(id)
                .fetch_optional(&self.database.readers)
                .await?;
        found.map(|(text,)| document::read("grant", &text)).transpose()
    }
}

impl Tx {
    /// Stores a grant.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_grant(&mut self, grant: &Grant) -> Result<()> {
        sql::query(
            "INSERT INTO grants (tenant, id, client_id, user_id, session_id, document, keep_until)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&*self.tenant)
        .bind(&grant.id)
        .bind(&grant.client_id)
        .bind(&grant.user_id)
        .bind(grant.session_id.as_deref())
        .bind(document::write("grant", grant)?)
        .bind(grant.created_at.saturating_add(AFTERLIFE_MS))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Replaces the scopes and the Decision of a grant (refresh). A revoked grant stays revoked.
    ///
    /// # Errors
    /// The database's.
    pub async fn update_grant(&mut self, grant: &Grant) -> Result<()> {
        sql::query("UPDATE grants SET document = $3 WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL")
            .bind(&*self.tenant)
            .bind(&grant.id)
            .bind(document::write("grant", grant)?)
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }

    /// Revokes a grant: its code, refresh tokens and access tokens are dead. Idempotent.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_grant(&mut self, grant_id: &str, now: i64) -> Result<()> {
        sql::query(
            "UPDATE grants SET revoked_at = $3, keep_until = $4 WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL",
        )
        .bind(&*self.tenant)
        .bind(grant_id)
        .bind(now)
        .bind(now.saturating_add(AFTERLIFE_MS))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Keeps the grant at least until what ends at `end` (`None`: never) can have no offspring any more.
    pub(super) async fn keep_grant(&mut self, grant_id: &str, end: Option<i64>) -> Result<()> {
        sql::query("UPDATE grants SET keep_until = $3 WHERE tenant = $1 AND id = $2 AND keep_until < $3")
            .bind(&*self.tenant)
            .bind(grant_id)
            .bind(kept_until(end))
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }
}

/// How long a grant is kept for what ends at `end`. To the end of a day, so that a refresh, which moves the end a little, seldom
/// has to write it.
pub(super) fn kept_until(end: Option<i64>) -> i64 {
    const DAY_MS: i64 = 86_400_000;
    let Some(end) = end else { return NEVER };
    let until = end.saturating_add(AFTERLIFE_MS);
    until.saturating_add(DAY_MS - until.rem_euclid(DAY_MS))
}
