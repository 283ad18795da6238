//! Single sign-on sessions.

use crate::domain::session::Session;

use super::grants::AFTERLIFE_MS;
use super::{Result, Store, Tx, document, sql};

impl Store {
    /// A live session by the hash of its cookie (not expired, not idle too long, not revoked).
    ///
    /// # Errors
    /// The database's.
    pub async fn session(&self, cookie_hash: &str, now: i64) -> Result<Option<Session>> {
        let found: Option<(String,)> = sql::query_as(
            "SELECT document FROM sessions WHERE tenant = $1 AND cookie_hash = $2
             AND expires_at > $3 AND idle_expires_at > $3 AND revoked_at IS NULL",
        )
        .bind(&*self.tenant)
        .bind(cookie_hash)
        .bind(now)
        .fetch_optional(&self.database.readers)
        .await?;
        found.map(|(text,)| document::read("session", &text)).transpose()
    }

    /// A session by its public id, whether or not it still lives; `None` if revoked or unknown.
    ///
    /// # Errors
    /// The database's.
    pub async fn session_by_id(&self, id: &str) -> Result<Option<Session>> {
        let found: Option<(String,)> =
            sql::query_as("SELECT document FROM sessions WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL")
                .bind(&*self.tenant)
                .bind(id)
                .fetch_optional(&self.database.readers)
                .await?;
        found.map(|(text,)| document::read("session", &text)).transpose()
    }
}

impl Tx {
    /// Stores a new session.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_session(&mut self, cookie_hash: &str, session: &Session) -> Result<()> {
        sql::query(
            "INSERT INTO sessions (tenant, cookie_hash, id, user_id, document, expires_at, idle_expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&*self.tenant)
        .bind(cookie_hash)
        .bind(&session.id)
        .bind(&session.user_id)
        .bind(document::write("session", session)?)
        .bind(session.expires_at)
        .bind(session.idle_expires_at)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Writes the changeable parts of a session (idle end, clients, methods, last interaction). Two tabs may do so at the same
    /// time from what they read before: clients are united and the later times win. A revoked session stays revoked.
    ///
    /// # Errors
    /// The database's.
    pub async fn update_session(&mut self, session: &Session) -> Result<()> {
        // The empty update takes the row's lock on PostgreSQL, so that what is read stays true until the second update.
        let locked: Option<(String,)> = sql::query_as(
            "UPDATE sessions SET id = id WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL RETURNING document",
        )
        .bind(&*self.tenant)
        .bind(&session.id)
        .fetch_optional(&mut self.inner)
        .await?;
        let Some((text,)) = locked else { return Ok(()) };
        let merged = merge(document::read("session", &text)?, session);
        sql::query("UPDATE sessions SET document = $3, idle_expires_at = $4 WHERE tenant = $1 AND id = $2")
            .bind(&*self.tenant)
            .bind(&session.id)
            .bind(document::write("session", &merged)?)
            .bind(merged.idle_expires_at)
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }

    /// Ends a session; with `and_grants`, every grant of it too. Idempotent.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_session(&mut self, id: &str, and_grants: bool, now: i64) -> Result<()> {
        sql::query("UPDATE sessions SET revoked_at = $3 WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL")
            .bind(&*self.tenant)
            .bind(id)
            .bind(now)
            .execute(&mut self.inner)
            .await?;
        if and_grants {
            sql::query(
                "UPDATE grants SET revoked_at = $3, keep_until = $4
                 WHERE tenant = $1 AND session_id = $2 AND revoked_at IS NULL",
            )
            .bind(&*self.tenant)
            .bind(id)
            .bind(now)
            .bind(now.saturating_add(AFTERLIFE_MS))
            .execute(&mut self.inner)
            .await?;
        }
        Ok(())
    }
}

fn merge(stored: Session, new: &Session) -> Session {
    let mut merged = if new.authenticated_at >= stored.authenticated_at { new.clone() } else { stored.clone() };
    merged.last_interacted_at = stored.last_interacted_at.max(new.last_interacted_at);
    merged.idle_expires_at = stored.idle_expires_at.max(new.idle_expires_at);
    merged.created_at = stored.created_at;
    merged.expires_at = stored.expires_at;
    merged.user_id = stored.user_id;
    merged.clients = stored.clients;
    for client in &new.clients {
        if !merged.clients.contains(client) {
            merged.clients.push(client.clone());
        }
    }
    merged
}
