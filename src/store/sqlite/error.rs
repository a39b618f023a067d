//! Errors of SQLite: which may pass, and which are bugs.

use sqlx::migrate::MigrateError;

use crate::store::StoreError;

/// The result of a statement or of several.
pub(super) type SqliteResult<T> = Result<T, SqliteError>;

/// A [`StoreError`]; an error of the driver is classified by SQLite's result codes.
#[derive(Debug)]
pub(super) struct SqliteError(StoreError);

impl From<sqlx::Error> for SqliteError {
    fn from(error: sqlx::Error) -> Self {
        let may_pass = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(database) => database.code().is_some_and(|code| may_pass(&code)),
            _ => false,
        };
        Self(if may_pass {
            StoreError::Unavailable(error)
        } else {
            StoreError::Broken(Box::new(error))
        })
    }
}

impl From<StoreError> for SqliteError {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl From<MigrateError> for SqliteError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self(StoreError::Broken(Box::new(other))),
        }
    }
}

impl From<SqliteError> for StoreError {
    fn from(error: SqliteError) -> Self {
        error.0
    }
}

/// Whether an error with this result code may pass; <https://www.sqlite.org/rescode.html>.
fn may_pass(code: &str) -> bool {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const IO_ERROR: i32 = 10;
    const FULL: i32 = 13;
    const CANNOT_OPEN: i32 = 14;
    // The lowest byte of an extended code is the primary code.
    code.parse::<i32>()
        .is_ok_and(|code| [BUSY, LOCKED, IO_ERROR, FULL, CANNOT_OPEN].contains(&(code & 0xff)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_that_is_away_or_busy_is_unavailable() {
        // Among them SQLITE_BUSY_SNAPSHOT and SQLITE_IOERR_FSYNC.
        for code in ["5", "517", "6", "10", "1034", "13", "14"] {
            assert!(may_pass(code), "{code}");
        }
        // SQLITE_ERROR, SQLITE_CORRUPT, the constraints, SQLITE_NOTADB.
        for code in ["1", "11", "787", "1555", "1811", "26", ""] {
            assert!(!may_pass(code), "{code}");
        }
    }
}
