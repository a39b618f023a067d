//! The database's clock on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::PostgresStore;
use crate::store::StoreError;
use crate::store::clock::DatabaseClock;

#[async_trait]
impl DatabaseClock for PostgresStore {
    async fn read_clock(&self) -> Result<DateTime<Utc>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar("SELECT date_trunc('milliseconds', clock_timestamp())");
            Ok(query.fetch_one(&self.pool).await?)
        })
        .await
    }
}
