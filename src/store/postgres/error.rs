//! Errors of PostgreSQL: which transactions to repeat, which errors pass when the database is back, and which are bugs.

use sqlx::migrate::MigrateError;

use super::super::StoreError;

/// How often a transaction is tried if the database aborts it in favour of another one.
pub(super) const TRIES: u32 = 5;

/// The result of one try of a transaction.
pub(super) type PostgresResult<T> = Result<T, PostgresError>;

/// The error of one try of a transaction.
#[derive(Debug)]
pub(super) enum PostgresError {
    /// An error of the driver, not classified yet.
    Sql(sqlx::Error),
    /// An error that is classified already, such as a row that cannot be decoded.
    Classified(StoreError),
}

impl PostgresError {
    /// Names the reason to repeat the transaction: the database aborted it in favour of another one, or its connection was
    /// gone. Nothing was written, and a repetition may succeed at once.
    pub(super) fn transient_reason(&self) -> Option<&'static str> {
        let Self::Sql(sqlx::Error::Database(error)) = self else {
            return None;
        };
        error.code().and_then(|code| transient_reason(&code))
    }

    /// Whether another transaction has a lock that was not given back in time.
    pub(super) fn is_lock_missing(&self) -> bool {
        matches!(self, Self::Sql(error) if code_is(error, |code| matches!(code, "55P03" | "40P01")))
    }
}

impl From<sqlx::Error> for PostgresError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for PostgresError {
    fn from(error: StoreError) -> Self {
        Self::Classified(error)
    }
}

impl From<MigrateError> for PostgresError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Self::Sql(error),
            other => Self::Classified(StoreError::Broken(Box::new(other))),
        }
    }
}

impl From<PostgresError> for StoreError {
    fn from(error: PostgresError) -> Self {
        match error {
            PostgresError::Sql(error) => classify(error),
            PostgresError::Classified(error) => error,
        }
    }
}

/// Classifies an error: `Unavailable` if it may pass, else `Broken`.
pub(super) fn classify(error: sqlx::Error) -> StoreError {
    let may_pass = match &error {
        sqlx::Error::Io(_)
        // A load balancer that accepts a connection for a server that is down closes it during the handshake, which
        // looks like a violation of the protocol.
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        other => code_is(other, |code| transient_reason(code).is_some() || is_away_or_busy(code)),
    };
    if may_pass {
        StoreError::Unavailable(error)
    } else {
        StoreError::Broken(Box::new(error))
    }
}

/// Whether a table does not exist, because the schema has not been created yet.
pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    code_is(error, |code| code == "42P01")
}

/// Whether occupancy or an allowance was written for a hold that does not exist.
pub(super) fn is_row_without_hold(error: &sqlx::Error) -> bool {
    let constraint = error.as_database_error().and_then(|error| error.constraint());
    matches!(
        constraint,
        Some("occupancy_hold_id_fkey" | "allowances_hold_id_fkey")
    )
}

fn code_is(error: &sqlx::Error, test: impl Fn(&str) -> bool) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| test(&code))
}

/// Names a code after which a repetition may succeed. The connection is one that the server had closed because it was idle:
/// the next one is new.
fn transient_reason(code: &str) -> Option<&'static str> {
    match code {
        "40001" => Some("serialization"),
        "40P01" => Some("deadlock"),
        "57P05" => Some("connection"),
        _ => None,
    }
}

/// Connection lost (class 08), out of resources (class 53), an operator's intervention (class 57: shutting down or starting
/// up, a statement that took too long, a database that was dropped), a lock that took too long, a transaction that took too
/// long by the role's settings, and a standby that takes no writes, as after a failover. PostgreSQL manual, appendix A.
fn is_away_or_busy(code: &str) -> bool {
    ["08", "53", "57"].iter().any(|class| code.starts_with(class))
        || matches!(code, "55P03" | "25006" | "25P03" | "25P04")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_that_is_away_or_busy_is_unavailable() {
        for code in [
            "08000", "08006", "08P01", "53300", "57000", "57014", "57P01", "57P02", "57P03", "57P04",
            "55P03", "25006", "25P03", "25P04",
        ] {
            assert!(
                is_away_or_busy(code) && transient_reason(code).is_none(),
                "{code}"
            );
        }
        for (code, reason) in [
            ("40001", "serialization"),
            ("40P01", "deadlock"),
            ("57P05", "connection"),
        ] {
            assert_eq!(transient_reason(code), Some(reason));
        }
        for code in ["23514", "42P01", "23P01", "22003"] {
            assert!(
                !is_away_or_busy(code) && transient_reason(code).is_none(),
                "{code}"
            );
        }
        assert!(matches!(
            classify(sqlx::Error::PoolTimedOut),
            StoreError::Unavailable(_)
        ));
        assert!(matches!(
            classify(sqlx::Error::Protocol(String::new())),
            StoreError::Unavailable(_)
        ));
        assert!(matches!(
            classify(sqlx::Error::RowNotFound),
            StoreError::Broken(_)
        ));
    }
}
