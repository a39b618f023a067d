//! Several statements in one trip to the thread of a connection.
//!
//! The driver runs each connection in a thread of its own. A statement that is sent alone costs two changes of thread, and on
//! a busy machine each change waits for a processor, while the only writer does nothing.

use futures::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Either, Executor as _, Sqlite, SqliteConnection};

/// Statements that [`fetch_each`] runs. They share their parameters: `$1` is the same in all of them.
pub(super) struct JoinedStatements {
    text: String,
    count: usize,
}

impl JoinedStatements {
    /// Joins statements, in order.
    pub(super) fn new(statements: &[&str]) -> Self {
        Self {
            text: statements.join(";\n"),
            count: statements.len(),
        }
    }

    /// The query to bind the parameters to.
    pub(super) fn query(&'static self) -> Query<'static, Sqlite, SqliteArguments> {
        sqlx::query(self.text.as_str())
    }
}

/// Runs joined statements in order, until one fails, with the parameters of their query. Returns the rows of each. The caller has a
/// transaction.
///
/// The statements are counted, because the answers of a connection whose thread is gone end without an error.
pub(super) async fn fetch_each(
    connection: &mut SqliteConnection,
    joined: &JoinedStatements,
    bound: Query<'_, Sqlite, SqliteArguments>,
) -> sqlx::Result<Vec<Vec<SqliteRow>>> {
    let mut done = Vec::new();
    let mut rows = Vec::new();
    let mut results = connection.fetch_many(bound);
    while let Some(result) = results.try_next().await? {
        match result {
            Either::Right(row) => rows.push(row),
            // A statement has ended.
            Either::Left(_) => done.push(std::mem::take(&mut rows)),
        }
    }
    if done.len() == joined.count {
        Ok(done)
    } else {
        Err(sqlx::Error::WorkerCrashed)
    }
}
