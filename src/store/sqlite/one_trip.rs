//! Several statements in one trip to the thread of a connection.
//!
//! The driver runs each connection in a thread of its own. A statement that is sent alone costs two changes of thread, and on
//! a busy machine each change waits for a processor, while the only writer does nothing.

use futures::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Either, Executor as _, Sqlite, SqliteConnection};

/// Joins statements that [`fetch_each`] runs. They share their parameters: `$1` is the same in all of them.
pub(super) fn join_statements(statements: &[&str]) -> String {
    statements.join(";\n")
}

/// Runs joined statements in order, until one fails. Returns the rows of each. The caller has a transaction.
pub(super) async fn fetch_each(
    connection: &mut SqliteConnection,
    statements: Query<'_, Sqlite, SqliteArguments>,
) -> sqlx::Result<Vec<Vec<SqliteRow>>> {
    let mut done = Vec::new();
    let mut rows = Vec::new();
    let mut results = connection.fetch_many(statements);
    while let Some(result) = results.try_next().await? {
        match result {
            Either::Right(row) => rows.push(row),
            // A statement has ended.
            Either::Left(_) => done.push(std::mem::take(&mut rows)),
        }
    }
    Ok(done)
}
