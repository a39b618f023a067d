//! Sorting what goes wrong: what may succeed when it is said again, what needs the database to come back, and what is
//! a bug.

use sqlx::migrate::MigrateError;

use super::super::StoreError;

/// How often a transaction is tried that the database gives up in favour of another.
pub(super) const TRIES: u32 = 5;

/// What a transaction answers.
pub(super) type Answer<T> = Result<T, Trouble>;

/// What went wrong in one try of a transaction.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The database, or the way to it.
    Sql(sqlx::Error),
    /// Already sorted: a row that cannot be read.
    Sorted(StoreError),
}

impl Trouble {
    /// Whether the database gave this transaction up in favour of another: nothing was written, and the same may
    /// succeed at once.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Sql(error) if code_is(error, is_transient))
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Sorted(error)
    }
}

impl From<MigrateError> for Trouble {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Self::Sql(error),
            other => Self::Sorted(StoreError::Broken(Box::new(other))),
        }
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Sql(error) => sort(error),
            Trouble::Sorted(error) => error,
        }
    }
}

/// Trouble that may pass is `Unavailable`, the rest `Broken`.
pub(super) fn sort(error: sqlx::Error) -> StoreError {
    let may_pass = match &error {
        sqlx::Error::Io(_)
        // Whoever answers there is not speaking as PostgreSQL does: so it looks when a balancer takes the connection
        // for a server that is down, and closes it during the handshake.
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        other => code_is(other, |code| is_transient(code) || is_away_or_busy(code)),
    };
    if may_pass {
        StoreError::Unavailable(error)
    } else {
        StoreError::Broken(Box::new(error))
    }
}

/// Whether the schema has not been made yet: the table that is asked for does not exist.
pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    code_is(error, |code| code == "42P01")
}

/// Whether a window was to be written for a hold that is not there.
pub(super) fn is_window_without_hold(error: &sqlx::Error) -> bool {
    let error = error.as_database_error();
    error.and_then(|error| error.constraint()) == Some("occupancy_hold_id_fkey")
}

fn code_is(error: &sqlx::Error, test: impl Fn(&str) -> bool) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| test(&code))
}

/// Serialization failure and deadlock.
fn is_transient(code: &str) -> bool {
    matches!(code, "40001" | "40P01")
}

/// Connection lost (class 08), out of room (class 53), shutting down or starting up, statement and lock timeouts, and
/// a standby that takes no writes, as after a failover. PostgreSQL manual, appendix A.
fn is_away_or_busy(code: &str) -> bool {
    code.starts_with("08")
        || code.starts_with("53")
        || matches!(code, "57P01" | "57P02" | "57P03" | "57014" | "55P03" | "25006")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_is_away_or_busy_is_not_a_bug() {
        for code in ["08006", "53300", "57P01", "57P03", "57014", "55P03", "25006"] {
            assert!(is_away_or_busy(code) && !is_transient(code), "{code}");
        }
        for code in ["23514", "42P01", "23P01", "57000", "22003"] {
            assert!(!is_away_or_busy(code) && !is_transient(code), "{code}");
        }
        assert!(matches!(
            sort(sqlx::Error::PoolTimedOut),
            StoreError::Unavailable(_)
        ));
        assert!(matches!(
            sort(sqlx::Error::Protocol(String::new())),
            StoreError::Unavailable(_)
        ));
        assert!(matches!(sort(sqlx::Error::RowNotFound), StoreError::Broken(_)));
    }
}
