//! The database's clock on SQLite: that of the machine that the process runs on.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use sqlx::SqliteConnection;

use super::error::SqliteResult;
use super::{SqliteStore, database_now};
use crate::store::StoreError;
use crate::store::clock::{ClockQuery, DatabaseClock};
use crate::store::columns::DbTime;

#[async_trait]
impl DatabaseClock for SqliteStore {
    async fn read_clock(&self) -> Result<DateTime<Utc>, StoreError> {
        self.read_in_group(&self.groups.reads.clock, ClockQuery, |connection, queries| {
            read_for_all(connection, queries).boxed()
        })
        .await
    }
}

async fn read_for_all(
    connection: &mut SqliteConnection,
    queries: &[ClockQuery],
) -> SqliteResult<Vec<DateTime<Utc>>> {
    let query = sqlx::query_scalar(concat!("SELECT ", database_now!()));
    let now: DbTime = query.fetch_one(connection).await?;
    Ok(vec![now.0; queries.len()])
}
