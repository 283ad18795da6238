//! One text of SQL on either database: `query(text).bind(value)…` and then `execute`, `fetch_optional` or `fetch_all`.
//!
//! PostgreSQL runs it through sqlx. SQLite runs it right here, in the thread that asks: a statement takes microseconds, a way
//! to another thread and back (sqlx has one for each connection) many times that. Only what waits for the disk, a COMMIT, is
//! done elsewhere; see `writer`.

use std::borrow::Cow;
use std::marker::PhantomData;

use sqlx::postgres::{PgConnection, PgPool, PgRow};
use sqlx::{Postgres, Row as _};

use super::Result;
use super::database::Connection;
use super::sqlite;

/// Where reads outside a transaction go.
#[derive(Clone, Debug)]
pub(super) enum Readers {
    Sqlite(sqlite::Readers),
    Postgres(PgPool),
}

/// What a statement runs on.
pub(super) enum On<'c> {
    Readers(&'c Readers),
    Transaction(&'c mut Connection),
}

impl<'c> From<&'c Readers> for On<'c> {
    fn from(readers: &'c Readers) -> Self {
        Self::Readers(readers)
    }
}

impl<'c> From<&'c mut Connection> for On<'c> {
    fn from(connection: &'c mut Connection) -> Self {
        Self::Transaction(connection)
    }
}

/// A statement without an answer but for its number of rows.
pub(super) fn query<'q>(text: &'static str) -> Query<'q, ()> {
    query_as(text)
}

/// A statement whose rows are read as `R`.
pub(super) fn query_as<'q, R>(text: &'static str) -> Query<'q, R> {
    Query { text, values: Vec::new(), rows: PhantomData }
}

/// A statement with its values.
pub(super) struct Query<'q, R> {
    text: &'static str,
    values: Vec<Value<'q>>,
    rows: PhantomData<fn() -> R>,
}

impl<'q, R> Query<'q, R> {
    /// The value of the next `$n`.
    pub(super) fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs the statement; the number of rows that it changed.
    pub(super) async fn execute<'c>(self, on: impl Into<On<'c>>) -> Result<u64> {
        let Self { text, values, .. } = self;
        let change = |connection: &rusqlite::Connection| {
            let mut statement = connection.prepare_cached(text)?;
            bind(&mut statement, &values)?;
            Ok(statement.raw_execute()? as u64)
        };
        match on.into() {
            On::Readers(Readers::Sqlite(readers)) => readers.with(change),
            On::Transaction(Connection::Seat(seat)) => change(seat.connection()?),
            On::Readers(Readers::Postgres(pool)) => Ok(bound(text, values).execute(pool).await?.rows_affected()),
            On::Transaction(Connection::Own(own)) => {
                Ok(bound(text, values).execute(&mut **own as &mut PgConnection).await?.rows_affected())
            }
        }
    }
}

impl<R: FromRow> Query<'_, R> {
    /// All rows.
    pub(super) async fn fetch_all<'c>(self, on: impl Into<On<'c>>) -> Result<Vec<R>> {
        let Self { text, values, .. } = self;
        let read = |connection: &rusqlite::Connection| {
            let mut statement = connection.prepare_cached(text)?;
            bind(&mut statement, &values)?;
            let mut rows = statement.raw_query();
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(R::from_row(&mut Row::new(AnyRow::Sqlite(row)))?);
            }
            Ok(found)
        };
        let rows = match on.into() {
            On::Readers(Readers::Sqlite(readers)) => return readers.with(read),
            On::Transaction(Connection::Seat(seat)) => return read(seat.connection()?),
            On::Readers(Readers::Postgres(pool)) => bound(text, values).fetch_all(pool).await?,
            On::Transaction(Connection::Own(own)) => bound(text, values).fetch_all(&mut **own as &mut PgConnection).await?,
        };
        rows.iter().map(|row| R::from_row(&mut Row::new(AnyRow::Postgres(row)))).collect()
    }

    /// The first row.
    pub(super) async fn fetch_optional<'c>(self, on: impl Into<On<'c>>) -> Result<Option<R>> {
        Ok(self.fetch_all(on).await?.into_iter().next())
    }

    /// The first row of a statement that always has one.
    pub(super) async fn fetch_one<'c>(self, on: impl Into<On<'c>>) -> Result<R> {
        self.fetch_optional(on).await?.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }
}

