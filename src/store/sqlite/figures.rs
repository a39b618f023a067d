//! Counts the figures on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SqliteStore;
use crate::domain::command::STUCK_AFTER;
use crate::domain::figures::{FigureCounts, LiveHolds, MONEY_WAITS, PROCESSING_LONG};
use crate::store::StoreError;
use crate::store::columns::DbTime;
use crate::store::figures::{self, Figures, FiguresRow, LiveHoldsRow, count_live_statement};

/// Compares the windows of each unit that have not ended at `$1` with those before. It reads each resource by itself, from the
/// index: the whole table has all past bookings too.
pub(super) const COUNT_SOLD_TWICE: &str = "SELECT count(*) FROM (
         SELECT starts_at < max(ends_at) OVER (
             PARTITION BY resource_id, unit ORDER BY starts_at, hold_id
             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS is_second
         FROM resources r CROSS JOIN occupancy ON resource_id = r.id AND ends_at > $1) AS coming
     WHERE is_second";

/// Counts live holds, with confirmed ones from `$1` on.
/// SQLite takes a quarter of all holds for those to come, and could read all that ever were.
pub(super) const COUNT_LIVE: &str =
    count_live_statement!("(o.ends_at - o.starts_at) / 1000", " INDEXED BY holds_by_start");

#[async_trait]
impl Figures for SqliteStore {
    async fn count_figures(&self, now: DateTime<Utc>) -> Result<FigureCounts, StoreError> {
        let query = sqlx::query_as(figures::COUNT).bind(DbTime(now)).bind(STUCK_AFTER);
        let query = query
            .bind(DbTime(now - MONEY_WAITS))
            .bind(DbTime(now - PROCESSING_LONG));
        let row: FiguresRow = self.read(query.fetch_one(&self.readers)).await?;
        Ok(row.decode(now))
    }

    async fn count_units_sold_twice(&self, now: DateTime<Utc>) -> Result<i64, StoreError> {
        let query = sqlx::query_scalar(COUNT_SOLD_TWICE).bind(DbTime(now));
        self.read(query.fetch_one(&self.readers)).await
    }

    async fn count_live_holds(&self, now: DateTime<Utc>) -> Result<Vec<LiveHolds>, StoreError> {
        let query = sqlx::query_as(COUNT_LIVE).bind(DbTime(now));
        LiveHoldsRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }
}
