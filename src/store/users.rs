//! People: lookup, sign-up and login counts. Metadata are in `metadata`, declared users in `declared`.

use crate::domain::JsonMap;
use crate::domain::user::{User, login_key};

use super::sql::{self, FromRow, Readers, Row};
use super::{Error, Result, Store, Tx, document};

/// A user with the hash of the password, for checking it.
#[derive(Clone)]
pub struct Credentials {
    /// Who.
    pub user: User,
    /// PHC string; `None` if the user has no password.
    pub password_hash: Option<String>,
}

impl std::fmt::Debug for Credentials {
    /// Without the hash: it must not end in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user_id", &self.user.user_id).finish_non_exhaustive()
    }
}

impl Store {
    /// A user by id. One query, for every refresh asks it: a row for each role, or one without.
    ///
    /// # Errors
    /// The database's.
    pub async fn user(&self, user_id: &str) -> Result<Option<User>> {
        let rows: Vec<UserAndRole> = sql::query_as(
            "SELECT u.user_id, email, email_verified, username, phone_number, phone_verified, name, nickname, given_name,
                    family_name, picture, blocked, user_metadata, app_metadata, logins_count, created_at, updated_at,
                    last_password_reset, password_hash, r.role
             FROM users u LEFT JOIN user_roles r ON r.tenant = u.tenant AND r.user_id = u.user_id
             WHERE u.tenant = $1 AND u.user_id = $2",
        )
        .bind(&*self.tenant)
        .bind(user_id)
        .fetch_all(&self.database.readers)
        .await?;
        let (users, roles): (Vec<_>, Vec<_>) = rows.into_iter().map(|UserAndRole(user, role)| (user, role)).unzip();
        let Some(user) = users.into_iter().next() else { return Ok(None) };
        Ok(Some(user.credentials(sorted(roles.into_iter().flatten().collect()))?.user))
    }

    /// The user who logs in with this e-mail address or username, compared by [`login_key`], with the password's hash. If it
    /// is the address of one and the username of another, the address counts.
    ///
    /// # Errors
    /// The database's.
    pub async fn credentials(&self, login: &str) -> Result<Option<Credentials>> {
        let key = login_key(login);
        // Of two users from before names were normalised, one may still have a key that is not: see `login_names`.
        let as_typed = login.trim().to_lowercase();
        if as_typed != key
            && let Some(found) = self.credentials_by_key(&as_typed).await?
        {
            return Ok(Some(found));
        }
        self.credentials_by_key(&key).await
    }

    async fn credentials_by_key(&self, key: &str) -> Result<Option<Credentials>> {
        let found: Option<UserRow> = sql::query_as(
            "SELECT user_id, email, email_verified, username, phone_number, phone_verified, name, nickname, given_name,
                    family_name, picture, blocked, user_metadata, app_metadata, logins_count, created_at, updated_at,
                    last_password_reset, password_hash
             FROM users WHERE tenant = $1 AND (email_key = $2 OR username_key = $2)
             ORDER BY CASE WHEN email_key = $2 THEN 0 ELSE 1 END LIMIT 1",
        )
        .bind(&*self.tenant)
        .bind(key)
        .fetch_optional(&self.database.readers)
        .await?;
        match found {
            Some(row) => Ok(Some(self.with_roles(row).await?)),
            None => Ok(None),
        }
    }

    /// The first `limit` users of the configuration file by id, for the demo buttons of `dev`.
    ///
    /// # Errors
    /// The database's.
    pub async fn declared_users(&self, limit: i64) -> Result<Vec<User>> {
        let found: Vec<UserRow> = sql::query_as(
            "SELECT user_id, email, email_verified, username, phone_number, phone_verified, name, nickname, given_name,
                    family_name, picture, blocked, user_metadata, app_metadata, logins_count, created_at, updated_at,
                    last_password_reset, password_hash
             FROM users WHERE tenant = $1 AND declared = 1 ORDER BY user_id LIMIT $2",
        )
        .bind(&*self.tenant)
        .bind(limit)
        .fetch_all(&self.database.readers)
        .await?;
        let mut users = Vec::with_capacity(found.len());
        for row in found {
            users.push(self.with_roles(row).await?.user);
        }
        Ok(users)
    }

    async fn with_roles(&self, row: UserRow) -> Result<Credentials> {
        let roles = roles(&self.database.readers, &self.tenant, &row.user.user_id).await?;
        row.credentials(roles)
    }
}

/// The names of a user's roles, sorted.
async fn roles(readers: &Readers, tenant: &str, user_id: &str) -> Result<Vec<String>> {
    let found: Vec<(String,)> = sql::query_as("SELECT role FROM user_roles WHERE tenant = $1 AND user_id = $2")
        .bind(tenant)
        .bind(user_id)
        .fetch_all(readers)
        .await?;
    Ok(sorted(found.into_iter().map(|(role,)| role).collect()))
}

/// Here and not in SQL: the databases sort differently.
fn sorted(mut roles: Vec<String>) -> Vec<String> {
    roles.sort();
    roles
}

