//! Takes out what the configuration file does not declare any more: what is not in the file does not appear.

use std::collections::BTreeSet;

use super::grants::AFTERLIFE_MS;
use super::{Result, Tx, sql};

/// The keys of everything that the file declares; see [`Tx::remove_undeclared`].
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// `client_id`s.
    pub clients: BTreeSet<String>,
    /// Identifiers of APIs.
    pub resource_servers: BTreeSet<String>,
    /// Client and audience.
    pub client_grants: BTreeSet<(String, String)>,
    /// Names.
    pub roles: BTreeSet<String>,
    /// `user_id`s.
    pub users: BTreeSet<String>,
}

impl Tx {
    /// Takes out what was declared once and is no longer in the file; the number of things taken out. Users who signed up
    /// stay. The grants of removed clients and users end, and so do the sessions of removed users.
    ///
    /// # Errors
    /// The database's.
    pub async fn remove_undeclared(&mut self, declared: &Declared, now: i64) -> Result<usize> {
        self.forget = true;
        let clients = self.remove_clients(&declared.clients, now).await?;
        let apis = self.remove_resource_servers(&declared.resource_servers).await?;
        let client_grants = self.remove_client_grants(&declared.client_grants).await?;
        let roles = self.remove_roles(&declared.roles).await?;
        let users = self.remove_users(&declared.users, now).await?;
        Ok(clients + apis + client_grants + roles + users)
    }

    async fn remove_clients(&mut self, declared: &BTreeSet<String>, now: i64) -> Result<usize> {
        let stale = self.stale("SELECT client_id FROM clients WHERE tenant = $1 AND declared = 1", declared).await?;
        for client_id in &stale {
            self.remove("DELETE FROM clients WHERE tenant = $1 AND client_id = $2", client_id).await?;
            let end = "UPDATE grants SET revoked_at = $3, keep_until = $4
                       WHERE tenant = $1 AND client_id = $2 AND revoked_at IS NULL";
            self.end_grants(end, client_id, now).await?;
        }
        Ok(stale.len())
    }

    async fn remove_resource_servers(&mut self, declared: &BTreeSet<String>) -> Result<usize> {
        let stored = "SELECT identifier FROM resource_servers WHERE tenant = $1 AND declared = 1";
        let stale = self.stale(stored, declared).await?;
        for identifier in &stale {
            self.remove("DELETE FROM resource_servers WHERE tenant = $1 AND identifier = $2", identifier).await?;
        }
        Ok(stale.len())
    }

    async fn remove_client_grants(&mut self, declared: &BTreeSet<(String, String)>) -> Result<usize> {
        let stored: Vec<(String, String)> =
            sql::query_as("SELECT client_id, audience FROM client_grants WHERE tenant = $1 AND declared = 1")
                .bind(&*self.tenant)
                .fetch_all(&mut self.inner)
                .await?;
        let stale: Vec<_> = stored.into_iter().filter(|grant| !declared.contains(grant)).collect();
        for (client_id, audience) in &stale {
            sql::query("DELETE FROM client_grants WHERE tenant = $1 AND client_id = $2 AND audience = $3")
                .bind(&*self.tenant)
                .bind(client_id)
                .bind(audience)
                .execute(&mut self.inner)
                .await?;
        }
        Ok(stale.len())
    }

    async fn remove_roles(&mut self, declared: &BTreeSet<String>) -> Result<usize> {
        let stale = self.stale("SELECT name FROM roles WHERE tenant = $1 AND declared = 1", declared).await?;
        for role in &stale {
            self.remove("DELETE FROM roles WHERE tenant = $1 AND name = $2", role).await?;
            self.remove("DELETE FROM user_roles WHERE tenant = $1 AND role = $2", role).await?;
        }
        Ok(stale.len())
    }

    async fn remove_users(&mut self, declared: &BTreeSet<String>, now: i64) -> Result<usize> {
        let stale = self.stale("SELECT user_id FROM users WHERE tenant = $1 AND declared = 1", declared).await?;
        for user_id in &stale {
            self.remove("DELETE FROM users WHERE tenant = $1 AND user_id = $2", user_id).await?;
            self.end_logins(user_id, now).await?;
        }
        Ok(stale.len())
    }

    /// Ends every session of a user and everything that came of them.
    pub(super) async fn end_logins(&mut self, user_id: &str, now: i64) -> Result<()> {
        self.remove("DELETE FROM sessions WHERE tenant = $1 AND user_id = $2", user_id).await?;
        let end = "UPDATE grants SET revoked_at = $3, keep_until = $4
                   WHERE tenant = $1 AND user_id = $2 AND revoked_at IS NULL";
        self.end_grants(end, user_id, now).await
    }

    /// The stored keys that are not declared.
    async fn stale(&mut self, stored: &'static str, declared: &BTreeSet<String>) -> Result<Vec<String>> {
        let stored: Vec<(String,)> = sql::query_as(stored).bind(&*self.tenant).fetch_all(&mut self.inner).await?;
        Ok(stored.into_iter().map(|(key,)| key).filter(|key| !declared.contains(key)).collect())
    }

    async fn remove(&mut self, statement: &'static str, key: &str) -> Result<()> {
        sql::query(statement).bind(&*self.tenant).bind(key).execute(&mut self.inner).await?;
        Ok(())
    }

    async fn end_grants(&mut self, statement: &'static str, key: &str, now: i64) -> Result<()> {
        sql::query(statement)
            .bind(&*self.tenant)
            .bind(key)
            .bind(now)
            .bind(now.saturating_add(AFTERLIFE_MS))
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }
}
