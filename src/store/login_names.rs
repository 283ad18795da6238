//! Users stored before login names were normalised get the keys of today, once, at the first start after that.

use crate::domain::user::login_key;

use super::database::Connection;
use super::{Database, Result, sql};

/// Tenant, id, e-mail address and username.
type Named = (String, String, Option<String>, Option<String>);

impl Database {
    /// Of several whose names have become one, it is his who wrote it so already, else the oldest one's. The others keep the key
    /// that they have and are found by it, when they type exactly that.
    pub(super) async fn rekey_users(&self) -> Result<()> {
        loop {
            let mut connection = self.begin().await?;
            let users: Vec<Named> = sql::query_as(
                "SELECT u.tenant, u.user_id, u.email, u.username
                 FROM users_to_rekey r JOIN users u ON u.tenant = r.tenant AND u.user_id = r.user_id
                 ORDER BY u.created_at, u.user_id LIMIT 100",
            )
            .fetch_all(&mut connection)
            .await?;
            for user in &users {
                rekey(&mut connection, user).await?;
            }
            connection.commit().await?;
            if users.is_empty() {
                return Ok(());
            }
        }
    }
}

async fn rekey(connection: &mut Connection, (tenant, user_id, email, username): &Named) -> Result<()> {
    let rekeyed = sql::query(
        "UPDATE users SET email_key = $3, username_key = $4 WHERE tenant = $1 AND user_id = $2
         AND NOT EXISTS (SELECT 1 FROM users o WHERE o.tenant = $1 AND o.email_key IN ($3, $4) AND o.user_id <> $2)
         AND NOT EXISTS (SELECT 1 FROM users o WHERE o.tenant = $1 AND o.username_key IN ($3, $4) AND o.user_id <> $2)",
    )
    .bind(tenant)
    .bind(user_id)
    .bind(email.as_deref().map(login_key))
    .bind(username.as_deref().map(login_key))
    .execute(&mut *connection)
    .await?;
    if rekeyed == 0 {
        tracing::warn!(user.id = user_id, "another user's login name is the same, written otherwise; both keep theirs");
    }
    sql::query("DELETE FROM users_to_rekey WHERE tenant = $1 AND user_id = $2")
        .bind(tenant)
        .bind(user_id)
        .execute(connection)
        .await?;
    Ok(())
}