impl Tx {
    /// Inserts a user who signs up; `false` if the e-mail address, username or id is taken. A username that is somebody's
    /// address, or the other way round, is taken too: both are typed into the same field.
    ///
    /// # Errors
    /// The database's.
    pub async fn create_user(&mut self, user: &User, password_hash: &str) -> Result<bool> {
        let email = user.email.as_deref().map(login_key);
        let username = user.username.as_deref().map(login_key);
        // Two searches by index: of one condition with `OR`, SQLite makes a walk over all users of the tenant.
        let taken: Option<(String,)> = sql::query_as(
            "SELECT user_id FROM users WHERE tenant = $1 AND email_key IN ($2, $3)
             UNION ALL SELECT user_id FROM users WHERE tenant = $1 AND username_key IN ($2, $3) LIMIT 1",
        )
        .bind(&*self.tenant)
        .bind(email)
        .bind(username)
        .fetch_optional(&mut self.inner)
        .await?;
        if taken.is_some() {
            return Ok(false);
        }
        let inserted = self.insert_user(user, Some(password_hash), None).await?;
        if inserted {
            self.replace_roles(&user.user_id, &user.roles).await?;
        }
        Ok(inserted)
    }

    /// Inserts the row unless its id, address or username is taken (then `false`). `declaration` marks a declared user.
    pub(super) async fn insert_user(
        &mut self,
        user: &User,
        password: Option<&str>,
        declaration: Option<&str>,
    ) -> Result<bool> {
        let inserted = sql::query(
            "INSERT INTO users (tenant, user_id, email, email_key, email_verified, username, username_key, phone_number,
                                phone_verified, name, nickname, given_name, family_name, picture, blocked, user_metadata,
                                app_metadata, logins_count, created_at, updated_at, password_hash, last_password_reset,
                                declared, declaration, declared_password_hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                     $23, $24, $25)
             ON CONFLICT DO NOTHING",
        )
        .bind(&*self.tenant)
        .bind(&user.user_id)
        .bind(user.email.as_deref())
        .bind(user.email.as_deref().map(login_key))
        .bind(i64::from(user.email_verified))
        .bind(user.username.as_deref())
        .bind(user.username.as_deref().map(login_key))
        .bind(user.phone_number.as_deref())
        .bind(i64::from(user.phone_verified))
        .bind(user.name.as_deref())
        .bind(user.nickname.as_deref())
        .bind(user.given_name.as_deref())
        .bind(user.family_name.as_deref())
        .bind(user.picture.as_deref())
        .bind(i64::from(user.blocked))
        .bind(document::write("user metadata", &user.user_metadata)?)
        .bind(document::write("app metadata", &user.app_metadata)?)
        .bind(user.logins_count)
        .bind(user.created_at)
        .bind(user.updated_at)
        .bind(password)
        .bind(user.last_password_reset)
        .bind(i64::from(declaration.is_some()))
        .bind(declaration)
        .bind(declaration.and(password))
        .execute(&mut self.inner)
        .await?;
        Ok(inserted == 1)
    }

    /// Puts `roles` in the place of the roles that the user has.
    pub(super) async fn replace_roles(&mut self, user_id: &str, roles: &[String]) -> Result<()> {
        sql::query("DELETE FROM user_roles WHERE tenant = $1 AND user_id = $2")
            .bind(&*self.tenant)
            .bind(user_id)
            .execute(&mut self.inner)
            .await?;
        for role in roles {
            sql::query("INSERT INTO user_roles (tenant, user_id, role) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(&*self.tenant)
                .bind(user_id)
                .bind(role)
                .execute(&mut self.inner)
                .await?;
        }
        Ok(())
    }

    /// Counts a login with credentials; the new count. 0 if the user is gone.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_login(&mut self, user_id: &str, now: i64) -> Result<i64> {
        let counted: Option<(i64,)> = sql::query_as(
            "UPDATE users SET logins_count = logins_count + 1, last_login_at = $3
             WHERE tenant = $1 AND user_id = $2 RETURNING logins_count",
        )
        .bind(&*self.tenant)
        .bind(user_id)
        .bind(now)
        .fetch_optional(&mut self.inner)
        .await?;
        Ok(counted.map_or(0, |(count,)| count))
    }
}

/// A row of `users`: the user but for roles and metadata, which are still text.
pub(super) struct UserRow {
    user: User,
    user_metadata: String,
    app_metadata: String,
    password_hash: Option<String>,
}

impl UserRow {
    fn credentials(self, roles: Vec<String>) -> Result<Credentials> {
        let read = |text: &str| -> std::result::Result<JsonMap, Error> { document::read("user metadata", text) };
        let (user_metadata, app_metadata) = (read(&self.user_metadata)?, read(&self.app_metadata)?);
        Ok(Credentials { user: User { roles, user_metadata, app_metadata, ..self.user }, password_hash: self.password_hash })
    }
}

impl FromRow for UserRow {
    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        let user = User {
            user_id: row.next()?,
            email: row.next()?,
            email_verified: row.flag()?,
            username: row.next()?,
            phone_number: row.next()?,
            phone_verified: row.flag()?,
            name: row.next()?,
            nickname: row.next()?,
            given_name: row.next()?,
            family_name: row.next()?,
            picture: row.next()?,
            blocked: row.flag()?,
            ..User::default()
        };
        let (user_metadata, app_metadata) = (row.next()?, row.next()?);
        let user = User {
            logins_count: row.next()?,
            created_at: row.next()?,
            updated_at: row.next()?,
            last_password_reset: row.next()?,
            ..user
        };
        Ok(Self { user, user_metadata, app_metadata, password_hash: row.next()? })
    }
}

/// A row of `users` joined with one of the roles.
struct UserAndRole(UserRow, Option<String>);

impl FromRow for UserAndRole {
    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self(UserRow::from_row(row)?, row.next()?))
    }
}