/// `$2` is a name to SQLite: it numbers parameters in the order in which it meets them.
fn bind(statement: &mut rusqlite::Statement<'_>, values: &[Value<'_>]) -> Result<()> {
    for index in 1..=statement.parameter_count() {
        let name = statement.parameter_name(index).and_then(|name| name.strip_prefix('$'));
        let number = name.and_then(|name| name.parse::<usize>().ok()).and_then(|number| number.checked_sub(1));
        let value = number.and_then(|number| values.get(number));
        let value =
            value.ok_or_else(|| rusqlite::Error::InvalidParameterCount(values.len(), statement.parameter_count()))?;
        statement.raw_bind_parameter(index, value)?;
    }
    Ok(())
}

fn bound<'q>(text: &'static str, values: Vec<Value<'q>>) -> sqlx::query::Query<'q, Postgres, sqlx::postgres::PgArguments> {
    values.into_iter().fold(sqlx::query(text), |query, value| match value {
        Value::Integer(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
    })
}

/// What a statement can be given; the schema has no other types.
pub(super) enum Value<'q> {
    Integer(Option<i64>),
    Text(Option<Cow<'q, str>>),
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Self::Integer(value) => value.to_sql(),
            Self::Text(value) => value.as_deref().map_or(Ok(rusqlite::types::Null.into()), |text| Ok(text.into())),
        }
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl<'q> From<&'q str> for Value<'q> {
    fn from(value: &'q str) -> Self {
        Self::Text(Some(Cow::Borrowed(value)))
    }
}

impl<'q> From<&'q String> for Value<'q> {
    fn from(value: &'q String) -> Self {
        Self::Text(Some(Cow::Borrowed(value)))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::Text(Some(Cow::Owned(value)))
    }
}

impl<'q> From<Option<&'q str>> for Value<'q> {
    fn from(value: Option<&'q str>) -> Self {
        Self::Text(value.map(Cow::Borrowed))
    }
}

impl From<Option<String>> for Value<'_> {
    fn from(value: Option<String>) -> Self {
        Self::Text(value.map(Cow::Owned))
    }
}

/// A type that a row can be read as.
pub(super) trait FromRow: Sized {
    /// Reads the columns in the order of the statement.
    fn from_row(row: &mut Row<'_>) -> Result<Self>;
}

/// A type that a column can be read as.
pub(super) trait Column:
    rusqlite::types::FromSql + sqlx::Type<Postgres> + for<'r> sqlx::Decode<'r, Postgres>
{
}

impl Column for i64 {}
impl Column for Option<i64> {}
impl Column for String {}
impl Column for Option<String> {}

/// A row that is read column by column.
pub(super) struct Row<'r> {
    row: AnyRow<'r>,
    next: usize,
}

enum AnyRow<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r PgRow),
}

impl<'r> Row<'r> {
    fn new(row: AnyRow<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column.
    pub(super) fn next<T: Column>(&mut self) -> Result<T> {
        let index = self.next;
        self.next += 1;
        Ok(match self.row {
            AnyRow::Sqlite(row) => row.get(index)?,
            AnyRow::Postgres(row) => row.try_get(index)?,
        })
    }

    /// The next column, a flag: 0 or 1.
    pub(super) fn flag(&mut self) -> Result<bool> {
        Ok(self.next::<i64>()? != 0)
    }
}

macro_rules! tuples {
    ($($($column:ident)+;)+) => {$(
        impl<$($column: Column),+> FromRow for ($($column,)+) {
            fn from_row(row: &mut Row<'_>) -> Result<Self> {
                Ok(($(row.next::<$column>()?,)+))
            }
        }
    )+};
}

tuples! { A; A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; }

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Database;

    #[tokio::test]
    async fn a_number_names_its_value_wherever_it_stands() {
        let database = Database::connect("sqlite::memory:").await.unwrap();
        let found: (String, i64, Option<String>, String) = query_as("SELECT $4, $2, $3, $1")
            .bind("one")
            .bind(2)
            .bind(None::<String>)
            .bind("four".to_owned())
            .fetch_one(&database.readers)
            .await
            .unwrap();
        assert_eq!(found, ("four".to_owned(), 2, None, "one".to_owned()));
        let lacking: Result<(i64,)> = query_as("SELECT $2").bind(1).fetch_one(&database.readers).await;
        assert!(lacking.is_err(), "{lacking:?}");
    }
}
