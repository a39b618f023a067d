//! The database's clock on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use sqlx::postgres::PgConnection;

use super::PostgresStore;
use super::error::PostgresResult;
use crate::store::StoreError;
use crate::store::clock::{ClockQuery, DatabaseClock};

#[async_trait]
impl DatabaseClock for PostgresStore {
    async fn read_clock(&self) -> Result<DateTime<Utc>, StoreError> {
        self.read_in_group(&self.groups.reads.clock, ClockQuery, |connection, queries| {
            read_for_all(connection, queries).boxed()
        })
        .await
    }
}

async fn read_for_all(
    connection: &mut PgConnection,
    queries: &[ClockQuery],
) -> PostgresResult<Vec<DateTime<Utc>>> {
    let query = sqlx::query_scalar("SELECT date_trunc('milliseconds', clock_timestamp())");
    let now: DateTime<Utc> = query.fetch_one(connection).await?;
    Ok(vec![now; queries.len()])
}
