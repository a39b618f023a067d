//! Sorting what goes wrong: what may succeed when it is said again, and what is a bug.

use sqlx::migrate::MigrateError;

use crate::store::StoreError;

/// What a question answers.
pub(super) type Answer<T> = Result<T, Trouble>;

/// A [`StoreError`]; one that came from the driver is sorted by SQLite's own codes.
#[derive(Debug)]
pub(super) struct Trouble(StoreError);

impl From<sqlx::Error> for Trouble {
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

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl From<MigrateError> for Trouble {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self(StoreError::Broken(Box::new(other))),
        }
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        trouble.0
    }
}

/// Whether SQLite's result code is of those that may pass; <https://www.sqlite.org/rescode.html>.
fn may_pass(code: &str) -> bool {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const IO_ERROR: i32 = 10;
    const FULL: i32 = 13;
    const CANNOT_OPEN: i32 = 14;
    // An extended code has the primary one in its lowest byte.
    code.parse::<i32>()
        .is_ok_and(|code| [BUSY, LOCKED, IO_ERROR, FULL, CANNOT_OPEN].contains(&(code & 0xff)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_away_or_busy_is_not_a_bug() {
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
