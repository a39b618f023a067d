//! Counts the figures on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::PostgresStore;
use super::occupancy::occupied;
use crate::domain::command::STUCK_AFTER;
use crate::domain::figures::{FigureCounts, LiveHolds, MONEY_WAITS, PROCESSING_LONG};
use crate::store::StoreError;
use crate::store::columns::DbTime;
use crate::store::figures::{self, Figures, FiguresRow, LiveHoldsRow, count_live_statement};

/// Compares the windows of each unit that have not ended at `$1` with those before. It reads each resource by itself, from the
/// index: the whole table has all past bookings too.
const COUNT_SOLD_TWICE: &str = concat!(
    "SELECT count(*) FROM resources r CROSS JOIN LATERAL (
         SELECT lower(o.during) < max(upper(o.during)) OVER (
             PARTITION BY o.unit ORDER BY lower(o.during), o.hold_id
             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS is_second
         FROM occupancy o WHERE ",
    occupied!("o.", "r.id", "tstzrange($1, NULL)"),
    ") AS coming
     WHERE is_second"
);

/// Counts live holds, with confirmed ones from `$1` on.
const COUNT_LIVE: &str = count_live_statement!(
    "round(extract(epoch FROM upper(o.during) - lower(o.during)))::bigint",
    ""
);

#[async_trait]
impl Figures for PostgresStore {
    async fn count_figures(&self, now: DateTime<Utc>) -> Result<FigureCounts, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(figures::COUNT)
                .bind(DbTime(now))
                .bind(i64::from(STUCK_AFTER))
                .bind(DbTime(now - MONEY_WAITS))
                .bind(DbTime(now - PROCESSING_LONG));
            let row: FiguresRow = query.fetch_one(&self.pool).await?;
            Ok(row.decode(now))
        })
        .await
    }

    async fn count_units_sold_twice(&self, now: DateTime<Utc>) -> Result<i64, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar(COUNT_SOLD_TWICE).bind(now);
            Ok(query.fetch_one(&self.pool).await?)
        })
        .await
    }

    async fn count_live_holds(&self, now: DateTime<Utc>) -> Result<Vec<LiveHolds>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(COUNT_LIVE).bind(now);
            Ok(LiveHoldsRow::decode_all(query.fetch_all(&self.pool).await?)?)
        })
        .await
    }
}
