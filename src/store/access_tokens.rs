//! Opaque access tokens by hash; JWT access tokens that were revoked by themselves; assertions that were used.

use crate::domain::grant::{Grant, OpaqueToken};
use crate::domain::scope::Scopes;

use super::{Result, Store, Tx, document, sql};

impl Store {
    /// An opaque access token with its grant, unless expired or revoked.
    ///
    /// # Errors
    /// The database's.
    pub async fn access_token(&self, hash: &str, now: i64) -> Result<Option<(OpaqueToken, Grant)>> {
        let found: Option<(String, String, i64, i64, String)> = sql::query_as(
            "SELECT t.grant_id, t.scope, t.issued_at, t.expires_at, g.document
             FROM access_tokens t JOIN grants g ON g.tenant = t.tenant AND g.id = t.grant_id
             WHERE t.tenant = $1 AND t.hash = $2 AND t.expires_at > $3 AND t.revoked_at IS NULL AND g.revoked_at IS NULL",
        )
        .bind(&*self.tenant)
        .bind(hash)
        .bind(now)
        .fetch_optional(&self.database.readers)
        .await?;
        let Some((grant_id, scope, issued_at, expires_at, grant)) = found else { return Ok(None) };
        let token = OpaqueToken { grant_id, scope: Scopes::parse(&scope), issued_at, expires_at };
        Ok(Some((token, document::read("grant", &grant)?)))
    }

    /// Whether the `jti` of a JWT access token was revoked by itself (revocation of its grant is found through the grant).
    ///
    /// # Errors
    /// The database's.
    pub async fn is_jti_revoked(&self, jti: &str) -> Result<bool> {
        let found: Option<(i64,)> = sql::query_as("SELECT expires_at FROM revoked_jtis WHERE tenant = $1 AND jti = $2")
            .bind(&*self.tenant)
            .bind(jti)
            .fetch_optional(&self.database.readers)
            .await?;
        Ok(found.is_some())
    }
}

impl Tx {
    /// Stores an opaque access token.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_access_token(&mut self, hash: &str, token: &OpaqueToken) -> Result<()> {
        sql::query(
            "INSERT INTO access_tokens (tenant, hash, grant_id, scope, issued_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&*self.tenant)
        .bind(hash)
        .bind(&token.grant_id)
        .bind(token.scope.to_string())
        .bind(token.issued_at)
        .bind(token.expires_at)
        .execute(&mut self.inner)
        .await?;
        self.keep_grant(&token.grant_id, Some(token.expires_at)).await
    }

    /// Revokes an opaque access token by hash. Idempotent.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_access_token(&mut self, hash: &str, now: i64) -> Result<()> {
        sql::query("UPDATE access_tokens SET revoked_at = $3 WHERE tenant = $1 AND hash = $2 AND revoked_at IS NULL")
            .bind(&*self.tenant)
            .bind(hash)
            .bind(now)
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }

    /// Notes a JWT access token as revoked until it expires (Unix milliseconds). Idempotent.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_jti(&mut self, jti: &str, expires_at: i64) -> Result<()> {
        sql::query("INSERT INTO revoked_jtis (tenant, jti, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(&*self.tenant)
            .bind(jti)
            .bind(expires_at)
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }

    /// Notes the `jti` of a client assertion until it expires (Unix milliseconds); `false` if the client used it before
    /// (RFC 7523 section 3).
    ///
    /// # Errors
    /// The database's.
    pub async fn use_assertion(&mut self, client_id: &str, jti: &str, expires_at: i64) -> Result<bool> {
        let used = sql::query(
            "INSERT INTO used_assertions (tenant, client_id, jti, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(&*self.tenant)
        .bind(client_id)
        .bind(jti)
        .bind(expires_at)
        .execute(&mut self.inner)
        .await?;
        Ok(used == 1)
    }
}
