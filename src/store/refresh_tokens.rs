//! Refresh tokens. Rotation spends one and inserts the next; spent ones stay as long as their grant, so that a replay is
//! recognised (RFC 9700 section 4.14.2).

use crate::domain::grant::{Grant, Redemption, RefreshToken};

use super::sql::{self, FromRow, Row};
use super::{Result, Store, Tx, document, grants};

/// A live refresh token with its family.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundRefreshToken {
    /// The token.
    pub token: RefreshToken,
    /// Its grant.
    pub grant: Grant,
}

/// A row of the table joined with its grant.
struct Stored {
    token: RefreshToken,
    spent_at: Option<i64>,
    grant: String,
}

impl Store {
    /// Looks a refresh token up without spending it. Expiry, leeway and spent state are judged here:
    /// `Redeemed` = usable now, `Replayed` = spent and outside `leeway_ms`, `Unknown` = unknown, expired or revoked.
    /// A spent token is `Replayed` even after it expired.
    ///
    /// # Errors
    /// The database's.
    pub async fn refresh_token(&self, hash: &str, now: i64, leeway_ms: i64) -> Result<Redemption<FoundRefreshToken>> {
        let found: Option<Stored> = sql::query_as(
            "SELECT t.id, t.grant_id, t.created_at, t.expires_at, t.idle_expires_at, t.last_exchanged_at, t.rotating,
                    t.initial_ip, t.initial_user_agent, t.spent_at, g.document
             FROM refresh_tokens t JOIN grants g ON g.tenant = t.tenant AND g.id = t.grant_id
             WHERE t.tenant = $1 AND t.hash = $2 AND g.revoked_at IS NULL",
        )
        .bind(&*self.tenant)
        .bind(hash)
        .fetch_optional(&self.database.readers)
        .await?;
        let Some(Stored { token, spent_at, grant }) = found else { return Ok(Redemption::Unknown) };
        // In both directions: a clock that steps back must not bring a spent token to life.
        if spent_at.is_some_and(|spent| spent.abs_diff(now) >= leeway_ms.unsigned_abs()) {
            return Ok(Redemption::Replayed { grant_id: token.grant_id });
        }
        if token.expires_at.is_some_and(|end| end <= now) || token.idle_expires_at.is_some_and(|end| end <= now) {
            return Ok(Redemption::Unknown);
        }
        Ok(Redemption::Redeemed(FoundRefreshToken { token, grant: document::read("grant", &grant)? }))
    }
}

impl Tx {
    /// Stores a refresh token.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_refresh_token(&mut self, hash: &str, token: &RefreshToken) -> Result<()> {
        self.insert_token(hash, token).await?;
        self.keep_grant(&token.grant_id, end(token)).await
    }

    /// Stores the successor of a refresh token that is in the table.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_successor(&mut self, hash: &str, token: &RefreshToken, predecessor: &RefreshToken) -> Result<()> {
        self.insert_token(hash, token).await?;
        // The predecessor has seen to it already, but for one refresh a day.
        if grants::kept_until(end(token)) > grants::kept_until(end(predecessor)) {
            self.keep_grant(&token.grant_id, end(token)).await?;
        }
        Ok(())
    }

    async fn insert_token(&mut self, hash: &str, token: &RefreshToken) -> Result<()> {
        sql::query(
            "INSERT INTO refresh_tokens (tenant, hash, id, grant_id, created_at, expires_at, idle_expires_at,
                                         last_exchanged_at, rotating, initial_ip, initial_user_agent)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(&*self.tenant)
        .bind(hash)
        .bind(&token.id)
        .bind(&token.grant_id)
        .bind(token.created_at)
        .bind(token.expires_at)
        .bind(token.idle_expires_at)
        .bind(token.last_exchanged_at)
        .bind(i64::from(token.rotating))
        .bind(&token.initial_ip)
        .bind(token.initial_user_agent.as_deref())
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Spends a refresh token by a conditional update; `false` if it was spent meanwhile (outside `leeway_ms`), expired, or
    /// its grant revoked. Within the leeway it may be spent again; the leeway counts from the first time, in both directions:
    /// a request that read its clock before the one that won must lose when there is no leeway.
    ///
    /// # Errors
    /// The database's.
    pub async fn spend_refresh_token(&mut self, hash: &str, now: i64, leeway_ms: i64) -> Result<bool> {
        let spent = sql::query(
            "UPDATE refresh_tokens SET spent_at = COALESCE(spent_at, $3)
             WHERE tenant = $1 AND hash = $2 AND (spent_at IS NULL OR ABS(spent_at - $3) < $4)
               AND (expires_at IS NULL OR expires_at > $3) AND (idle_expires_at IS NULL OR idle_expires_at > $3)
               AND EXISTS (SELECT 1 FROM grants g WHERE g.tenant = $1 AND g.id = refresh_tokens.grant_id
                           AND g.revoked_at IS NULL)",
        )
        .bind(&*self.tenant)
        .bind(hash)
        .bind(now)
        .bind(leeway_ms)
        .execute(&mut self.inner)
        .await?;
        Ok(spent == 1)
    }

    /// Notes the use of a non-rotating refresh token (new idle end); `false` if it is gone.
    ///
    /// # Errors
    /// The database's.
    pub async fn touch_refresh_token(&mut self, hash: &str, idle_expires_at: Option<i64>, now: i64) -> Result<bool> {
        let touched: Option<(String, Option<i64>)> = sql::query_as(
            "UPDATE refresh_tokens SET idle_expires_at = $4, last_exchanged_at = $3
             WHERE tenant = $1 AND hash = $2 AND spent_at IS NULL
               AND (expires_at IS NULL OR expires_at > $3) AND (idle_expires_at IS NULL OR idle_expires_at > $3)
               AND EXISTS (SELECT 1 FROM grants g WHERE g.tenant = $1 AND g.id = refresh_tokens.grant_id
                           AND g.revoked_at IS NULL)
             RETURNING grant_id, expires_at",
        )
        .bind(&*self.tenant)
        .bind(hash)
        .bind(now)
        .bind(idle_expires_at)
        .fetch_optional(&mut self.inner)
        .await?;
        let Some((grant_id, expires_at)) = touched else { return Ok(false) };
        self.keep_grant(&grant_id, earlier(expires_at, idle_expires_at)).await?;
        Ok(true)
    }
}

/// When a token can no longer be used, by itself; `None`: never.
fn end(token: &RefreshToken) -> Option<i64> {
    earlier(token.expires_at, token.idle_expires_at)
}

/// The earlier of two ends; `None`: neither is set.
fn earlier(absolute: Option<i64>, idle: Option<i64>) -> Option<i64> {
    match (absolute, idle) {
        (Some(absolute), Some(idle)) => Some(absolute.min(idle)),
        (one, other) => one.or(other),
    }
}

impl FromRow for Stored {
    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        let token = RefreshToken {
            id: row.next()?,
            grant_id: row.next()?,
            created_at: row.next()?,
            expires_at: row.next()?,
            idle_expires_at: row.next()?,
            last_exchanged_at: row.next()?,
            rotating: row.flag()?,
            initial_ip: row.next()?,
            initial_user_agent: row.next()?,
        };
        Ok(Self { token, spent_at: row.next()?, grant: row.next()? })
    }
}
