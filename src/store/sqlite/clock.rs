//! The database's clock on SQLite: that of the machine that the process runs on.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{SqliteStore, database_now};
use crate::store::StoreError;
use crate::store::clock::DatabaseClock;
use crate::store::columns::DbTime;

#[async_trait]
impl DatabaseClock for SqliteStore {
    async fn read_clock(&self) -> Result<DateTime<Utc>, StoreError> {
        let query = sqlx::query_scalar(concat!("SELECT ", database_now!()));
        let now: DbTime = self.read(query.fetch_one(&self.readers)).await?;
        Ok(now.0)
    }
}
