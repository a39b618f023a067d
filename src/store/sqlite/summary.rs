//! Counts what happened in a range of time on SQLite.

use async_trait::async_trait;
use chrono::Duration;
use serde_json::{Value, json};

use super::SqliteStore;
use crate::domain::summary::{MedianWait, QUARTER, SummaryCount, SummaryDivision, SummaryQuery};
use crate::store::StoreError;
use crate::store::columns::{DbJson, DbTime};
use crate::store::summary::{
    CountRow, MedianRow, Summaries, count_statement, event_type_of_attempt, is_paid_in_period,
    median_statement,
};

/// The number of the quarter of an hour of an instant.
macro_rules! quarter {
    ($at:literal) => {
        concat!($at, " / 900000")
    };
}

pub(super) const COUNT: &str = count_statement!(quarter);

/// Finds the medians of the periods in JSON `$1`; `$2` tells whether to divide by event type.
pub(super) const FIND_MEDIANS: &str = median_statement!(
    "SELECT key AS number, value ->> 'from' AS starts_at, value ->> 'to' AS ends_at FROM jsonb_each($1)",
    concat!("holds h WHERE ", is_paid_in_period!()),
    "$2",
    "(h.unpaid_until - h.created_at) / 1000"
);

#[async_trait]
impl Summaries for SqliteStore {
    async fn count_summary(&self, query: &SummaryQuery) -> Result<Vec<SummaryCount>, StoreError> {
        let (Some(from), Some(to)) = (query.bounds.first(), query.bounds.last()) else {
            return Ok(Vec::new());
        };
        let query = sqlx::query_as(COUNT)
            .bind(DbTime(*from))
            .bind(DbTime(*to))
            .bind(from.timestamp().div_euclid(QUARTER))
            .bind(to.timestamp().div_euclid(QUARTER))
            .bind(query.division == SummaryDivision::EventType)
            .bind(DbTime(*from - Duration::days(1)));
        CountRow::decode_all(self.read(query.fetch_all(&self.readers)).await?)
    }

    async fn find_median_waits(&self, query: &SummaryQuery) -> Result<Vec<MedianWait>, StoreError> {
        let periods = query
            .bounds
            .windows(2)
            .map(|pair| json!({"from": pair[0].timestamp_millis(), "to": pair[1].timestamp_millis()}));
        let query = sqlx::query_as(FIND_MEDIANS)
            .bind(DbJson(Value::Array(periods.collect())))
            .bind(query.division == SummaryDivision::EventType);
        Ok(MedianRow::decode_all(
            self.read(query.fetch_all(&self.readers)).await?,
        ))
    }
}
