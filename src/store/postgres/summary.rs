//! Counts what happened in a range of time on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};

use super::PostgresStore;
use crate::domain::summary::{MedianWait, QUARTER, SummaryCount, SummaryDivision, SummaryQuery};
use crate::store::StoreError;
use crate::store::summary::{
    CountRow, MedianRow, Summaries, count_statement, event_type_of_attempt, is_paid_in_period,
    median_statement,
};

/// The number of the quarter of an hour of an instant.
macro_rules! quarter {
    ($at:literal) => {
        concat!("floor(extract(epoch FROM ", $at, ") / 900)::bigint")
    };
}

const COUNT: &str = count_statement!(quarter);

/// Finds the medians of the periods from `$1` to `$2`; `$3` tells whether to divide by event type.
const FIND_MEDIANS: &str = median_statement!(
    "SELECT number - 1 AS number, starts_at, ends_at
     FROM unnest($1::timestamptz[], $2::timestamptz[]) WITH ORDINALITY AS p (starts_at, ends_at, number)",
    concat!(
        "LATERAL (SELECT h.event_type_id, h.unpaid_until, h.created_at FROM holds h WHERE ",
        is_paid_in_period!(),
        " OFFSET 0) h"
    ),
    "$3",
    "floor(extract(epoch FROM h.unpaid_until - h.created_at))::bigint"
);

#[async_trait]
impl Summaries for PostgresStore {
    async fn count_summary(&self, query: &SummaryQuery) -> Result<Vec<SummaryCount>, StoreError> {
        let (Some(from), Some(to)) = (query.bounds.first(), query.bounds.last()) else {
            return Ok(Vec::new());
        };
        self.retrying(|| async {
            let query = sqlx::query_as(COUNT)
                .bind(from)
                .bind(to)
                .bind(from.timestamp().div_euclid(QUARTER))
                .bind(to.timestamp().div_euclid(QUARTER))
                .bind(query.division == SummaryDivision::EventType)
                .bind(*from - Duration::days(1));
            Ok(CountRow::decode_all(query.fetch_all(&self.pool).await?)?)
        })
        .await
    }

    async fn find_median_waits(&self, query: &SummaryQuery) -> Result<Vec<MedianWait>, StoreError> {
        let starts: Vec<DateTime<Utc>> = query.bounds.iter().rev().skip(1).rev().copied().collect();
        let ends: Vec<DateTime<Utc>> = query.bounds.iter().skip(1).copied().collect();
        self.retrying(|| async {
            let query = sqlx::query_as(FIND_MEDIANS)
                .bind(&starts)
                .bind(&ends)
                .bind(query.division == SummaryDivision::EventType);
            Ok(MedianRow::decode_all(query.fetch_all(&self.pool).await?))
        })
        .await
    }
}
