//! Logins that wait for their form.

use crate::domain::session::LoginTransaction;

use super::{Result, Store, Tx, document, sql};

impl Store {
    /// A login transaction by the hash of its handle, unless expired or finished.
    ///
    /// # Errors
    /// The database's.
    pub async fn login_transaction(&self, handle_hash: &str, now: i64) -> Result<Option<LoginTransaction>> {
        let found: Option<(String,)> = sql::query_as(
            "SELECT document FROM login_transactions
             WHERE tenant = $1 AND handle_hash = $2 AND expires_at > $3 AND finished_at IS NULL",
        )
        .bind(&*self.tenant)
        .bind(handle_hash)
        .bind(now)
        .fetch_optional(&self.database.readers)
        .await?;
        found.map(|(text,)| document::read("login transaction", &text)).transpose()
    }
}

impl Tx {
    /// Stores a login that waits for its form.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_login_transaction(&mut self, handle_hash: &str, login: &LoginTransaction) -> Result<()> {
        sql::query("INSERT INTO login_transactions (tenant, handle_hash, document, expires_at) VALUES ($1, $2, $3, $4)")
            .bind(&*self.tenant)
            .bind(handle_hash)
            .bind(document::write("login transaction", login)?)
            .bind(login.expires_at)
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }

    /// Finishes a login transaction; `false` if it was finished before, or has expired.
    ///
    /// # Errors
    /// The database's.
    pub async fn finish_login_transaction(&mut self, handle_hash: &str, now: i64) -> Result<bool> {
        let done = sql::query(
            "UPDATE login_transactions SET finished_at = $3
             WHERE tenant = $1 AND handle_hash = $2 AND expires_at > $3 AND finished_at IS NULL",
        )
        .bind(&*self.tenant)
        .bind(handle_hash)
        .bind(now)
        .execute(&mut self.inner)
        .await?;
        Ok(done == 1)
    }
}
