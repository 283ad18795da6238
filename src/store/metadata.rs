//! `user_metadata` and `app_metadata`: first-level patches.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::JsonMap;

use super::{Result, Tx, document, sql};

/// First-level patches of a user's metadata; `Null` deletes a key.
#[derive(Clone, Debug, Default)]
pub struct MetadataPatch {
    /// `user_metadata`.
    pub user: BTreeMap<String, Value>,
    /// `app_metadata`.
    pub app: BTreeMap<String, Value>,
}

impl MetadataPatch {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.user.is_empty() && self.app.is_empty()
    }
}

impl Tx {
    /// Applies first-level patches to the metadata as they are now (read and written inside the transaction). Nothing happens
    /// if nothing changes or the user is gone.
    ///
    /// # Errors
    /// The database's.
    pub async fn patch_metadata(&mut self, user_id: &str, patch: &MetadataPatch, now: i64) -> Result<()> {
        if patch.is_empty() {
            return Ok(());
        }
        // The empty update takes the row's lock on PostgreSQL, so that what is read stays true until the second update.
        let locked: Option<(String, String)> = sql::query_as(
            "UPDATE users SET user_id = user_id WHERE tenant = $1 AND user_id = $2 RETURNING user_metadata, app_metadata",
        )
        .bind(&*self.tenant)
        .bind(user_id)
        .fetch_optional(&mut self.inner)
        .await?;
        let Some((stored_user, stored_app)) = locked else { return Ok(()) };
        let user = patched(document::read("user metadata", &stored_user)?, &patch.user);
        let app = patched(document::read("app metadata", &stored_app)?, &patch.app);
        let (user, app) = (document::write("user metadata", &user)?, document::write("app metadata", &app)?);
        if user == stored_user && app == stored_app {
            return Ok(());
        }
        sql::query(
            "UPDATE users SET user_metadata = $3, app_metadata = $4, updated_at = $5 WHERE tenant = $1 AND user_id = $2",
        )
        .bind(&*self.tenant)
        .bind(user_id)
        .bind(user)
        .bind(app)
        .bind(now)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}

/// First-level merge: named members are replaced, `null` removes.
pub(super) fn patched(mut metadata: JsonMap, patch: &BTreeMap<String, Value>) -> JsonMap {
    for (name, value) in patch {
        if value.is_null() {
            metadata.remove(name);
        } else {
            metadata.insert(name.clone(), value.clone());
        }
    }
    metadata
}
