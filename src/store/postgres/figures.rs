//! Counts the figures on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::PostgresStore;
use crate::domain::command::STUCK_AFTER;
use crate::domain::figures::{FigureCounts, MONEY_WAITS};
use crate::store::StoreError;
use crate::store::columns::DbTime;
use crate::store::figures::{self, Figures, FiguresRow};

#[async_trait]
impl Figures for PostgresStore {
    async fn count_figures(&self, now: DateTime<Utc>) -> Result<FigureCounts, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(figures::COUNT)
                .bind(DbTime(now))
                .bind(i64::from(STUCK_AFTER))
                .bind(DbTime(now - MONEY_WAITS));
            let row: FiguresRow = query.fetch_one(&self.pool).await?;
            Ok(row.decode(now))
        })
        .await
    }
}
