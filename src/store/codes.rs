//! Authorization codes. A spent one stays as long as its grant, so that a replay is recognised (RFC 6749 section 4.1.2).

use crate::domain::grant::{AuthorizationCode, Grant, Redemption};

use super::{Result, Tx, document, sql};

/// `grant_id`, `client_id`, `redirect_uri`, `code_challenge`, `expires_at`.
type CodeRow = (String, String, String, Option<String>, i64);

impl Tx {
    /// Stores a code.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_code(&mut self, hash: &str, code: &AuthorizationCode) -> Result<()> {
        sql::query(
            "INSERT INTO authorization_codes (tenant, hash, grant_id, client_id, redirect_uri, code_challenge, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&*self.tenant)
        .bind(hash)
        .bind(&code.grant_id)
        .bind(&code.client_id)
        .bind(&code.redirect_uri)
        .bind(code.code_challenge.as_deref())
        .bind(code.expires_at)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Spends a code by a conditional update. The caller must commit even when it then refuses (a wrong verifier spends the
    /// code), and must revoke the grant of a replayed one. A code that was spent is `Replayed` even after it expired; a fresh
    /// one whose grant is revoked is `Unknown`.
    ///
    /// # Errors
    /// The database's.
    pub async fn redeem_code(&mut self, hash: &str, now: i64) -> Result<Redemption<(AuthorizationCode, Grant)>> {
        let spent: Option<CodeRow> = sql::query_as(
            "UPDATE authorization_codes SET spent_at = $3
             WHERE tenant = $1 AND hash = $2 AND spent_at IS NULL AND expires_at > $3
             RETURNING grant_id, client_id, redirect_uri, code_challenge, expires_at",
        )
        .bind(&*self.tenant)
        .bind(hash)
        .bind(now)
        .fetch_optional(&mut self.inner)
        .await?;
        let Some((grant_id, client_id, redirect_uri, code_challenge, expires_at)) = spent else {
            return self.replayed_code(hash).await;
        };
        let grant: Option<(String,)> =
            sql::query_as("SELECT document FROM grants WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL")
                .bind(&*self.tenant)
                .bind(&grant_id)
                .fetch_optional(&mut self.inner)
                .await?;
        let Some((text,)) = grant else { return Ok(Redemption::Unknown) };
        let code = AuthorizationCode { grant_id, client_id, redirect_uri, code_challenge, expires_at };
        Ok(Redemption::Redeemed((code, document::read("grant", &text)?)))
    }

    /// Why a code could not be spent: it was before, or there is none that is valid.
    async fn replayed_code<T>(&mut self, hash: &str) -> Result<Redemption<T>> {
        let found: Option<(String,)> = sql::query_as(
            "SELECT grant_id FROM authorization_codes WHERE tenant = $1 AND hash = $2 AND spent_at IS NOT NULL",
        )
        .bind(&*self.tenant)
        .bind(hash)
        .fetch_optional(&mut self.inner)
        .await?;
        Ok(found.map_or(Redemption::Unknown, |(grant_id,)| Redemption::Replayed { grant_id }))
    }
}
