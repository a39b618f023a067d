//! Counts the figures on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SqliteStore;
use crate::domain::command::STUCK_AFTER;
use crate::domain::figures::{FigureCounts, MONEY_WAITS};
use crate::store::StoreError;
use crate::store::columns::DbTime;
use crate::store::figures::{self, Figures, FiguresRow};

#[async_trait]
impl Figures for SqliteStore {
    async fn count_figures(&self, now: DateTime<Utc>) -> Result<FigureCounts, StoreError> {
        let query = sqlx::query_as(figures::COUNT).bind(DbTime(now)).bind(STUCK_AFTER);
        let query = query.bind(DbTime(now - MONEY_WAITS));
        let row: FiguresRow = self.read(query.fetch_one(&self.readers)).await?;
        Ok(row.decode(now))
    }
}
