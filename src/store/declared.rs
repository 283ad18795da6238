//! What the configuration file declares: applied at start, and under `dev` when the file changes.
//!
//! A declared user is not overwritten at each start: what actions, the user or an operator changed since then stays. The row
//! keeps the declaration that was applied last; only a different one is applied, and of the metadata only the members that
//! differ between the two declarations.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::JsonMap;
use crate::domain::user::{User, login_key};

use super::metadata::patched;
use super::{Error, Result, Store, Tx, document, sql};

impl Store {
    /// The hash of the password that was declared last for a user. A declared password that fits it is not set again, so that a
    /// password changed since is not undone by a restart.
    ///
    /// # Errors
    /// The database's.
    pub async fn declared_password_hash(&self, user_id: &str) -> Result<Option<String>> {
        let found: Option<(Option<String>,)> =
            sql::query_as("SELECT declared_password_hash FROM users WHERE tenant = $1 AND user_id = $2")
                .bind(&*self.tenant)
                .bind(user_id)
                .fetch_optional(&self.database.readers)
                .await?;
        Ok(found.and_then(|(hash,)| hash))
    }
}

impl Tx {
    /// Inserts or updates a declared role by name.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_role(&mut self, name: &str, description: &str) -> Result<()> {
        sql::query(
            "INSERT INTO roles (tenant, name, description, declared) VALUES ($1, $2, $3, 1)
             ON CONFLICT (tenant, name) DO UPDATE SET description = excluded.description, declared = 1",
        )
        .bind(&*self.tenant)
        .bind(name)
        .bind(description)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Inserts a declared user, or updates the profile, roles and metadata of an existing one if the declaration is another
    /// than last time (`logins_count` and `created_at` stay). `password_hash: None` leaves a stored one; give one only if the
    /// declared password does not fit [`Store::declared_password_hash`]. `user.updated_at` is the time of the change.
    ///
    /// # Errors
    /// The database's; [`Error::LoginTaken`].
    pub async fn put_user(&mut self, user: &User, password_hash: Option<&str>) -> Result<()> {
        let declaration = document::write("declaration", &declaration(user))?;
        let locked: Option<(Option<String>, String, String)> = sql::query_as(
            "UPDATE users SET declared = 1 WHERE tenant = $1 AND user_id = $2
             RETURNING declaration, user_metadata, app_metadata",
        )
        .bind(&*self.tenant)
        .bind(&user.user_id)
        .fetch_optional(&mut self.inner)
        .await?;
        match locked {
            None => {
                let new = User { last_password_reset: password_hash.map(|_| user.updated_at), ..user.clone() };
                if !self.insert_user(&new, password_hash, Some(&declaration)).await? {
                    return Err(Error::LoginTaken { user_id: user.user_id.clone() });
                }
                self.replace_roles(&user.user_id, &user.roles).await
            }
            Some((Some(last), ..)) if last == declaration => self.declare_password(user, password_hash).await,
            Some((last, user_metadata, app_metadata)) => {
                let last: User = last.map(|last| document::read("declaration", &last)).transpose()?.unwrap_or_default();
                let stored = User {
                    user_metadata: document::read("user metadata", &user_metadata)?,
                    app_metadata: document::read("app metadata", &app_metadata)?,
                    ..user.clone()
                };
                self.redeclare(&last, user, stored, &declaration).await?;
                self.declare_password(user, password_hash).await
            }
        }
    }

    /// Applies the difference between two declarations to the stored user.
    async fn redeclare(&mut self, last: &User, new: &User, stored: User, declaration: &str) -> Result<()> {
        let user_metadata = patched(stored.user_metadata, &difference(&last.user_metadata, &new.user_metadata));
        let app_metadata = patched(stored.app_metadata, &difference(&last.app_metadata, &new.app_metadata));
        sql::query(
            "UPDATE users SET email = $3, email_key = $4, email_verified = $5, username = $6, username_key = $7,
                    phone_number = $8, phone_verified = $9, name = $10, nickname = $11, given_name = $12, family_name = $13,
                    picture = $14, blocked = $15, user_metadata = $16, app_metadata = $17, updated_at = $18,
                    declaration = $19
             WHERE tenant = $1 AND user_id = $2",
        )
        .bind(&*self.tenant)
        .bind(&new.user_id)
        .bind(new.email.as_deref())
        .bind(new.email.as_deref().map(login_key))
        .bind(i64::from(new.email_verified))
        .bind(new.username.as_deref())
        .bind(new.username.as_deref().map(login_key))
        .bind(new.phone_number.as_deref())
        .bind(i64::from(new.phone_verified))
        .bind(new.name.as_deref())
        .bind(new.nickname.as_deref())
        .bind(new.given_name.as_deref())
        .bind(new.family_name.as_deref())
        .bind(new.picture.as_deref())
        .bind(i64::from(new.blocked))
        .bind(document::write("user metadata", &user_metadata)?)
        .bind(document::write("app metadata", &app_metadata)?)
        .bind(new.updated_at)
        .bind(declaration)
        .execute(&mut self.inner)
        .await
        .map_err(|error| login_taken(error, &new.user_id))?;
        self.replace_roles(&new.user_id, &new.roles).await
    }

    /// Whoever knew the old password is logged out with it.
    async fn declare_password(&mut self, user: &User, password_hash: Option<&str>) -> Result<()> {
        let Some(hash) = password_hash else { return Ok(()) };
        sql::query(
            "UPDATE users SET password_hash = $3, declared_password_hash = $3, last_password_reset = $4
             WHERE tenant = $1 AND user_id = $2",
        )
        .bind(&*self.tenant)
        .bind(&user.user_id)
        .bind(hash)
        .bind(user.updated_at)
        .execute(&mut self.inner)
        .await?;
        self.end_logins(&user.user_id, user.updated_at).await
    }
}

/// The declared part of a user: everything but counts and times.
fn declaration(user: &User) -> User {
    User { logins_count: 0, created_at: 0, updated_at: 0, last_password_reset: None, ..user.clone() }
}

/// What leads from one declared metadata to the next; `null` removes.
fn difference(last: &JsonMap, new: &JsonMap) -> BTreeMap<String, Value> {
    let gone = last.keys().filter(|name| !new.contains_key(*name)).map(|name| (name.clone(), Value::Null));
    let changed = new.iter().filter(|(name, value)| last.get(*name) != Some(value));
    gone.chain(changed.map(|(name, value)| (name.clone(), value.clone()))).collect()
}

fn login_taken(error: Error, user_id: &str) -> Error {
    if error.is_unique_violation() { Error::LoginTaken { user_id: user_id.to_owned() } } else { error }
}
