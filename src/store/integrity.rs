//! Whether an SQLite file is whole. A broken one is never repaired or replaced here: that would hide what is lost.

use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};

use super::database::Write;
use super::{Database, Error, Result, sql};

/// Bytes of the largest file that is read through at start; beyond, a start would take seconds.
const CHECKED: i64 = 256 * 1024 * 1024;

impl Database {
    /// Reads an SQLite file through.
    ///
    /// # Errors
    /// It is damaged.
    pub async fn check_integrity(&self) -> Result<()> {
        if matches!(self.write, Write::Pool(_)) {
            return Ok(());
        }
        let pages = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        let (bytes,): (i64,) = sql::query_as(pages).fetch_one(&self.readers).await?;
        if bytes > CHECKED {
            return Ok(());
        }
        let (found,): (String,) = sql::query_as("PRAGMA quick_check(1)").fetch_one(&self.readers).await?;
        if found == "ok" { Ok(()) } else { Err(Error::Corrupt(found)) }
    }
}

impl Error {
    /// Whether a row with the same key exists already.
    pub(super) fn is_unique_violation(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(cause)) => cause.is_unique_violation(),
            Self::Sqlite(rusqlite::Error::SqliteFailure(cause, _)) => {
                matches!(cause.extended_code, SQLITE_CONSTRAINT_UNIQUE | SQLITE_CONSTRAINT_PRIMARYKEY)
            }
            _ => false,
        }
    }

    /// Whether the file is damaged, or no database at all (SQLite's fixed texts for `SQLITE_CORRUPT` and `SQLITE_NOTADB`).
    #[must_use]
    pub fn is_corrupt(&self) -> bool {
        let text = self.to_string();
        matches!(self, Self::Corrupt(_))
            || text.contains("database disk image is malformed")
            || text.contains("file is not a database")
    }
}
