//! Events out on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::PostgresStore;
use crate::domain::event_out::{EventOut, EventOutId, StreamEnd};
use crate::store::StoreError;
use crate::store::events_out::{self, EventOutRow, EventsOut, find_events_out, list_events_out};

#[async_trait]
impl EventsOut for PostgresStore {
    async fn number_events_out(&self, limit: u32) -> Result<u64, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar("SELECT number_events_out($1)").bind(i64::from(limit));
            let numbered: i64 = query.fetch_one(&self.pool).await?;
            Ok(numbered.unsigned_abs())
        })
        .await
    }

    async fn list_events_out(
        &self,
        after: Option<EventOutId>,
        limit: u32,
    ) -> Result<Vec<EventOut>, StoreError> {
        self.retrying(|| async {
            let query = list_events_out!(after, limit);
            Ok(EventOutRow::decode_all(query.fetch_all(&self.pool).await?)?)
        })
        .await
    }

    async fn list_events_after(&self, position: i64, limit: u32) -> Result<Vec<EventOut>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(events_out::LIST_AFTER).bind(position);
            let rows = query.bind(i64::from(limit)).fetch_all(&self.pool).await?;
            Ok(EventOutRow::decode_all(rows)?)
        })
        .await
    }

    async fn read_last_position(&self) -> Result<i64, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar(events_out::READ_LAST_POSITION);
            Ok(query.fetch_one(&self.pool).await?)
        })
        .await
    }

    async fn read_stream_end(&self) -> Result<StreamEnd, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_scalar(events_out::READ_END);
            Ok(StreamEnd(query.fetch_one(&self.pool).await?))
        })
        .await
    }

    async fn find_events_out(&self, positions: &[i64]) -> Result<Vec<EventOut>, StoreError> {
        self.retrying(|| async {
            let query = sqlx::query_as(find_events_out!("= ANY ($1)")).bind(positions);
            Ok(EventOutRow::decode_all(query.fetch_all(&self.pool).await?)?)
        })
        .await
    }

    async fn delete_old_events_out(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.delete_or_clear(DELETE_OLD, before, limit).await
    }
}

/// Deletes events that happened before `$1`, at most `$2`, with their deliveries, and keeps the last sequence of their holds. Holds
/// are locked in the order in which groups of events lock them, so that neither waits for the other.
const DELETE_OLD: &str = "WITH old AS MATERIALIZED (
         SELECT seq, position, hold_id, sequence FROM events_out
         WHERE position IS NOT NULL AND created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED),
     locked AS MATERIALIZED (
         SELECT id FROM holds WHERE id = ANY (ARRAY(SELECT hold_id FROM old WHERE hold_id IS NOT NULL))
         ORDER BY id FOR NO KEY UPDATE),
     kept AS (
         UPDATE holds h SET last_sequence = o.sequence
         FROM (SELECT hold_id, max(sequence) AS sequence FROM old WHERE hold_id IS NOT NULL GROUP BY hold_id) o
         WHERE h.id = o.hold_id AND h.id = ANY (ARRAY(SELECT id FROM locked)) AND h.last_sequence < o.sequence),
     sent AS (DELETE FROM event_deliveries WHERE position = ANY (ARRAY(SELECT position FROM old)))
     DELETE FROM events_out WHERE seq = ANY (ARRAY(SELECT seq FROM old))";
